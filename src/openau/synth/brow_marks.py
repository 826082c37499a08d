"""Where annotators put the landmarks of the brows: five on each, from end to end, on the hair that is drawn.

The rig's own vertices for them lie on the brow ridge of the mean face, above most people's brows as they are
drawn, and do not know a subject's brows: a network that is taught them marks the forehead of photographs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.brows import half_height, middle_line
from openau.synth.rig import FACE, Rig
from openau.synth.texture import Numbers, float32
from openau.synth.traits import Brow

BROWS: Final = slice(17, 27)
"""The landmarks of both brows, iBUG order."""

_MARKS: Final = 5
_RISE: Final = 0.4
"""How far above the brow's middle the landmarks are, in halves of its height: where its hairs are densest."""

_INSET_CM: Final = 0.1
"""How far outside the inner end of the band hairs become dense enough to be called the brow's beginning."""

_REACH_CM: Final = (7.0, 2.5, 9.0)
"""Largest distance from the face's middle, lowest and highest place that brows can have on the mean face."""


@dataclass(frozen=True, slots=True, eq=False)
class BrowZone:
    """The triangles of the mean face on which brows can be drawn, seen from the front.

    Attributes:
        corners: (K, 3) int64 vertices.
        places: (K, 3, 2) float64, x and y of each corner, cm.
    """

    corners: NDArray[np.int64]
    places: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BrowMarks:
    """Where a subject's brow landmarks are on the surface of the face, however that moves.

    Attributes:
        corners: (10, 3) int64 vertices of the triangle that holds each.
        weights: (10, 3) float32, the share of each corner.
    """

    corners: NDArray[np.int64]
    weights: Floats

    def on(self, vertices: Floats) -> Floats:
        """Return where they are on a face.

        Args:
            vertices: (N, D) float32 places of the rig's vertices; others may follow.

        Returns:
            (10, D) float32, the subject's right to left.
        """
        return float32((vertices[self.corners] * self.weights[..., None]).sum(axis=1))


def find_brow_zone(rig: Rig) -> BrowZone:
    """Find the triangles on which brows can be drawn.

    Args:
        rig: The rig.
    """
    corners = rig.triangles[rig.part == FACE].astype(np.int64)
    places = rig.vertices[corners].astype(np.float64)
    x, y, z = (places[..., k].mean(axis=1) for k in range(3))
    side, low, high = _REACH_CM
    one, two = (places[:, k, :2] - places[:, 0, :2] for k in (1, 2))
    ahead = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0] > 1e-9
    near = ahead & (np.abs(x) < side) & (y > low) & (y < high) & (z > 0)
    return BrowZone(corners[near], np.ascontiguousarray(places[near, :, :2]))


def mark_brows(zone: BrowZone, right: Brow, left: Brow) -> BrowMarks:
    """Mark both brows of a subject: evenly from the outer end to the inner, then outward again.

    Args:
        zone: Where brows can be.
        right: The subject's right brow, as it is drawn.
        left: The left one.
    """
    places = np.concatenate([_along(right) * (-1, 1), _along(left)[::-1]])
    one, two = (zone.places[:, k] - zone.places[:, 0] for k in (1, 2))
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    off = places[:, None] - zone.places[None, :, 0]
    second = (off[..., 0] * two[:, 1] - off[..., 1] * two[:, 0]) / area
    third = (one[:, 0] * off[..., 1] - one[:, 1] * off[..., 0]) / area
    weights = np.stack([1 - second - third, second, third], axis=-1)
    # The triangle that holds a place is the one in which no corner's share is below 0.
    chosen = weights.min(axis=-1).argmax(axis=1)
    return BrowMarks(zone.corners[chosen], float32(weights[np.arange(len(places)), chosen]))


def _along(brow: Brow) -> NDArray[np.float64]:
    """Return five places at even distances from the outer end to the inner, (5, 2), cm on the mean face."""
    side: Numbers = np.linspace(brow.outer, brow.inner + _INSET_CM, 101, dtype=np.float32)
    height = middle_line(brow, side) + _RISE * half_height(brow, side)
    way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(side), np.diff(height)))])
    even = np.linspace(0, way[-1], _MARKS)
    return np.stack([np.interp(even, way, side), np.interp(even, way, height)], axis=1)
