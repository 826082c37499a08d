"""FEAFA: 24 facial actions with definitions of their own, each a number from 0 to 1."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import read_numbers
from openau.data.datasets.record import Dataset
from openau.errors import TableError

TITLE = "FEAFA"
ACTIONS = 24
COLUMNS = tuple(f"value_{number:02d}" for number in range(1, ACTIONS + 1))
"""The 24 values in the file's order."""

_SEQUENCE = re.compile(r"(PV\d+)(\.output)?", re.IGNORECASE)


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read the values beside every picture.

    Args:
        root: The folder with `PV001.output` and so on, or the one above it.
        notes: Takes what differs.

    Returns:
        One row per picture with an `.auw` file; `value_01` ... `value_24`, and no AU columns.
    """
    rows: list[list[float]] = []
    keys: list[tuple[str, int, str]] = []
    lost: list[str] = []
    extra: list[str] = []
    for name, folder in tree.folders(root).items():
        match = _SEQUENCE.fullmatch(name)
        if match is None:
            continue
        labels, pictures = tree.numbered(folder, (".auw",)), tree.numbered(folder)
        lost += [f"{name} frame {n}" for n in sorted(set(labels) - set(pictures))]
        extra += [f"{name} frame {n}" for n in sorted(set(pictures) - set(labels))]
        for frame in sorted(set(labels) & set(pictures)):
            rows.append(_values(Path(labels[frame])))
            keys.append((match[1].upper(), frame, pictures[frame]))
    notes.differs("{n} labelled frames have no picture and are left out; unpack the pictures.", lost)
    notes.differs("{n} pictures have no .auw file and are left out.", extra)
    table = pd.DataFrame(keys, columns=["sequence", "frame", "path"])
    values = pd.DataFrame(np.array(rows, np.float32).reshape(-1, ACTIONS), columns=list(COLUMNS))
    return pd.concat([table.assign(subject=None), values], axis=1)


def _values(file: Path) -> list[float]:
    values = read_numbers(file, ACTIONS)
    if len(values) != 1 or (values < 0).any() or (values > 1).any():
        raise TableError(f"{file} has something else than {ACTIONS} values from 0 to 1; copy it anew.")
    return [float(value) for value in values[0]]


def _locate(root: Path, title: str, notes: Notes) -> Path:
    """Return the folder that has a sequence's folder."""
    marks = [
        name
        for place in tree.levels(root, title)
        for name in tree.folders(place)
        if _SEQUENCE.fullmatch(name)
    ]
    return tree.locate(root, title, marks[:1] or ("PV001.output",), notes)


FEAFA = Dataset(
    name="feafa",
    title=TITLE,
    content="FEAFA-A: 127 sequences of 122 people, 99,356 frames with 24 facial actions as numbers from 0 "
    "to 1.",
    access="Application, iiplab.net/feafa+.",
    licence="Non-commercial research, as far as is known.",
    reference="Yan, Lu, Zheng, Yang, Wang (2019). FEAFA: A well-annotated dataset for facial expression "
    "analysis and 3D "
    "facial animation. ICME Workshops.",
    tree="""PV001.output/00000994.jpg
PV001.output/00000994.auw        one line of 24 numbers 0-1""",
    codes="`value_01` ... `value_24` in the file's order. They are FEAFA's own actions, not FACS AUs, and "
    "no intensities A-E: "
    "there are no AU columns. FEAFA-B labels DISFA's videos; its people are DISFA's. Who is on a sequence "
    "is not in "
    "the file names, so the subject is unknown.",
    marks=("PV001.output",),
    scale=None,
    read=read,
    locate=_locate,
)
