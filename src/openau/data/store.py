"""The crop store: a folder of faces cut once, read at memory speed.

`crops.rgb` holds N pictures of W×W×3 raw uint8, `index.parquet` their rows of the index table, `lost.csv` the
rows whose face was not found, `store.json` how they were cut. Where landmarks are known, `points.f32` holds
N times 68 points of raw float32.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.errors import InputError
from openau.records import CropSpec, Floats, Pixels

SCHEMA = 1
PIXELS, TABLE, LOST, FACTS = "crops.rgb", "index.parquet", "lost.csv", "store.json"
POINTS = "points.f32"
POINT_BYTES = 68 * 2 * 4
"""Of one face's landmarks."""


@dataclass(frozen=True, slots=True)
class PixelFile:
    """N pictures of raw uint8 in one file, read by their numbers.

    The file is mapped for each read and let go after it: memory does not grow with what was read, any
    number of processes may read at once, and another process can be sent one without the pictures.

    Attributes:
        path: The file.
        shape: N, W, W, 3.
    """

    path: Path
    shape: tuple[int, int, int, int]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: NDArray[np.int64]) -> Pixels:
        """Return (B, W, W, 3) pictures by their (B,) numbers."""
        mapped = np.asarray(np.memmap(self.path, dtype=np.uint8, mode="r", shape=self.shape))
        found: Pixels = mapped[np.asarray(rows)]  # a copy: numbers, not a slice, pick the rows
        return found


@dataclass(frozen=True, slots=True)
class PointFile:
    """The landmarks of N stored crops, read by their numbers.

    Attributes:
        path: The file; where it is not there, no landmark is known.
        count: N.
    """

    path: Path
    count: int

    def __getitem__(self, rows: NDArray[np.int64]) -> Floats:
        """Return (B, 68, 2) float32 landmarks by their (B,) numbers, in pixels of the stored crop."""
        if not self.path.exists():
            return np.full((len(rows), 68, 2), np.nan, np.float32)
        mapped = np.memmap(self.path, dtype=np.float32, mode="r", shape=(self.count, 68, 2))
        found: Floats = np.asarray(mapped)[np.asarray(rows)]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class CropStore:
    """An open store.

    Attributes:
        table: Index table of the found faces; row i belongs to crop i.
        spec: The crop recipe of the network's own crop.
        wide: (N, W, W, 3) uint8, read from disk as needed; W ≥ S.
        detector: Name of the detector that found the faces.
        lost: Pictures in which no face was found.
        points: (N, 68, 2) float32 landmarks, x and y in pixels of the stored crop, NaN unknown; those the
            index has, else the detector's.
    """

    table: pd.DataFrame
    spec: CropSpec
    wide: PixelFile
    detector: str
    lost: int
    points: PointFile

    @classmethod
    def open(cls, folder: Path) -> CropStore:
        """Open a store.

        Args:
            folder: What `prepare` made.

        Raises:
            InputError: The folder is not a store, or is broken.
        """
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            if facts["schema"] != SCHEMA:
                raise InputError(f"{folder} was prepared by another version of openau; prepare it again.")
            table = pd.read_parquet(folder / TABLE)
            shape = (len(table), facts["wide"], facts["wide"], 3)
            wide = PixelFile(folder / PIXELS, shape)
            if wide.path.stat().st_size != np.prod(shape, dtype=np.int64):
                raise InputError(
                    f"The crop store {folder} is broken (crops and rows differ in number); prepare it again."
                )
            points = PointFile(folder / POINTS, len(table))
            if points.path.exists() and points.path.stat().st_size != len(table) * POINT_BYTES:
                raise InputError(f"The landmarks of the crop store {folder} are broken; prepare it again.")
            return cls(table, CropSpec(**facts["crop"]), wide, facts["detector"], facts["lost"], points)
        except FileNotFoundError:
            raise InputError(f"{folder} is not a crop store; make one with openau data prepare.") from None
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise InputError(f"The crop store {folder} is broken ({error}); prepare it again.") from error

    def crops(self, rows: NDArray[np.int64]) -> Pixels:
        """Return the crops exactly as the instrument would cut them.

        Args:
            rows: (B,) row numbers.

        Returns:
            (B, S, S, 3) RGB uint8.
        """
        start = (self.wide.shape[1] - self.spec.size) // 2
        stop = start + self.spec.size
        return np.ascontiguousarray(self.wide[rows][:, start:stop, start:stop])
