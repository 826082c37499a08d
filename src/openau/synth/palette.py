"""Colours that people have: skin, hair, eyes and what they paint on. Linear RGB, reflectance 0-1."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.float32]

# Display RGB of six skins from light to dark, raised to 2.1 for linear light.
_SKINS: Final = (
    np.array(
        [
            [0.89, 0.735, 0.655],
            [0.85, 0.675, 0.575],
            [0.765, 0.58, 0.465],
            [0.63, 0.45, 0.345],
            [0.475, 0.325, 0.245],
            [0.325, 0.215, 0.165],
        ]
    )
    ** 2.1
)
# Black, dark brown, brown, light brown, blond, light blond, red, auburn; then grey and white.
_HAIRS: Final = np.array(
    [
        [0.013, 0.011, 0.010],
        [0.036, 0.023, 0.016],
        [0.085, 0.050, 0.029],
        [0.16, 0.103, 0.058],
        [0.29, 0.205, 0.11],
        [0.44, 0.35, 0.22],
        [0.20, 0.078, 0.028],
        [0.10, 0.036, 0.018],
    ]
)
_GREY, _WHITE = np.array([0.25, 0.245, 0.24]), np.array([0.55, 0.54, 0.525])
_DYES: Final = np.array(
    [
        [0.45, 0.36, 0.24],
        [0.5, 0.48, 0.45],
        [0.28, 0.03, 0.02],
        [0.10, 0.01, 0.03],
        [0.35, 0.12, 0.2],
        [0.04, 0.08, 0.25],
    ]
)
# Near black, dark brown, brown, hazel, green, blue, grey.
_EYES: Final = np.array(
    [
        [0.028, 0.015, 0.009],
        [0.05, 0.027, 0.015],
        [0.10, 0.056, 0.027],
        [0.11, 0.08, 0.036],
        [0.095, 0.105, 0.062],
        [0.085, 0.125, 0.175],
        [0.13, 0.15, 0.165],
    ]
)


def reflectance(colour: NDArray[np.floating[Any]]) -> Colour:
    """Keep a colour inside what skin, hair and eyes have.

    Args:
        colour: (..., 3).
    """
    return np.asarray(np.clip(colour, 0.006, 0.9), np.float32)


def draw_skin_colour(rng: np.random.Generator, tone: float) -> Colour:
    """Return a skin between the six known ones, with a rosy, olive, golden or neutral undertone.

    Args:
        rng: The source of chance.
        tone: 0 the lightest, 1 the darkest.
    """
    place = tone * (len(_SKINS) - 1)
    colour = np.array([np.interp(place, range(len(_SKINS)), _SKINS[:, c]) for c in range(3)])
    golden, rosy = 0.05 * rng.standard_normal(), 0.018 * rng.standard_normal()
    undertone = np.array([1 + 0.3 * golden + 0.4 * rosy, 1 + 0.1 * golden - rosy, 1 - golden - 0.3 * rosy])
    grey = colour.mean()
    return reflectance((colour + (grey - colour) * rng.uniform(0, 0.22)) * undertone)


def draw_hair_colour(
    rng: np.random.Generator, tone: float, age: float, gender: str
) -> tuple[Colour, Colour, bool]:
    """Draw a hair colour that goes with the skin tone, greying with age, now and then dyed.

    Args:
        rng: The source of chance.
        tone: Skin tone.
        age: Years.
        gender: Apparent gender; women dye their hair more often.

    Returns:
        The hair's colour, the colour that brows and beard have, and whether the hair is dyed.
    """
    light = float(np.clip(1.55 - 2.7 * tone, 0, 1))
    weights = np.array([0.7 - 0.6 * light, 0.25, 0.05 + 0.2 * light, 0.2 * light, 0.17 * light, 0.09 * light])
    weights = np.append(weights, [0.07 * light, 0.03 + 0.04 * light])
    pure = _HAIRS[int(rng.choice(8, p=weights / weights.sum()))] * (1 + 0.12 * rng.standard_normal())
    onset = rng.normal(52, 8)
    grey = float(np.clip((age - onset) / 14, 0, 1))
    whiteness = np.clip((age - onset - 10) / 20, 0, 1) * rng.random()
    aged = pure * (1 - grey) + (_GREY + (_WHITE - _GREY) * whiteness) * grey
    wants, dye, covers = (
        rng.random(),
        _DYES[int(rng.choice(6, p=[0.3, 0.07, 0.25, 0.2, 0.09, 0.09]))],
        rng.random(),
    )
    if wants < (0.07 if gender == "female" else 0.02) and age < 60:
        return reflectance(dye * rng.uniform(0.6, 1.1)), reflectance(aged), True
    if gender == "female" and covers < 0.5:
        # Grey that a natural tint hides; brows mostly follow it.
        return reflectance(pure), reflectance(pure * (1 - 0.5 * grey) + _GREY * 0.5 * grey), False
    return reflectance(aged), reflectance(aged), False


def draw_eye_colour(rng: np.random.Generator, tone: float) -> Colour:
    """Draw an iris colour; light eyes only with light skin.

    Args:
        rng: The source of chance.
        tone: Skin tone.
    """
    light = float(np.clip(1.35 - 2.4 * tone, 0, 1))
    weights = np.array([0.4 - 0.33 * light, 0.45 - 0.2 * light, 0.25, 0.05 + 0.15 * light])
    weights = np.append(weights, [0.12 * light, 0.3 * light, 0.1 * light])
    colour = _EYES[int(rng.choice(7, p=weights / weights.sum()))]
    # Cameras lift dark faces, and with them whatever is lighter: irises go with the skin.
    deeper = 1 - 0.5 * tone
    return reflectance(colour * deeper * rng.uniform(0.8, 1.25) * (1 + 0.08 * rng.standard_normal(3)))


def draw_makeup_colours(rng: np.random.Generator, tone: float) -> Colour:
    """Draw an eye shadow: browns and greys mostly, now and then a colour.

    Args:
        rng: The source of chance.
        tone: Skin tone; darker skin takes deeper colours.
    """
    shadows = np.array(
        [
            [0.12, 0.06, 0.04],
            [0.05, 0.045, 0.045],
            [0.2, 0.11, 0.09],
            [0.1, 0.05, 0.1],
            [0.04, 0.07, 0.13],
            [0.25, 0.17, 0.08],
        ]
    )
    return reflectance(shadows[int(rng.choice(6, p=[0.35, 0.22, 0.2, 0.09, 0.05, 0.09]))] * (1 - 0.4 * tone))
