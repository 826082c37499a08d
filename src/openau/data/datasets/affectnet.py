"""AffectNet: faces from the web with an emotion, valence and arousal; the old lists and the new folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.classes import stills
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import check_codes, need_columns, numbers_of, read_csv
from openau.data.datasets.record import Dataset
from openau.errors import TableError

CODES = (
    "neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt",
    None, "unknown", "not a face",
)  # fmt: skip
"""Emotion by code; 8 is none of them, 9 uncertain, 10 no face."""

INVALID = -2
LISTS = {"training.csv": "train", "validation.csv": "validation"}
SETS = {"train_set": "train", "val_set": "validation"}
HEADER = (
    "subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks",
    "expression", "valence", "arousal",
)  # fmt: skip


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read the lists of the first distribution, or the folders of the later one.

    Args:
        root: The folder with `Manually_Annotated_file_lists`, or with `train_set` and `val_set`.
        notes: Takes what differs.

    Returns:
        One row per labelled picture, with `valence` and `arousal`; the old lists also give the face's box.
    """
    lists = tree.find(root, "Manually_Annotated_file_lists")
    table = _new(root, notes) if lists is None else _old(root, lists, notes)
    for measure in ("valence", "arousal"):
        table[measure] = table[measure].mask(table[measure] == INVALID)
    return stills(table, root)


def _old(root: Path, lists: Path, notes: Notes) -> pd.DataFrame:
    images = tree.find(root, "Manually_Annotated_Images", "Manually_Annotated") or root
    known = {path.removeprefix(str(images)).lstrip("/\\"): path for path in tree.pictures_below(images)}
    parts = []
    for name, split in LISTS.items():
        file = tree.find(lists, name)
        if file is None:
            notes.differs(f"There is no {name}; unpack Manually_Annotated_file_lists.")
            continue
        raw = read_csv(file, header=False)
        if str(raw.iloc[0, 0]) == HEADER[0]:  # validation.csv has no header in some copies
            raw = raw.iloc[1:].reset_index(drop=True)
        if raw.shape[1] != len(HEADER):
            raise TableError(
                f"{file} has {raw.shape[1]} columns, not {len(HEADER)}; use the file as it is shipped."
            )
        raw.columns = list(HEADER)
        need_columns(raw, HEADER, file)
        numbers = {key: numbers_of(raw[key], file, key) for key in (*HEADER[1:5], *HEADER[6:])}
        names = raw[HEADER[0]].str.strip(" '\"")
        part = pd.DataFrame({"emotion": _emotions(numbers["expression"], file), "split": split})
        part["valence"], part["arousal"] = numbers["valence"], numbers["arousal"]
        part["x1"], part["y1"] = numbers["face_x"], numbers["face_y"]
        part["x2"], part["y2"] = part["x1"] + numbers["face_width"], part["y1"] + numbers["face_height"]
        part["path"] = [known.get(str(n)) for n in names]
        notes.differs(
            "{n} labelled pictures are not there and are left out; unpack Manually_Annotated_Images.",
            names[part["path"].isna()].tolist(),
        )
        parts.append(part)
    table = (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["path", "valence", "arousal"])
    )
    unlabelled = sorted(set(known.values()) - set(table["path"].dropna()))
    notes.differs("{n} pictures have no label and are left out.", unlabelled)
    return table[table["path"].notna()]


def _new(root: Path, notes: Notes) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    lost: list[str] = []
    extra: list[str] = []
    for name, split in SETS.items():
        place = tree.find(root, name)
        if place is None:
            notes.differs(f"There is no folder {name}; unpack it.")
            continue
        pictures = tree.numbered(tree.need(place, "AffectNet", "images"))
        notes_at = tree.need(place, "AffectNet", "annotations")
        files = {int(f.name.split("_")[0]): f for f in tree.files(notes_at, "_exp.npy")}
        lost += [f"{name}/{n}" for n in sorted(set(files) - set(pictures))]
        extra += [f"{name}/{n}" for n in sorted(set(pictures) - set(files))]
        for number in sorted(set(files) & set(pictures)):
            file = files[number]
            code = _number(file)
            check_codes(np.array([code]), range(len(CODES)), file, "the emotion")
            rows.append({
                "path": pictures[number], "split": split, "emotion": CODES[int(code)],
                "valence": _number(file.with_name(f"{number}_val.npy"), file),
                "arousal": _number(file.with_name(f"{number}_aro.npy"), file),
            })  # fmt: skip
    notes.differs("{n} labelled pictures are not there and are left out; unpack images.", lost)
    notes.differs("{n} pictures have no label and are left out.", extra)
    return pd.DataFrame(rows, columns=["path", "split", "emotion", "valence", "arousal"])


def _number(file: Path, beside: Path | None = None) -> float:
    """Return the number in a file that NumPy wrote, as a number or as text; NaN where it is not there."""
    if beside is not None and not file.is_file():
        return float("nan")
    try:
        return float(np.load(file, allow_pickle=False).reshape(()).item())
    except (OSError, ValueError, TypeError) as error:
        raise TableError(f"{file} cannot be read as a number ({error}); copy it anew.") from error


def _emotions(codes: np.ndarray, file: Path) -> list[str | None]:
    check_codes(codes, range(len(CODES)), file, "the expression")
    return [CODES[int(code)] for code in codes]


AFFECTNET = Dataset(
    name="affectnet",
    title="AffectNet",
    content="291,651 faces from the web with one of eight emotions, valence and arousal (the later "
    "distribution); no AUs, "
    "no subjects.",
    access="A professor asks M. Mahoor's laboratory, mohammadmahoor.com.",
    licence="Research only; no redistribution.",
    reference="Mollahosseini, Hasani, Mahoor (2019). AffectNet: A database for facial expression, valence, "
    "and arousal "
    "computing in the wild. IEEE Transactions on Affective Computing 10(1).",
    tree="""Manually_Annotated_Images/<folder>/<hash>.jpg
Manually_Annotated_file_lists/training.csv, validation.csv     the second without a header in some copies
or, the later distribution:
train_set|val_set/images/0.jpg
train_set|val_set/annotations/0_exp.npy, 0_val.npy, 0_aro.npy""",
    codes="0 neutral, 1 happiness, 2 sadness, 3 surprise, 4 fear, 5 disgust, 6 anger, 7 contempt, 8 none "
    "(empty), 9 uncertain "
    "(`unknown`), 10 `not a face`. Valence and arousal -1 to 1; -2 is empty. The same number in both sets "
    "is two "
    "pictures. `x1, y1, x2, y2` is the old lists' face box.",
    marks=("Manually_Annotated_file_lists", "train_set", "val_set"),
    scale=None,
    read=read,
)
