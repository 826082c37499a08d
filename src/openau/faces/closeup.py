"""Patches around places of a picture, in one size and brightness, for the default detector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from openau.faces.detect import Grey
from openau.records import Floats

PATCH: Final = 104
"""Side of a patch: an odd number of cells, so that a face in the middle lies in the middle of a cell, not
between four."""

_FLAT = 90.0  # range of grey levels below which a patch is given more contrast


def patches(
    grey: Grey, middle: Floats, side: Floats, faces_px: Sequence[float], *, mirrored: bool
) -> tuple[Floats, Floats]:
    """Cut patches around places, one for each size.

    Args:
        grey: (H, W) uint8.
        middle: (N, 2) places, pixels at their edges.
        side: (N,) of the face that is thought to be there.
        faces_px: Sides that the face is to have in its L patches.
        mirrored: Whether each patch is followed by its mirror image.

    Returns:
        (N, L or 2 L, P, P) in 0-1; (N, L or 2 L) picture pixels per patch pixel.
    """
    ways = 1 + mirrored
    cut = np.empty((len(middle), len(faces_px), ways, PATCH, PATCH), np.float32)
    scales = np.asarray(faces_px, np.float64) / np.maximum(side, 1.0)[:, None]
    for place, (x, y) in enumerate(middle):
        for number, scale in enumerate(scales[place]):
            cut[place, number, 0] = evened(patch(grey, float(x), float(y), float(scale)))
    if mirrored:
        cut[:, :, 1] = cut[:, :, 0, :, ::-1]
    looks = len(faces_px) * ways
    back = np.asarray(1 / np.repeat(scales, ways, axis=1), np.float32)
    return cut.reshape(len(middle), looks, PATCH, PATCH), back


def patch(grey: Grey, x: float, y: float, scale: float) -> Grey:
    """Cut one patch; what is outside the picture repeats its edge.

    Args:
        grey: (H, W) uint8.
        x: Of its centre, pixels at their edges.
        y: The same.
        scale: Patch pixels per picture pixel.

    Returns:
        (P, P) uint8.
    """
    half = PATCH / 2 / scale
    left, top = math.floor(x - half) - 2, math.floor(y - half) - 2
    right, bottom = math.ceil(x + half) + 3, math.ceil(y + half) + 3
    height, width = grey.shape
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    part = grey[top : max(top + 1, min(bottom, height)), left : max(left + 1, min(right, width))]
    ratio_x = ratio_y = 1.0
    if scale < 0.6:  # averaged first, so that nothing flickers
        small = max(1, round(part.shape[1] * scale * 1.2)), max(1, round(part.shape[0] * scale * 1.2))
        ratio_x, ratio_y = part.shape[1] / small[0], part.shape[0] / small[1]
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
    across, down = scale * ratio_x, scale * ratio_y
    # Pixel centres at integers in both.
    matrix = np.array(
        [
            [across, 0, across / 2 - 0.5 + (left - x) * scale + PATCH / 2],
            [0, down, down / 2 - 0.5 + (top - y) * scale + PATCH / 2],
        ]
    )
    return cv2.warpAffine(
        part, matrix, (PATCH, PATCH), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def evened(cut: Grey) -> Floats:
    """Bring a (P, P) patch to ordinary brightness and contrast, where it is dark or pale; in 0-1."""
    low, high = percentiles(cut[PATCH // 5 : -PATCH // 5, PATCH // 5 : -PATCH // 5], (2, 98))
    if high - low >= _FLAT:
        return np.asarray(cut * np.float32(1 / 255), np.float32)
    middle = (high + low) / 2
    gain = min(4.0, _FLAT / max(high - low, 1.0))
    picture = (np.float32(cut) - np.float32(middle)) * np.float32(gain)
    picture += np.float32(min(max(middle, 70.0), 185.0))
    return np.asarray(np.clip(picture, 0, 255) / 255, np.float32)


def percentiles(grey: Grey, asked: Sequence[float]) -> list[float]:
    """Return grey levels below or at which so many hundredths of the pixels lie.

    Counted, not sorted: it takes a tenth of `numpy.percentile`'s time.

    Args:
        grey: (H, W) uint8.
        asked: 0-100 each.
    """
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel().cumsum()
    return [float(np.searchsorted(counts, share / 100 * counts[-1])) for share in asked]
