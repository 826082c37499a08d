"""Landmarks → the turned house box: where a face is, how large, and how far it is tilted.

The template is the mean face of rendered people at rest, in units of its house box (see
`openau.faces.detect`): 0, 0 is the box's upper left corner and 1, 1 its lower right. The similarity that
carries the template onto a face's landmarks carries the box along, which thereby becomes a square that is
turned with the head. What a network was taught about house boxes holds in the turned frame.

Only the corners of the eyes and the nose are fitted, because facial actions move them least. With the weights
below, the strongest action units (level E) move what is in the frame by 0.4 % of its side on average and by
1.4 % at most (AU9); with all of these points weighted equally it is 0.5 % and 1.9 %, with all 68 points 0.9 %
and 4.5 % (24 rendered people, 23 action units, frontal).

Source: the registration of Wang et al. (2019); the least squares are Umeyama's (1991), which in the plane
need no singular values.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.records import Floats

# The mean of 937 faces, in ten-thousandths of the house box; the brows those of 1661 faces whose landmarks
# lie on the brows that are drawn. Made by scripts/make_face_template.py.
# fmt: off
_TEN_THOUSANDTHS = (
    (1150, 4025), (1180, 5162), (1324, 6186), (1491, 7201), (1889, 8390), (2616, 9405), (3277, 9852),
    (4113, 10145), (5000, 10345), (5887, 10145), (6723, 9852), (7384, 9405), (8111, 8390), (8509, 7201),
    (8676, 6186), (8820, 5162), (8850, 4025), (1887, 3134), (2404, 2784), (3025, 2630), (3667, 2690),
    (4309, 2814), (5691, 2814), (6333, 2690), (6975, 2630), (7596, 2784), (8113, 3134), (5000, 3754),
    (5000, 4379), (5000, 4968), (5000, 5699), (4262, 6605), (4644, 6605), (5000, 6644), (5356, 6605),
    (5738, 6605), (2487, 4017), (2792, 3771), (3409, 3730), (3922, 4105), (3439, 4183), (2802, 4194),
    (6078, 4105), (6591, 3730), (7208, 3771), (7513, 4017), (7198, 4194), (6561, 4183), (3532, 7976),
    (3996, 7569), (4567, 7368), (5000, 7405), (5433, 7368), (6004, 7569), (6468, 7976), (6057, 8308),
    (5613, 8477), (5000, 8532), (4387, 8477), (3943, 8308), (3723, 7951), (4416, 7870), (5000, 7893),
    (5584, 7870), (6277, 7951), (5627, 7911), (5000, 7931), (4373, 7911),
)
# fmt: on
TEMPLATE: NDArray[np.float64] = np.array(_TEN_THOUSANDTHS) / 10_000
"""(68, 2) landmarks of the mean face in units of its house box, iBUG order."""

WEIGHTS = {
    **dict.fromkeys((36, 39, 42, 45), 1.0),  # corners of the eyes
    **dict.fromkeys((27, 28, 29, 30), 0.5),  # bridge and tip of the nose
    33: 1.0,  # below its septum
    **dict.fromkeys((31, 32, 34, 35), 0.2),  # its wings, which AU9 and AU10 raise
}
"""Of the landmarks that fix the frame, by their numbers."""
FITTED: tuple[int, ...] = tuple(WEIGHTS)
"""Their numbers; the others do not count."""

_SHARE = np.array(list(WEIGHTS.values())) / sum(WEIGHTS.values())
_FIXED = TEMPLATE[list(FITTED)] @ (1, 1j)
_FIXED_MEAN = complex(_SHARE @ _FIXED)
_FIXED_POWER = float(_SHARE @ np.abs(_FIXED - _FIXED_MEAN) ** 2)

MIRRORED_POINTS: tuple[int, ...] = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)
"""For each of the 68 landmarks (iBUG order), the one that takes its place in a mirror image."""


_SMALLEST_SIDE = 1e-3  # pixels; below, the landmarks are one point but for rounding


@dataclass(frozen=True, slots=True)
class TurnedBox:
    """A square that is turned with the head.

    Attributes:
        x: Of its centre, pixels, at pixel edges as in a box.
        y: The same, downwards.
        side: Pixels.
        angle_deg: How far it is turned clockwise as seen in the picture, -180 to 180.
    """

    x: float
    y: float
    side: float
    angle_deg: float


def turned_box(points: Floats | None) -> TurnedBox:
    """Return the house box of a face, turned with it, from its landmarks.

    Args:
        points: (68, 2) x, y in pixels (pixel centres at integers), iBUG order. Only those of `FITTED` count.

    Returns:
        The square onto which the least-squares similarity carries the template's unit square.

    Raises:
        SettingError: There are no landmarks, they are not 68, or those that count are not finite or all the
            same.
    """
    if points is None:
        raise SettingError(
            "This network wants its faces aligned by 68 landmarks, and this face has none; "
            "give them, or take a detector that finds them."
        )
    if points.shape != (68, 2):
        raise SettingError(f"A face is aligned by (68, 2) landmarks, not by {points.shape}.")
    found = points[list(FITTED)].astype(np.float64) @ (1, 1j)
    mean = complex(_SHARE @ found)
    turn = complex(_SHARE @ (np.conj(_FIXED - _FIXED_MEAN) * (found - mean))) / _FIXED_POWER
    if not cmath.isfinite(turn) or not cmath.isfinite(mean) or abs(turn) < _SMALLEST_SIDE:
        raise SettingError(
            "A face is aligned by the corners of its eyes and its nose; they are no face here."
        )
    centre = mean + turn * (0.5 + 0.5j - _FIXED_MEAN)
    # Landmarks are measured at pixel centres, boxes at pixel edges: half a pixel apart.
    return TurnedBox(centre.real + 0.5, centre.imag + 0.5, abs(turn), math.degrees(cmath.phase(turn)))
