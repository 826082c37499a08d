"""AU tables as DataFrames, and back from disk."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from openau.errors import TableError
from openau.facs import ACTION_UNITS, au_column
from openau.records import ModelCard, Reading
from openau.table.columns import (
    AU_COLUMN,
    EMOTION_COLUMNS,
    FACE_COLUMNS,
    LANDMARK_COLUMNS,
    TEXT_COLUMNS,
    is_whole,
    reading_row,
    row_reading,
    table_columns,
)
from openau.table.parquet import require_pyarrow

if TYPE_CHECKING:
    import pandas as pd


def to_table(readings: Iterable[Reading], card: ModelCard, *, landmarks: bool = False) -> pd.DataFrame:
    """Return readings as the AU table, equal to what `read_table` gives for their file.

    Args:
        readings: Rows in the order wanted.
        card: The card of the model that read them.
        landmarks: Whether the table has the faces' 68 landmarks.
    """
    import pandas as pd

    columns = table_columns(card, landmarks=landmarks)
    rows = [reading_row(reading, card, landmarks=landmarks) for reading in readings]
    return _typed(pd.DataFrame(rows, columns=columns, dtype=object))


def read_table(path: Path) -> pd.DataFrame:
    """Read an AU table written by OpenAU, CSV or Parquet by its suffix.

    Args:
        path: A `.csv` or `.parquet` file.

    Returns:
        Numbers as float64, whole numbers as Int64 (empty is `<NA>`), `source` and `emotion` as text.

    Raises:
        TableError: The file is not readable as a table, or its columns or values are not an AU table's.
        MissingExtraError: The file is Parquet and pyarrow is not installed.
    """
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            require_pyarrow()
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read as an AU table ({error}).") from error
    _check_columns(list(table.columns), path)
    try:
        table = _typed(table)
    except (ValueError, TypeError) as error:
        raise TableError(f"{path} holds a value that its column does not allow ({error}).") from error
    _check_values(table, path)
    return table


def read_readings(path: Path, card: ModelCard) -> Iterator[Reading]:
    """Read back, row by row, the readings that a `TableWriter` wrote; rounded as in the file.

    Args:
        path: A CSV file that `TableWriter` wrote or is writing.
        card: The card of the model that read them.

    Raises:
        TableError: The columns are not those of this card.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        if rows.fieldnames not in (table_columns(card), table_columns(card, landmarks=True)):
            raise TableError(f"{path} has other columns than the model {card.name} writes.")
        for row in rows:
            yield row_reading(row, card)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    typed: dict[str, pd.Series] = {}
    for column in table.columns:
        if column in TEXT_COLUMNS:
            typed[column] = table[column].astype("str").where(table[column].notna(), None)
        else:
            numbers = pd.to_numeric(table[column]).astype("float64")
            typed[column] = numbers.astype("Int64") if is_whole(column) else numbers
    return pd.DataFrame(typed, columns=table.columns)


def _check_columns(columns: list[str], path: Path) -> None:
    found = [match for column in columns if (match := AU_COLUMN.fullmatch(column))]
    aus = sorted({int(match[1]) for match in found})
    parts = ("p", "c", "r") if any(match[2] == "r" for match in found) else ("p", "c")
    wanted = [
        *FACE_COLUMNS,
        *(f"{au_column(au)}_{part}" for au in aus for part in parts),
        *EMOTION_COLUMNS,
        *(LANDMARK_COLUMNS if LANDMARK_COLUMNS[0] in columns else ()),
    ]
    missing = [column for column in wanted if column not in columns]
    strange = [column for column in columns if column not in wanted]
    if missing:
        raise TableError(f"{path} is not an AU table: the column {missing[0]} is missing.")
    if strange:
        raise TableError(f"{path} is not an AU table: it has the unknown column {strange[0]}.")
    if columns != wanted:
        raise TableError(f"{path} is not an AU table: its columns are not in the order of docs/table.md.")
    if not aus or any(au not in ACTION_UNITS for au in aus):
        raise TableError(f"{path} is not an AU table: it has no AU columns, or one that FACS does not know.")


def _check_values(table: pd.DataFrame, path: Path) -> None:
    limits = {"p": 1.0, "c": 1.0, "r": 5.0}
    bounded = {c: limits[m[2]] for c in table.columns if (m := AU_COLUMN.fullmatch(c))}
    bounded |= {"success": 1.0} | dict.fromkeys(EMOTION_COLUMNS[1:], 1.0)
    for column, highest in bounded.items():
        known = table[column].dropna()
        if len(known) and not known.between(0.0, highest).all():
            raise TableError(f"{path} has a value outside 0–{highest:g} in the column {column}.")
