"""Crops and targets as torch reads them: whole batches at a time, straight from the store."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from openau.data.augment import offline_copy
from openau.data.samplers import EpochBatches
from openau.data.store import CropStore, PixelFile, PointFile
from openau.errors import SettingError
from openau.records import CropSpec, Floats, Pixels

Batch = tuple[Tensor, dict[str, Tensor], Tensor]
"""Wide crops (B, W, W, 3) uint8, targets by name (B, ...), positions (B,)."""


class Crops:
    """Several crop stores as one: their tables joined, their crops by common row number.

    Args:
        folders: Store folders; all cut by the same recipe.

    Attributes:
        table: The joined index table; row i belongs to picture i. After `arranged`, the protocol's table.
        spec: The common crop recipe.
        side: Side W of the stored crops.
        lost: Pictures in which no face was found.

    Raises:
        SettingError: There is no store, or two were cut differently.
        InputError: A folder is not a store.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        if not folders:
            raise SettingError("There is no crop store to train on; name at least one in data.stores.")
        stores = [CropStore.open(folder) for folder in folders]
        first = stores[0]
        for folder, store in zip(folders, stores, strict=True):
            if store.spec != first.spec or store.wide.shape[1] != first.wide.shape[1]:
                raise SettingError(
                    f"{folder} was cut differently from {folders[0]}; prepare both the same way."
                )
        self.table = pd.concat([store.table for store in stores], ignore_index=True)
        self.spec: CropSpec = first.spec
        self.side: int = first.wide.shape[1]
        self.lost = sum(store.lost for store in stores)
        self._wide: list[PixelFile] = [store.wide for store in stores]
        self._points: list[PointFile] = [store.points for store in stores]
        self._starts = np.cumsum([0, *(len(store.table) for store in stores)])
        self._rows = np.arange(len(self.table))
        self._drawn: NDArray[np.int64] | None = None
        self._mirrored: NDArray[np.bool_] | None = None

    def arranged(self, table: pd.DataFrame, *, seed: int = 0) -> Crops:
        """Return the same crops with the rows of a protocol: some left out, some as copies.

        Args:
            table: Rows by the row labels of this table; `copy` above 0 marks a varied copy, `mirrored` a
                mirror image.
            seed: Decides how copies vary.

        Returns:
            Crops whose `table` is `table`, numbered from 0.
        """
        view = copy.copy(self)
        view.table = table.reset_index(drop=True)
        view._rows = self._rows[table.index.to_numpy()]
        if "copy" in table.columns and (table["copy"] > 0).any():
            view._drawn = _draw_keys(table, seed)
        if "mirrored" in table.columns and table["mirrored"].any():
            view._mirrored = table["mirrored"].to_numpy(bool)
            if view._drawn is not None:  # a mirror image is its own copy: nothing else varies
                view._drawn = np.where(view._mirrored, -1, view._drawn)
        return view

    def wide(self, rows: NDArray[np.int64]) -> Pixels:
        """Return wide crops.

        Args:
            rows: (B,) row numbers of `table`.

        Returns:
            (B, W, W, 3) RGB uint8.
        """
        pixels = self._stored(self._rows[rows])
        if self._mirrored is not None and (turned := self._mirrored[rows]).any():
            pixels = pixels.copy()
            pixels[turned] = pixels[turned, :, ::-1]
        if self._drawn is not None and ((keys := self._drawn[rows]) >= 0).any():
            pixels = pixels.copy()
            for place in np.flatnonzero(keys >= 0):
                pixels[place] = offline_copy(pixels[place], int(keys[place]))
        return pixels

    def points(self, rows: NDArray[np.int64]) -> Floats:
        """Return the landmarks of wide crops.

        Args:
            rows: (B,) row numbers of `table`.

        Returns:
            (B, 68, 2) float32 as x, y in pixels of the wide crop; NaN where unknown, and for varied copies
            and mirror images, whose landmarks nobody marked.
        """
        found = np.full((len(rows), 68, 2), np.nan, np.float32)
        stored = self._rows[rows]
        which = np.searchsorted(self._starts, stored, side="right") - 1
        for number in np.unique(which):
            here = which == number
            found[here] = self._points[number][stored[here] - self._starts[number]]
        for varied in (self._mirrored, None if self._drawn is None else self._drawn >= 0):
            if varied is not None:
                found[varied[rows]] = np.nan
        return found

    def _stored(self, rows: NDArray[np.int64]) -> Pixels:
        """Read crops by their numbers in the joined stores."""
        if len(self._wide) == 1:
            return self._wide[0][rows]
        crops = np.empty((len(rows), self.side, self.side, 3), np.uint8)
        which = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(which):
            here = which == number
            crops[here] = self._wide[number][rows[here] - self._starts[number]]
        return crops


def _draw_keys(table: pd.DataFrame, seed: int) -> NDArray[np.int64]:
    """Return one number per copy that decides how it varies, wherever the files lie; -1 for no copy."""
    keys = np.full(len(table), -1, np.int64)
    places = np.flatnonzero(table["copy"].to_numpy(np.int64) > 0)
    names = table.iloc[places][["dataset", "subject", "sequence", "frame", "copy"]].astype(str)
    for place, name in zip(places, names.itertuples(index=False), strict=True):
        keys[place] = zlib.crc32("/".join([*name, str(seed)]).encode())
    return keys


class CropDataset(Dataset[Batch]):
    """Rows of `Crops` with their targets.

    Args:
        crops: The stores.
        rows: (N,) row numbers that belong to this part of the split.
        targets: Name to the targets of these rows, (N, ...), NaN unknown.
    """

    def __init__(self, crops: Crops, rows: NDArray[np.int64], targets: Mapping[str, Floats]) -> None:
        self.crops = crops
        self.rows = rows
        self.targets = dict(targets)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int) -> Batch:
        """Return one picture as a batch of one."""
        return self.__getitems__([item])

    def __getitems__(self, items: list[int]) -> Batch:
        """Return a batch in one read: wide crops (B, W, W, 3) uint8, targets (B, ...), positions (B,)."""
        chosen = np.asarray(items, np.int64)
        pixels = torch.from_numpy(self.crops.wide(self.rows[chosen]))
        targets = {name: torch.from_numpy(values[chosen]) for name, values in self.targets.items()}
        return pixels, targets, torch.from_numpy(chosen)


def build_loader(
    dataset: CropDataset, batches: EpochBatches, *, workers: int = 0, pinned: bool = False
) -> DataLoader[Batch]:
    """Return what reads the batches one after the other.

    Args:
        dataset: The pictures.
        batches: Their order.
        workers: Processes that read ahead; 0 to read in the process that trains.
        pinned: Whether batches lie in memory from which a GPU can fetch them by itself.
    """
    return DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=_as_it_is,
        num_workers=workers,
        pin_memory=pinned,
        persistent_workers=workers > 0,
        # Spawned, not forked: a fork would inherit the locks of torch's threads.
        multiprocessing_context="spawn" if workers else None,
    )


def _as_it_is(batch: Any) -> Any:
    """Return a batch that was read whole."""
    return batch
