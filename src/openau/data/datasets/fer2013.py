"""FER2013 and FER+: the same 35,887 small grey faces, one label or ten votes each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.classes import EMOTIONS, read_classes, stills
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import check_codes, need_columns, numbers_of, read_csv
from openau.data.datasets.record import Dataset
from openau.data.pictures import row_address
from openau.errors import InputError, TableError

CODES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""FER2013's emotions by their code."""

VOTES = {
    "neutral": "neutral", "happiness": "happiness", "surprise": "surprise", "sadness": "sadness",
    "anger": "anger", "disgust": "disgust", "fear": "fear", "contempt": "contempt", "unknown": "unknown",
    "NF": "not a face",
}  # fmt: skip
"""FER+'s columns of votes and the label each stands for."""

USAGE = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
TABLES = ("fer2013.csv", "icml_face_data.csv")
MAJORITY = 5
"""A picture has the label with more than this many of its ten votes."""


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read FER2013 from its CSV file, or from folders of pictures.

    Args:
        root: The folder with `fer2013.csv`, or with `train` and `test`.
        notes: Takes what differs.

    Returns:
        One row per picture; of a CSV file `path` is the file and the row.
    """
    file = tree.find(root, *TABLES)
    if file is None:
        notes.says(
            "This is the copy in folders: its test part is PublicTest and PrivateTest together, and FER+ "
            "cannot be "
            "joined to it, since the order of the rows is lost."
        )
        return read_classes(root, notes, EMOTIONS)
    table = _usage(file)
    codes = numbers_of(table["emotion"], file, "the emotion")
    check_codes(codes, range(len(CODES)), file, "the emotion")
    return _from_rows(file, table, [CODES[int(code)] for code in codes])


def read_plus(root: Path, notes: Notes) -> pd.DataFrame:
    """Read FER+'s votes, with the pixels from FER2013's CSV file or from pictures `fer0000000.png`.

    Args:
        root: The folder with `fer2013new.csv` and the pixels.
        notes: Takes what differs.

    Returns:
        One row per picture that FER+ kept, with its votes as `votes_neutral` and so on.

    Raises:
        InputError: There are no pixels.
        TableError: FER2013's file has other rows.
    """
    file = tree.need(root, "FER+", "fer2013new.csv")
    table = read_csv(file)
    need_columns(table, ["Usage", "Image name", *VOTES], file)
    votes = np.column_stack([numbers_of(table[name], file, f"the votes for {name}") for name in VOTES])
    for column, name in enumerate(VOTES):
        check_codes(votes[:, column], range(11), file, f"the votes for {name}")
    best = votes.argmax(1)
    labels = np.array(list(VOTES.values()), object)[best]
    labels[votes[np.arange(len(votes)), best] <= MAJORITY] = None
    data = tree.find(root, "data") or root
    pixels = tree.find(root, *TABLES) or tree.find(data, *TABLES)
    if pixels is not None:
        if _usage(pixels)["Usage"].tolist() != table["Usage"].tolist():
            raise TableError(
                f"{pixels} and {file} do not have the same rows in the same order; use both as they are "
                f"shipped."
            )
        rows = _from_rows(pixels, table, labels.tolist())
    else:
        rows = _from_pictures(root, table, labels.tolist(), notes)
    for column, name in enumerate(VOTES):
        rows[f"votes_{name.casefold()}"] = votes[:, column].astype(int)
    removed = table["Image name"].isna()
    notes.says("{n} pictures have no name in FER+: its authors removed them.", table.index[removed].tolist())
    return rows[~removed & rows["path"].notna()]


def _usage(file: Path) -> pd.DataFrame:
    """Return everything but the pixels of a CSV file; some have spaces in their column names."""
    try:
        table = pd.read_csv(file, usecols=lambda name: str(name).strip() != "pixels", dtype=str)
    except (OSError, ValueError) as error:
        raise TableError(f"{file} cannot be read as a table ({' '.join(str(error).split())}).") from error
    table.columns = [str(name).strip() for name in table.columns]
    need_columns(table, ["emotion", "Usage"], file)
    table["Usage"] = table["Usage"].str.strip()
    strange = sorted(set(table["Usage"].dropna()) - set(USAGE))
    if strange or table["Usage"].isna().any():
        raise TableError(
            f"{file} has the usage {strange[0] if strange else ''!r}; it knows {', '.join(USAGE)}."
        )
    return table


def _from_rows(file: Path, table: pd.DataFrame, emotions: list[str]) -> pd.DataFrame:
    rows = pd.DataFrame({"path": [row_address(file, row) for row in range(len(table))], "emotion": emotions})
    rows["split"] = table["Usage"].map(USAGE)
    return stills(rows, file.parent).assign(frame=np.arange(len(rows)), sequence=rows.index.astype(str))


def _from_pictures(root: Path, table: pd.DataFrame, emotions: list[str], notes: Notes) -> pd.DataFrame:
    found = {Path(path).name: path for path in tree.pictures_below(root)}
    if not found:
        raise InputError(f"{root} has votes but no pixels; put fer2013.csv beside fer2013new.csv.")
    names = table["Image name"]
    rows = pd.DataFrame({"path": [found.get(str(name)) for name in names], "emotion": emotions})
    rows["split"] = table["Usage"].map(USAGE)
    lost = names[rows["path"].isna() & names.notna()].tolist()
    notes.differs(
        "{n} pictures with votes are not there and are left out; put fer2013.csv in the folder.", lost
    )
    notes.differs("{n} pictures have no votes and are left out.", sorted(set(found) - set(names.dropna())))
    return rows.assign(frame=np.arange(len(rows)), sequence=rows.index.astype(str), subject=None)


FER2013 = Dataset(
    name="fer2013",
    title="FER2013",
    content="35,887 grey faces of 48x48 pixels from the web, seven emotions; no AUs, no subjects.",
    access="Kaggle, Challenges in Representation Learning (2013).",
    licence="The competition's rules; no clear licence for the pictures.",
    reference="Goodfellow et al. (2013). Challenges in representation learning. ICONIP.",
    tree="""fer2013.csv            columns emotion,pixels,Usage
