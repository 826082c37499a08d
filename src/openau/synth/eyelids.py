"""Where annotators put the landmarks of an eye's lids: at the thirds of the way from corner to corner.

The rig's own vertices for them lie further out by 4 % of the distance between the pupils, as measured on its
mean face with the corners where people have them; a network that is taught them sees the eyes of photographs
too far apart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats

_LIDS: Final = ((36, 37, 38, 39), (36, 41, 40, 39), (42, 43, 44, 45), (42, 47, 46, 45))
"""Corner, the two landmarks of one lid, corner."""

_LEAST: Final = 0.06
"""Share of the fissure that must lie between neighbours; closer ones are seen too much from the side."""


def even_lids(points: Floats) -> Floats:
    """Return landmarks with those of the lids at the thirds of the fissure, on the lid's own curve.

    The curve is the polynomial of third degree through the corners and the two landmarks of a lid.

    Args:
        points: (..., 68, 2) landmarks in the picture's plane, iBUG order.

    Returns:
        The same shape, float32; a lid that is seen too much from the side is left as it is.
    """
    placed = points.astype(np.float64)
    moved = placed.copy()
    for first, inner, outer, last in _LIDS:
        knots = placed[..., (first, inner, outer, last), :]
        axis = knots[..., 3, :] - knots[..., 0, :]
        length = np.maximum((axis**2).sum(axis=-1), 1e-12)
        along = ((knots - knots[..., :1, :]) * axis[..., None, :]).sum(axis=-1) / length[..., None]
        sound = (np.diff(along, axis=-1) > _LEAST).all(axis=-1)
        along = np.where(sound[..., None], along, np.arange(4) / 3)
        for number, third in ((inner, 1 / 3), (outer, 2 / 3)):
            share = _lagrange(along, third)
            place = (share[..., None] * knots).sum(axis=-2)
            moved[..., number, :] = np.where(sound[..., None], place, placed[..., number, :])
    return moved.astype(np.float32)


def _lagrange(knots: NDArray[np.float64], place: float) -> NDArray[np.float64]:
    """Return the weights of four values at a place, as the polynomial through all of them has it."""
    gaps = knots[..., :, None] - knots[..., None, :]
    ways = np.where(
        np.eye(4, dtype=bool), 1.0, (place - knots[..., None, :]) / np.where(gaps == 0, 1.0, gaps)
    )
    return np.asarray(ways.prod(axis=-1), np.float64)
