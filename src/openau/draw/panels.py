"""Panels of maps over one face: a row per network and method, a column per action unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.draw import ink
from openau.draw.tile import View, captioned, enlarged, in_rows, laid_over, says_range, wrapped
from openau.errors import SettingError
from openau.records import Crop, Floats, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class PanelRow:
    """The maps of one network by one method.

    Attributes:
        name: What stands under the photograph at its beginning.
        crop: The face as this network reads it, with its matrix from photograph to crop.
        maps: (A, h, w) float32.
        says: A lines, what the network says of each AU.
        regions: (A, S, S), where each AU shows in the crop; a white line runs around it.
    """

    name: str
    crop: Crop
    maps: Floats
    says: Sequence[str]
    regions: NDArray[np.bool_] | None = None


def draw_panel(
    rgb: Pixels,
    rows: Sequence[PanelRow],
    titles: Sequence[str],
    *,
    wrap: bool = False,
    shows: str = "photograph",
) -> Pixels:
    """Draw maps over the photograph that they belong to.

    Each map is coloured from its own minimum to its own maximum, which stand under it.

    Args:
        rgb: (H, W, 3) RGB uint8, the photograph that the face was cut from; left as it is.
        rows: One per network and method; the first one's crop decides which part of the photograph shows.
        titles: A names of the maps.
        shows: What `rgb` is, for the caption of its tile.
        wrap: Whether the tiles fill a sheet one after the other, instead of a row for each of `rows`.

    Returns:
        (H', W', 3) RGB uint8, the grid with its scale; its size depends on the number of maps alone.

    Raises:
        SettingError: There are no maps, or names, maps and regions differ in number.
    """
    if not rows or not titles:
        raise SettingError("A panel needs at least one map.")
    for row in rows:
        counts = {len(row.maps), len(row.says), len(row.maps if row.regions is None else row.regions)}
        if counts != {len(titles)}:
            raise SettingError("A panel needs as many titles and regions as there are maps in each row.")
    view = View.around_face(rgb, rows[0].crop)
    face = view.cut(rgb)
    tiles = [_row(face, view, row, titles, shows) for row in rows]
    return wrapped([tile for row in tiles for tile in row]) if wrap else in_rows(tiles)


def _row(face: Pixels, view: View, row: PanelRow, titles: Sequence[str], shows: str) -> list[Pixels]:
    """Return the photograph and the maps of a row as tiles."""
    size = row.crop.pixels.shape[0]
    within = view.warp(np.ones((size, size), np.float32), row.crop) > 0.5
    outside = face // 3 + 16  # what the network never saw stands back
    tiles = [captioned(face, (row.name, shows, ""))]
    for number, title in enumerate(titles):
        values = row.maps[number]
        large = view.warp(enlarged(values, size), row.crop)
        tile = np.where(within[..., None], laid_over(face, large), outside)
        if row.regions is not None:
            tile = _outlined(tile, view.warp(row.regions[number].astype(np.float32), row.crop) > 0.5)
        tiles.append(captioned(tile, (title, row.says[number], says_range(values))))
    return tiles


def _outlined(tile: Pixels, region: NDArray[np.bool_]) -> Pixels:
    """Return the tile with a line around a region, dark below white so that it shows on every colour."""
    out = np.ascontiguousarray(tile)
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(out, contours, -1, ink.BLACK, 3, cv2.LINE_AA)
    cv2.drawContours(out, contours, -1, ink.WHITE, 1, cv2.LINE_AA)
    return out
