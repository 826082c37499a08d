"""Shapes that the rig lacks, built on its landmarks: what single muscles do to brow, lid, lip and chin."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.movements import BAG, BOSS, HOOD, LOWER, LOWERED, MOUND, NARROW, PINCH, TIGHT
from openau.synth.rig import EYE, LASH, LEFT_EYE_LIDS, MOUTH, RIGHT_EYE_LIDS, TEETH, Rig, Shape
from openau.synth.texture import float32

Doubles = NDArray[np.float64]


@lru_cache(maxsize=2)
def own_shapes(rig: Rig) -> dict[str, Shape]:
    """Build every shape of our own.

    Args:
        rig: The rig.

    Returns:
        Shapes by name, sided ones with `_L` and `_R`.
    """
    shapes: dict[str, Doubles] = {}
    for end, inner, outer in (("_L", 22, 24), ("_R", 21, 19)):
        shapes[PINCH + end] = _pinch(rig, rig.landmarks[inner], rig.landmarks[outer])
        shapes[LOWER + end] = _lower_brow(rig, rig.landmarks[inner], rig.landmarks[outer])
    for end, lids, brow in (("_L", LEFT_EYE_LIDS, (25, 26)), ("_R", RIGHT_EYE_LIDS, (17, 18))):
        lower = rig.vertices[rig.landmarks[list(lids[2:])]].mean(axis=0)
        shapes[TIGHT + end] = _tight_lid(rig, lower)
        shapes[LOWERED + end] = _lowered_gaze(rig, end, lids)
        shapes[BAG + end] = _bag(rig, lower)
        shapes[MOUND + end] = _mound(rig, lower)
        shapes[HOOD + end] = _hood(rig, rig.vertices[rig.landmarks[list(brow)]].mean(axis=0))
    shapes[NARROW] = _narrow_lips(rig)
    shapes[BOSS] = _boss(rig)
    return {name: _shape(offsets) for name, offsets in shapes.items()}


def _hill(rig: Rig, middle: Floats, widths: tuple[float, float, float]) -> Doubles:
    """Return a Gaussian hill around a point, (N,), 1 at its top; not on eyeballs, teeth and gums."""
    hill = np.exp(-(((rig.vertices - middle) / widths) ** 2).sum(axis=1))
    inside = np.unique(rig.triangles[np.isin(rig.part, (EYE, TEETH, MOUTH))])
    skin = np.unique(rig.triangles[~np.isin(rig.part, (EYE, TEETH, MOUTH))])
    hill[np.setdiff1d(inside, skin)] = 0
    return np.asarray(hill, np.float64)


def _brow(rig: Rig, inner: np.int64, arch: np.int64) -> tuple[Doubles, Doubles]:
    """Return hills at the inner end of one brow and between it and the arch, (N,) each."""
    base, start = rig.vertices, rig.vertices[inner]
    near = np.exp(-(((base - start) / [1.0, 1.1, 1.6]) ** 2).sum(axis=1))
    toward = np.exp(-(((base - (start + base[arch]) / 2) / [1.6, 0.9, 1.6]) ** 2).sum(axis=1))
    return near, toward


def _pinch(rig: Rig, inner: np.int64, arch: np.int64) -> Doubles:
    """Return the offsets that draw one brow toward the other; skin between the brows bulges."""
    start = rig.vertices[inner]
    side, (near, toward) = np.sign(start[0]), _brow(rig, inner, arch)
    across = np.clip(side * rig.vertices[:, 0] / abs(start[0]), 0, 1)
    return np.stack([-side * (0.26 * near + 0.14 * toward) * across, 0 * near, 0.10 * near], axis=1)


def _lower_brow(rig: Rig, inner: np.int64, arch: np.int64) -> Doubles:
    """Return the offsets that lower the inner half of one brow."""
    near, toward = _brow(rig, inner, arch)
    return np.stack([0 * near, -0.27 * near - 0.12 * toward, 0.02 * near], axis=1)


def _tight_lid(rig: Rig, margin: Floats) -> Doubles:
    """Return the offsets that raise the middle of one lower lid over the eyeball and bulge the skin below."""
    lift = _hill(rig, margin, (1.0, 0.42, 0.9))
    bulge = _hill(rig, margin - float32([0, 0.5, 0]), (1.0, 0.3, 0.9))
    return np.stack([0 * lift, 0.22 * lift + 0.06 * bulge, 0.09 * lift + 0.14 * bulge], axis=1)


def _lowered_gaze(rig: Rig, end: str, lids: tuple[int, int, int, int]) -> Doubles:
    """Return the offsets that turn one eye's upper lashes from the rig's lowered gaze to its blink.

    The rig's lowered gaze takes the lashes along but leaves them pointing up.
    """
    down, blink = (np.zeros(rig.vertices.shape) for _ in range(2))
    for name, offsets in (("eyeLookDown", down), ("eyeBlink", blink)):
        shape = rig.expression.get(name + end)
        if shape is not None:
            offsets[shape.vertices] = shape.offsets
    upper = rig.landmarks[list(lids[:2])]
    reach = blink[upper, 1].mean()
    change = blink * (down[upper, 1].mean() / reach if reach else 0.0) - down
    change[np.unique(rig.triangles[rig.part != LASH])] = 0
    return change


def _bag(rig: Rig, margin: Floats) -> Doubles:
    """Return the offsets of the pouch that a raised cheek gathers under the lower lid."""
    pouch = _hill(rig, margin - float32([0, 0.75, 0]), (1.3, 0.35, 1.2))
    return np.stack([0 * pouch, 0.10 * pouch, 0.17 * pouch], axis=1)


def _mound(rig: Rig, margin: Floats) -> Doubles:
    """Return the offsets that push the cheek's mound below one eye up and out."""
    side = np.sign(margin[0])
    mound = _hill(rig, margin + float32([side * 0.7, -2.2, 0]), (2.0, 1.2, 2.2))
    return np.stack([side * 0.08 * mound, 0.24 * mound, 0.22 * mound], axis=1)


