"""What the heat map networks of Fan et al. learn: one bell per AU point, as high as the AU is intense.

The points come from the 68 landmarks of the face. The authors do not publish their rule, only annotated
pictures; the rule for AU 6, 10, 12, 14 and 17 is read off those, the others follow JAA-Net (Shao et al., ECCV
2018), whose ruler is the distance between the inner corners of the eyes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.records import Floats

SIGMA = 2.0
"""Standard deviation of the bell, in pixels of the map."""

HEIGHT = 255.0
"""Height of the bell at intensity 1."""

_Point = tuple[tuple[int, ...], float]
"""The landmarks whose mean is the point, and how many rulers it lies below that mean."""

_EYES: tuple[_Point, ...] = ((tuple(range(36, 42)), 0.0), (tuple(range(42, 48)), 0.0))
_CORNERS: tuple[_Point, ...] = (((48,), 0.0), ((54,), 0.0))
_LIPS: tuple[_Point, ...] = (((51,), 0.0), ((57,), 0.0))

AU_POINTS: dict[int, tuple[_Point, ...]] = {
    1: (((21,), -1 / 2), ((22,), -1 / 2)),
    2: (((17,), -1 / 3), ((26,), -1 / 3)),
    4: (((21, 22), 1 / 3),),
    5: _EYES,
    6: (((40, 41, 2, 2), 0.0), ((46, 47, 14, 14), 0.0)),
    7: _EYES,
    9: (((31,), -1 / 2), ((33,), -1 / 2), ((35,), -1 / 2)),
    10: (((49,), 0.0), ((53,), 0.0)),
    12: _CORNERS,
    14: (((48, 3), 0.0), ((54, 13), 0.0)),
    15: _CORNERS,
    17: (((57,), 0.0), ((57, 8), 0.0)),
    20: _CORNERS,
    23: _LIPS,
    24: _LIPS,
    25: _LIPS,
    26: (((58,), 1 / 2), ((56,), 1 / 2)),
}
"""AU number to its points: landmarks (counted from 0) whose mean is taken, and the shift down in rulers."""


_PAIRS = (
    *((mark, 16 - mark) for mark in range(8)),
    *((mark, 43 - mark) for mark in range(17, 22)),
    *((31, 35), (32, 34), (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)),
    *((48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67)),
)
_MIRRORED = {mark: mark for mark in range(68)} | dict(_PAIRS) | {right: left for left, right in _PAIRS}
"""Landmark to the one on the other side, iBUG order."""


def point_counts(aus: Sequence[int]) -> tuple[int, ...]:
    """Return how many points each AU has.

    Args:
        aus: AU numbers.

    Returns:
        As many numbers as AUs: 2 each for BP4D's five, 24 in all for DISFA's twelve.

    Raises:
        SettingError: An AU has no rule.
    """
    unknown = [au for au in aus if au not in AU_POINTS]
    if unknown:
        raise SettingError(
            f"No points are known for AU {unknown[0]}; choose among {', '.join(map(str, AU_POINTS))}."
        )
    return tuple(len(AU_POINTS[au]) for au in aus)


def au_points(landmarks: Floats, aus: Sequence[int]) -> Floats:
    """Return where the AUs show on an upright face.

    Args:
        landmarks: (68, 2) or (B, 68, 2) as x, y in pixels; NaN where unknown.
        aus: AU numbers.

    Returns:
        (K, 2) or (B, K, 2) as x, y in the same pixels, AU after AU; NaN where a landmark is.

    Raises:
        SettingError: An AU has no rule, or the landmarks are not 68.
    """
    point_counts(aus)
    if landmarks.shape[-2:] != (68, 2):
        raise SettingError(f"The points of an AU need (68, 2) landmarks, not {landmarks.shape}.")
    exact = landmarks.astype(np.float64)
    ruler = np.linalg.norm(exact[..., 39, :] - exact[..., 42, :], axis=-1)
    found = []
    for au in aus:
        for parts, below in AU_POINTS[au]:
            point = exact[..., list(parts), :].mean(-2)
            point[..., 1] += below * ruler
            found.append(point)
    return np.stack(found, axis=-2).astype(np.float32)


def opposite_points(aus: Sequence[int]) -> list[int]:
    """Return for each AU point that of the same AU on the other side of the face.

    Args:
        aus: AU numbers.

    Returns:
        K point numbers; a point in the middle is its own opposite.

    Raises:
        SettingError: An AU has no rule.
    """
    point_counts(aus)
    found: list[int] = []
    for au in aus:
        places = [(sorted(parts), below) for parts, below in AU_POINTS[au]]
        turned = [(sorted(_MIRRORED[part] for part in parts), below) for parts, below in AU_POINTS[au]]
        start = len(found)
        found += [start + places.index(place) for place in turned]
    return found


def render_heatmaps(
    points: Floats, intensity: Floats, *, size: int, map_size: int, sigma: float = SIGMA
) -> Floats:
    """Draw one bell per point.

    255 · intensity · exp(-d²/2σ²), d from the map pixel floor(point / size · map_size + 0.5).

    Args:
        points: (..., K, 2) as x, y in pixels of the input; outside of it, the bell is cut off.
        intensity: (..., K), 0–5 (or 0/1 where only occurrence is known).
        size: Side of the input in pixels.
        map_size: Side m of the maps in pixels.
        sigma: Standard deviation of the bell in pixels of the map.

    Returns:
        (..., K, m, m) float32; a map is NaN everywhere where its point or intensity is NaN.

    Raises:
        SettingError: The shapes do not fit, or a size or sigma is not positive.

    Reference: Fan et al., AAAI 2020, section 3.3; sizes and rounding as in the authors' code.
    """
    if points.shape != (*intensity.shape, 2):
        raise SettingError(f"Points {points.shape} and intensities {intensity.shape} do not belong together.")
    if size < 1 or map_size < 1 or sigma <= 0:
        raise SettingError(f"Size {size}, map size {map_size} and sigma {sigma} must be positive.")
    centre = np.floor(points.astype(np.float64) / size * map_size + 0.5)
    grid = np.arange(map_size)
    # The bell is the product of one along x and one along y.
    along = np.exp(-((grid - centre[..., None]) ** 2) / (2 * sigma**2))
    height: NDArray[np.float64] = HEIGHT * intensity.astype(np.float64)
    maps = height[..., None, None] * along[..., 1, :, None] * along[..., 0, None, :]
    return maps.astype(np.float32)
