"""Heads of our own for tests without the face rig: a disc with a bright dot at each of the five points."""

from __future__ import annotations

import cv2
import numpy as np

from openau.synth.cutout import SIZE, Cutouts

FIVE = {36: (64, 74), 42: (96, 74), 30: (80, 88), 48: (68, 104), 54: (92, 104)}


def fake_cutouts(count: int = 4, *, seed: int = 0) -> Cutouts:
    """Return heads that look at the camera, the last one away from it.

    Args:
        count: How many.
        seed: Decides their grey.
    """
    rng = np.random.default_rng(seed)
    rgba = np.zeros((count, SIZE, SIZE, 4), np.uint8)
    points = np.zeros((count, 68, 2), np.float32)
    for number in range(count):
        cover = np.zeros((SIZE, SIZE), np.uint8)
        cv2.ellipse(cover, (80, 86), (34, 44), 0, 0, 360, 255, -1)
        grey = np.full((SIZE, SIZE), int(rng.integers(70, 110)), np.uint8)
        for first, (x, y) in FIVE.items():
            points[number, first : first + 6] = (x + 0.5, y + 0.5)
            cv2.circle(grey, (x, y), 4, 20 if first in (36, 42) else 230, -1)
        rgba[number] = np.dstack([grey, grey, grey, cover])
    boxes = np.tile(np.array([52, 58, 108, 114], np.float32), (count, 1))
    poses = np.zeros((count, 3), np.float32)
    poses[-1, 1] = 170.0
    return Cutouts(rgba, points, boxes, poses)