def _hood(rig: Rig, outer_brow: Floats) -> Doubles:
    """Return the offsets that bring the outer brow and the skin under it down."""
    fold = _hill(rig, outer_brow - float32([0, 0.3, 0]), (1.2, 0.9, 1.6))
    return np.stack([0 * fold, -0.20 * fold, 0.04 * fold], axis=1)


def _narrow_lips(rig: Rig) -> Doubles:
    """Return the offsets that draw the red of both lips in toward the line between them and tighten it."""
    marks, base = rig.vertices[rig.landmarks], rig.vertices
    line = (marks[61:64].mean(axis=0) + marks[65:68].mean(axis=0)) / 2
    half = abs(float(marks[54, 0] - marks[48, 0])) / 2
    across = np.clip(1 - (base[:, 0] / (1.15 * half)) ** 2, 0, 1)
    up = base[:, 1] - line[1]
    # The red reaches about 0.9 cm above and 1 cm below the line; the skin beyond follows it, less and less.
    red = across * np.exp(-((up / 1.5) ** 2)) * np.exp(-(((base[:, 2] - line[2]) / 1.8) ** 2))
    inside = np.unique(rig.triangles[np.isin(rig.part, (TEETH,))])
    red[inside] = 0
    return np.stack([0 * red, -0.9 * up * red, -0.45 * red * np.exp(-((up / 0.8) ** 2))], axis=1)


def _boss(rig: Rig) -> Doubles:
    """Return the offsets that push the chin's skin up and out."""
    marks = rig.vertices[rig.landmarks]
    middle = (marks[8] * 0.62 + marks[57] * 0.38).astype(np.float32)
    ball = _hill(rig, middle, (1.3, 0.8, 1.5))
    return np.stack([0 * ball, 0.12 * ball, 0.14 * ball], axis=1)


def _shape(offsets: Doubles) -> Shape:
    """Keep only the vertices that a shape moves."""
    moved = np.flatnonzero(np.abs(offsets).max(axis=1) > 2e-3)
    return Shape(moved, np.ascontiguousarray(offsets[moved], np.float32))
