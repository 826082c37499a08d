"""Cut a square that is turned in its picture, without aliasing and to a fraction of a pixel.

Where the picture is enlarged, each pixel of the crop is interpolated linearly. Where it is shrunk, it is a
mean over the turned square it covers: of several interpolated samples, spread so that together with the
interpolation's own width they have the width of that square. The two meet where a pixel of the crop is as
large as one of the picture. Of a face that is very large, exact means over whole blocks of pixels are taken
first.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats, Pixels

_BLOCKS_FROM = 8.0  # pixels of the picture to one of the crop, in each direction
_BLOCKS_LEAVE = 4.0  # the same of blocks


def cut_turned(rgb: Pixels, matrix: NDArray[np.float64], size: int) -> Floats:
    """Return a turned square of a picture.

    Args:
        rgb: (H, W, 3) RGB uint8.
        matrix: (2, 3) similarity from picture points to crop points.
        size: Side S of the crop in pixels.

    Returns:
        (S, S, 3) float32 in 0–255. Beyond the picture's edge its outermost pixels go on for ever.
    """
    back = np.linalg.inv(np.vstack([matrix, (0.0, 0.0, 1.0)]))[:2]
    pitch = math.hypot(back[0, 0], back[1, 0])
    block = 1 if pitch < _BLOCKS_FROM else math.floor(pitch / _BLOCKS_LEAVE)
    part, back = _around(rgb, back, size, block)
    pitch /= block
    if pitch <= 1.0:
        return _interpolate(part, back, size)
    # A mean over a square of side w has the variance w^2/12 in each direction. Linear interpolation has that
    # of 1, so the samples must have that of pitch^2 - 1; and n samples a step apart have (n^2 - 1) step^2/12.
    wanted = math.sqrt(pitch**2 - 1.0)
    count = max(2, math.ceil(wanted))
    step = wanted / math.sqrt(count**2 - 1.0) / pitch  # in pixels of the crop
    total = np.zeros((size, size, 3), np.float32)
    offsets = (np.arange(count) - (count - 1) / 2) * step
    for down in offsets:
        for across in offsets:
            moved = back.copy()
            moved[:, 2] += back[:, :2] @ (across, down)
            cv2.accumulate(_sample(part, moved, size), total)
    total /= count**2
    return total


def _around(
    rgb: Pixels, back: NDArray[np.float64], size: int, block: int
) -> tuple[Pixels, NDArray[np.float64]]:
    """Return the part of the picture that is needed, as means of blocks, and the map from the crop to it."""
    height, width = rgb.shape[:2]
    corners = np.array([(u, v, 1.0) for u in (-0.5, size - 0.5) for v in (-0.5, size - 0.5)]) @ back.T
    margin = 2 * block
    ranges = []
    for axis, length in ((0, width), (1, height)):
        first = min(max(math.floor(corners[:, axis].min()) - margin, 0), length - 1)
        last = max(min(math.ceil(corners[:, axis].max()) + margin + 1, length), first + 1)
        ranges.append((first, last))
    (left, right), (top, low) = ranges
    part = np.ascontiguousarray(rgb[top:low, left:right])
    back = back.copy()
    back[:, 2] -= (left, top)
    if block == 1:
        return part, back
    # The outermost pixels must go on, not the means of the outermost blocks: so these lie beyond the edge.
    below, beside = (margin + -length % block for length in part.shape[:2])
    part = np.asarray(cv2.copyMakeBorder(part, margin, below, margin, beside, cv2.BORDER_REPLICATE), np.uint8)
    back[:, 2] += margin
    small = (part.shape[1] // block, part.shape[0] // block)
    # Pixel centres are whole numbers on both sides: half a pixel apart from the edges, which scale.
    back = (back + np.array([0.0, 0.0, 0.5])) / block - np.array([0.0, 0.0, 0.5])
    return np.asarray(cv2.resize(part, small, interpolation=cv2.INTER_AREA), np.uint8), back


def _sample(part: Pixels, back: NDArray[np.float64], size: int) -> Pixels:
    """Interpolate quickly; OpenCV rounds places to a 32nd of a pixel, which evens out over samples."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(part, back, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8)


def _interpolate(part: Pixels, back: NDArray[np.float64], size: int) -> Floats:
    """Interpolate exactly."""
    height, width = part.shape[:2]
    v, u = np.mgrid[:size, :size]
    x = np.clip(back[0, 0] * u + back[0, 1] * v + back[0, 2], 0, width - 1)
    y = np.clip(back[1, 0] * u + back[1, 1] * v + back[1, 2], 0, height - 1)
    left, top = (
        np.minimum(np.floor(place).astype(np.intp), most) for place, most in ((x, width - 1), (y, height - 1))
    )
    right, low = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left).astype(np.float32)[..., None], (y - top).astype(np.float32)[..., None]
    pixels = part.reshape(-1, 3)
    upper, lower = (
        (1 - across) * pixels[row * width + left] + across * pixels[row * width + right] for row in (top, low)
    )
    found: Floats = (1 - down) * upper + down * lower
    return found
