"""What a subject is like, before anything is drawn: tone, age, gender, hair, brows, eyes, beard, make-up.

Every colour is linear RGB (reflectance 0-1), not display RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.float32]
Gender = Literal["female", "male"]
HairStyle = Literal["bald", "shaved", "short", "full", "long"]

SKIN_TYPES: Final = 6
"""Number of skin groups in the index, 1 the lightest and 6 the darkest."""

# Display RGB of six skins from light to dark, raised to 2.0 for linear light.
_VIVID: Final = (
    np.array(
        [
            [0.86, 0.69, 0.60],
            [0.84, 0.65, 0.54],
            [0.74, 0.55, 0.43],
            [0.61, 0.42, 0.31],
            [0.47, 0.31, 0.22],
            [0.34, 0.22, 0.155],
        ]
    )
    ** 2.0
)
# Skin is less saturated than its pictures, which a camera has made vivid.
_SKINS: Final = 0.76 * _VIVID + 0.24 * _VIVID.mean(axis=1, keepdims=True)
_BLACK, _DARK_BROWN, _BROWN, _BLOND, _RED, _GREY = np.array(
    [
        [0.018, 0.016, 0.015],
        [0.045, 0.028, 0.019],
        [0.105, 0.064, 0.036],
        [0.31, 0.22, 0.115],
        [0.19, 0.075, 0.03],
        [0.36, 0.355, 0.35],
    ]
)
_EYE_COLOURS: Final = np.array(
    [[0.05, 0.026, 0.014], [0.1, 0.06, 0.03], [0.1, 0.13, 0.07], [0.11, 0.17, 0.25], [0.19, 0.22, 0.24]]
)


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """One subject's appearance, except the shape of the skull.

    Attributes:
        gender: Apparent gender.
        age: Years, 18-80.
        tone: Skin tone, 0 the lightest and 1 the darkest.
        skin: (3,) float32 reflectance.
        hair: (3,) float32 reflectance.
        brow: (3,) float32 reflectance.
        eye: (3,) float32 reflectance of the iris.
        lip: (3,) float32 reflectance.
        lip_strength: How much the lips differ from the skin, 0-1.
        hair_style: Which scalp hair.
        beard: Density of the beard or stubble, 0-1.
        lash: Share of pixels that lashes cover, 0-1.
        lid_line: Darkness of the painted lid rim, 0-1.
        brow_density: 0-1.
        gloss: Strength of the skin's highlights.
        wrinkling: How deep an expression wrinkles this skin; 1 is middle age.
    """

    gender: Gender
    age: float
    tone: float
    skin: Colour
    hair: Colour
    brow: Colour
    eye: Colour
    lip: Colour
    lip_strength: float
    hair_style: HairStyle
    beard: float
    lash: float
    lid_line: float
    brow_density: float
    gloss: float
    wrinkling: float

    @property
    def skin_type(self) -> int:
        """Skin group 1 (lightest) to 6 (darkest)."""
        return min(SKIN_TYPES, int(self.tone * SKIN_TYPES) + 1)


def draw_traits(rng: np.random.Generator) -> Traits:
    """Draw a subject's traits; skin tones are uniform over the whole range, genders even.

    Args:
        rng: The source of chance.
    """
    tone, gender = float(rng.random()), "male" if rng.random() < 0.5 else "female"
    age = float(18 + 62 * rng.beta(1.2, 1.9))
    made_up = gender == "female" and rng.random() < 0.45
    skin = _skin_colour(rng, tone)
    hair = _hair_colour(rng, tone, age)
    lip, lip_strength = _lips(rng, skin, tone, made_up)
    beard = float(rng.choice([0.0, 0.2, 0.45, 0.8], p=[0.45, 0.25, 0.15, 0.15])) if gender == "male" else 0.0
    return Traits(
        gender="male" if gender == "male" else "female",
        age=age,
        tone=tone,
        skin=skin,
        hair=hair,
        brow=_float32(np.minimum(hair * rng.uniform(0.5, 1.0), skin * 0.6)),
        eye=_eye_colour(rng, tone),
        lip=lip,
        lip_strength=lip_strength,
        hair_style=_hair_style(rng, gender, age),
        beard=beard,
        lash=float(rng.uniform(0.3, 0.8) if gender == "female" else rng.uniform(0.05, 0.5)),
        lid_line=float(rng.uniform(0.4, 0.85) if made_up else rng.uniform(0.05, 0.55)),
        brow_density=float(rng.beta(2.2, 1.4)),
        gloss=float(rng.uniform(0.2, 0.9)),
        wrinkling=float(np.clip(0.35 + (age - 18) / 45 + 0.25 * rng.standard_normal(), 0.1, 1.8)),
    )


def _float32(colour: NDArray[np.float64]) -> Colour:
    """Keep a reflectance inside what skin, hair and eyes have."""
    return np.clip(colour, 0.006, 0.9).astype(np.float32)


def _skin_colour(rng: np.random.Generator, tone: float) -> Colour:
    """Return a skin between the six known ones, a little warmer or cooler."""
    place = tone * (len(_SKINS) - 1)
    colour = np.array([np.interp(place, range(len(_SKINS)), _SKINS[:, c]) for c in range(3)])
    warm = 0.05 * rng.standard_normal()
    return _float32(colour * (1 + 0.03 * rng.standard_normal(3)) * [1 + warm / 2, 1, 1 - warm])


def _hair_colour(rng: np.random.Generator, tone: float, age: float) -> Colour:
    """Draw a hair colour that goes with the skin tone, greying with age."""
    light = float(np.clip(1.5 - 2.6 * tone, 0, 1))
    weights = np.array(
        [0.75 - 0.5 * light, 0.28 + 0.02 * light, 0.06 + 0.3 * light, 0.26 * light, 0.09 * light]
    )
    pure = np.stack([_BLACK, _DARK_BROWN, _BROWN, _BLOND, _RED])[rng.choice(5, p=weights / weights.sum())]
    onset = rng.normal(52, 9)
    grey = float(np.clip((age - onset) / 15, 0, 1)) * rng.uniform(0.5, 1)
    return _float32((pure * (1 - grey) + _GREY * grey) * (1 + 0.08 * rng.standard_normal()))


def _eye_colour(rng: np.random.Generator, tone: float) -> Colour:
    """Draw an iris colour; light eyes only with light skin."""
    light = float(np.clip(1.3 - 2.4 * tone, 0, 1))
    weights = np.array([0.9 - 0.6 * light, 0.2, 0.18 * light, 0.22 * light, 0.12 * light])
    return _float32(_EYE_COLOURS[rng.choice(5, p=weights / weights.sum())] * rng.uniform(0.85, 1.2))


def _lips(rng: np.random.Generator, skin: Colour, tone: float, made_up: bool) -> tuple[Colour, float]:
    """Return lip colour and strength: the skin's own, redder, or painted."""
    if made_up and rng.random() < 0.7:
        paint = np.array([0.36, 0.06, 0.075]) * rng.uniform(0.5, 1.3) * (1 - 0.5 * tone)
        return _float32(paint), float(rng.uniform(0.5, 0.95))
    redness = np.array([0.95, 0.6, 0.62]) * rng.uniform(0.78, 1.05)
    return _float32(skin * redness), float(rng.uniform(0.45, 0.95))


def _hair_style(rng: np.random.Generator, gender: str, age: float) -> HairStyle:
    """Draw a hair style usual for gender and age."""
    if gender == "male":
        bald = 0.05 + 0.25 * float(np.clip((age - 35) / 30, 0, 1))
        weights = [bald, 0.15, 0.55 - bald / 2, 0.22 - bald / 2, 0.08]
    else:
        weights = [0.02, 0.03, 0.17, 0.33, 0.45]
    styles: tuple[HairStyle, ...] = ("bald", "shaved", "short", "full", "long")
    return styles[int(rng.choice(5, p=weights))]