icml_face_data.csv     the same in another order, with spaces in the names
or, in folders:
train|test/angry|disgust|fear|happy|neutral|sad|surprise/Training_123.jpg""",
    codes="0 anger, 1 disgust, 2 fear, 3 happiness, 4 sadness, 5 surprise, 6 neutral. Training is `train`, "
    "PublicTest "
    "`validation`, PrivateTest `test`. A picture's address is `fer2013.csv#row=7`; nothing needs to be "
    "unpacked.",
    marks=(*TABLES, "train"),
    scale=None,
    read=read,
)

FER_PLUS = Dataset(
    name="fer_plus",
    title="FER+",
    content="Ten people's votes for each picture of FER2013: eight emotions, unknown, not a face.",
    access="github.com/microsoft/FERPlus for the votes; the pictures are FER2013's.",
    licence="Votes: MIT. Pictures: as FER2013.",
    reference="Barsoum, Zhang, Canton Ferrer, Zhang (2016). Training deep networks for facial expression "
    "recognition "
    "with crowd-sourced label distribution. ICMI.",
    tree="""fer2013new.csv         columns Usage,Image name,neutral,happiness,...,contempt,unknown,NF
fer2013.csv            FER2013's file, the same rows in the same order
or, as FER+'s script writes them:
data/FER2013Train|FER2013Valid|FER2013Test/fer0000000.png""",
    codes="`emotion` is the label with more than 5 of the 10 votes, also `unknown` and `not a face`; empty "
    "where none has. "
    "The votes are `votes_neutral` ... `votes_nf`. A row without an image name was removed by the authors.",
    marks=("fer2013new.csv",),
    scale=None,
    read=read_plus,
)
