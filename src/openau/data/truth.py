"""What rendered pictures know beyond their labels: where each action unit shows, and 68 landmarks.

A mask is a PNG of half the picture's size. Its 24 bits are planes: bits 0-7 are the red channel, 8-15 the
green, 16-23 the blue; bit k belongs to the k-th AU of the set `synthetic-23`, bit 23 to the visible skin.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.synthetic import index_file
from openau.errors import InputError, SettingError, TableError
from openau.facs import au_set
from openau.records import Floats

FACE_PLANE = 23
"""The bit of the visible skin of the face."""

STORED_CENTRE = np.float32(0.5)
"""Where `landmarks.npy` has the centre of the first pixel: its pixels' corners are at integers."""


def read_masks(
    table: pd.DataFrame, aus: Sequence[int], *, size: tuple[int, int] | None = None
) -> NDArray[np.bool_]:
    """Read where action units show in the pictures of an index.

    Args:
        table: N rows of an index with the column `mask`.
        aus: The A action units wanted, in order; 0 stands for the visible skin of the face.
        size: Height and width wanted, pixels; None for that of the first mask.

    Returns:
        (N, A, H, W); False everywhere where an AU does not show.

    Raises:
        TableError: The index has no masks.
        SettingError: An AU has no plane.
        InputError: A mask cannot be read.
    """
    if "mask" not in table.columns:
        raise TableError("The index has no column 'mask': synthesize the pictures with masks.")
    bits = np.array([_plane(au) for au in aus], np.uint32)
    found: list[NDArray[np.bool_]] = []
    for path in table["mask"]:
        packed = _read_packed(Path(path))
        size = size or (packed.shape[0], packed.shape[1])
        if packed.shape != size:
            # Nearest neighbour: a bit is there or not.
            rows = (np.arange(size[0]) + 0.5) * packed.shape[0] / size[0]
            columns = (np.arange(size[1]) + 0.5) * packed.shape[1] / size[1]
            packed = packed[rows.astype(int)[:, None], columns.astype(int)]
        found.append((packed[None] >> bits[:, None, None]) & 1 == 1)
    height, width = size or (0, 0)
    return np.stack(found) if found else np.zeros((0, len(aus), height, width), bool)


def read_landmarks(table: pd.DataFrame) -> Floats:
    """Read the true landmarks of the pictures of an index.

    Args:
        table: N rows of an index with the columns `landmarks` (a file) and `row`.

    Returns:
        (N, 68, 2) float32, x and y in pixels of the picture (pixel centres at integers), iBUG order.

    Raises:
        TableError: The index has no landmarks.
        InputError: The file cannot be read or has too few rows.
    """
    if not {"landmarks", "row"} <= set(table.columns):
        raise TableError("The index has no columns 'landmarks' and 'row': only rendered pictures have them.")
    points = np.zeros((len(table), 68, 2), np.float32)
    files, rows = table["landmarks"].to_numpy(), table["row"].to_numpy(np.int64)
    for file in dict.fromkeys(files):
        try:
            stored = np.load(file, mmap_mode="r")
            points[files == file] = stored[rows[files == file]] - STORED_CENTRE
        except (OSError, ValueError, IndexError) as error:
            raise InputError(
                f"The landmarks {file} cannot be read ({error}); synthesize them again."
            ) from error
    return points


def read_parameters(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Read everything that was drawn for the pictures of an index: expression, traits, camera, light, flaws.

    Args:
        table: N rows of an index with the columns `landmarks` (a file beside the index) and `row`.

    Returns:
        One record per row, as `openau synthesize` wrote it.

    Raises:
        TableError: The index is not of rendered pictures, or was written without parameters.
        InputError: The folder's index cannot be read.
    """
    if not {"landmarks", "row"} <= set(table.columns):
        raise TableError("The index has no columns 'landmarks' and 'row': only rendered pictures have them.")
    stored = {name: _stored_parameters(Path(name).parent) for name in dict.fromkeys(table["landmarks"])}
    try:
        return [
            json.loads(stored[name][row]) for name, row in zip(table["landmarks"], table["row"], strict=True)
        ]
    except (IndexError, ValueError) as error:
        raise InputError(f"The parameters do not fit the index ({error}); synthesize it again.") from error


def _stored_parameters(folder: Path) -> list[str]:
    """Return the column `parameters` of a folder's index."""
    file = index_file(folder)
    if file is None:
        raise InputError(f"{folder} has no index any more; synthesize it again.")
    try:
        if file.suffix == ".parquet":
            return pd.read_parquet(file, columns=["parameters"])["parameters"].tolist()
        return pd.read_csv(file, usecols=["parameters"])["parameters"].tolist()
    except (OSError, ValueError, KeyError) as error:
        raise TableError(f"{file} has no parameters ({error}); synthesize it again.") from error


def _plane(au: int) -> int:
    """Return an AU's bit."""
    aus = au_set("synthetic-23")
    if au and au not in aus:
        raise SettingError(f"AU {au} has no mask; synthetic faces have {', '.join(map(str, aus))}.")
    return aus.index(au) if au else FACE_PLANE


def _read_packed(file: Path) -> NDArray[np.uint32]:
    """Return a mask's bit planes, (H, W)."""
    bgr = cv2.imread(str(file), cv2.IMREAD_UNCHANGED) if file.is_file() else None
    if bgr is None or bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8:
        raise InputError(f"The mask {file} is missing or no 24-bit picture; synthesize it again.")
    blue, green, red = (bgr[..., k].astype(np.uint32) for k in range(3))
    return np.asarray(red | green << 8 | blue << 16, np.uint32)
