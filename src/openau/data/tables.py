"""Index tables on disk, CSV or Parquet by their suffix."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from openau.errors import InputError, MissingExtraError, OutputError, SettingError, TableError

SUFFIXES = (".csv", ".parquet")
TEXT = ("dataset", "subject", "sequence", "path", "mask", "split", "emotion", "au_scale", "task", "gender")


def check_table_path(path: Path) -> None:
    """Refuse, before any work is done, a table that could not be written.

    Args:
        path: Where it is to be.

    Raises:
        SettingError: The suffix is neither `.csv` nor `.parquet`.
        OutputError: The file exists, or its folder does not.
        MissingExtraError: Parquet is wanted and pyarrow is not installed.
    """
    if path.suffix not in SUFFIXES:
        raise SettingError(f"{path} is neither .csv nor .parquet; give the table one of these suffixes.")
    if path.exists():
        raise OutputError(f"{path} exists already; give another file, or remove it.")
    if not path.absolute().parent.is_dir():
        raise OutputError(
            f"There is no folder {path.absolute().parent} to write {path.name} into; make it first."
        )
    if path.suffix == ".parquet":
        _require_pyarrow()


def write_index(table: pd.DataFrame, path: Path) -> None:
    """Write an index under a temporary name, and give it its own when it is complete.

    Args:
        table: The index.
        path: `.csv` or `.parquet`.

    Raises:
        OutputError: It cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        if path.suffix == ".parquet":
            table.to_parquet(part, index=False)
        else:
            table.to_csv(part, index=False)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error}).") from error
    finally:
        part.unlink(missing_ok=True)


def read_index(path: Path) -> pd.DataFrame:
    """Read an index that `write_index` wrote.

    Args:
        path: `.csv` or `.parquet`.

    Returns:
        The table; text columns as text, so that subject `001` stays `001`.

    Raises:
        InputError: There is no such file.
        TableError: It cannot be read as a table.
        MissingExtraError: It is Parquet and pyarrow is not installed.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the table in it, a .csv or .parquet.")
    if not path.exists():
        raise InputError(f"There is no table {path}; check the path.")
    try:
        if path.suffix == ".parquet":
            _require_pyarrow()
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=dict.fromkeys(TEXT, "str"), low_memory=False)
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read as a table ({' '.join(str(error).split())}).") from error


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet", "A Parquet table") from error
