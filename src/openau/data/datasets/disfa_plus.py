"""DISFA+: Extended DISFA, posed and spontaneous expressions of nine of DISFA's people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import check_codes, read_text
from openau.data.datasets.record import Dataset
from openau.errors import TableError
from openau.facs import AU_SETS, au_column

TITLE = "DISFA+"
AUS = AU_SETS["disfa-12"]


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read every trial of every subject.

    Args:
        root: The folder with `Labels` and `Images`.
        notes: Takes what differs.

    Returns:
        One row per picture that all twelve AU files of its trial name.
    """
    images = tree.need(root, TITLE, "Images")
    parts: list[pd.DataFrame] = []
    lost: list[str] = []
    extra: list[str] = []
    partial: list[str] = []
    for subject, place in tree.folders(tree.need(root, TITLE, "Labels")).items():
        for trial, folder in tree.folders(place).items():
            where = f"{subject}/{trial}"
            table = _trial(folder, where, notes, partial)
            if table is None:
                continue
            pictures = _pictures(images, subject, trial)
            lost += [f"{where}/{name}" for name in table.index if name not in pictures]
            extra += [f"{where}/{name}" for name in sorted(set(pictures) - set(table.index))]
            table = table.assign(subject=subject.upper(), sequence=where)
            table["path"] = [pictures.get(str(name)) for name in table.index]
            parts.append(table[table["path"].notna()])
    notes.differs("{n} pictures are not in all AU files of their trial and are left out.", partial)
    notes.differs("{n} labelled pictures are not there and are left out; unpack the pictures anew.", lost)
    notes.differs("{n} pictures have no label and are left out.", [e for e in extra if e not in {*partial}])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _trial(folder: Path, where: str, notes: Notes, partial: list[str]) -> pd.DataFrame | None:
    """Return a trial's intensities by picture name, or None where an AU file is missing."""
    columns: dict[str, pd.Series] = {}
    for au in AUS:
        file = tree.find(folder, f"AU{au}.txt", f"AU{au:02d}.txt")
        if file is None:
            notes.differs(
                f"The trial {where} has no file for AU {au} and is left out; unpack its labels anew."
            )
            return None
        columns[au_column(au)] = _intensities(file, au)
    table = pd.DataFrame(columns)
    whole = table.notna().all(axis=1)
    partial += [f"{where}/{name}" for name in table.index[~whole]]
    table = table[whole].sort_index()
    return table.assign(frame=[int(Path(str(name)).stem) for name in table.index])


def _intensities(file: Path, au: int) -> pd.Series:
    """Return picture name to intensity; lines whose second word is no whole number are the header."""
    found: dict[str, float] = {}
    for line in read_text(file).splitlines():
        words = line.split()
        if len(words) < 2 or not words[1].lstrip("-").isdigit():
            continue
        if not Path(words[0]).stem.isdigit():
            raise TableError(f"{file} names {words[0]!r}, which is no numbered picture; copy it anew.")
        found[words[0]] = float(words[1])
    values = pd.Series(found, dtype="float64")
    check_codes(np.asarray(values, np.float64), range(6), file, f"the intensity of AU {au}")
    return values


def _pictures(images: Path, subject: str, trial: str) -> dict[str, str]:
    place = tree.find(images, subject)
    place = place and tree.find(place, trial)
    return {path.name: str(path) for path in tree.files(place, *tree.SUFFIXES)}


DISFA_PLUS = Dataset(
    name="disfa_plus",
    title=TITLE,
    content="Nine of DISFA's 27 people pose AUs and expressions on cue, several trials each; 12 AUs, "
    "intensity 0-5.",
    access="Request form of M. Mahoor's laboratory, mohammadmahoor.com.",
    licence="Research only; no redistribution of pictures or labels.",
    reference="Mavadati, Sanger, Mahoor (2016). Extended DISFA dataset: Investigating posed and spontaneous "
    "facial expressions. CVPR Workshops.",
    tree="""DISFAPlusDataset/
  Labels/SN001/<trial>/AU1.txt ... AU26.txt    a header in some, then lines `000.jpg   0`
  Images/SN001/<trial>/000.jpg""",
    codes="0 absent, 1-5 = A-E. A picture counts where all twelve files of its trial name it. Subjects are "
    "DISFA's: the same number is the same person.",
    marks=("Labels",),
    scale="intensity",
    read=read,
)
