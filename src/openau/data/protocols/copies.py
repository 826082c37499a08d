"""Copies of pictures as rows: how a rare AU is made less rare before training.

A copy is a row under the same row label with a `copy` number above 0. Its pixels are drawn when it is read,
from the picture, the copy's number and the seed alone, so that it is the same in every epoch, like a file
that was written beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.labels import intensities
from openau.data.protocols.folds import TRAIN, Codes, row_order
from openau.errors import SettingError
from openau.facs import ACTION_UNITS, au_column


def with_copies(table: pd.DataFrame, copies: NDArray[np.int64]) -> pd.DataFrame:
    """Append copies of some rows.

    Args:
        table: Index table of N rows.
        copies: (N,) int64, how many copies of each.

    Returns:
        The table, then the copies; with the column `copy`, 0 for the rows that were there.
    """
    again = np.repeat(np.arange(len(table)), copies)
    number = np.arange(len(again)) - np.repeat(np.cumsum(copies) - copies, copies) + 1
    return pd.concat([table.assign(copy=0), table.iloc[again].assign(copy=number)])


def multiplied(table: pd.DataFrame, aus: tuple[int, ...], times: int, threshold: float) -> NDArray[np.int64]:
    """Count the copies where each picture with one of some AUs gets a fixed number.

    Args:
        table: Index table.
        aus: The rare AUs.
        times: Copies of each picture.
        threshold: An AU occurs from this intensity on.

    Returns:
        (N,) int64.
    """
    with np.errstate(invalid="ignore"):
        rare = (intensities(table, aus) >= threshold).any(1)
    return np.where(rare, times, 0).astype(np.int64)


def filled_up(
    table: pd.DataFrame, parts: Codes, wanted: Mapping[int, int], *, threshold: float = 2.0, limit: int = 10
) -> NDArray[np.int64]:
    """Count the copies that bring each rare AU of the training part up to a target.

    The rarest AU comes first; the copies made for it count for the others. Pictures get their copies in
    turn, so that no two differ by more than one for the same AU.

    Args:
        table: Index table.
        parts: (N,) int8 parts; only training pictures are copied.
        wanted: AU to the number of training pictures that should show it.
        threshold: An AU occurs from this intensity on.
        limit: Most copies of one picture.

    Returns:
        (N,) int64.

    Raises:
        SettingError: The limit is negative.
    """
    if limit < 0:
        raise SettingError(f"The limit of copies is {limit}; it must not be negative.")
    aus = tuple(wanted)
    shown = (np.nan_to_num(intensities(table, aus)) >= threshold) & (parts == TRAIN)[:, None]
    copies = np.zeros(len(table), np.int64)
    order = row_order(table)
    for column in np.argsort(shown.sum(0), kind="stable"):
        rows = order[shown[order, column]]
        missing = wanted[aus[column]] - int((1 + copies[rows]).sum())
        while missing > 0 and (room := rows[copies[rows] < limit]).size:
            least = room[copies[room] == copies[room].min()][:missing]
            copies[least] += 1
            missing -= len(least)
    return copies


def mirror_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows as their mirror images: what was on the left is on the right.

    Args:
        table: Index table.

    Returns:
        The table with `mirrored` turned round and every sided AU's left and right exchanged.
    """
    names: dict[str, str] = {}
    for unit in ACTION_UNITS:
        left, right = f"{au_column(unit)}_left", f"{au_column(unit)}_right"
        if left in table.columns or right in table.columns:
            names |= {left: right, right: left}
    before = table["mirrored"].to_numpy(bool) if "mirrored" in table.columns else np.zeros(len(table), bool)
    return table.rename(columns=names).assign(mirrored=~before)
