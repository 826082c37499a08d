"""RAF-DB and RAF-AU: real-world affective faces with an emotion each, and some of them with AUs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.classes import read_classes, stills
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import read_text
from openau.data.datasets.record import Dataset
from openau.errors import TableError
from openau.facs import au_column

EMOTIONS = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""RAF-DB's emotions by their code, from 1."""

_TOKEN = re.compile(r"([LRTB]?)(\d{1,2})", re.IGNORECASE)


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read RAF-DB's basic set, in its own folders or as it is often packed again.

    Args:
        root: The folder with `EmoLabel` and `Image`, or with `train` and `test`.
        notes: Takes what differs.

    Returns:
        One row per labelled picture, its aligned version where that is there.

    Raises:
        TableError: A line is no picture's name and code, or names no part.
    """
    labels = tree.find(root, "EmoLabel")
    if labels is None:
        notes.says("This is the copy in folders 1 to 7; its pictures are the aligned ones.")
        return read_classes(root, notes, {str(code): name for code, name in enumerate(EMOTIONS, 1)})
    file = tree.need(labels, "RAF-DB", "list_patition_label.txt", "list_partition_label.txt")
    rows = []
    for number, line in enumerate(read_text(file).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        split = words[0].split("_")[0].casefold()
        if len(words) != 2 or words[1] not in "1234567" or split not in ("train", "test"):
            raise TableError(
                f"{file} has {line.strip()[:60]!r} in line {number}, where `train_00001.jpg 5` (1-7) "
                f"belongs; "
                "copy it anew."
            )
        rows.append((words[0], EMOTIONS[int(words[1]) - 1], split))
    table = pd.DataFrame(rows, columns=["name", "emotion", "split"])
    return _with_pictures(table, root, tree.find(root, "Image"), notes)


def _with_pictures(table: pd.DataFrame, root: Path, images: Path | None, notes: Notes) -> pd.DataFrame:
    """Find the aligned and the original picture of every row."""
    aligned, original = (
        {_stem(path): path for path in tree.pictures_below(place)}
        if images is not None and (place := tree.find(images, kind))
        else {}
        for kind in ("aligned", "original")
    )
    stems = [_stem(name) for name in table["name"]]
    table = table.copy()
    table["path"] = [aligned.get(stem, original.get(stem)) for stem in stems]
    table["original_path"] = [original.get(stem) for stem in stems]
    notes.differs(
        "{n} labelled pictures are not there and are left out; unpack Image/aligned.zip or "
        "Image/original.zip.",
        table.loc[table["path"].isna(), "name"].tolist(),
    )
    notes.differs("{n} pictures have no label and are left out.", sorted({*aligned, *original} - set(stems)))
    table = table[table["path"].notna()].drop(columns="name")
    return stills(table.drop(columns="original_path") if not original else table, root)


def _stem(path: str) -> str:
    return Path(path).stem.casefold().removesuffix("_aligned")


def read_au(root: Path, notes: Notes) -> pd.DataFrame:
    """Read RAF-AU's lists of AUs.

    Args:
        root: The folder with `RAFAU_label.txt`.
        notes: Takes what differs.

    Returns:
        One row per labelled picture; an AU that no line of the file has, has no column.
    """
    file = tree.need(root, "RAF-AU", "RAFAU_label.txt")
    found: dict[str, dict[str, float]] = {}
    for number, line in enumerate(read_text(file).splitlines(), 1):
        words = line.split()
        if words:
            found[words[0]] = _action_units(words[1:], file, number)
    listed = sorted({column[:4] for row in found.values() for column in row})
    sided = sorted({column[:4] for row in found.values() for column in row if len(column) > 4})
    columns = [*listed, *(f"{au}{side}" for au in sided for side in ("_left", "_right"))]
    table = pd.DataFrame.from_dict(found, orient="index").reindex(columns=columns).fillna(0.0)
    for au in sided:
        both = (table[au] == 1) & (table[f"{au}_left"] == 0) & (table[f"{au}_right"] == 0)
        for side in ("_left", "_right"):
            table[f"{au}{side}"] = np.where(both, 1.0, table[f"{au}{side}"])
    images = tree.find(root, "aligned", "Image", "images", "original") or root
    pictures = {_stem(path): path for path in tree.pictures_below(images)}
    table["path"] = [pictures.get(_stem(name)) for name in found]
    notes.differs(
        "{n} labelled pictures are not there and are left out; unpack the pictures.",
        table.index[table["path"].isna()].tolist(),
    )
    notes.differs(
        "{n} pictures have no label and are left out.",
        sorted(set(pictures) - {_stem(name) for name in found}),
    )
    return stills(table[table["path"].notna()].reset_index(drop=True), root)


def _action_units(words: list[str], file: Path, number: int) -> dict[str, float]:
    """Return the AUs of a line: `L12+25` is AU 12 on the left and AU 25; `T28` is AU 28 at the upper lip."""
    if words == ["null"]:
        return {}
    row: dict[str, float] = {}
    for token in "".join(words).split("+"):
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise TableError(
                f"{file} has {token!r} in line {number}, which is no AU such as 12, L12 or T28; copy it anew."
            )
        column = au_column(int(match[2]))
        row[column] = 1.0
        if side := {"L": "_left", "R": "_right"}.get(match[1].upper()):
            row[f"{column}{side}"] = 1.0
    return row


RAF_DB = Dataset(
    name="raf_db",
    title="RAF-DB",
    content="15,339 faces from the web with one of seven basic emotions each (12,271 train, 3,068 test); "
    "no AUs, no "
    "subjects.",
    access="Request to the authors, whdeng.cn/RAF/model1.html.",
    licence="Non-commercial research; no further distribution.",
    reference="Li, Deng, Du (2017). Reliable crowdsourcing and deep locality-preserving learning for "
    "expression "
    "recognition in the wild. CVPR.",
    tree="""basic/EmoLabel/list_patition_label.txt           spelt so; lines `train_00001.jpg 5`
basic/Image/aligned/train_00001_aligned.jpg      100x100 pixels
basic/Image/original/train_00001.jpg
or, as it is often packed again:
DATASET/train|test/1|2|3|4|5|6|7/train_00001_aligned.jpg""",
    codes="1 surprise, 2 fear, 3 disgust, 4 happiness, 5 sadness, 6 anger, 7 neutral. `path` is the "
    "aligned picture, "
    "`original_path` the original, where they are there.",
    marks=("EmoLabel", "train"),
    scale=None,
    read=read,
)

RAF_AU = Dataset(
    name="raf_au",
    title="RAF-AU",
    content="4,601 faces from the web whose AUs two experts coded; 253 show none.",
    access="Request to the authors, whdeng.cn/RAF/model3.html.",
    licence="Non-commercial research; no further distribution.",
    reference="Yan, Li, Que, Pei, Deng (2020). RAF-AU database: in-the-wild facial expressions with "
    "subjective emotion "
    "judgement and objective AU annotations. ACCV.",
    tree="""RAF-AU/RAFAU_label.txt                           lines `0001.jpg 1+2+5+25`, `0002.jpg null`
RAF-AU/aligned/0001_aligned.jpg""",
    codes="A listed AU is present, every other AU of the file absent, `null` is none. `L12` and `R12` are "
    "one side "
    "(`AU12_left`, `AU12_right`; AU12 is present), T and B the upper and lower lip. About 2 % of the "
    "pictures are in "
    "RAF-DB's test part.",
    marks=("RAFAU_label.txt",),
    scale="occurrence",
    read=read_au,
)
