"""Which of the 68 landmarks of a rendered face can be seen, from how the head is turned.

A landmark is hidden where the skin around it faces away from the camera. What stands before the face, a hand
or a cup, is not known here, nor what the nose hides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats

# The directions in which the skin of the rig's mean face looks, in hundredths: to the picture's right, up,
# and to the camera; made symmetric. The inner lips look as the outer ones do.
# fmt: off
_HUNDREDTHS = (
    (-98, 1, 19), (-100, -7, 7), (-98, -15, 13), (-97, -16, 19), (-89, -36, 29), (-76, -55, 33),
    (-72, -57, 39), (-47, -57, 67), (0, -80, 60), (47, -57, 67), (72, -57, 39), (76, -55, 33),
    (89, -36, 29), (97, -16, 19), (98, -15, 13), (100, -7, 7), (98, 1, 19), (-91, 16, 39), (-72, 34, 60),
    (-51, 32, 80), (-28, 17, 94), (-7, 5, 100), (7, 5, 100), (28, 17, 94), (51, 32, 80), (72, 34, 60),
    (91, 16, 39), (0, 39, 92), (0, 61, 79), (0, 63, 78), (0, 20, 98), (-65, 8, 75), (-50, 4, 87),
    (0, -39, 92), (50, 4, 87), (65, 8, 75), (33, -15, 93), (6, -90, 43), (-16, -89, 42), (-38, 44, 81),
    (-18, 93, 31), (-11, 83, 54), (38, 44, 81), (16, -89, 42), (-6, -90, 43), (-33, -15, 93), (11, 83, 54),
    (18, 93, 31), (-3, -50, 86), (-58, -6, 81), (-32, 12, 94), (0, 32, 95), (32, 12, 94), (58, -6, 81),
    (3, -50, 86), (67, 0, 74), (42, -35, 84), (0, -52, 85), (-42, -35, 84), (-67, 0, 74), (-3, -50, 86),
    (-32, 12, 94), (0, 32, 95), (32, 12, 94), (3, -50, 86), (42, -35, 84), (0, -52, 85), (-42, -35, 84),
)
# fmt: on
_NORMALS: NDArray[np.float64] = np.array(_HUNDREDTHS) / 100


def visible_by_pose(pose_deg: NDArray[np.float64]) -> Floats:
    """Return which landmarks look towards the camera.

    Args:
        pose_deg: (N, 3) pitch, yaw, roll of rendered heads, NaN unknown.

    Returns:
        (N, 68) float32: 1 visible, 0 hidden, NaN unknown.
    """
    pitch, yaw = (np.radians(pose_deg[:, axis])[:, None] for axis in (0, 1))
    across, up, ahead = _NORMALS.T
    # The head is turned about its own upright axis first, then nods; how it rolls hides nothing.
    turned = ahead * np.cos(yaw) - across * np.sin(yaw)
    towards = turned * np.cos(pitch) - up * np.sin(pitch)
    return np.where(np.isnan(towards), np.nan, towards > 0).astype(np.float32)
