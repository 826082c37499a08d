"""Aff-Wild2, the AU part of the ABAW competitions."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import check_codes, read_text
from openau.data.datasets.record import Dataset
from openau.errors import InputError, TableError
from openau.facs import au_column

TITLE = "Aff-Wild2"
INVALID = -1
SETS = {
    "Train_Set": "train", "Training_Set": "train", "Validation_Set": "validation", "Test_Set": "test",
}  # fmt: skip
IMAGES = ("cropped_aligned", "cropped_aligned_images", "cropped")
LABELS = ("AU_Detection_Challenge", "AU_Set")
_HEADER = re.compile(r"\s*AU\s*\d+\s*(,\s*AU\s*\d+\s*)+", re.IGNORECASE)
_SECOND = re.compile(r"_(left|right)$")


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read the occurrences of every video frame that has a face.

    Args:
        root: The folder with `AU_Detection_Challenge` (older: `AU_Set`) and `cropped_aligned`.
        notes: Takes what differs.

    Returns:
        One row per labelled frame with a cropped face.
    """
    images = tree.need(root, TITLE, *IMAGES)
    labels = _labels(root, images)
    parts: list[pd.DataFrame] = []
    lost: list[str] = []
    extra: list[str] = []
    faceless: list[str] = []
    for name, split in SETS.items():
        for file in tree.files(tree.find(labels, name), ".txt"):
            place = tree.find(images, file.stem)
            pictures = tree.numbered(place) if place else {}
            if not pictures:
                lost.append(file.stem)
                continue
            table = _video(file).assign(split=split)
            table["path"] = [pictures.get(frame) for frame in table["frame"]]
            faceless += [f"{file.stem} image {n}" for n in table.loc[table["path"].isna(), "frame"]]
            extra += [f"{file.stem} image {n}" for n in sorted(set(pictures) - set(table["frame"]))]
            parts.append(table[table["path"].notna()])
    notes.differs("{n} labelled videos have no pictures and are left out; unpack cropped_aligned.", lost)
    notes.says("{n} labelled frames have no picture and are left out: no face was found in them.", faceless)
    notes.differs("{n} pictures have no label and are left out.", extra)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _labels(root: Path, images: Path) -> Path:
    """Return the folder of the AU annotations, whatever the folder above it is called this year."""
    above = [root, *(place for place in tree.folders(root).values() if place != images)]
    places = [*above, *(inner for place in above[1:] for inner in tree.folders(place).values())]
    found = next((labels for place in places if (labels := tree.find(place, *LABELS))), None)
    if found is None:
        seen = [name for place in above for name in tree.folders(place)]
        raise InputError(tree.not_this(root, TITLE, LABELS, seen))
    return found


def _video(file: Path) -> pd.DataFrame:
    """Return a video's rows that are valid: row j, counted from 0, is the image j + 1."""
    lines = read_text(file).splitlines()
    if not lines or not _HEADER.fullmatch(lines[0]):
        raise TableError(f"{file} does not begin with AU1,AU2,...; use the file as its authors ship it.")
    aus = [int(number) for number in re.findall(r"\d+", lines[0])]
    values = _numbers_below(file, lines, len(aus))
    columns = {}
    for column, au in enumerate(aus):
        check_codes(values[:, column], (0, 1, INVALID), file, f"the occurrence of AU {au}")
        columns[au_column(au)] = np.where(values[:, column] == INVALID, np.nan, values[:, column])
    table = pd.DataFrame(columns).assign(frame=np.arange(1, len(values) + 1), sequence=file.stem)
    table["subject"] = _SECOND.sub("", file.stem)
    return table[table[list(columns)].notna().any(axis=1)]


def _numbers_below(file: Path, lines: list[str], columns: int) -> np.ndarray:
    """Return the numbers of a file below its header.

    Args:
        file: For the sentence.
        lines: The file's lines, the header first.
        columns: Numbers per line.

    Returns:
        (N, columns) float64.

    Raises:
        TableError: A line has something else.
    """
    rows = []
    for number, line in enumerate(lines[1:], 2):
        words = line.replace(",", " ").split()
        if not words:
            continue
        try:
            row = [float(word) for word in words]
        except ValueError:
            row = []
        if len(row) != columns:
            raise TableError(
                f"{file} has {line.strip()[:60]!r} in line {number}, not {columns} numbers; copy it anew."
            )
        rows.append(row)
    return np.array(rows, np.float64).reshape(-1, columns)


AFF_WILD2 = Dataset(
    name="aff_wild2",
    title="Aff-Wild2",
    content="Videos from the web, every frame coded for 12 AUs (the AU part of the ABAW competitions).",
    access="Agreement for academics, ibug.doc.ic.ac.uk/resources/aff-wild2.",
    licence="Non-commercial research.",
    reference="Kollias, Zafeiriou (2019). Expression, affect, action unit recognition: Aff-Wild2, "
    "multi-task learning and "
    "ArcFace. BMVC.",
    tree="""annotations/AU_Detection_Challenge/Train_Set|Validation_Set/<video>.txt
                                   header AU1,AU2,AU4,...; the folder was AU_Set before
cropped_aligned/<video>/00001.jpg""",
    codes="0/1; -1 is invalid: a frame of nothing else is left out, a single -1 is unknown. Row 1 below "
    "the header is image 1; "
    "a frame without a picture had no face. `subject` is the video without `_left` and `_right`, which are "
    "two "
    "people in one video: nobody says who they are, so this is the closest group.",
    marks=("cropped_aligned", "cropped_aligned_images"),
    scale="occurrence",
    read=read,
)
