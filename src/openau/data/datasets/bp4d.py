"""BP4D-Spontaneous and BP4D+ (MMSE): the same layout in two sizes."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import Numbers, check_codes, read_numbers, read_text
from openau.data.datasets.record import Dataset
from openau.errors import InputError, TableError
from openau.facs import ACTION_UNITS, AU_SETS, au_column

FRAMES_PER_S = 25.0
NOT_CODABLE = 9

_SEQUENCE = re.compile(r"([FM]\d{3})_(T?\d{1,2})\.csv", re.IGNORECASE)
_IMAGES = (
    "Sequences(2D+3D)",
    "2D+3D",
    "BP4D-training",
    "BP4D-training(2D+3D)",
    "Sequences",
    "2D",
    "Images",
)


def read(root: Path, notes: Notes, *, title: str) -> pd.DataFrame:
    """Read the occurrence and intensity codes of every sequence.

    Args:
        root: The folder with `AUCoding`.
        notes: Takes what differs.
        title: The dataset's name, for sentences.

    Returns:
        One row per coded frame with a picture.

    Raises:
        InputError: There is no sequence below `AUCoding`.
    """
    coding = tree.need(root, title, "AUCoding", "AUCoding-training")
    occurrence = tree.find(coding, "AU_OCC") or coding
    intensity = tree.find(coding, "AU_INT") or tree.find(root, "AU Intensity Codes3.0")
    images = tree.find(root, *_IMAGES) or root
    sequences = [
        (m, file) for file in tree.files(occurrence, ".csv") if (m := _SEQUENCE.fullmatch(file.name))
    ]
    if not sequences:
        raise InputError(
            f"{occurrence} has no files F001_T1.csv, F001_T2.csv ...; unpack the AU codes of {title} into it."
        )
    if intensity is None:
        notes.differs("There is no folder AU_INT: no intensities. Unpack it if you need them.")
    lost: list[str] = []
    extra: list[str] = []
    parts = []
    for match, file in sequences:
        subject, task = match[1].upper(), f"T{int(match[2].lstrip('Tt'))}"
        table = _occurrences(file, title).join(_intensities(intensity, subject, task, notes))
        pictures = _pictures(images, subject, task)
        table["path"] = [pictures.get(frame) for frame in table.index]
        missing = table.index[table["path"].isna()]
        if pictures and len(missing) and missing[-1] == table.index[-1] and min(pictures) == 0:
            notes.differs(
                f"{subject}/{task}: the last coded frame has no picture, but there is a picture 0: the "
                f"pictures "
                "seem to be numbered from 0 and the labels from 1. Rename the pictures of this copy."
            )
        lost += [f"{subject}/{task} frame {frame}" for frame in missing]
        # Pictures before and after the coded block are the rule; within it, each should have a code.
        inside = range(int(table.index.min()), int(table.index.max())) if len(table) else range(0)
        extra += [f"{subject}/{task} frame {n}" for n in sorted(set(pictures) & set(inside) - {*table.index})]
        parts.append(table.assign(subject=subject, sequence=f"{subject}/{task}", task=task))
    notes.differs(
        "{n} coded frames have no picture and are left out; unpack the pictures of their sequences anew.",
        lost,
    )
    notes.differs("{n} pictures within a coded stretch have no code and are left out.", extra)
    joined = pd.concat(parts)
    joined = joined[joined["path"].notna()].reset_index(names="frame")
    return joined.assign(time_s=joined["frame"] / FRAMES_PER_S, gender=joined["subject"].str[0])


def _occurrences(file: Path, title: str) -> pd.DataFrame:
    """Return frame to occurrence; the header's first cell is the frame's, each other one an AU's number."""
    lines = read_text(file).splitlines()
    try:
        header = [int(float(cell)) for cell in lines[0].rstrip(",; ").split(",")]
    except (ValueError, IndexError):
        header = []
    if len(header) < 2 or header[1:] != sorted(set(header[1:])):
        raise TableError(
            f"{file} does not begin with a row of AU numbers; use the file as {title}'s authors ship it."
        )
    values = read_numbers(file, len(header))[1:]
    columns = {}
    for position, au in enumerate(header[1:], 1):
        if au in ACTION_UNITS:
            check_codes(values[:, position], (0, 1, NOT_CODABLE), file, f"the occurrence of AU {au}")
            columns[au_column(au)] = _known(values[:, position])
    return pd.DataFrame(columns, index=_frames(values, file))


