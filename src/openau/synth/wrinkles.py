"""Expression wrinkles as height maps on the face's texture: furrows as data, folds and dimples as formulas.

Heights are centimetres on the mean face; a furrow is a valley along a line. Where a furrow lies for which
AU follows the FACS manual's appearance changes (2002); depths were set by eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from openau.records import Floats
from openau.synth.surface import Surface
from openau.synth.texture import blur, bump, float32, line_distance, smooth_step


@dataclass(frozen=True, slots=True)
class Furrow:
    """A valley along a line on each half of the face.

    Attributes:
        au: The action unit that deepens it.
        line: Corners (|x|, y) in cm on the mean face.
        width: cm at which the depth has fallen to 37 %.
        depth: cm at full strength.
        fading: Whether the depth runs out toward the line's end.
    """

    au: int
    line: tuple[tuple[float, float], ...]
    width: float
    depth: float
    fading: bool = False


FURROWS: Final = (
    Furrow(4, ((0.5, 4.7), (0.68, 6.2)), 0.18, 0.14, fading=False),
    Furrow(4, ((1.15, 5.2), (1.5, 6.5)), 0.15, 0.06),
    Furrow(6, ((5.0, 3.41), (6.4, 4.35)), 0.10, 0.08, fading=True),
    Furrow(6, ((5.0, 3.40), (6.65, 3.75)), 0.10, 0.08, fading=True),
    Furrow(6, ((5.0, 3.39), (6.65, 3.05)), 0.10, 0.08, fading=True),
    Furrow(6, ((5.0, 3.38), (6.4, 2.45)), 0.10, 0.08, fading=True),
    Furrow(6, ((1.9, 2.45), (3.2, 1.95), (4.6, 2.3)), 0.16, 0.07),
    Furrow(7, ((2.0, 2.72), (3.2, 2.47), (4.4, 2.76)), 0.12, 0.06),
    Furrow(9, ((0.15, 4.2), (1.05, 4.75)), 0.11, 0.10),
    Furrow(9, ((0.15, 3.6), (1.05, 4.15)), 0.11, 0.10),
    Furrow(9, ((0.15, 3.0), (1.05, 3.55)), 0.11, 0.10),
    Furrow(9, ((1.35, 3.2), (1.9, 1.2)), 0.18, 0.05),
    Furrow(9, ((1.75, 0.9), (2.5, -0.9)), 0.17, 0.11),
    Furrow(10, ((1.75, 0.9), (2.5, -0.9), (3.2, -2.7)), 0.19, 0.12),
    Furrow(12, ((1.75, 0.9), (2.5, -0.9), (3.2, -2.7), (3.45, -4.0)), 0.20, 0.11),
    Furrow(14, ((3.05, -3.2), (3.2, -4.1)), 0.22, 0.20),
    Furrow(15, ((2.6, -3.9), (2.95, -5.1)), 0.20, 0.13),
)

AGEING: Final = {1: 0.35, 2: 0.3, 4: 0.25, 6: 0.45, 12: 0.4, 7: 0.3, 15: 0.3}
"""Wrinkles that stay on an old face at rest, as a share of the expression's full depth."""


def build_wrinkles(surface: Surface) -> dict[int, tuple[Floats, Floats]]:
    """Return the height map of every AU that wrinkles the skin, for the right and the left half.

    Args:
        surface: The face's texture plane.

    Returns:
        AU number to a pair of (S, S) float32 heights in cm: the subject's right half, and the left.
    """
    x, y = surface.position[..., 0], surface.position[..., 1]
    whole = {au: np.zeros_like(x) for au in (1, 2, 4, 6, 7, 9, 10, 12, 14, 15)}
    for furrow in FURROWS:
        distance, along = line_distance(furrow.line, np.abs(x), y)
        strength = 1 - along if furrow.fading else 1.0
        whole[furrow.au] -= bump(distance, furrow.width) * strength * furrow.depth
    for au, height in _folds(x, y).items():
        whole[au] = whole.get(au, np.float32(0)) + height
    front = smooth_step(2, 5, surface.position[..., 2]) * surface.inside
    left_half = smooth_step(-0.3, 0.3, x)
    maps = {au: blur(height * front, 0.8) for au, height in whole.items()}
    return {
        au: (float32(height * (1 - left_half)), float32(height * left_half)) for au, height in maps.items()
    }


def _folds(x: Floats, y: Floats) -> dict[int, Floats]:
    """Return the wrinkles that are not lines: forehead waves, glabella, chin, lip folds."""
    side = np.abs(x)
    wave = np.sin((y + 0.25 * np.sin(x * 1.3) + 0.12 * np.sin(x * 3.1 + 1)) * 2 * np.pi / 1.05)
    noise = blur(np.random.default_rng(3).standard_normal(x.shape, np.float32), 3)
    chin = noise / noise.std() * bump(np.hypot(x, (y + 6.9) / 0.9), 1.3) * 0.05
    under_lip = bump(np.abs(y + 5.35) + 0.05 * x * x, 0.2) * bump(x, 1.6) * 0.12
    lip_folds = np.sin(x * 2 * np.pi / 0.28 + 0.6 * np.sin(y * 3)) * bump(y + 3.3, 1.3) * bump(x, 2.0)
    stretch = np.sin(x * 7 + np.sin(y * 2)) * bump(side - 3.6, 0.8) * bump(y + 3.6, 1.6)
    return {
        1: wave * bump(y - 8.6, 1.9) * bump(x, 2.6) * 0.10,
        2: wave * bump(y - 8.4, 1.7) * smooth_step(1.2, 3, side) * bump(side - 4.2, 2.0) * 0.08,
        4: -bump(np.hypot(x / 1.2, y - 4.2), 0.25) * 0.06,
        17: chin - under_lip,
        18: lip_folds * 0.045,
        20: stretch * 0.03,
        23: lip_folds * 0.03,
        24: lip_folds * 0.012,
        28: lip_folds * 0.03,
    }
