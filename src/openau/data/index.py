"""The index table: what every dataset becomes, whatever its files look like.

Columns: `dataset, subject, sequence, frame, path` (a picture, addressed as `openau.data.pictures` reads it),
optionally `time_s`, `split`, `emotion`, one column per AU (`AU01`, NaN unknown), optionally `AU01_left` /
`AU01_right`, `AU01_intensity`, a true face box `x1, y1, x2, y2`, and group columns. `au_scale` says what an
AU's column holds: `intensity` 0–5 or `occurrence` 0/1; with occurrences, the intensities that the dataset has
stand in `AU01_intensity`.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pandas as pd

from openau.data.datasets import Dataset, Notes
from openau.errors import SettingError, TableError
from openau.facs import ACTION_UNITS

REQUIRED_COLUMNS = ("dataset", "subject", "sequence", "frame", "path")

MEASURE = re.compile(r"emotion|value_\d+|AU\d{2}_(left|right)")
"""What an index without AU columns may have instead: emotions, values of other definition, sided AUs."""

DATASETS: dict[str, str] = {
    "synthetic": "openau.data.synthetic:SYNTHETIC",
    "sample": "openau.data.sample:SAMPLE",
    "disfa": "openau.data.datasets.disfa:DISFA",
    "disfa_plus": "openau.data.datasets.disfa_plus:DISFA_PLUS",
    "ck_plus": "openau.data.datasets.ck_plus:CK_PLUS",
    "bp4d": "openau.data.datasets.bp4d:BP4D",
    "bp4d_plus": "openau.data.datasets.bp4d:BP4D_PLUS",
    "emotionet": "openau.data.datasets.emotionet:EMOTIONET",
    "fer2013": "openau.data.datasets.fer2013:FER2013",
    "fer_plus": "openau.data.datasets.fer2013:FER_PLUS",
    "raf_db": "openau.data.datasets.raf:RAF_DB",
    "raf_au": "openau.data.datasets.raf:RAF_AU",
    "table": "openau.data.datasets.own:TABLE",
    "folder": "openau.data.datasets.own:FOLDER",
    "caer_s": "openau.data.datasets.caer_s:CAER_S",
    "gft": "openau.data.datasets.own:GFT",
    "unbc": "openau.data.datasets.unbc:UNBC",
    "feafa": "openau.data.datasets.feafa:FEAFA",
    "affectnet": "openau.data.datasets.affectnet:AFFECTNET",
    "aff_wild2": "openau.data.datasets.aff_wild2:AFF_WILD2",
    "semaine": "openau.data.datasets.semaine:SEMAINE",
    "dem": "openau.data.datasets.own:DEM",
    "index": "openau.data.tables:read_index",
}
"""Dataset name to the `module:function` that indexes its folder; a `Dataset` is such a function."""


def dataset_name(name: str) -> str:
    """Return a dataset's key in the registry.

    Args:
        name: The key, or the name as its authors write it: `DISFA+` is `disfa_plus`, `RAF-DB` is `raf_db`.

    Raises:
        SettingError: No dataset has this name.
    """
    wanted = _plain(name)
    for key in DATASETS:
        if wanted == _plain(key):
            return key
    raise SettingError(f"There is no dataset {name!r}; choose one of {', '.join(DATASETS)}.")


def find_dataset(name: str) -> Dataset | None:
    """Return what is known about a dataset, or None where the registry has a plain function.

    Args:
        name: As `dataset_name` takes it.

    Raises:
        SettingError: No dataset has this name.
    """
    module, function = DATASETS[dataset_name(name)].split(":")
    found = getattr(import_module(module), function)
    return found if isinstance(found, Dataset) else None


def build_index(name: str, root: Path, notes: Notes | None = None) -> pd.DataFrame:
    """Index a dataset's folder.

    Args:
        name: A key of `DATASETS`, or the name as its authors write it.
        root: The dataset's folder.
        notes: Takes what differs from the official copy, where the dataset's reader tells it.

    Returns:
        The index table, one row per picture, its `path` column absolute.

    Raises:
        SettingError: No dataset has this name.
        TableError: The folder's tables are not as the dataset's owner ships them.
        InputError: The folder is not the dataset.
    """
    dataset = find_dataset(name)
    if dataset is not None:
        return dataset(root, notes)
    module, function = DATASETS[dataset_name(name)].split(":")
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
        TableError: A column is missing, there is no row, neither an AU nor an emotion, or an AU's value is
            outside 0–5.
    """
    missing = [name for name in REQUIRED_COLUMNS if name not in table.columns]
    if missing:
        raise TableError(
            f"{origin} has no column {missing[0]!r}; an index needs {', '.join(REQUIRED_COLUMNS)}."
        )
    if table.empty:
        raise TableError(f"{origin} has no rows; give a dataset with at least one picture.")
    columns = au_columns(table)
    if not columns and not any(MEASURE.fullmatch(str(column)) for column in table.columns):
        raise TableError(f"{origin} has no AU column and no emotion; name AU columns AU01, AU02 and so on.")
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


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold().replace("+", "plus"))
