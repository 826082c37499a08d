"""Heat maps on the photograph: which region speaks for which action unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.draw import ink
from openau.draw.ink import PixelBox
from openau.errors import SettingError
from openau.facs import ACTION_UNITS
from openau.records import AUOutput, Crop, Floats, ModelCard, Pixels

_TILE_PX = 240
_CAP_PX = 8.0
_GAP_PX = 10
_CAPTION_PX = 46
_FOOT_PX = 40
_PAPER: ink.Colour = (24, 26, 29)
_COLOUR_MAP = cv2.COLORMAP_VIRIDIS


def draw_heatmaps(
    rgb: Pixels, crop: Crop, output: AUOutput, card: ModelCard, aus: Sequence[int] | None = None
) -> Pixels:
    """Draw each AU's heat map over the photograph it came from, as a grid of labelled tiles.

    The maps are carried back through the crop's matrix, so that a tile shows the photograph and not the
    network's view of it. Each map is coloured from its own minimum to its own maximum, which its caption
    states; colours of different tiles are therefore not comparable. The most probable AU comes first.

    Args:
        rgb: (H, W, 3) RGB uint8, the photograph that the face was cut from; left as it is.
        crop: The cut face, with its matrix from photograph to crop.
        output: What the network said about this crop, with heat maps.
        card: Gives the thresholds.
        aus: The AUs to draw; all of the output's where None.

    Returns:
        (H', W', 3) RGB uint8, the grid; its size depends on the number of tiles only.

    Raises:
        SettingError: The output has no heat maps, or an AU is asked for that it does not have.
    """
    if output.heatmaps is None:
        raise SettingError(
            f"This output of model {card.name!r} has no heat maps; ask for them with heatmaps=True and use a"
            " model whose card names a heat map layer."
        )
    rows = _chosen(output, aus)
    view = _View.around_face(rgb, crop)
    face = view.cut(rgb)
    outside = face // 3 + 16  # what the network never saw stands back
    within = view.warp(np.ones(crop.pixels.shape[:2], np.float32), crop) > 0.5
    thresholds = dict(zip(card.aus, card.thresholds, strict=True))
    tiles = [_input_tile(face, within)]
    for row in rows:
        values = _smooth(output.heatmaps[row], crop.pixels.shape[0])
        coloured = _colour(face, view.warp(values, crop))
        tile = np.where(within[..., None], coloured, outside)
        tiles.append(_captioned(tile, _caption(output, row, thresholds)))
    return _grid(tiles)


def _chosen(output: AUOutput, aus: Sequence[int] | None) -> list[int]:
    """Return positions in the output's AU order, the most probable first."""
    for au in aus or ():
        if au not in output.aus:
            raise SettingError(
                f"There is no heat map for AU {au}: this model knows AU {', '.join(map(str, output.aus))}."
            )
    rows = [row for row, au in enumerate(output.aus) if aus is None or au in aus]
    if not rows:
        raise SettingError("No AU was chosen for the heat maps; name at least one, or leave the choice out.")
    return sorted(rows, key=lambda row: (-np.nan_to_num(output.probability[row], nan=-1.0), row))


@dataclass(frozen=True, slots=True)
class _View:
    """The part of the photograph that the tiles show.

    Attributes:
        matrix: (2, 3) from photograph pixels to tile pixels.
    """

    matrix: NDArray[np.float64]

    @classmethod
    def around_face(cls, rgb: Pixels, crop: Crop) -> _View:
        """Take the square around the crop's corners and a margin beyond."""
        side = crop.pixels.shape[0]
        corners = np.array([(x, y, 1.0) for x in (-0.5, side - 0.5) for y in (-0.5, side - 0.5)])
        back = cv2.invertAffineTransform(crop.matrix)
        points = corners @ back.T
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        half = float(np.ptp(points, axis=0).max()) / 2 * 1.12
        scale = _TILE_PX / (2 * max(half, 0.5))
        shift = -(centre - half) * scale - 0.5
        return cls(np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]]))

    def cut(self, rgb: Pixels) -> Pixels:
        """Return the (T, T, 3) tile of the photograph; beyond its edge the paper shows."""
        scale = float(self.matrix[0, 0])
        (left, right), (top, bottom) = (
            (
                max(0, math.floor(-self.matrix[axis, 2] / scale) - 2),
                min(length, math.ceil((_TILE_PX - self.matrix[axis, 2]) / scale) + 2),
            )
            for axis, length in ((0, rgb.shape[1]), (1, rgb.shape[0]))
        )
        if right <= left or bottom <= top:
            return np.full((_TILE_PX, _TILE_PX, 3), _PAPER, np.uint8)
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
        tile = cv2.warpAffine(rgb, matrix, (_TILE_PX, _TILE_PX), flags=cv2.INTER_LINEAR, borderValue=_PAPER)
        return np.asarray(tile, np.uint8)

    def warp(self, values: Floats, crop: Crop) -> Floats:
        """Carry (S, S) values of the crop into the tile; 0 outside the crop."""
        back = np.vstack([cv2.invertAffineTransform(crop.matrix), (0.0, 0.0, 1.0)])
        tile = cv2.warpAffine(values, self.matrix @ back, (_TILE_PX, _TILE_PX), flags=cv2.INTER_LINEAR)
        return np.asarray(tile, np.float32)


