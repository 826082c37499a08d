"""Parquet, made from the CSV rows in row groups of constant size; pyarrow is loaded only here."""

from __future__ import annotations

import csv
from pathlib import Path

from openau.errors import MissingExtraError
from openau.table.columns import TEXT_COLUMNS, is_whole

ROW_GROUP = 10_000


def require_pyarrow() -> None:
    """Refuse, before any work is done, what needs pyarrow where it is not installed.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet", "A Parquet table") from error


def csv_to_parquet(source: Path, target: Path, columns: list[str]) -> None:
    """Write the rows of a CSV table as Parquet; memory holds one row group.

    Args:
        source: A CSV table.
        target: The Parquet file to write.
        columns: The table's columns, in order.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def kind(column: str) -> pa.DataType:
        if column in TEXT_COLUMNS:
            return pa.string()
        return pa.int64() if is_whole(column) else pa.float64()

    def value(column: str, text: str) -> object:
        if text == "" or column in TEXT_COLUMNS:
            return text or None
        return int(text) if is_whole(column) else float(text)

    schema = pa.schema([(column, kind(column)) for column in columns])
    with source.open(encoding="utf-8", newline="") as lines, pq.ParquetWriter(target, schema) as writer:
        group: list[dict[str, object]] = []
        for row in csv.DictReader(lines):
            group.append({column: value(column, row[column]) for column in columns})
            if len(group) == ROW_GROUP:
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
                group.clear()
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
