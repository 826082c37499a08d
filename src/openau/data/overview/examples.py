"""Small pictures for the page: for each AU and emotion, those that show it most."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from openau.data.index import au_columns
from openau.data.pictures import read_picture
from openau.errors import InputError, OutputError
from openau.records import Pixels

SIDE = 112
QUALITY = 80

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Example:
    """One picture of the page.

    Attributes:
        label: What it is an example of: `AU12`, `happiness`, or nothing of a dataset without labels.
        caption: Whose it is, and how strong.
        jpeg: The picture as base64; empty where it could not be read.
    """

    label: str
    caption: str
    jpeg: str


def choose_examples(table: pd.DataFrame, count: int) -> list[tuple[str, int]]:
    """Choose the rows to show: for each AU those with the highest value, of as many people as there are.

    Args:
        table: Index table.
        count: How many for each AU and each emotion.

    Returns:
        What each is an example of, and its row number; the same for the same table.
    """
    chosen: list[tuple[str, int]] = []
    for column in au_columns(table):
        strength = table.get(f"{column}_intensity", table[column]).fillna(table[column])
        rows = np.flatnonzero((table[column] >= 1).to_numpy(bool))
        order = rows[np.argsort(-strength.to_numpy(np.float64)[rows], kind="stable")]
        chosen += [(column, int(row)) for row in _of_different_people(table, order, count)]
    if "emotion" in table.columns:
        for emotion in sorted(table["emotion"].dropna().unique()):
            rows = np.flatnonzero((table["emotion"] == emotion).to_numpy(bool))
            chosen += [(str(emotion), int(row)) for row in _of_different_people(table, rows, count)]
    if not chosen:
        spread = np.unique(np.linspace(0, len(table) - 1, min(4 * count, len(table))).astype(int))
        chosen = [("", int(row)) for row in spread]
    return chosen


def _of_different_people(table: pd.DataFrame, rows: np.ndarray, count: int) -> list[int]:
    """Take the first row of each person, in order, until there are enough; then of anybody."""
    people = table["subject"].iloc[rows]
    first = rows[(~people.duplicated() & people.notna()).to_numpy(bool)][:count]
    spread = (
        rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))]
        if len(rows)
        else rows
    )
    rest = [row for row in spread if row not in first]
    return [int(row) for row in [*first, *rest][:count]]


def draw_examples(
    table: pd.DataFrame, chosen: list[tuple[str, int]], progress: Progress | None = None
) -> list[Example]:
    """Read and shrink the chosen pictures, each once, in the order of their files.

    Args:
        table: Index table.
        chosen: From `choose_examples`.
        progress: Called with (pictures done, pictures in all).

    Returns:
        One example for each choice, in its order.
    """
    rows = sorted({row for _, row in chosen}, key=lambda row: _place(str(table["path"].iloc[row])))
    pictures: dict[int, str] = {}
    for done, row in enumerate(rows, 1):
        pictures[row] = _small(str(table["path"].iloc[row]))
        if progress is not None:
            progress(done, len(rows))
    return [Example(label, _caption(table, label, row), pictures[row]) for label, row in chosen]


def _place(path: str) -> tuple[str, int]:
    """Sort the frames of a video by number, so that it is decoded once."""
    file, _, place = path.partition("#")
    return file, int(place.rpartition("=")[2] or 0) if place else 0


def _small(path: str) -> str:
    try:
        rgb = read_picture(path)
    except InputError:
        return ""  # the page shows an empty place, and the doctor says what is wrong
    return base64.b64encode(_encoded(rgb)).decode("ascii")


def _encoded(rgb: Pixels) -> bytes:
    scale = SIDE / max(rgb.shape[:2])
    size = tuple(max(1, round(scale * side)) for side in rgb.shape[1::-1])
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    done, jpeg = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise OutputError("A small picture could not be encoded as JPEG.")
    return jpeg.tobytes()


def _caption(table: pd.DataFrame, label: str, row: int) -> str:
    one = table.iloc[row]
    who = "" if pd.isna(one["subject"]) else str(one["subject"])
    value = one.get(f"{label}_intensity")
    if value is None or pd.isna(value):
        value = one.get(label)
    strength = "" if value is None or pd.isna(value) else f"{float(value):g}"
    return " · ".join(part for part in (who, strength) if part)
