"""The pictures of a balanced comparison: positives and negatives of one action unit, in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openau.data.augment import centre
from openau.data.dataset import Crops
from openau.data.labels import targets
from openau.errors import SettingError
from openau.models import network_needs

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Faces:
    """The pictures of each part, ready for the network, and their labels.

    Attributes:
        crops: The stores.
        label: (N,) 0 or 1 of the AU for every row of the stores, NaN unknown.
        positive: Rows of the training part with the AU.
        negative: Rows without it.
        judged: Balanced rows of `validation` and `test`.
        network: Whose pictures they are.
        mean: Subtracted per RGB channel, after scaling to 0-1.
        std: Divided by.
        maps: What the network's head reads of every row, (2, N, C, h, w), plain and mirrored, where its body
            is left alone; None where the whole network trains.
    """

    crops: Crops
    label: NDArray[np.float32]
    positive: Rows
    negative: Rows
    judged: dict[str, Rows]
    network: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    maps: Tensor | None = None

    def pictures(self, rows: Rows, mirrored: NDArray[np.bool_]) -> Tensor:
        """Return (B, 3, S, S) normalised float32, those named mirrored."""
        images = centre(torch.from_numpy(self.crops.wide(rows)), self.crops.spec.size)
        mean, std = (images.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        turned = torch.from_numpy(mirrored)
        images[turned] = images[turned].flip(3)
        return (images - mean) / std

    def inputs(self, rows: Rows, mirrored: NDArray[np.bool_] | None = None) -> Tensor:
        """Return what a run reads of some rows: pictures, or their maps where the body is left alone."""
        turned = np.zeros(len(rows), bool) if mirrored is None else mirrored
        if self.maps is None:
            return self.pictures(rows, turned)
        return self.maps[torch.from_numpy(turned.astype(np.int64)), torch.from_numpy(rows)]

    def labels(self, rows: Rows) -> Tensor:
        """Return (B, 1) float32."""
        return torch.from_numpy(self.label[rows])[:, None]


def gather(stores: Sequence[Path], network: str, au: int, *, ratio: float, positives: int = 0) -> Faces:
    """Read the stores and lay the parts out.

    Args:
        stores: Prepared stores whose index has a split.
        network: Key of `openau.models.MODELS`.
        au: The action unit.
        ratio: The largest number of negatives per positive in training.
        positives: Most positives in training; 0 for as many as the ratio allows.

    Raises:
        SettingError: A part lacks positives or negatives.
    """
    crops = Crops(stores)
    label = targets(crops.table, (au,))[:, 0]
    random = np.random.default_rng(0)
    part = crops.table["split"].to_numpy()
    sides = {
        (name, value): random.permutation(np.flatnonzero((part == name) & (label == value)))
        for name in ("train", "validation", "test")
        for value in (0, 1)
    }
    for (name, value), rows in sides.items():
        if len(rows) == 0:
            kind = "with" if value else "without"
            raise SettingError(f"The part {name} has no picture {kind} AU {au}; render or split otherwise.")
    negative, positive = sides["train", 0], sides["train", 1]
    most = int(len(negative) / ratio)
    count = min(len(positive), most, positives or len(positive))
    if count == 0:
        raise SettingError(
            f"{len(negative)} negatives do not suffice for {ratio:g} per positive; add pictures."
        )
    judged = {}
    for name in ("validation", "test"):
        half = min(len(sides[name, 0]), len(sides[name, 1]))
        judged[name] = np.concatenate([sides[name, 0][:half], sides[name, 1][:half]])
    needs = network_needs(network)
    return Faces(crops, label, positive[:count], negative, judged, network, needs.mean, needs.std)
