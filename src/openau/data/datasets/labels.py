"""Reading label files: checked against the dataset's codes, every mistake named with its place."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.errors import TableError

Numbers = NDArray[np.float64]

FEW = 20
"""Up to so many lines, splitting them costs less than NumPy's reader; some datasets have a file per frame."""


def read_text(file: Path) -> str:
    """Return a label file's text.

    Args:
        file: Any text file; bytes that are no UTF-8 are replaced, a byte order mark is left out.

    Raises:
        TableError: It cannot be read.
    """
    try:
        return file.read_text("utf-8-sig", errors="replace")
    except OSError as error:
        raise TableError(f"{file} cannot be read ({error.strerror}); copy it anew.") from error


def read_numbers(file: Path, columns: int) -> Numbers:
    """Return the numbers of a file without a header, separated by commas, tabs or spaces.

    Args:
        file: Its lines have `columns` numbers each; empty lines do not count.
        columns: Numbers per line.

    Returns:
        (N, columns) float64.

    Raises:
        TableError: A line has another count of numbers, or something that is none.
    """
    text = read_text(file)
    lines = [line.replace(",", " ") for line in text.splitlines() if line.strip(" \t,\x00")]
    if not lines:
        return np.empty((0, columns))
    try:
        if len(lines) <= FEW:
            table = np.array([line.split() for line in lines], np.float64)
        else:
            table = np.loadtxt(lines, dtype=np.float64, ndmin=2, comments=None)
        if table.shape[1] == columns:
            return table
    except ValueError:
        pass  # the loop below finds the line
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(",", " ").split()
        if words and (len(words) != columns or not all(map(_is_number, words))):
            raise TableError(
                f"{file} has {line.strip()[:60]!r} in line {number}, where {columns} numbers belong; "
                "copy it anew from the archive."
            )
    raise TableError(f"{file} cannot be read as {columns} columns of numbers; copy it anew from the archive.")


def check_codes(values: Numbers, allowed: Collection[float], file: Path, what: str) -> None:
    """Refuse a label that the dataset's codes do not have.

    Args:
        values: (N,) float64 as the file has them.
        allowed: The codes.
        file: For the sentence.
        what: What the values are, for instance `the intensity of AU 4`.

    Raises:
        TableError: There is another value.
    """
    wrong = ~np.isin(values, list(allowed))
    if wrong.any():
        row = int(wrong.argmax())
        codes = ", ".join(f"{code:g}" for code in sorted(allowed))
        raise TableError(
            f"{file} has {values[row]:g} for {what} in row {row + 1}, which is none of its codes ({codes}); "
            "copy the file anew from the archive."
        )


def read_csv(file: Path, *, separator: str = ",", header: bool = True) -> pd.DataFrame:
    """Read a table of labels as text.

    Args:
        file: CSV or similar.
        separator: What stands between two cells.
        header: Whether the first line names the columns; the names are stripped of spaces and quotes.

    Returns:
        Every cell as text without surrounding spaces; empty cells as NaN.

    Raises:
        TableError: It cannot be read as a table.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more cells than the header
            table = pd.read_csv(
                file,
                sep=separator,
                header=0 if header else None,
                dtype=str,
                skipinitialspace=True,
                index_col=False,
            )
    except (OSError, ValueError, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split())
        raise TableError(f"{file} cannot be read as a table ({reason}); copy it anew.") from error
    if header:
        table.columns = [str(name).strip(" '\"\ufeff") for name in table.columns]
    return table


def need_columns(table: pd.DataFrame, columns: Collection[str], file: Path) -> None:
    """Refuse a table that lacks a column.

    Args:
        table: Read from `file`.
        columns: What it needs.
        file: For the sentence.

    Raises:
        TableError: One is missing.
    """
    missing = [name for name in columns if name not in table.columns]
    if missing:
        has = ", ".join(map(str, table.columns[:6]))
        raise TableError(
            f"{file} has no column {missing[0]!r} (its first are {has}); use the file as its authors ship it."
        )


def numbers_of(column: pd.Series, file: Path, what: str) -> Numbers:
    """Return a column of text as numbers.

    Args:
        column: Text; empty is NaN.
        file: For the sentence.
        what: What the values are.

    Returns:
        (N,) float64.

    Raises:
        TableError: A cell is no number.
    """
    values = pd.to_numeric(column, errors="coerce")
    wrong = values.isna() & column.notna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise TableError(
            f"{file} has {column.iloc[row]!r} for {what} in row {row + 1}, which is no number; copy it anew."
        )
    result: Numbers = values.to_numpy(np.float64)
    return result


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
