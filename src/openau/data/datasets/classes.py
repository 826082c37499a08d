"""Datasets whose label is the folder that a picture lies in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.findings import Notes

EMOTIONS = {
    "anger": "anger", "angry": "anger", "contempt": "contempt", "disgust": "disgust", "disgusted": "disgust",
    "fear": "fear", "fearful": "fear", "afraid": "fear", "happy": "happiness", "happiness": "happiness",
    "joy": "happiness", "neutral": "neutral", "sad": "sadness", "sadness": "sadness", "surprise": "surprise",
    "surprised": "surprise",
}  # fmt: skip
"""Names of emotions as datasets write them, in lower case, and ours."""

SPLITS = {
    "train": "train", "training": "train", "train_set": "train", "val": "validation", "valid": "validation",
    "validation": "validation", "val_set": "validation", "publictest": "validation", "test": "test",
    "testing": "test", "privatetest": "test",
}  # fmt: skip
"""Names of a dataset's parts, in lower case, and ours."""


def read_classes(root: Path, notes: Notes, names: Mapping[str, str]) -> pd.DataFrame:
    """Read `<class>/<picture>`, or `<part>/<class>/<picture>` where there are folders of parts.

    Args:
        root: The folder.
        notes: Takes folders that are no class.
        names: Folder name in lower case to the emotion that it means.

    Returns:
        One row per picture, in order of part, class and name; `emotion`, and `split` where there are parts.
    """
    parts: list[tuple[str | None, Path]] = [
        (SPLITS[n.casefold()], p) for n, p in tree.folders(root).items() if n.casefold() in SPLITS
    ]
    rows = []
    for split, place in parts or [(None, root)]:
        for name, folder in tree.folders(place).items():
            emotion = names.get(name.casefold())
            if emotion is None:
                notes.differs(f"{folder.relative_to(root)} is no class of the dataset and is left out.")
                continue
            rows += [(path, emotion, split) for path in tree.pictures_below(folder)]
    table = pd.DataFrame(rows, columns=["path", "emotion", "split"])
    return stills(table if parts else table.drop(columns="split"), root)


def stills(table: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Give pictures that belong to no video their columns.

    Args:
        table: With `path`.
        root: The copy.

    Returns:
        The table; `sequence` is the picture's own path below `root`, so that no two are neighbours; the
        subject is unknown where the table has none.
    """
    names = [path.removeprefix(str(root)).lstrip("/\\") for path in table["path"].astype(str)]
    table = table.assign(sequence=names, frame=0)
    return table if "subject" in table else table.assign(subject=None)