def _smooth(values: Floats, side: int) -> Floats:
    """Enlarge one (h, w) map to the (S, S) crop and scale it from its minimum to its maximum onto 0–1."""
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return np.zeros((side, side), np.float32)
    scaled = ((values - low) / (high - low)).astype(np.float32)
    return np.asarray(cv2.resize(scaled, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def _colour(face: Pixels, values: Floats) -> Pixels:
    """Lay the colours over the photograph in grey, so that every hue seen belongs to the map."""
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    paper = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    levels = np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, _COLOUR_MAP), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.addWeighted(paper, 0.45, colours, 0.55, 0), np.uint8)


def _input_tile(face: Pixels, within: NDArray[np.bool_]) -> Pixels:
    tile = face.copy()
    contours, _ = cv2.findContours(within.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(tile, contours, -1, ink.WHITE, 1, cv2.LINE_AA)
    return _captioned(tile, ("Photograph", "white: what the network saw", ""))


def _caption(output: AUOutput, row: int, thresholds: dict[int, float]) -> tuple[str, str, str]:
    au, probability = output.aus[row], float(output.probability[row])
    threshold = thresholds.get(au)
    says = f"probability {probability:.2f}"
    if threshold is not None:
        says += f" {'>=' if probability >= threshold else '<'} threshold {threshold:.2f}"
    assert output.heatmaps is not None
    low, high = float(output.heatmaps[row].min()), float(output.heatmaps[row].max())
    scale = f"map {low:.2g} to {high:.2g}" if high > low else f"map flat at {low:.2g}"
    return f"AU{au:02d} {ACTION_UNITS[au].name}", says, scale


def _captioned(tile: Pixels, lines: tuple[str, str, str]) -> Pixels:
    """Put three lines of text under a tile."""
    out = np.full((_TILE_PX + _CAPTION_PX, _TILE_PX, 3), _PAPER, np.uint8)
    out[:_TILE_PX] = tile
    for number, line in enumerate(lines):
        text = ink.shorten(line, _CAP_PX, _TILE_PX - 4)
        ink.write(out, text, 2, _TILE_PX + 13 + 14 * number, _CAP_PX, ink.WHITE if number == 0 else ink.PALE)
    return out


def _grid(tiles: Sequence[Pixels]) -> Pixels:
    """Set the tiles in rows, with the colour scale underneath."""
    ideal = math.ceil(math.sqrt(len(tiles) * 1.4))
    columns = min((max(2, ideal - 1), max(2, ideal)), key=lambda n: (-len(tiles) % n, -n))
    rows = math.ceil(len(tiles) / columns)
    tile_height = _TILE_PX + _CAPTION_PX
    width = columns * (_TILE_PX + _GAP_PX) + _GAP_PX
    out = np.full((rows * (tile_height + _GAP_PX) + _GAP_PX + _FOOT_PX, width, 3), _PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        top = _GAP_PX + (number // columns) * (tile_height + _GAP_PX)
        left = _GAP_PX + (number % columns) * (_TILE_PX + _GAP_PX)
        out[top : top + tile_height, left : left + _TILE_PX] = tile
    _draw_scale(out, (_GAP_PX, out.shape[0] - _FOOT_PX, width - _GAP_PX, out.shape[0] - _FOOT_PX + 12))
    return out


def _draw_scale(out: Pixels, box: PixelBox) -> None:
    """Draw the colour bar and say what its ends mean."""
    x1, y1, x2, y2 = box
    x2 = min(x2, x1 + 2 * _TILE_PX + _GAP_PX)
    ramp = np.linspace(0, 255, x2 - x1).astype(np.uint8)[None, :]
    out[y1:y2, x1:x2] = cv2.cvtColor(cv2.applyColorMap(ramp, _COLOUR_MAP), cv2.COLOR_BGR2RGB)
    text = "each map from its own minimum (left) to its own maximum (right)"
    ink.write(out, ink.shorten(text, _CAP_PX, x2 - x1), x1, y2 + 16, _CAP_PX, ink.PALE)
