"""Face → the network's input: one square, cut with subpixel accuracy and without aliasing.

Two coordinate systems meet here. A *box* is measured at pixel edges: the whole of a picture W wide and H
high is `0, 0, W, H`. *Points* and the *matrix* are measured at pixel centres: the first pixel is `0, 0`.
So the edge coordinate of a point is the point plus one half.

A `CropSpec` aligned by `box` cuts the upright square whose side is `scale` times the longer side of the
box, centred on the box and moved down by `shift_y` times that longer side. With `left, top` its upper left
corner and `k = size / side`,

    u = k * (x + 0.5 - left) - 0.5        v = k * (y + 0.5 - top) - 0.5

takes a picture's point x, y to the crop's point u, v. Where the picture is shrunk (k < 1), each crop
pixel is the exact mean of the picture over the area it covers; where it is enlarged, it is interpolated
linearly. The two meet at k = 1, so a face that slowly grows never makes the crop jump. Beyond the
picture's edge its outermost pixels go on for ever.

Aligned by `points`, the box is the one that `turned_box` finds from the landmarks, and it all happens in the
box's own, turned frame.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.faces.align import TurnedBox, turned_box
from openau.faces.turned import cut_turned
from openau.records import Box, Crop, CropSpec, Face, Floats, Pixels

_INT32_PIXELS = (2**31 - 1) // 255  # more pixels than this could overflow a 32-bit sum
_BAND_PIXELS = 2**20
_LARGEST_SIDE = 1e7  # a square beyond this is no face of any picture, and would cost float precision


def crop_face(rgb: Pixels, face: Face, spec: CropSpec) -> Crop:
    """Cut one face out of its picture, by the recipe of the network that will read it.

    Args:
        rgb: (H, W, 3) RGB uint8.
        face: The face; its box may reach past the picture's edge. A recipe aligned by `points` looks at its
            landmarks alone.
        spec: The recipe, from the model's card.

    Returns:
        The (S, S, 3) crop and the (2, 3) map from picture points to crop points.

    Raises:
        SettingError: The picture is empty, the box is not finite, is empty or does not touch the picture, or
            the recipe needs landmarks and the face has none.
    """
    height, width = rgb.shape[:2]
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not height or not width:
        raise SettingError(
            f"A face is cut from an (H, W, 3) uint8 picture, not from {rgb.shape} {rgb.dtype}."
        )
    matrix = crop_matrix(face, spec)
    _check_touches(face, spec, width, height)
    turned = spec.align == "points"
    pixels = cut_turned(rgb, matrix, spec.size) if turned else _cut_upright(rgb, matrix, spec.size)
    return Crop(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), matrix)


def crop_matrix(face: Face, spec: CropSpec) -> NDArray[np.float64]:
    """Return the map from picture points to crop points, without cutting anything.

    Args:
        face: The face.
        spec: The recipe.

    Returns:
        (2, 3) affine matrix, which turns, scales and moves; pixel centres at integers on both sides.

    Raises:
        SettingError: The box is not finite, or is empty, or the recipe needs landmarks and the face has none.
    """
    box = turned_box(face.points) if spec.align == "points" else _upright(face.box_px)
    k = spec.size / (box.side * spec.scale)
    if not 0 < box.side <= _LARGEST_SIDE:
        raise SettingError(f"A face {box.side:g} pixels wide is no face of any picture.")
    angle = math.radians(-box.angle_deg)
    turn = k * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    # The centre of the cut falls on the middle of the crop, both measured at pixel edges.
    middle = np.array([spec.size / 2, spec.size / 2 - k * spec.shift_y * box.side])
    shift = middle - 0.5 - turn @ (box.x - 0.5, box.y - 0.5)
    return np.hstack([turn, shift[:, None]])


def _upright(box_px: Box) -> TurnedBox:
    """Return the square around a box whose side is the box's longer one."""
    x1, y1, x2, y2 = (float(value) for value in box_px)
    longer = max(x2 - x1, y2 - y1)
    if not all(map(math.isfinite, (x1, y1, x2, y2))) or x2 <= x1 or y2 <= y1 or longer > _LARGEST_SIDE:
        raise SettingError(f"The face box {_text(box_px)} is not a box: x1 < x2 and y1 < y2 in pixels.")
    return TurnedBox((x1 + x2) / 2, (y1 + y2) / 2, longer, 0.0)


def _check_touches(face: Face, spec: CropSpec, width: int, height: int) -> None:
    """Refuse a face that lies outside its picture."""
    box_px = face.box_px if spec.align == "box" else _bounds(turned_box(face.points))
    x1, y1, x2, y2 = box_px
    if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
        raise SettingError(
            f"The face box {_text(box_px)} lies outside the {width}x{height} picture; "
            "give a box that touches it."
        )


