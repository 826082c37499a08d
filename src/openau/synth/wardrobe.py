"""What subjects wear and what comes before their faces, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

Glasses = Literal["none", "rectangular", "round", "oval", "half_rim", "aviator", "sunglasses"]
Headwear = Literal["none", "scarf", "beanie", "cap", "hat"]
Occluder = Literal["none", "hand", "phone", "cup", "paper"]

_GLASSES: Final[tuple[Glasses, ...]] = ("rectangular", "round", "oval", "half_rim", "aviator")
_OCCLUDERS: Final[tuple[Occluder, ...]] = ("hand", "phone", "cup", "paper")


@dataclass(frozen=True, slots=True)
class Wardrobe:
    """How often subjects wear things; every share is a probability, 0 to switch the thing off.

    Attributes:
        glasses: Share of subjects with glasses.
        sunglasses: Share of those whose glasses are dark.
        glasses_kept: Share of such a subject's pictures that show the glasses.
        headwear: Share of subjects with a head scarf, cap, hat or beanie.
        occluder: Share of pictures with a hand or a thing before the face.
    """

    glasses: float = 0.20
    sunglasses: float = 0.06
    glasses_kept: float = 0.85
    headwear: float = 0.10
    occluder: float = 0.06


NOTHING: Final = Wardrobe(glasses=0, headwear=0, occluder=0)
"""A wardrobe that leaves every face bare."""


@dataclass(frozen=True, slots=True)
class Worn:
    """What one picture of a subject shows; the words that the index writes.

    Attributes:
        glasses: Shape of the glasses.
        headwear: What covers the hair.
        occluder: What is before the face.
    """

    glasses: Glasses = "none"
    headwear: Headwear = "none"
    occluder: Occluder = "none"


def draw_worn(rng: np.random.Generator, gender: str, age: float, wardrobe: Wardrobe) -> Worn:
    """Draw what a subject habitually wears.

    Args:
        rng: The source of chance; as many numbers are drawn whatever the wardrobe is.
        gender: Apparent gender.
        age: Years; older people wear glasses more often.
        wardrobe: How often.
    """
    has_glasses, dark, has_headwear = rng.random(3)
    shape = _GLASSES[int(rng.choice(5, p=[0.34, 0.2, 0.18, 0.16, 0.12]))]
    kinds: tuple[Headwear, ...] = ("scarf", "beanie", "cap", "hat")
    weights = [0.55, 0.2, 0.1, 0.15] if gender == "female" else [0.0, 0.34, 0.44, 0.22]
    kind = kinds[int(rng.choice(4, p=weights))]
    # Means 1 over the ages that are drawn.
    wears = wardrobe.glasses * (0.55 + 0.45 * (age - 18) / 22.4)
    return Worn(
        glasses=("sunglasses" if dark < wardrobe.sunglasses else shape) if has_glasses < wears else "none",
        headwear=kind if has_headwear < wardrobe.headwear else "none",
    )


def draw_occluder(rng: np.random.Generator, wardrobe: Wardrobe) -> Occluder:
    """Draw what comes before the face in one picture, mostly nothing.

    Args:
        rng: The source of chance; as many numbers are drawn whatever the wardrobe is.
        wardrobe: How often.
    """
    there, kind = rng.random(), int(rng.choice(4, p=[0.55, 0.15, 0.15, 0.15]))
    return _OCCLUDERS[kind] if there < wardrobe.occluder else "none"
