"""The synthetic dataset: folders of rendered faces, as `openau synthesize` writes them.

Access: make it yourself. Licence: the pictures are the project's own. Content: one face per picture, every
AU's intensity 0–5, where each AU shows, the true face box and landmarks. Split: by subject, in the `split`
column.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from openau.data.index import check_index
from openau.errors import InputError, TableError

_TEXT = {"subject": str, "dataset": str, "path": str, "mask": str, "emotion": str}


def index_file(root: Path) -> Path | None:
    """Return the index in a folder, `index.parquet` or `index.csv`; None where there is neither.

    Args:
        root: The folder.
    """
    return next((root / name for name in ("index.parquet", "index.csv") if (root / name).is_file()), None)


def index(root: Path) -> pd.DataFrame:
    """Read the index of a synthetic dataset.

    Args:
        root: The folder with `index.parquet` or `index.csv`, and the pictures.

    Returns:
        The index table, `path` and `mask` absolute, `subject` as text that tells two folders of different
        seeds apart, `landmarks` the file in which `row` is the row's 68 points. What else was drawn:
        `openau.data.read_parameters`.

    Raises:
        InputError: The folder has no index.
        TableError: The index is not one, or names a picture that is not there.
    """
    file = index_file(root)
    if file is None:
        raise InputError(
            f"{root} has no index.parquet: it is no finished synthetic dataset; run openau synthesize first."
        )
    try:
        table = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, dtype=_TEXT)
    except (ValueError, OSError) as error:
        raise TableError(f"{file} cannot be read as a table ({error}).") from error
    check_index(table, str(file))
    # Two kilobytes of text per picture would stay in every copy of the table; `read_parameters` finds them.
    table = table.drop(columns="parameters", errors="ignore")
    folder = root.resolve()
    # Two folders of different seeds both begin at subject 0, but no two of their subjects are the same.
    table["subject"] = f"{folder.name}/" + table["subject"].astype(str)
    for column in {"path", "mask"}.intersection(table.columns):
        table[column] = [str(folder / path) for path in table[column]]
    table["au_scale"] = "intensity"
    if (folder / "landmarks.npy").is_file():
        table["landmarks"], table["row"] = str(folder / "landmarks.npy"), range(len(table))
    if not Path(table["path"].iloc[-1]).is_file():
        raise TableError(f"{file} names {table['path'].iloc[-1]}, which is not there; synthesize it again.")
    return table