def _bounds(box: TurnedBox) -> Box:
    """Return the upright box around a turned one."""
    angle = math.radians(box.angle_deg)
    half = box.side / 2 * (abs(math.cos(angle)) + abs(math.sin(angle)))
    return box.x - half, box.y - half, box.x + half, box.y + half


def _cut_upright(rgb: Pixels, matrix: NDArray[np.float64], size: int) -> Floats:
    """Return the pixels of an upright square, as exact means or linearly interpolated."""
    scale = float(matrix[0, 0])
    # Edge (or, when enlarging, centre) coordinates of the crop's pixels in the picture.
    if scale < 1.0:
        steps = np.arange(size + 1) - 0.5
        x, y = ((steps - matrix[axis, 2]) / scale + 0.5 for axis in (0, 1))
        return _mean_over_cells(rgb, x, y)
    steps = np.arange(size, dtype=np.float64)
    x, y = ((steps - matrix[axis, 2]) / scale for axis in (0, 1))
    return _interpolate(rgb, x, y)


def _text(box_px: Box) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box_px) + ")"


def _mean_over_cells(rgb: Pixels, x: NDArray[np.float64], y: NDArray[np.float64]) -> Floats:
    """Return the exact mean colour of each cell of a grid, given its (S + 1,) edges along x and along y.

    The running sum of a picture whose pixels are flat squares is bilinear inside every pixel, so reading it
    between its nodes is exact; reading it past its ends goes on with the outermost pixel.
    """
    x0, x1 = _touched(x, rgb.shape[1])
    y0, y1 = _touched(y, rgb.shape[0])
    if (x1 - x0) * (y1 - y0) > _BAND_PIXELS and len(
        y
    ) > 2:  # large faces in bands: little memory, no overflow
        middle = len(y) // 2
        bands = (_mean_over_cells(rgb, x, band) for band in (y[: middle + 1], y[middle:]))
        return np.concatenate(list(bands))
    wide = (x1 - x0) * (y1 - y0) > _INT32_PIXELS
    total = cv2.integral(rgb[y0:y1, x0:x1], sdepth=cv2.CV_64F if wide else cv2.CV_32S)
    rows = _cell_sums(total, y - y0)
    cells = _cell_sums(np.ascontiguousarray(rows.swapaxes(0, 1)), x - x0).swapaxes(0, 1)
    return cells / np.float32((x[1] - x[0]) * (y[1] - y[0]))


def _cell_sums(total: NDArray[Any], edges: NDArray[np.float64]) -> Floats:
    """Return what a running sum along the first axis gains from each edge to the next.

    Whole nodes are subtracted before anything is rounded to float32, so nothing is lost to cancellation.
    """
    lower, share = _node_and_share(edges, len(total))
    at_node = total.take(lower, axis=0)
    beyond = (total.take(lower + 1, axis=0) - at_node).astype(np.float32)
    beyond *= share
    sums: Floats = (at_node[1:] - at_node[:-1]).astype(np.float32)
    sums += beyond[1:]
    sums -= beyond[:-1]
    return sums


def _interpolate(rgb: Pixels, x: NDArray[np.float64], y: NDArray[np.float64]) -> Floats:
    """Return the picture at a grid of points, given their (S,) coordinates along x and along y."""
    x0, x1 = _touched(x, rgb.shape[1])
    y0, y1 = _touched(y, rgb.shape[0])
    rows = _between(rgb[y0:y1, x0:x1], np.clip(y - y0, 0, y1 - y0 - 1))
    columns = np.ascontiguousarray(rows.swapaxes(0, 1))
    return _between(columns, np.clip(x - x0, 0, x1 - x0 - 1)).swapaxes(0, 1)


def _between(nodes: NDArray[Any], position: NDArray[np.float64]) -> Floats:
    if len(nodes) == 1:
        return np.repeat(nodes.astype(np.float32), len(position), axis=0)
    lower, share = _node_and_share(position, len(nodes))
    values: Floats = nodes.take(lower, axis=0).astype(np.float32)
    step = nodes.take(lower + 1, axis=0).astype(np.float32)
    step -= values
    step *= share
    values += step
    return values


def _touched(position: NDArray[np.float64], count: int) -> tuple[int, int]:
    """Return the range of the nodes along one axis that reading at these positions needs (at least one)."""
    first = min(max(math.floor(position[0]), 0), count - 1)
    last = min(max(math.floor(position[-1]) + 2, first + 1), count)
    return first, last


def _node_and_share(position: NDArray[np.float64], count: int) -> tuple[NDArray[np.intp], Floats]:
    """Return the node before each position, and how far beyond it the position lies (may exceed 1)."""
    lower = np.clip(np.floor(position), 0, count - 2).astype(np.intp)
    return lower, (position - lower).astype(np.float32)[:, None, None]
