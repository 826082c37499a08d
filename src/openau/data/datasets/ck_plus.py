"""CK+: the Extended Cohn-Kanade dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.facts import dataset_facts
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import check_codes, read_numbers
from openau.data.datasets.record import Dataset
from openau.facs import au_column

TITLE = "CK+"
EMOTIONS = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
"""By their code in the emotion files."""


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read the FACS codes and the emotion of every sequence's last frame.

    Args:
        root: The folder with `cohn-kanade-images` and `FACS`.
        notes: Takes what differs.

    Returns:
        One row per sequence that has a FACS or an emotion file.
    """
    images = tree.need(root, TITLE, "cohn-kanade-images", "extended-cohn-kanade-images", "images")
    facs = _by_sequence(tree.need(root, TITLE, "FACS", "FACS_labels"))
    emotions = _by_sequence(tree.find(root, "Emotion", "Emotion_labels"))
    if not emotions:
        notes.differs("There are no emotion files; unpack Emotion_labels.zip if you need the emotions.")
    sequences = {
        f"{subject}/{name}": place
        for subject, folder in tree.folders(images).items()
        for name, place in tree.folders(folder).items()
    }
    labelled = sorted({*facs, *emotions})
    notes.differs(
        "{n} labelled sequences have no pictures and are left out; unpack cohn-kanade-images.zip anew.",
        [name for name in labelled if not tree.numbered(sequences.get(name, root / "no such folder"))],
    )
    notes.differs(
        "{n} sequences of pictures have neither a FACS nor an emotion file and are left out.",
        [name for name in sequences if name not in facs and name not in emotions],
    )
    rows = [
        _peak(name, sequences[name], notes)
        | _action_units(facs.get(name))
        | {"emotion": _emotion(emotions.get(name))}
        for name in labelled
        if name in sequences and tree.numbered(sequences[name])
    ]
    return _absent_filled(pd.DataFrame(rows))


def _by_sequence(place: Path | None) -> dict[str, Path]:
    """Return the one label file of every sequence's folder; many folders are empty."""
    found = {}
    for subject, folder in tree.folders(place).items():
        for name, inner in tree.folders(folder).items():
            for file in tree.files(inner, ".txt"):
                found[f"{subject}/{name}"] = file
    return found


def _peak(name: str, folder: Path, notes: Notes) -> dict[str, object]:
    """Return the last frame of a sequence, the labelled one, and its first, the neutral face."""
    pictures = tree.numbered(folder)
    numbers = sorted(pictures)
    gaps = len(numbers) != numbers[-1] - numbers[0] + 1
    if gaps:
        notes.differs(f"The sequence {name} lacks pictures between its first and its last; unpack it anew.")
    return {
        "subject": name.split("/")[0].upper(),
        "sequence": name,
        "frame": numbers[-1],
        "path": pictures[numbers[-1]],
        "neutral_path": pictures[numbers[0]],
        "frames": len(numbers),
    }


def _action_units(file: Path | None) -> dict[str, float]:
    """Return the AUs that are present: 1, and their intensity where it is given."""
    if file is None:
        return {"facs": 0.0}
    values = read_numbers(file, 2)
    check_codes(values[:, 0], range(1, 100), file, "the number of an AU")
    check_codes(values[:, 1], range(6), file, "an intensity")
    row = {"facs": 1.0}
    for au, intensity in values:
        row[au_column(int(au))] = 1.0
        row[f"{au_column(int(au))}_intensity"] = intensity if intensity > 0 else np.nan
    return row


def _emotion(file: Path | None) -> str | None:
    if file is None:
        return None
    values = read_numbers(file, 1)[:, 0]
    check_codes(values, range(len(EMOTIONS)), file, "the emotion")
    return EMOTIONS[int(values[0])] if len(values) else None


def _absent_filled(table: pd.DataFrame) -> pd.DataFrame:
    """Turn what is not listed in a FACS file into absent: occurrence 0 and intensity 0."""
    if table.empty:
        return table
    listed = {c for c in table.columns if c.startswith("AU") and not c.endswith("_intensity")}
    coded = sorted(listed | {au_column(int(au)) for au in dataset_facts("ck_plus")["positives"]})
    known = table["facs"] == 1.0
    filled = {}
    for au in coded:
        present = table.get(au, pd.Series(np.nan, table.index)) == 1.0
        intensity = table.get(f"{au}_intensity", pd.Series(np.nan, table.index))
        filled[au] = present.astype(float).where(known)
        filled[f"{au}_intensity"] = intensity.where(present, 0.0).where(known)
    others = table.drop(columns=["facs", *(c for c in table.columns if c.startswith("AU"))])
    return pd.concat([others, pd.DataFrame(filled)], axis=1)


CK_PLUS = Dataset(
    name="ck_plus",
    title=TITLE,
    content="593 sequences of 123 people from a neutral face to a posed peak; the last frame is "
    "FACS-coded, and "
    "327 sequences have one of seven emotions.",
    access="Signed agreement with the Affect Analysis Group, University of Pittsburgh.",
    licence="Research only; no redistribution; only some people may be shown in print.",
    reference="Lucey, Cohn, Kanade, Saragih, Ambadar, Matthews (2010). The Extended Cohn-Kanade Dataset "
    "(CK+). "
    "CVPR Workshops.",
    tree="""cohn-kanade-images/S005/001/S005_001_00000011.png
FACS/S005/001/S005_001_00000011_facs.txt           last frame only; lines `9.0000000e+00   4.0000000e+00`
Emotion/S005/001/S005_001_00000011_emotion.txt     327 files; many folders are empty
Landmarks/...                                      not read""",
    codes="A line is an AU that is present; an AU without a line is absent. `AU09` is the occurrence 0/1, "
    "`AU09_intensity` 1-5 = A-E, 0 absent. Intensity 0 in the file means that the AU is present and its "
    "intensity was not given: occurrence 1, intensity unknown. Emotion: 0 neutral, 1 anger, 2 contempt, 3 "
    "disgust, "
    "4 fear, 5 happiness, 6 sadness, 7 surprise; no file, no label. `neutral_path` is the sequence's first "
    "frame.",
    marks=("FACS", "FACS_labels", "cohn-kanade-images"),
    scale="occurrence",
    read=read,
)
