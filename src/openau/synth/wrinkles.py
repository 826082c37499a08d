"""Expression wrinkles as height maps on the face's texture: furrows as data, folds and dimples as formulas.

Heights are centimetres on the mean face; a furrow is a valley along a line. Where a furrow lies for which
AU follows the FACS manual's appearance changes (2002); depths were set by eye.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from openau.records import Floats
from openau.synth.surface import Surface
from openau.synth.texture import blur, bump, float32, line_distance, smooth_step

Pair = tuple[Floats, Floats]
"""Heights in cm of the subject's right half and of the left, (S, S) float32 each."""


@dataclass(frozen=True, slots=True)
class Furrow:
    """A valley along a line on each half of the face.

    Attributes:
        au: The action unit that deepens it.
        line: Corners (|x|, y) in cm on the mean face.
        width: cm at which the depth has fallen to 37 %.
        depth: cm at full strength.
        fading: Whether the depth runs out toward the line's end.
        tapered: Whether it runs out toward both ends.
        variants: The patterns of this AU that have the furrow; none for every pattern.
        half: 1 to have it only on the subject's left, -1 only on the right, 0 on both.
    """

    au: int
    line: tuple[tuple[float, float], ...]
    width: float
    depth: float
    fading: bool = False
    tapered: bool = False
    variants: tuple[int, ...] = ()
    half: int = 0


FURROWS: Final = (
    Furrow(4, ((0.42, 4.5), (0.58, 6.0)), 0.16, 0.14, tapered=True, variants=(0,)),  # two verticals
    Furrow(
        4, ((0.2, 4.6), (0.3, 6.1)), 0.17, 0.16, tapered=True, variants=(1,), half=1
    ),  # one, beside the middle
    Furrow(
        4, ((0.0, 4.15), (0.9, 4.3)), 0.15, 0.13, tapered=True, variants=(2,)
    ),  # horizontal at the nose's root
    Furrow(4, ((0.5, 4.9), (0.62, 5.7)), 0.14, 0.05, tapered=True, variants=(2,)),
    Furrow(4, ((0.3, 4.5), (0.75, 6.3)), 0.14, 0.09, tapered=True, variants=(3,)),  # a fan of fine lines
    Furrow(4, ((0.75, 4.9), (1.15, 6.2)), 0.12, 0.07, tapered=True, variants=(3,)),
    Furrow(4, ((1.15, 5.2), (1.5, 6.3)), 0.15, 0.05, tapered=True, variants=(0, 3)),
    Furrow(6, ((5.0, 3.41), (6.4, 4.35)), 0.10, 0.08, fading=True, variants=(0,)),
    Furrow(6, ((5.0, 3.40), (6.65, 3.75)), 0.10, 0.08, fading=True, variants=(0, 1)),
    Furrow(6, ((5.0, 3.39), (6.65, 3.05)), 0.10, 0.08, fading=True, variants=(0, 1)),
    Furrow(6, ((5.0, 3.38), (6.4, 2.45)), 0.10, 0.08, fading=True, variants=(0, 2)),
    Furrow(6, ((4.7, 2.9), (6.1, 1.9)), 0.11, 0.08, fading=True, variants=(1, 2)),
    Furrow(6, ((1.9, 2.45), (3.2, 1.95), (4.6, 2.3)), 0.17, 0.10),
    Furrow(6, ((2.2, 2.75), (3.3, 2.4), (4.5, 2.65)), 0.10, 0.04, variants=(2,)),
    Furrow(7, ((2.0, 2.72), (3.2, 2.47), (4.4, 2.76)), 0.12, 0.09, variants=(0,)),
    Furrow(7, ((1.8, 2.85), (2.6, 2.5), (3.6, 2.42)), 0.12, 0.09, variants=(1,)),
    Furrow(7, ((4.75, 3.3), (5.5, 3.15)), 0.09, 0.05, fading=True),
    Furrow(9, ((0.15, 4.2), (1.05, 4.75)), 0.11, 0.10, variants=(0,)),
    Furrow(9, ((0.15, 3.6), (1.05, 4.15)), 0.11, 0.10),
    Furrow(9, ((0.15, 3.0), (1.05, 3.55)), 0.11, 0.10, variants=(0,)),
    Furrow(9, ((0.0, 4.3), (0.8, 4.4)), 0.12, 0.10, variants=(1,)),
    Furrow(9, ((1.35, 3.2), (1.9, 1.2)), 0.18, 0.05),
    Furrow(9, ((1.75, 0.9), (2.5, -0.9)), 0.17, 0.13),
    Furrow(10, ((1.75, 0.9), (2.5, -0.9), (3.2, -2.7)), 0.19, 0.12),
    Furrow(12, ((1.75, 0.9), (2.5, -0.9), (3.2, -2.7), (3.45, -4.0)), 0.20, 0.13, variants=(0,)),
    Furrow(12, ((1.9, 0.4), (2.7, -1.2), (3.5, -2.9)), 0.26, 0.12, variants=(1,)),
    Furrow(14, ((3.05, -3.2), (3.2, -4.1)), 0.22, 0.20),
    Furrow(15, ((2.6, -3.9), (2.95, -5.1)), 0.20, 0.13),
)

