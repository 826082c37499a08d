"""Heat maps on the photograph: which region speaks for which action unit."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.draw import ink
from openau.draw.tile import View, captioned, enlarged, laid_over, says_range, wrapped
from openau.errors import SettingError
from openau.facs import ACTION_UNITS
from openau.records import AUOutput, Crop, ModelCard, Pixels


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
    view = View.around_face(rgb, crop)
    face = view.cut(rgb)
    outside = face // 3 + 16  # what the network never saw stands back
    within = view.warp(np.ones(crop.pixels.shape[:2], np.float32), crop) > 0.5
    thresholds = dict(zip(card.aus, card.thresholds, strict=True))
    tiles = [_input_tile(face, within, output.heatmap_method or "")]
    for row in rows:
        values = enlarged(output.heatmaps[row], crop.pixels.shape[0])
        coloured = laid_over(face, view.warp(values, crop))
        tile = np.where(within[..., None], coloured, outside)
        tiles.append(captioned(tile, _caption(output, row, thresholds)))
    return wrapped(tiles)


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


def _input_tile(face: Pixels, within: NDArray[np.bool_], method: str) -> Pixels:
    tile = face.copy()
    contours, _ = cv2.findContours(within.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(tile, contours, -1, ink.WHITE, 1, cv2.LINE_AA)
    return captioned(tile, ("Photograph", "white: what the network saw", f"maps: {method}" if method else ""))


def _caption(output: AUOutput, row: int, thresholds: dict[int, float]) -> tuple[str, str, str]:
    au, probability = output.aus[row], float(output.probability[row])
    threshold = thresholds.get(au)
    says = f"probability {probability:.2f}"
    if threshold is not None:
        says += f" {'>=' if probability >= threshold else '<'} threshold {threshold:.2f}"
    assert output.heatmaps is not None
    return f"AU{au:02d} {ACTION_UNITS[au].name}", says, says_range(output.heatmaps[row])
