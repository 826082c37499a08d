"""Arithmetic on textures and pictures: hills, steps, distances to lines, blur and enlargement."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from openau.records import Floats

Numbers = NDArray[np.floating[Any]]


def bump(distance: Numbers, width: float) -> Floats:
    """Return a Gaussian hill, 1 at distance 0 and 0.37 at `width`.

    Args:
        distance: Any shape.
        width: In the unit of `distance`.
    """
    return np.asarray(np.exp(-((distance / np.float32(width)) ** 2)), np.float32)


def smooth_step(low: float, high: float, value: Numbers) -> Floats:
    """Return 0 before `low` and 1 beyond `high`, smooth between; `high` may be the smaller.

    Args:
        low: Where it starts.
        high: Where it ends.
        value: Any shape.
    """
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def line_distance(line: tuple[tuple[float, float], ...], x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the distance to a broken line and how far along its nearest piece the nearest point is.

    Args:
        line: Corners (x, y), at least two.
        x: float32, any shape.
        y: float32, the same shape.

    Returns:
        Distance, and place along the nearest piece in 0-1, both in the shape of `x`.
    """
    best = np.full(x.shape, np.inf, np.float32)
    place = np.zeros(x.shape, np.float32)
    for (ax, ay), (bx, by) in pairwise(line):
        length2 = (bx - ax) ** 2 + (by - ay) ** 2
        t = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length2, 0, 1)
        distance = np.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay))
        nearer = distance < best
        best[nearer], place[nearer] = distance[nearer], t[nearer]
    return best, place


def blur(image: Numbers, deviation: float) -> Floats:
    """Return a Gaussian blur.

    Args:
        image: (H, W) or (H, W, 3).
        deviation: Pixels.
    """
    return np.asarray(cv2.GaussianBlur(image, (0, 0), deviation), np.float32)


def resize(image: Numbers, size: tuple[int, int], interpolation: int = cv2.INTER_LINEAR) -> Floats:
    """Return the image at another size.

    Args:
        image: (H, W) or (H, W, C).
        size: Height and width, pixels.
        interpolation: An OpenCV flag.
    """
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=interpolation), np.float32)


def float32(array: ArrayLike) -> Floats:
    """Return the array as float32 in C order.

    Args:
        array: Any shape.
    """
    return np.ascontiguousarray(array, np.float32)


def halved(image: Numbers) -> Floats:
    """Return the image at half its size, averaged.

    Args:
        image: (2H, 2W) or (2H, 2W, C).
    """
    height, width = image.shape[:2]
    return resize(image, (height // 2, width // 2), cv2.INTER_AREA)
