"""Brows: a soft band and single hairs on it, painted on the face's texture."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from openau.records import Floats, Pixels
from openau.synth.surface import TEXTURE_SIZE, Surface
from openau.synth.texture import Numbers, blur, float32, smooth_step
from openau.synth.traits import Brow

_SHIFT: Final = 4
"""Fraction bits of a texel when hairs are drawn."""


_LOWEST, _HIGHEST = 3.0, 9.0  # y in cm


def fit_texels(surface: Surface) -> tuple[Floats, Floats]:
    """Return polynomials that turn places above the eyes, cm, into texels.

    Args:
        surface: The face's texture plane.

    Returns:
        For the subject's right and left side (6, 2) float32 factors of 1, x, y, x², xy, y².
    """
    x, y, z = (surface.position[..., k] for k in range(3))
    fits = []
    for side in (-1, 1):
        near = (surface.inside > 0) & (z > 6) & (x * side > 0.2) & (x * side < 6.8) & (y > 3.8) & (y < 7.8)
        rows, columns = np.nonzero(near)
        factors, *_ = np.linalg.lstsq(_terms(x[near], y[near]), np.stack([columns, rows], axis=1), rcond=None)
        fits.append(float32(factors))
    return fits[0], fits[1]


def _terms(x: Numbers, y: Numbers) -> Floats:
    """Return the terms of a quadratic polynomial."""
    return float32(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1))


def middle_line(brow: Brow, side: Numbers) -> Floats:
    """Return the height of the brow's middle, cm on the mean face.

    Args:
        brow: Its shape.
        side: Distance from the face's middle, cm.
    """
    lift = brow.lift
    heights = [
        5.5 + lift,
        5.65 + lift,
        5.85 + lift + brow.arch,
        5.7 + lift + brow.arch / 2,
        5.1 + lift + brow.tail,
    ]
    return float32(np.interp(side, [1.05, 1.9, 3.5, 4.6, 5.7], heights))


def paint_brows(
    rng: np.random.Generator, brow: Brow, x: Floats, y: Floats, fits: tuple[Floats, Floats]
) -> tuple[Floats, tuple[Brow, Brow]]:
    """Return how much brow hair covers each texel, and the brows that were drawn, a little lopsided.

    Args:
        rng: The source of chance.
        brow: Shape and density.
        x: (S, S) float32, place of each texel to the subject's left, cm.
        y: (S, S) float32, upward.
        fits: What `fit_texels` returned.

    Returns:
        (S, S) float32 in 0-1; the right and the left brow.
    """
    lopsided = rng.normal(0, 0.06)
    right, left = (replace(brow, lift=brow.lift + sign * lopsided) for sign in (-1, 1))
    hairs = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.uint8)
    for sign, own, factors in zip((-1, 1), (right, left), fits, strict=True):
        _draw_hairs(rng, own, sign, factors, hairs)
    strength = np.float32(0.35 + 0.55 * brow.density)
    cover = np.zeros_like(x)
    rows = _rows(y)
    band = _band(brow, x[rows], y[rows], lopsided)
    soft = blur(hairs[rows].astype(np.float32) / 255, 0.45)
    cover[rows] = np.clip(band + (1 - band) * soft * strength, 0, 0.95)
    return cover, (right, left)


def _rows(y: Floats) -> slice:
    """Return the rows of texels in which brows can be, with room for stray hairs."""
    inside = np.flatnonzero(((y[:, ::16] > _LOWEST) & (y[:, ::16] < _HIGHEST)).any(axis=1))
    return slice(int(inside[0]), int(inside[-1]) + 1)


def _band(brow: Brow, x: Floats, y: Floats, lopsided: float) -> Floats:
    """Return the shade under the single hairs, 0-1."""
    side = np.abs(x)
    half = half_height(brow, side)
    middle = middle_line(brow, side) + np.float32(lopsided) * np.sign(x)
    edge = smooth_step(0, 1, (1 - np.abs(y - middle) / np.maximum(half, 0.03)) * 1.3)
    ends = smooth_step(brow.inner - 0.35, brow.inner + 0.35, side) * smooth_step(
        brow.outer + 0.2, brow.outer - 0.8, side
    )
    return float32(edge * ends * np.float32(0.12 + 0.5 * brow.density))


def half_height(brow: Brow, side: Numbers) -> Floats:
    """Return half the height of the brow's band, cm on the mean face: full inside, thin at the tail.

    Args:
        brow: Its shape.
        side: Distance from the face's middle, cm.
    """
    inner, outer = brow.inner, brow.outer
    knots = [inner - 0.1, inner + 0.4, (inner + outer) / 2, outer - 0.8, outer]
    return float32(np.interp(side, knots, [0.2, 0.42, 0.42, 0.25, 0.06]) * brow.thickness)


def _draw_hairs(rng: np.random.Generator, brow: Brow, sign: int, factors: Floats, hairs: Pixels) -> None:
    """Draw single hairs of one brow, in place: upward at the inner end, outward and down at the tail."""
    count = int(60 + 190 * brow.density * min(brow.thickness, 1.2))
    along = rng.beta(1.1, 1.25, count)
    side = brow.inner + (brow.outer - brow.inner) * along
    half = half_height(brow, side)
    rise = rng.uniform(-1, 1, count)
    start_y = middle_line(brow, side) + half * rise - 0.1
    angle = np.radians(np.interp(along, [0, 0.12, 0.35, 0.7, 1], [82, 62, 34, 4, -26]) - 22 * rise)
    angle += rng.normal(0, 0.12 + 0.35 * brow.bushiness, count)
    length = (0.3 + 0.45 * rng.random(count)) * (0.75 + 0.5 * brow.bushiness) * np.sqrt(brow.thickness)
    end = np.stack([side + length * np.cos(angle), start_y + length * np.sin(angle)], axis=1)
    first = _terms(sign * side, start_y) @ factors
    last = _terms(sign * end[:, 0], end[:, 1]) @ factors
    shade = rng.integers(110, 256, count)
    for (x0, y0), (x1, y1), value in zip(
        np.round(first * 2**_SHIFT).astype(int), np.round(last * 2**_SHIFT).astype(int), shade, strict=True
    ):
        cv2.line(hairs, (int(x0), int(y0)), (int(x1), int(y1)), int(value), 1, cv2.LINE_AA, _SHIFT)
