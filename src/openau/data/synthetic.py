"""The synthetic dataset: folders of rendered faces, as `openau synthesize` writes them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from openau.data.datasets import Dataset, Notes, tree
from openau.data.index import check_index
from openau.data.tables import read_index
from openau.errors import InputError

_INDEX = ("index.parquet", "index.csv")


def index_file(root: Path) -> Path | None:
    """Return the index in a folder, `index.parquet` or `index.csv`; None where there is neither.

    Args:
        root: The folder.
    """
    return next((root / name for name in _INDEX if (root / name).is_file()), None)


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read the index of a synthetic dataset.

    Args:
        root: The folder with `index.parquet` or `index.csv`, and the pictures.
        notes: Takes what differs.

    Returns:
        The index table, `path` and `mask` absolute, `subject` as text that tells two folders of different
        seeds apart, `landmarks` the file in which `row` is the row's 68 points. What else was drawn:
        `openau.data.read_parameters`.

    Raises:
        InputError: The folder has no index.
        TableError: The index is none.
    """
    file = index_file(root)
    if file is None:
        raise InputError(tree.not_this(root, SYNTHETIC.title, _INDEX, tree.entries(root)))
    table = check_index(read_index(file), str(file))
    # Two kilobytes of text per picture would stay in every copy of the table; `read_parameters` finds them.
    table = table.drop(columns="parameters", errors="ignore")
    folder = root.resolve()
    # Two folders of different seeds both begin at subject 0, but no two of their subjects are the same.
    table["subject"] = f"{folder.name}/" + table["subject"].astype(str)
    table["sequence"] = table["path"].astype(str)  # stills: the next number is not the next moment
    for column in {"path", "mask"}.intersection(table.columns):
        table[column] = [str(folder / str(path)) for path in table[column]]
    if (folder / "landmarks.npy").is_file():
        table["landmarks"], table["row"] = str(folder / "landmarks.npy"), range(len(table))
    return _with_pictures(table, folder, notes)


def _with_pictures(table: pd.DataFrame, folder: Path, notes: Notes) -> pd.DataFrame:
    """Leave out the rows whose pictures are not there."""
    here = set(tree.pictures_below(folder / "pictures"))
    there = table["path"].isin(here)
    notes.differs(
        "{n} pictures of the index are not there and are left out; bring them back or synthesize anew.",
        tree.relative(table.loc[~there, "path"].tolist(), folder),
    )
    strange = sorted(here.difference(table["path"]))
    notes.differs("{n} pictures are not in the index and are left out.", tree.relative(strange, folder))
    return table[there]


def locate(root: Path, title: str, notes: Notes) -> Path:
    """Return the folder that has the index, `root` or one below it.

    Args:
        root: What the user named.
        title: The dataset's name, for the sentence.
        notes: Is told where the folder lies deeper.

    Raises:
        InputError: There is none.
    """
    if root.is_dir() and not tree.entries(root):
        raise InputError(f"{root} is empty; unpack {title} into it, or make them with openau synthesize.")
    try:
        return tree.locate(root, title, _INDEX, notes)
    except InputError as error:
        if not root.is_dir():
            raise
        raise InputError(f"{error} What is not finished, the same openau synthesize finishes.") from error


SYNTHETIC = Dataset(
    name="synthetic",
    title="Synthetic",
    content="Rendered people, one face per picture, as `openau synthesize` makes them "
    "([more](synthetic.md)): every AU's intensity 0-5, where each AU shows, the face box, 68 landmarks, "
    "pose, gaze, light. The split is by subject.",
    access="Make them yourself: `openau synthesize`.",
    licence="The pictures are yours; the face rig's licence is ICT-FaceKit's (MIT).",
    reference="This project.",
    tree="""index.parquet               one row per picture; an index.csv of the same columns is read as well
pictures/00012/0003.jpg     picture 3 of subject 12
masks/00012/0003.png        where each AU shows
landmarks.npy               68 points of every row
synthesis.json              how it was made""",
    codes="0 absent, 1-5 = A-E, of the stronger side; measured on the posed face.",
    marks=_INDEX,
    scale="intensity",
    read=read,
    locate=locate,
)
