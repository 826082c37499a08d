"""Where an action unit shows on any face: polygons over the 68 landmarks, by where FACS says skin moves.

A coarse expectation for photographs without a truth of their own. Rendered faces have exact masks instead
(`openau.data.read_masks`). Every corner is a landmark and a shift from it along the face's own axes, in
rulers: the distance between the inner corners of the eyes.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.records import Floats

_Corner = tuple[int, float, float]
"""Landmark from 0 (iBUG order), shift outwards and shift down in rulers."""

_EYE: tuple[_Corner, ...] = (
    (36, 0.2, 0.0), (37, 0.1, -0.2), (38, 0.0, -0.2), (39, -0.15, 0.05), (40, 0.0, 0.25), (41, 0.1, 0.25),
)  # fmt: skip
_LIPS: tuple[_Corner, ...] = ((48, 0.15, 0.0), (50, 0.0, -0.15), (58, 0.0, 0.15))
_JAW: tuple[_Corner, ...] = ((48, 0.1, 0.0), (50, 0.0, -0.1), (5, 0.0, 0.0), (8, 0.0, 0.0))

_ONE_SIDED: dict[int, tuple[_Corner, ...]] = {
    2: ((17, 0.15, 0.1), (19, -0.1, 0.15), (17, 0.1, -0.5), (18, 0.0, -0.9), (19, -0.1, -1.0)),
    5: ((36, 0.1, 0.0), (39, -0.1, 0.0), (37, 0.0, -0.4), (38, 0.0, -0.4), (40, 0.0, 0.05), (41, 0.0, 0.05)),
    6: (
        (36, 0.55, -0.25), (36, 0.1, 0.05), (41, 0.0, 0.1), (39, 0.0, 0.25), (40, 0.0, 0.8), (41, 0.1, 0.95),
        (36, 0.55, 0.7),
    ),
    7: _EYE,
    12: ((48, -0.35, 0.15), (48, 0.15, 0.3), (48, 0.75, -0.3), (48, 0.6, -0.75), (31, 0.3, 0.0)),
    14: ((48, -0.25, -0.3), (48, 0.5, -0.3), (48, 0.5, 0.3), (48, -0.25, 0.3)),
    15: ((48, -0.25, -0.1), (48, 0.35, -0.1), (48, 0.35, 0.6), (48, -0.25, 0.6)),
    20: ((48, -0.3, -0.2), (48, 0.65, -0.2), (48, 0.65, 0.5), (48, -0.3, 0.5)),
    43: _EYE,
}  # fmt: skip
"""The polygon on the subject's right half of the face; the other is its mirror image."""

_CENTRAL: dict[int, tuple[_Corner, ...]] = {
    1: ((19, 0.0, 0.15), (21, 0.0, 0.2), (19, 0.0, -0.8), (21, 0.0, -1.1)),
    4: ((18, 0.25, 0.05), (18, 0.15, -0.4), (20, 0.0, -0.65), (21, 0.0, -0.7), (39, -0.1, -0.2)),
    9: ((21, 0.0, -0.1), (39, -0.1, 0.0), (31, 0.35, -0.35), (31, 0.3, 0.0), (33, 0.0, 0.05)),
    10: ((31, 0.4, -0.2), (48, 0.1, -0.1), (49, 0.0, 0.05), (51, 0.0, 0.1), (33, 0.0, 0.0)),
    16: ((48, -0.1, 0.05), (58, 0.15, 0.4), (57, 0.0, 0.4)),
    17: ((59, 0.1, 0.05), (57, 0.0, 0.0), (6, -0.1, 0.0), (8, 0.0, 0.05)),
    18: _LIPS,
    22: _LIPS,
    23: _LIPS,
    24: _LIPS,
    25: _LIPS,
    26: _JAW,
    27: _JAW,
    28: _LIPS,
}
"""Half of a polygon that crosses the middle of the face; its mirror image is the other half."""

REGION_AUS = tuple(sorted(_ONE_SIDED | _CENTRAL))
"""The AUs that `landmark_regions` knows."""


def landmark_regions(landmarks: Floats, aus: Sequence[int], size: int) -> NDArray[np.bool_]:
    """Return where action units show on a face, from its landmarks.

    Args:
        landmarks: (68, 2) as x, y in pixels of the crop, iBUG order.
        aus: The A action units.
        size: Side S of the crop in pixels.

    Returns:
        (A, S, S); False everywhere where a landmark is not finite.

    Raises:
        SettingError: The landmarks are not 68, or an AU has no region.
    """
    if landmarks.shape != (68, 2):
        raise SettingError(f"Regions need (68, 2) landmarks, not {landmarks.shape}.")
    for au in aus:
        if au not in REGION_AUS:
            known = ", ".join(map(str, REGION_AUS))
            raise SettingError(f"No region is known for AU {au}; choose among {known}.")
    found = np.zeros((len(aus), size, size), np.uint8)
    exact = landmarks.astype(np.float64)
    if np.isfinite(exact).all():
        for plane, au in zip(found, aus, strict=True):
            for polygon in _polygons(exact, au):
                _fill(plane, polygon)
    return found.astype(bool)


def _polygons(points: NDArray[np.float64], au: int) -> list[NDArray[np.float64]]:
    """Return an AU's polygons, each (K, 2) corners in any order."""
    ruler = float(np.linalg.norm(points[42] - points[39]))
    across = points[42:48].mean(0) - points[36:42].mean(0)
    right = across / max(float(np.linalg.norm(across)), 1e-9)
    down = np.array([-right[1], right[0]])
    one = _ONE_SIDED.get(au)
    corners = one if one is not None else _CENTRAL[au]
    # The subject's right is on the left of the picture, so that outwards is leftwards there.
    here, there = (
        np.stack(
            [points[_mirror(k, turn)] + ruler * (turn * out * right + low * down) for k, out, low in corners]
        )
        for turn in (-1, 1)
    )
    return [here, there] if one is not None else [np.concatenate([here, there])]


def _mirror(landmark: int, turn: int) -> int:
    """Return the landmark itself (turn -1), or its counterpart on the other half of the face (turn 1)."""
    return landmark if turn < 0 else _COUNTERPART[landmark]


_COUNTERPART = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65,
)  # fmt: skip
"""Landmark by landmark, its mirror image."""


def _fill(plane: NDArray[np.uint8], corners: NDArray[np.float64]) -> None:
    """Fill the convex hull of some points, to a sixteenth of a pixel."""
    hull = cv2.convexHull(corners.astype(np.float32))
    cv2.fillConvexPoly(plane, np.rint(hull * 16).astype(np.int32), 1, shift=4)
