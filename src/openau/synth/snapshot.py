"""A grey scene as a small camera sees it: for the face detector, which meets pictures of every quality."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.clutter import Grey
from openau.synth.texture import float32


def uneven_light(rng: np.random.Generator, side: int) -> Floats:
    """Return light that falls off to one side, or a shadow's edge.

    Args:
        rng: The source of chance.
        side: Of the picture, pixels.

    Returns:
        (side, side) float32 factor in 0-1.
    """
    around = float(rng.uniform(0, 2 * np.pi))
    rows, columns = np.ogrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    along = columns * math.cos(around) + rows * math.sin(around) - rng.uniform(-0.6, 0.6)
    steep = float(rng.uniform(1, 25))
    return float32(1 - float(rng.uniform(0.2, 0.75)) / (1 + np.exp(-steep * float32(along))))


def snapshot(rng: np.random.Generator, picture: Floats) -> Grey:
    """Return a scene as a camera sees it: light, blur, noise, fewer pixels, compression.

    Args:
        rng: The source of chance.
        picture: (S, S) float32 grey levels, 0-255.

    Returns:
        (S, S) uint8.
    """
    side = len(picture)
    shown: NDArray[Any] = picture
    if rng.random() < 0.2:
        shown = shown * uneven_light(rng, side)
    kind = rng.random()
    if kind < 0.2:  # dark
        shown = shown * math.exp(float(rng.uniform(math.log(0.1), math.log(0.7))))
    elif kind < 0.4:  # pale: haze, overexposure
        shown = 255 - (255 - shown) * rng.uniform(0.3, 0.9)
    elif kind < 0.6:  # flat or harsh
        shown = 128 + (shown - 128) * math.exp(float(rng.normal(0, 0.4)))
    if rng.random() < 0.35:
        shown = cv2.GaussianBlur(shown, (0, 0), math.exp(float(rng.uniform(math.log(0.4), math.log(2.0)))))
    if rng.random() < 0.1:
        length, around = float(rng.uniform(2, 6)), float(rng.uniform(0, np.pi))
        kernel = np.zeros((7, 7), np.float32)
        tip = (round(3 + length / 2 * math.cos(around)), round(3 + length / 2 * math.sin(around)))
        cv2.line(kernel, (6 - tip[0], 6 - tip[1]), tip, 1.0, 1)
        shown = cv2.filter2D(float32(shown), -1, kernel / kernel.sum())
    if rng.random() < 0.2:
        few = max(16, int(side * rng.uniform(0.45, 0.9)))
        shown = cv2.resize(cv2.resize(float32(shown), (few, few), interpolation=cv2.INTER_AREA), (side, side))
    if rng.random() < 0.5:
        deviation = math.exp(float(rng.uniform(math.log(0.7), math.log(14))))
        shown = shown + deviation * rng.standard_normal((side, side), np.float32)
    grey = np.asarray(np.clip(shown, 0, 255), np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 90))]
        grey = np.asarray(cv2.imdecode(cv2.imencode(".jpg", grey, quality)[1], cv2.IMREAD_GRAYSCALE))
    return grey