PATTERNS: Final[Mapping[int, tuple[float, ...]]] = {
    1: (0.45, 0.3, 0.25),
    2: (0.6, 0.4),
    4: (0.36, 0.2, 0.16, 0.18, 0.10),
    6: (0.45, 0.3, 0.25),
    7: (0.6, 0.4),
    9: (0.6, 0.4),
    10: (1.0,),
    12: (0.65, 0.35),
    14: (1.0,),
    15: (1.0,),
    17: (1.0,),
    18: (1.0,),
    20: (1.0,),
    23: (1.0,),
    24: (1.0,),
    28: (1.0,),
}
"""How often people have each pattern of an AU's wrinkles; the last of AU4 only bulges."""


@dataclass(frozen=True, slots=True)
class Fold:
    """How one person's skin folds for one AU.

    Attributes:
        pattern: Which of the AU's patterns.
        gain: Depth, times what age and expression make it.
    """

    pattern: int
    gain: float


def draw_folds(rng: np.random.Generator) -> dict[int, Fold]:
    """Draw how one person's skin folds: some hardly wrinkle at one place and deeply at another.

    Args:
        rng: The source of chance.

    Returns:
        Fold by AU.
    """
    return {
        au: Fold(int(rng.choice(len(chance), p=chance)), float(np.clip(rng.lognormal(-0.1, 0.5), 0.15, 2.2)))
        for au, chance in PATTERNS.items()
    }


AGEING: Final = {1: 0.35, 2: 0.3, 4: 0.25, 6: 0.45, 12: 0.4, 7: 0.3, 15: 0.3}
"""Wrinkles that stay on an old face at rest, as a share of the expression's full depth."""


def fold_depth(fold: Fold, depth: float) -> float:
    """Return how deep one person's fold is.

    Args:
        fold: The person's fold.
        depth: What age, moment and intensity make of anybody's; 1 is the full depth of the table.

    Returns:
        Factor of the height map, 0-1.5.
    """
    return min(fold.gain * depth, 1.5)


def build_wrinkles(surface: Surface) -> dict[int, tuple[Pair, ...]]:
    """Return the height maps of every AU that wrinkles the skin, one pair for each of its patterns.

    Args:
        surface: The face's texture plane.

    Returns:
        AU number to the patterns, in the order of `PATTERNS`.
    """
    x, y = surface.position[..., 0], surface.position[..., 1]
    front = smooth_step(2, 5, surface.position[..., 2]) * surface.inside
    left_half = smooth_step(-0.3, 0.3, x)
    maps: dict[int, tuple[Pair, ...]] = {}
    for au, chances in PATTERNS.items():
        heights = (blur(_pattern(au, k, x, y) * front, 0.8) for k in range(len(chances)))
        maps[au] = tuple((float32(h * (1 - left_half)), float32(h * left_half)) for h in heights)
    return maps


