"""Labels in somebody's table: your own data, and the tables that OpenFace, py-feat and OpenAU write."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.classes import EMOTIONS, SPLITS
from openau.data.datasets.columns import SETTINGS, Columns, Kind, au_columns, find_column, load_columns
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import numbers_of, read_csv
from openau.data.datasets.places import Places
from openau.errors import InputError, TableError
from openau.facs import au_column

SUFFIXES = (".csv", ".tsv", ".parquet")
UNKNOWN = (9, 999, -1, -999)
"""What tables write where an AU is unknown; no intensity is one of them."""

EVEN = 0.5
"""A probability from here on is an occurrence."""


def read_tables(
    root: Path,
    notes: Notes,
    *,
    title: str = "your data",
    scale: str = "",
    name_of: Callable[[Path], str | None] = lambda file: "",
) -> pd.DataFrame:
    """Read every table of labels in a folder, or one file.

    Args:
        root: A table, or the folder that has tables.
        notes: Takes what differs.
        title: For sentences.
        scale: What the AU columns hold, where the dataset fixes it.
        name_of: Gives the person whom a file is about by its name, an empty text where it says nothing, or
            None where the file is not one of the dataset's.

    Returns:
        One row per labelled picture that is there.

    Raises:
        InputError: There is no table.
    """
    files = [root] if root.is_file() else tree.files(root, *SUFFIXES)
    folder = root.parent if root.is_file() else root
    settings = load_columns(folder / SETTINGS) if (folder / SETTINGS).is_file() else Columns()
    if settings.table:
        files = [folder / settings.table]
    places = Places(folder / settings.pictures)
    parts = []
    for file in files:
        person = name_of(file)
        if person is None:
            continue
        part = _read(file, settings, places, notes, scale)
        parts.append(part.assign(subject=person) if person else part)
    if not parts:
        raise InputError(
            f"{root} has no table of {title}; give a .csv or .parquet file with a column per AU."
        )
    table = pd.concat(parts, ignore_index=True)
    notes.differs(
        "{n} labelled pictures are not there and are left out; say in columns.toml where the pictures are.",
        table.loc[table["path"].isna(), "named"].tolist(),
    )
    table = table[table["path"].notna()].drop(columns="named")
    notes.differs("{n} pictures have no label and are left out.", places.unused(set(table["path"])))
    twice = table["path"].duplicated()
    notes.differs(
        "{n} rows are about a picture that had one already; the first counts.", table[twice]["path"].tolist()
    )
    return table[~twice].reset_index(drop=True)


def _read(file: Path, settings: Columns, places: Places, notes: Notes, scale: str) -> pd.DataFrame:
    """Return one table's rows with our columns, and in `named` how the table calls the picture."""
    raw = _open(file)
    names = [str(name) for name in raw.columns]
    known = {
        ours: getattr(settings, ours) or find_column(names, ours) or ""
        for ours in ("path", "subject", "sequence", "frame", "time_s", "emotion", "split")
    }
    missing = [name for name in [*known.values(), *settings.aus.values()] if name and name not in names]
    if missing:
        raise TableError(f"{file} has no column {missing[0]!r}, which {SETTINGS} names.")
    labels = _labels(raw, file, settings, notes, scale)
    if "success" in names:  # OpenFace and OpenAU: a face that was not found has no labels
        failed = numbers_of(raw["success"], file, "success") == 0
        notes.says(
            f"{{n}} frames of {file.name} have success 0 and are left out.", np.flatnonzero(failed).tolist()
        )
        raw, labels = raw[~failed], labels[~failed]
    frame = numbers_of(raw[known["frame"]], file, "the frame") if known["frame"] else np.zeros(len(raw))
    openface = {"confidence", "success"} <= set(names)
    first = settings.first_frame or int(openface and not known["path"])
    named = raw[known["path"]].astype("string").str.strip(" '\"") if known["path"] else None
    table = labels.assign(
        frame=np.nan_to_num(frame).astype(int),
        named=named if named is not None else [f"{file.stem} frame {n:g}" for n in frame],
    )
    table["path"] = [
        places.find(
            file, None if named is None else name, int(number) - first, has_frame=bool(known["frame"])
        )
        for name, number in zip(table["named"], table["frame"], strict=True)
    ]
    return _described(table, raw, known, file, settings)


