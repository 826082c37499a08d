"""The AU table: one row per face per frame, with the column names that OpenFace users know.

The columns, their units and how OpenFace's map onto them are described once, in `docs/table.md`. Two rules
hold everywhere: an AU that the model does not know has no column, and a value that is not known is empty,
never 0. Numbers have a fixed count of decimals, so that the same input gives the same bytes.
"""

from openau.table.columns import reading_row, table_columns
from openau.table.read import read_readings, read_table, to_table
from openau.table.write import TableWriter, partial_path

__all__ = [
    "TableWriter",
    "partial_path",
    "read_readings",
    "read_table",
    "reading_row",
    "table_columns",
    "to_table",
]
