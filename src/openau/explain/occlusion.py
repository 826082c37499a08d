"""Occlusion: cover a part of the face and see how far the logit falls. No gradient, no layer: a check."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from openau.errors import SettingError

CELLS = 12
"""Cells per side of the map, where the picture's side allows it."""


@torch.no_grad()
def occlusion(
    network: Callable[[Tensor], Tensor],
    images: Tensor,
    *,
    outputs: Sequence[int] | None = None,
    cells: int = CELLS,
    window: int = 3,
    batch: int = 128,
) -> Tensor:
    """Return how far each AU's logit falls where a part of the picture is covered.

    A square of `window` × `window` cells in the picture's mean colour is put at every place. A cell's value
    is the mean fall over all places of the square that cover it.

    Args:
        network: Returns (B, N) logits; run as it is.
        images: (B, 3, S, S) float, normalised.
        outputs: (A,) positions in the network's output; all N if not given.
        cells: Side of the map; a divisor of S is best, the last cells are smaller otherwise.
        window: Side of the square in cells.
        batch: Pictures at a time.

    Returns:
        (B, A, cells, cells); negative where covering a cell raises the logit.

    Raises:
        SettingError: The square is larger than the picture, or there are more cells than pixels.

    Reference: Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014.
    """
    side = images.shape[-1]
    if not 1 <= window <= cells <= side:
        raise SettingError(
            f"A square of {window} cells does not fit {cells} cells on {side} pixels; give fewer cells."
        )
    rows = slice(None) if outputs is None else list(outputs)
    whole = network(images)[:, rows]
    edges = torch.linspace(0, side, cells + 1).round().int().tolist()
    places = [(y, x) for y in range(1 - window, cells) for x in range(1 - window, cells)]
    colour = images.mean((2, 3), keepdim=True)
    falls = images.new_zeros(*whole.shape, cells, cells)
    for picture in range(len(images)):
        for start in range(0, len(places), batch):
            some = places[start : start + batch]
            covered = images[picture].repeat(len(some), 1, 1, 1)
            spans = [_span(place, window, cells) for place in some]
            for row, (top, bottom, left, right) in enumerate(spans):
                covered[row, :, edges[top] : edges[bottom], edges[left] : edges[right]] = colour[picture]
            fall = whole[picture] - network(covered)[:, rows]
            for row, (top, bottom, left, right) in enumerate(spans):
                falls[picture, :, top:bottom, left:right] += fall[row][:, None, None]
    # A square that sticks out still covers: every cell lies under window² of them.
    return falls / window**2


def _span(place: tuple[int, int], window: int, cells: int) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right of a square in cells, cut to the picture."""
    y, x = place
    return max(y, 0), min(y + window, cells), max(x, 0), min(x + window, cells)