def _open(file: Path) -> pd.DataFrame:
    if file.suffix == ".parquet":
        try:
            return pd.read_parquet(file).astype("string")
        except (OSError, ValueError, ImportError) as error:
            raise TableError(f"{file} cannot be read as a table ({' '.join(str(error).split())}).") from error
    return read_csv(file, separator="\t" if file.suffix == ".tsv" else ",")


def _described(
    table: pd.DataFrame, raw: pd.DataFrame, known: dict[str, str], file: Path, settings: Columns
) -> pd.DataFrame:
    """Add who, when, which part and which emotion, where the table says it."""
    paths = table["path"].astype("string")
    table["subject"] = raw[known["subject"]] if known["subject"] else None
    if settings.subject_pattern:
        table["subject"] = paths.str.extract(f"(?:{settings.subject_pattern})")[0]
    if known["time_s"]:
        table["time_s"] = numbers_of(raw[known["time_s"]], file, "the time")
    if known["split"]:
        table["split"] = (
            raw[known["split"]].str.casefold().map(lambda v: SPLITS.get(v, v), na_action="ignore")
        )
    if known["emotion"]:
        table["emotion"] = _emotions(raw[known["emotion"]], file, settings)
    elif len(scored := [name for name in raw.columns if str(name).casefold() in EMOTIONS]) > 2:
        table["emotion"] = _likeliest(raw[scored], file)
    if known["sequence"]:
        table["sequence"] = raw[known["sequence"]].astype("string").fillna("")
    else:
        clips = paths.str.extract(r"(.+)#frame=\d+$")[0]
        table["sequence"] = clips.fillna(paths).fillna("")
    return table


def _likeliest(scores: pd.DataFrame, file: Path) -> list[str | None]:
    """Return the emotion with the highest score of every row, as py-feat's tables have a column for each."""
    names = [EMOTIONS[str(name).casefold()] for name in scores.columns]
    values = np.column_stack([numbers_of(scores[name], file, str(name)) for name in scores.columns])
    return [None if np.isnan(row).any() else names[int(row.argmax())] for row in values]


def _emotions(column: pd.Series, file: Path, settings: Columns) -> pd.Series:
    words = column.astype("string").str.strip()
    if settings.emotions:
        return words.map(lambda value: settings.emotions.get(value, value), na_action="ignore")
    if words.str.fullmatch(r"-?[\d.]+").any():
        raise TableError(
            f"{file} numbers its emotions ({words.dropna().iloc[0]}); say in {SETTINGS} under [emotions] "
            f"what the "
            "numbers mean."
        )
    return words.map(lambda value: EMOTIONS.get(value.casefold(), value.casefold()), na_action="ignore")


def _labels(raw: pd.DataFrame, file: Path, settings: Columns, notes: Notes, scale: str) -> pd.DataFrame:
    """Return the AU columns under our names, unknown codes as NaN, and what they hold in `au_scale`."""
    found = au_columns([str(name) for name in raw.columns]) if not settings.aus else {}
    if settings.aus:
        return _scaled(
            {ours: _values(raw[theirs], file, theirs, notes) for ours, theirs in settings.aus.items()},
            settings.scale or scale, raw.index, notes, file,
        )  # fmt: skip
    values = {
        kind: {au_column(au): _values(raw[name], file, name, notes) for au, name in columns.items()}
        for kind, columns in found.items()
    }
    return _joined(values, settings.scale or scale, raw.index, notes, file)


