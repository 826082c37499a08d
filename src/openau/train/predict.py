"""Run a network over crops as the instrument would: unchanged crops, evaluation mode, full precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from openau.data.augment import centre
from openau.data.dataset import Crops
from openau.data.labels import intensities
from openau.facs import au_column
from openau.records import Floats
from openau.train.config import ModelSettings

GROUPS = ("gender", "skin", "age")
"""Columns of an index by which a network's accuracy can be compared between people."""


def normalise(images: Tensor, settings: ModelSettings) -> Tensor:
    """Return pictures as the network takes them.

    Args:
        images: (B, 3, S, S) float in 0–1.
        settings: Mean and standard deviation per channel.

    Returns:
        (B, 3, S, S), channels last in memory.
    """
    mean = images.new_tensor(settings.mean)[:, None, None]
    std = images.new_tensor(settings.std)[:, None, None]
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def predict(
    network: nn.Module, crops: Crops, rows: NDArray[np.int64], settings: ModelSettings, *, batch: int = 128
) -> Floats:
    """Return the logits of some rows.

    Args:
        network: In evaluation mode.
        crops: The stores.
        rows: (N,) row numbers.
        settings: Normalisation.
        batch: Pictures at a time.

    Returns:
        (N, A) float32 logits.
    """
    device = next(network.parameters()).device
    found: list[Tensor] = []
    for start in range(0, len(rows), batch):
        wide = torch.from_numpy(crops.wide(rows[start : start + batch])).to(device)
        found.append(network(normalise(centre(wide, crops.spec.size), settings)).float().cpu())
    return torch.cat(found).numpy()


def predictions_table(
    crops: Crops,
    rows: NDArray[np.int64],
    folds: Sequence[str],
    logits: Floats,
    *,
    aus: Sequence[int],
    truth: Floats,
) -> pd.DataFrame:
    """Return the predictions table.

    Args:
        crops: The stores.
        rows: (N,) row numbers.
        folds: N names of the part each row belongs to.
        logits: (N, A).
        aus: The A action units.
        truth: (N, A) in 0–1, NaN unknown.

    Returns:
        `sample, dataset, subject, fold`, those of `GROUPS` that the index has, and per AU `AU01_t`, `AU01_p`,
        `AU01_i`.
    """
    table = crops.table.iloc[rows].reset_index(drop=True)
    columns: dict[str, object] = {
        "sample": _samples(table),
        "dataset": table["dataset"],
        "subject": table["subject"],
        "fold": list(folds),
    }
    columns |= {name: table[name] for name in GROUPS if name in table.columns}
    values = intensities(table, aus)
    probability = torch.sigmoid(torch.from_numpy(logits)).numpy()
    for number, au in enumerate(aus):
        column = au_column(au)
        columns |= {
            f"{column}_t": truth[:, number],
            f"{column}_p": probability[:, number],
            f"{column}_i": values[:, number],
        }
    return pd.DataFrame(columns)


def _samples(table: pd.DataFrame) -> pd.Series:
    """Name every row by its picture; copies by picture and number."""
    if "copy" not in table.columns:
        return table["path"]
    return table["path"].where(table["copy"] == 0, table["path"] + "#copy" + table["copy"].astype(str))