def _pattern(au: int, pattern: int, x: Floats, y: Floats) -> Floats:
    """Return one pattern of an AU's wrinkles, both halves."""
    fold = _FOLDS.get(au)
    total = fold(x, y, pattern) if fold else np.zeros_like(x)
    for furrow in FURROWS:
        if furrow.au == au and (not furrow.variants or pattern in furrow.variants):
            distance, along = line_distance(furrow.line, x * furrow.half if furrow.half else np.abs(x), y)
            valley = bump(distance, furrow.width) * np.float32(furrow.depth)
            if furrow.fading:
                valley *= 1 - along
            elif furrow.tapered:
                valley *= 4 * along * (1 - along)
            total -= valley
    return np.asarray(total, np.float32)


def _inner_forehead(x: Floats, y: Floats, pattern: int) -> Floats:
    """Return waves across the middle of the forehead: three, five, or short ones."""
    period, width = ((1.05, 2.6), (0.68, 3.0), (0.9, 1.4))[pattern]
    return np.asarray(_waves(x, y, period) * bump(y - 8.6, 1.9) * bump(x, width) * 0.10, np.float32)


def _outer_forehead(x: Floats, y: Floats, pattern: int) -> Floats:
    """Return waves above the outer brows."""
    side = np.abs(x)
    place = bump(y - 8.4, 1.7) * smooth_step(1.2, 3, side) * bump(side - 4.2, 2.0)
    return np.asarray(_waves(x, y, (1.05, 0.75)[pattern]) * place * 0.08, np.float32)


def _waves(x: Floats, y: Floats, period_cm: float) -> Floats:
    """Return wavy horizontal folds, -1 to 1."""
    level = y + 0.25 * np.sin(x * 1.3) + 0.12 * np.sin(x * 3.1 + 1)
    return np.asarray(np.sin(level * 2 * np.pi / period_cm), np.float32)


def _glabella(x: Floats, y: Floats, pattern: int) -> Floats:
    """Return the dent at the nose's root, and for the last pattern the bulge between the brows."""
    dent = -bump(np.hypot(x / 1.2, y - 4.2), 0.25) * 0.06
    bulge = bump(np.hypot(x / 0.8, (y - 5.3) / 1.1), 0.7) * 0.12
    return np.asarray(bulge if pattern == len(PATTERNS[4]) - 1 else dent, np.float32)


def _chin(x: Floats, y: Floats, pattern: int) -> Floats:
    """Return the chin's cobbles and the groove under the lower lip."""
    noise = blur(np.random.default_rng(3).standard_normal(x.shape, np.float32), 3)
    cobbles = noise / noise.std() * bump(np.hypot(x, (y + 6.9) / 0.9), 1.3) * 0.05
    groove = bump(np.abs(y + 5.35) + 0.05 * x * x, 0.2) * bump(x, 1.6) * 0.12
    return np.asarray(cobbles - groove, np.float32)


def _lip_lines(depth: float, height_cm: float, width_cm: float) -> Callable[[Floats, Floats, int], Floats]:
    """Return the formula of fine vertical lines around the lips.

    Args:
        depth: cm.
        height_cm: How far they reach above and below the mouth.
        width_cm: How far they reach to the sides.
    """

    def lines(x: Floats, y: Floats, pattern: int) -> Floats:
        wave = np.sin(x * 2 * np.pi / 0.28 + 0.6 * np.sin(y * 3))
        return np.asarray(wave * bump(y + 3.1, height_cm) * bump(x, width_cm) * depth, np.float32)

    return lines


def _stretch(x: Floats, y: Floats, pattern: int) -> Floats:
    """Return the soft folds that a stretched mouth gathers beside its corners."""
    side = np.abs(x)
    folds = np.sin(side * 7 + np.sin(y * 2)) * bump(side - 3.6, 0.8) * bump(y + 3.6, 1.6)
    return np.asarray(folds * 0.04, np.float32)


_FOLDS: Final[Mapping[int, Callable[[Floats, Floats, int], Floats]]] = {
    1: _inner_forehead,
    2: _outer_forehead,
    4: _glabella,
    17: _chin,
    18: _lip_lines(0.045, 1.3, 2.0),
    20: _stretch,
    23: _lip_lines(0.032, 1.5, 2.0),
    24: _lip_lines(0.006, 1.0, 2.0),
    28: _lip_lines(0.03, 1.3, 2.0),
}
"""The wrinkles that are not lines: forehead waves, glabella, chin, lip folds."""
