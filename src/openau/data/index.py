"""The index table: what every dataset becomes, whatever its files look like.

Columns: `dataset, subject, sequence, frame, path` (a picture on disk), optionally `split`, one column per AU
(`AU01`: intensity 0–5 or occurrence 0/1 as the source gives it, NaN unknown), optionally `AU01_left` /
`AU01_right`, `emotion`, a true face box `x1, y1, x2, y2`, and group columns.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pandas as pd

from openau.errors import SettingError, TableError
from openau.facs import ACTION_UNITS

REQUIRED_COLUMNS = ("dataset", "subject", "sequence", "frame", "path")

DATASETS: dict[str, str] = {
    "synthetic": "openau.data.synthetic:index",
}
"""Dataset name to the `module:function` that indexes its folder."""


def build_index(name: str, root: Path) -> pd.DataFrame:
    """Index a dataset's folder.

    Args:
        name: A key of `DATASETS`.
        root: The dataset's folder.

    Returns:
        The index table, one row per picture, its `path` column absolute.

    Raises:
        SettingError: No dataset has this name.
        TableError: The folder's tables are not as the dataset's owner ships them.
        InputError: The folder is not the dataset.
    """
    if name not in DATASETS:
        raise SettingError(f"There is no dataset {name!r}; choose one of {', '.join(DATASETS)}.")
    module, function = DATASETS[name].split(":")
    table: pd.DataFrame = getattr(import_module(module), function)(root)
    return table


def check_index(table: pd.DataFrame, origin: str) -> pd.DataFrame:
    """Return an index table unchanged, or refuse it.

    Args:
        table: The index table.
        origin: Where it came from, for the sentence of the error.

    Returns:
        `table`.

    Raises:
        TableError: A column is missing, there is no row, no AU, or an AU's value is outside 0–5.
    """
    missing = [name for name in REQUIRED_COLUMNS if name not in table.columns]
    if missing:
        raise TableError(
            f"{origin} has no column {missing[0]!r}; an index needs {', '.join(REQUIRED_COLUMNS)}."
        )
    if table.empty:
        raise TableError(f"{origin} has no rows; give a dataset with at least one picture.")
    columns = au_columns(table)
    if not columns:
        raise TableError(f"{origin} has no AU column; name them AU01, AU02 and so on.")
    for column in columns:
        values = pd.to_numeric(table[column], errors="coerce")
        wrong = (values.isna() & table[column].notna()) | (values < 0) | (values > 5)
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise TableError(
                f"{origin} has {table[column].iloc[row]!r} for {column} in row {row}; "
                "give 0-5, or nothing where it is unknown."
            )
    return table


def au_columns(table: pd.DataFrame) -> list[str]:
    """Return the table's AU columns (`AU01`, not `AU01_left`), by number."""
    return [unit.column for unit in ACTION_UNITS.values() if unit.column in table.columns]