def _joined(
    values: dict[Kind, dict[str, np.ndarray]], scale: str, index: pd.Index, notes: Notes, file: Path
) -> pd.DataFrame:
    """Choose what `AU01` holds: the coders' occurrence, else the intensity, else what the columns hold."""
    columns: dict[str, np.ndarray] = dict(values.get("main", {}))
    occurrence, intensity = values.get("occurrence", {}), values.get("intensity", {})
    if occurrence:
        columns = {**columns, **occurrence} | {f"{au}_intensity": v for au, v in intensity.items()}
        scale = "occurrence"
    elif intensity:
        columns |= intensity
        scale = "intensity"
    elif not columns and "probability" in values:
        columns, scale = dict(values["probability"]), "probability"
    for side in ("left", "right"):
        for au, sided in values.get(side, {}).items():
            columns[f"{au}_{side}"] = sided
            columns[au] = np.fmax(columns[au], sided) if au in columns else sided
    return _scaled(columns, scale, index, notes, file)


def _scaled(
    columns: dict[str, np.ndarray], scale: str, index: pd.Index, notes: Notes, file: Path
) -> pd.DataFrame:
    """Give `au_scale` its value; a probability becomes an occurrence, and is kept beside it as `AU12_p`."""
    table = pd.DataFrame(columns, index=index)
    if table.empty and not columns:
        return table
    highest = float(np.nanmax(table.to_numpy(), initial=0.0))
    whole = bool((table.fillna(0) % 1 == 0).all(axis=None))
    if not scale:
        scale = "intensity" if highest > 1 else "occurrence" if whole else "probability"
        notes.says(
            f"The AU columns of {file.name} are taken for {scale}; say scale = ... in {SETTINGS} if not."
        )
    if scale == "probability":
        kept = {f"{column}_p": table[column] for column in table.columns}
        table = (table >= EVEN).astype(float).where(table.notna()).assign(**kept)
        scale = "occurrence"
    return table.assign(au_scale=scale)


def _values(column: pd.Series, file: Path, name: str, notes: Notes) -> np.ndarray:
    values = numbers_of(column, file, name)
    unknown = np.isin(values, UNKNOWN)
    if unknown.any():
        code = values[unknown][0]
        notes.says(
            f"{name} of {file.name} has {code:g} in {{n}} rows, which is read as unknown.",
            np.flatnonzero(unknown).tolist(),
        )
    values = np.where(unknown, np.nan, values)
    wrong = (values < 0) | (values > 5)
    if wrong.any():
        row = int(wrong.argmax())
        raise TableError(
            f"{file} has {values[row]:g} for {name} in row {row + 1}; give an intensity 0-5, an occurrence "
            f"0/1, or "
            "nothing where it is unknown."
        )
    return values


def locate_tables(root: Path, title: str, notes: Notes) -> Path:
    """Return the table itself, or the first folder from `root` down that has tables.

    Args:
        root: What the user named.
        title: For sentences.
        notes: Is told where the tables lie deeper.

    Raises:
        InputError: There is nothing, or no table.
    """
    if root.is_file():
        return root.resolve()
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; give the folder of your copy of {title}, or its table.")
    level = [root.resolve()]
    for depth in range(tree.DEPTH + 1):
        for place in level:
            if tree.files(place, *SUFFIXES):
                if depth:
                    notes.says(f"The copy lies deeper than the folder you named, in {place}.")
                return place
        level = [child for place in level for child in tree.folders(place).values()]
    if not any(root.iterdir()):
        raise InputError(f"{root} is empty; unpack the labels of {title} into it.")
    raise InputError(f"{root} has no table (.csv, .tsv or .parquet); put the labels of {title} into it.")


def person_of(pattern: str) -> Callable[[Path], str | None]:
    """Return a function that finds a person in a file's name.

    Args:
        pattern: Regular expression; its first group is the person.
    """
    compiled = re.compile(pattern, re.IGNORECASE)

    def name_of(file: Path) -> str | None:
        match = compiled.search(file.stem)
        return match[1].upper() if match else None

    return name_of
