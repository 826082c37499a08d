"""Panels of maps over one face: a row per method, a column per action unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.draw import ink
from openau.draw.tile import (
    CAPTION_PX,
    FOOT_PX,
    GAP_PX,
    PAPER,
    TILE_PX,
    View,
    captioned,
    draw_scale,
    enlarged,
    laid_over,
)
from openau.errors import SettingError
from openau.records import Crop, Floats, Pixels


def draw_panel(
    rgb: Pixels,
    crop: Crop,
    maps: Mapping[str, Floats],
    titles: Sequence[tuple[str, str]],
    regions: NDArray[np.bool_] | None = None,
) -> Pixels:
    """Draw maps over the photograph that they belong to, one row per method, one column per AU.

    Each map is coloured from its own minimum to its own maximum, which stand under it. Where regions are
    given, a white line runs around each AU's.

    Args:
        rgb: (H, W, 3) RGB uint8, the photograph that the face was cut from; left as it is.
        crop: The cut face, with its matrix from photograph to crop.
        maps: Name of the row to (A, h, w) float32.
        titles: A captions of two lines each.
        regions: (A, S, S), where the AU shows in the crop.

    Returns:
        (H', W', 3) RGB uint8, the grid with its scale.

    Raises:
        SettingError: There are no maps, or titles, maps and regions differ in number.
    """
    counts = (
        {len(row) for row in maps.values()}
        | {len(titles)}
        | ({len(regions)} if regions is not None else set())
    )
    if not maps or counts != {len(titles)} or not titles:
        raise SettingError("A panel needs as many titles and regions as there are maps in each row.")
    view = View.around_face(rgb, crop)
    face = view.cut(rgb)
    within = view.warp(np.ones(crop.pixels.shape[:2], np.float32), crop) > 0.5
    outside = face // 3 + 16  # what the network never saw stands back
    rows = []
    for name, values in maps.items():
        tiles = [captioned(face, (name, "photograph", ""))]
        for number, title in enumerate(titles):
            large = enlarged(values[number], crop.pixels.shape[0])
            tile = np.where(within[..., None], laid_over(face, view.warp(large, crop)), outside)
            if regions is not None:
                tile = _outlined(tile, view.warp(regions[number].astype(np.float32), crop) > 0.5)
            tiles.append(captioned(tile, (*title, _scale(values[number]))))
        rows.append(tiles)
    return _grid(rows)


def _scale(values: Floats) -> str:
    low, high = float(values.min()), float(values.max())
    return f"map {low:.2g} to {high:.2g}" if high > low else f"map flat at {low:.2g}"


def _outlined(tile: Pixels, region: NDArray[np.bool_]) -> Pixels:
    """Return the tile with a line around a region, dark below white so that it shows on every colour."""
    out = np.ascontiguousarray(tile)
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(out, contours, -1, ink.BLACK, 3, cv2.LINE_AA)
    cv2.drawContours(out, contours, -1, ink.WHITE, 1, cv2.LINE_AA)
    return out


def _grid(rows: Sequence[Sequence[Pixels]]) -> Pixels:
    """Set the tiles in their rows, with the colour scale underneath."""
    height, width = TILE_PX + CAPTION_PX + GAP_PX, TILE_PX + GAP_PX
    shape = len(rows) * height + GAP_PX + FOOT_PX, len(rows[0]) * width + GAP_PX, 3
    out = np.full(shape, PAPER, np.uint8)
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            top, left = GAP_PX + row * height, GAP_PX + column * width
            out[top : top + tile.shape[0], left : left + TILE_PX] = tile
    foot = out.shape[0] - FOOT_PX
    draw_scale(out, (GAP_PX, foot, out.shape[1] - GAP_PX, foot + 12))
    return out
