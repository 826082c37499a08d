"""The synthetic dataset: folders of rendered faces, as `openau synthesize` writes them.

Access: make it yourself. Licence: the pictures are the project's own. Content: one face per picture, every
AU's intensity 0–5, the true face box and landmarks. Split: by subject, in the `split` column.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from openau.data.index import check_index
from openau.errors import InputError, TableError


def index(root: Path) -> pd.DataFrame:
    """Read the index of a synthetic dataset.

    Args:
        root: The folder with `index.csv` and the pictures.

    Returns:
        The index table, `path` absolute, `subject` as text that tells two folders of different seeds apart.

    Raises:
        InputError: The folder has no `index.csv`.
        TableError: `index.csv` is not an index, or names a picture that is not there.
    """
    file = root / "index.csv"
    if not file.is_file():
        raise InputError(
            f"{root} has no index.csv: it is not a finished synthetic dataset; run openau synthesize first."
        )
    try:
        table = pd.read_csv(file, dtype={"subject": str, "dataset": str, "path": str, "emotion": str})
    except (ValueError, OSError) as error:
        raise TableError(f"{file} cannot be read as a table ({error}).") from error
    check_index(table, str(file))
    # Two folders of different seeds both begin at subject 0, but no two of their subjects are the same.
    table["subject"] = f"{root.resolve().name}/" + table["subject"]
    table["path"] = [str(root.resolve() / path) for path in table["path"]]
    if not Path(table["path"].iloc[-1]).is_file():
        raise TableError(f"{file} names {table['path'].iloc[-1]}, which is not there; synthesize it again.")
    return table
