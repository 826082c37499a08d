"""Tiles that show a map over a face in its photograph: the common parts of every grid of heat maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.draw import ink
from openau.draw.ink import PixelBox
from openau.records import Crop, Floats, Pixels

TILE_PX = 240
CAP_PX = 8.0
GAP_PX = 10
CAPTION_PX = 46
FOOT_PX = 40
PAPER: ink.Colour = (24, 26, 29)
_COLOUR_MAP = cv2.COLORMAP_VIRIDIS


@dataclass(frozen=True, slots=True)
class View:
    """The part of the photograph that the tiles show.

    Attributes:
        matrix: (2, 3) from photograph pixels to tile pixels.
    """

    matrix: NDArray[np.float64]

    @classmethod
    def around_face(cls, rgb: Pixels, crop: Crop) -> View:
        """Take the square around the crop's corners and a margin beyond."""
        side = crop.pixels.shape[0]
        corners = np.array([(x, y, 1.0) for x in (-0.5, side - 0.5) for y in (-0.5, side - 0.5)])
        back = cv2.invertAffineTransform(crop.matrix)
        points = corners @ back.T
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        half = float(np.ptp(points, axis=0).max()) / 2 * 1.12
        scale = TILE_PX / (2 * max(half, 0.5))
        shift = -(centre - half) * scale - 0.5
        return cls(np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]]))

    def cut(self, rgb: Pixels) -> Pixels:
        """Return the (T, T, 3) tile of the photograph; beyond its edge the paper shows."""
        scale = float(self.matrix[0, 0])
        (left, right), (top, bottom) = (
            (
                max(0, math.floor(-self.matrix[axis, 2] / scale) - 2),
                min(length, math.ceil((TILE_PX - self.matrix[axis, 2]) / scale) + 2),
            )
            for axis, length in ((0, rgb.shape[1]), (1, rgb.shape[0]))
        )
        if right <= left or bottom <= top:
            return np.full((TILE_PX, TILE_PX, 3), PAPER, np.uint8)
        part = rgb[top:bottom, left:right]
        matrix = self.matrix @ np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]])
        if scale < 0.5:  # area-average first: a bilinear warp alone would skip pixels
            height, width = part.shape[:2]
            small_size = max(1, math.ceil(width * 2 * scale)), max(1, math.ceil(height * 2 * scale))
            part = np.asarray(cv2.resize(part, small_size, interpolation=cv2.INTER_AREA), np.uint8)
            fx, fy = width / small_size[0], height / small_size[1]
            # A pixel x of the small picture has its centre at (x + 0.5) fx - 0.5 of the part.
            matrix = matrix @ np.array([[fx, 0.0, fx / 2 - 0.5], [0.0, fy, fy / 2 - 0.5], [0.0, 0.0, 1.0]])
        return self._warped(part, matrix)

    @staticmethod
    def _warped(rgb: Pixels, matrix: NDArray[np.float64]) -> Pixels:
        tile = cv2.warpAffine(rgb, matrix, (TILE_PX, TILE_PX), flags=cv2.INTER_LINEAR, borderValue=PAPER)
        return np.asarray(tile, np.uint8)

    def warp(self, values: Floats, crop: Crop) -> Floats:
        """Carry (S, S) values of the crop into the tile; 0 outside the crop."""
        back = np.vstack([cv2.invertAffineTransform(crop.matrix), (0.0, 0.0, 1.0)])
        tile = cv2.warpAffine(values, self.matrix @ back, (TILE_PX, TILE_PX), flags=cv2.INTER_LINEAR)
        return np.asarray(tile, np.float32)


def enlarged(values: Floats, side: int) -> Floats:
    """Enlarge a map to the crop, scaled from its minimum to its maximum onto 0–1; a flat one is 0 everywhere.

    Args:
        values: (h, w) float32.
        side: S of the crop in pixels.

    Returns:
        (S, S) float32 in 0–1.
    """
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return np.zeros((side, side), np.float32)
    scaled = ((values - low) / (high - low)).astype(np.float32)
    return np.asarray(cv2.resize(scaled, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def laid_over(face: Pixels, values: Floats) -> Pixels:
    """Lay a map's colours over a face in grey, so that every hue seen belongs to the map.

    Args:
        face: (S, S, 3) RGB uint8; left as it is.
        values: (S, S) float32 in 0–1.

    Returns:
        (S, S, 3) RGB uint8.
    """
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    paper = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    levels = np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, _COLOUR_MAP), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.addWeighted(paper, 0.45, colours, 0.55, 0), np.uint8)


def captioned(tile: Pixels, lines: tuple[str, str, str]) -> Pixels:
    """Put three lines of text under a tile."""
    out = np.full((TILE_PX + CAPTION_PX, TILE_PX, 3), PAPER, np.uint8)
    out[:TILE_PX] = tile
    for number, line in enumerate(lines):
        text = ink.shorten(line, CAP_PX, TILE_PX - 4)
        ink.write(out, text, 2, TILE_PX + 13 + 14 * number, CAP_PX, ink.WHITE if number == 0 else ink.PALE)
    return out


def draw_scale(out: Pixels, box: PixelBox) -> None:
    """Draw the colour bar and say what its ends mean."""
    x1, y1, x2, y2 = box
    x2 = min(x2, x1 + 2 * TILE_PX + GAP_PX)
    ramp = np.linspace(0, 255, x2 - x1).astype(np.uint8)[None, :]
    out[y1:y2, x1:x2] = cv2.cvtColor(cv2.applyColorMap(ramp, _COLOUR_MAP), cv2.COLOR_BGR2RGB)
    text = "each map from its own minimum (left) to its own maximum (right)"
    ink.write(out, ink.shorten(text, CAP_PX, x2 - x1), x1, y2 + 16, CAP_PX, ink.PALE)


def says_range(values: Floats) -> str:
    """Say from where to where a map goes, for its caption."""
    low, high = float(values.min()), float(values.max())
    return f"map {low:.2g} to {high:.2g}" if high > low else f"map flat at {low:.2g}"


def wrapped(tiles: Sequence[Pixels]) -> Pixels:
    """Set captioned tiles in as many rows as look well, with the colour scale underneath."""
    ideal = math.ceil(math.sqrt(len(tiles) * 1.4))
    columns = min((max(2, ideal - 1), max(2, ideal)), key=lambda n: (-len(tiles) % n, -n))
    return in_rows([tiles[first : first + columns] for first in range(0, len(tiles), columns)])


def in_rows(rows: Sequence[Sequence[Pixels]]) -> Pixels:
    """Set captioned tiles in the rows given, the longest of which is the first, above the colour scale."""
    height, width = TILE_PX + CAPTION_PX + GAP_PX, TILE_PX + GAP_PX
    shape = len(rows) * height + GAP_PX + FOOT_PX, max(len(rows[0]), 2) * width + GAP_PX, 3
    out = np.full(shape, PAPER, np.uint8)
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            top, left = GAP_PX + row * height, GAP_PX + column * width
            out[top : top + tile.shape[0], left : left + TILE_PX] = tile
    foot = out.shape[0] - FOOT_PX
    draw_scale(out, (GAP_PX, foot, out.shape[1] - GAP_PX, foot + 12))
    return out
