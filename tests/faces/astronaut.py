"""The astronaut's face, drawn anywhere: what detectors are tried on."""

from __future__ import annotations

import math

import cv2
import numpy as np

from openau.faces import house_box
from openau.records import Box, Face, Pixels

# Her pupils and the middle between the corners of her mouth, marked by hand to about a pixel.
HOUSE = house_box((203.3, 101.2), (246.7, 103.3), (224.0, 142.5))


def centre_and_side(box_px: Box) -> tuple[float, float, float]:
    x1, y1, x2, y2 = box_px
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1


def placed(
    rgb: Pixels, side: float, x: float, y: float, size: tuple[int, int], turn_deg: float = 0.0
) -> Pixels:
    """Draw the face, its box as large as `side`, centred on x, y in a grey picture of width x height."""
    true_x, true_y, true_side = centre_and_side(HOUSE)
    matrix = np.array(cv2.getRotationMatrix2D((true_x, true_y), turn_deg, side / true_side), np.float64)
    matrix[:, 2] += (x - true_x, y - true_y)
    blur = max(0.0, 0.45 * true_side / side - 0.3)
    soft = cv2.GaussianBlur(rgb, (0, 0), blur) if blur > 0.2 else rgb
    picture: Pixels = np.asarray(
        cv2.warpAffine(soft, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(120, 120, 120)), np.uint8
    )
    return picture


def assert_is(face: Face, x: float, y: float, side: float, *, off: float, other: float) -> None:
    """Assert that a face is where it should be.

    Args:
        face: What was found.
        x: Of its true centre, in pixels.
        y: The same.
        side: Its true side, in pixels.
        off: How far off its centre may be, as a share of the side.
        other: How far off its side may be, as a share.
    """
    found_x, found_y, found_side = centre_and_side(face.box_px)
    assert math.dist((found_x, found_y), (x, y)) < off * side
    assert abs(found_side / side - 1) < other