def _intensities(folder: Path | None, subject: str, task: str, notes: Notes) -> pd.DataFrame:
    """Return frame to intensity for the AUs that have one."""
    columns = {}
    for au in AU_SETS["bp4d-5"] if folder is not None else ():
        name = f"{subject}_{task}_{au_column(au)}.csv"
        place = tree.find(folder, au_column(au)) if folder is not None else None
        file = tree.find(place, name) if place is not None else None
        if file is None:
            notes.differs(f"AU_INT has no {name}; this intensity is unknown.")
            continue
        values = read_numbers(file, 2)
        check_codes(values[:, 1], (*range(6), NOT_CODABLE), file, f"the intensity of AU {au}")
        frames = _frames(values, file)
        columns[f"{au_column(au)}_intensity"] = pd.Series(_known(values[:, 1]), frames)
        columns[f"{au_column(au)}_not_codable"] = pd.Series(values[:, 1] == NOT_CODABLE, frames)
    return pd.DataFrame(columns)


def _known(values: Numbers) -> Numbers:
    return np.where(values == NOT_CODABLE, np.nan, values)


def _frames(values: Numbers, file: Path) -> pd.Index:
    frames: pd.Index = pd.Index(values[:, 0].astype(int), name="frame")
    if frames.has_duplicates:
        raise TableError(f"{file} has a frame twice; copy it anew from the archive.")
    return frames


def _pictures(images: Path, subject: str, task: str) -> dict[int, str]:
    place = tree.find(images, subject)
    place = place and tree.find(place, task)
    return {} if place is None else tree.numbered(place)


_CODES = (
    "`AU06` is the occurrence 0/1, `AU06_intensity` 0-5 for AU 6, 10, 12, 14, 17. 9 is not codable and "
    "becomes unknown in both; `AU06_not_codable` marks where the intensity was 9. An occurrence of 0 "
    "beside an intensity of 1 is no mistake: occurrence was coded from "
    "B upward."
)

BP4D = Dataset(
    name="bp4d",
    title="BP4D",
    content="BP4D-Spontaneous: 41 people in eight tasks (328 sequences, 25 frames/s); about 20 s of each "
    "are coded for occurrence, "
    "five AUs for intensity.",
    access="Signed agreement with Binghamton University.",
    licence="Research only, per institution; no redistribution.",
    reference="Zhang, Yin, Cohn, Canavan, Reale, Horowitz, Liu, Girard (2014). BP4D-Spontaneous: a "
    "high-resolution spontaneous 3D dynamic facial expression database. Image and Vision Computing 32(10).",
    tree="""Sequences(2D+3D)/F001/T1/2440.jpg            three or four digits; also 2D+3D/, BP4D-training/
AUCoding/AU_OCC/F001_T1.csv                  header 0,1,2,...: frame, AU 1, AU 2 ...; older: AUCoding/*.csv
AUCoding/AU_INT/AU06/F001_T1_AU06.csv        no header, `frame,intensity`""",
    codes=_CODES,
    marks=("AUCoding", "AUCoding-training"),
    scale="occurrence",
    read=partial(read, title="BP4D"),
)

BP4D_PLUS = Dataset(
    name="bp4d_plus",
    title="BP4D+",
    content="140 people in ten tasks, of which T1, T6, T7 and T8 are AU-coded (25 frames/s).",
    access="Signed agreement with Binghamton University.",
    licence="Research only, per institution; no redistribution.",
    reference="Zhang, Girard, Wu, Zhang, Liu, Ciftci, Canavan, Reale, Horowitz, Yang, Cohn, Ji, Yin (2016). "
    "Multimodal spontaneous emotion corpus for human behavior analysis. CVPR.",
    tree="""2D+3D/F001/T1/000.jpg                        three or four digits
AUCoding/AU_OCC/F001_T1.csv                  header names the AUs: 1,1,2,4,5 ...; the first is the frame's
AUCoding/AU_INT/AU06/F001_T1_AU06.csv        no header, `frame,intensity`""",
    codes=_CODES + " Subjects keep their letter: F001 and M001 are two people.",
    marks=("AUCoding",),
    scale="occurrence",
    read=partial(read, title="BP4D+"),
)
