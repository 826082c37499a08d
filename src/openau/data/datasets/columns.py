"""Which column of somebody's table is which: the usual names, and `columns.toml` where they are others."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from openau.errors import SettingError

Kind = Literal["main", "intensity", "occurrence", "probability", "left", "right"]

SETTINGS = "columns.toml"
"""The file beside a table that names its columns where they are not found."""

NAMES: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "imagepath", "filepath", "image", "imagename", "filename", "file", "img", "picture",
             "photo",             "input", "source", "video", "url"),
    "subject": ("subject", "subjectid", "participant", "participantid", "person", "personid"),
    "sequence": ("sequence", "sequenceid", "video", "videoid", "clip", "trial", "session"),
    "frame": ("frame", "framenumber", "frameid", "framenr"),
    "time_s": ("times", "timestamp", "time", "seconds", "approxtime"),
    "emotion": ("emotion", "expression", "emotionlabel"),
    "split": ("split", "usage", "partition", "subset"),
}  # fmt: skip
"""Our columns and the usual names, without case, spaces and punctuation, the surest first."""

_AU = re.compile(r"(?:au|actionunit)[ _.-]?0*(\d{1,2})(?:([ _.-]?)([a-z]+))?", re.IGNORECASE)
_PREFIXED = re.compile(r"(occ|int|[lr])[ _.-]?(?:au)?[ _.-]?0*(\d{1,2})", re.IGNORECASE)
_KINDS: Mapping[str, Kind] = {
    "": "main", "c": "occurrence", "occ": "occurrence", "occurrence": "occurrence", "p": "probability",
    "prob": "probability", "probability": "probability", "int": "intensity", "intensity": "intensity",
    "l": "left", "left": "left", "right": "right",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns of an index are in somebody's table.

    Attributes:
        table: File name of the table, where a folder has several.
        pictures: Folder that paths are relative to; empty for the table's own, or wherever they are found.
        path: Column with the picture.
        subject: Column with the person.
        subject_pattern: Regular expression whose first group in a path is the person.
        sequence: Column with the video or trial.
        frame: Column with the frame's number.
        first_frame: Number of a video's first frame in that column.
        time_s: Column with seconds.
        emotion: Column with the emotion.
        split: Column with the part.
        scale: `intensity`, `occurrence` or `probability`; empty to find out from the values.
        aus: Index column (`AU12`, `AU12_left`) to the table's column.
        emotions: Value in the table to emotion.
    """

    table: str = ""
    pictures: str = ""
    path: str = ""
    subject: str = ""
    subject_pattern: str = ""
    sequence: str = ""
    frame: str = ""
    first_frame: int = 0
    time_s: str = ""
    emotion: str = ""
    split: str = ""
    scale: str = ""
    aus: Mapping[str, str] = field(default_factory=dict)
    emotions: Mapping[str, str] = field(default_factory=dict)


def load_columns(file: Path) -> Columns:
    """Read `columns.toml`.

    Args:
        file: The file.

    Raises:
        SettingError: It is no TOML, or has a key that there is not or of another kind.
    """
    try:
        given: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(f"{file} cannot be read as TOML ({error}).") from error
    known = {one.name: one.default for one in fields(Columns)}
    for key, value in given.items():
        if key not in known:
            raise SettingError(f"{file} has the key {key!r}; it knows {', '.join(known)}.")
        wanted = dict if key in ("aus", "emotions") else type(known[key])
        if not isinstance(value, wanted):
            raise SettingError(f"{file} has {value!r} for {key!r}; give {_named(wanted)}.")
    if given.get("scale", "") not in ("", "intensity", "occurrence", "probability"):
        raise SettingError(
            f"{file} has the scale {given['scale']!r}; give intensity, occurrence or probability."
        )
    return Columns(**given)


def find_column(names: Sequence[str], ours: str) -> str | None:
    """Return the table's column that is one of ours, or None.

    Args:
        names: The table's columns.
        ours: A key of `NAMES`.
    """
    plain = {re.sub(r"[^a-z0-9]", "", name.casefold()): name for name in reversed(names)}
    return next((plain[name] for name in NAMES[ours] if name in plain), None)


def au_columns(names: Sequence[str]) -> dict[Kind, dict[int, str]]:
    """Return the table's AU columns by kind and AU.

    `AU12_r` is an intensity, as OpenFace writes it, unless the table has an `AU12_l`: then it is the right
    side.

    Args:
        names: The table's columns.
    """
    found: dict[Kind, dict[int, str]] = {}
    parsed = [(name, _parsed(name)) for name in names]
    has_left = any(word == "l" for _, match in parsed if match for word in [match[1]])
    for name, match in parsed:
        if match is None:
            continue
        au, word = match
        kind = ("right" if has_left else "intensity") if word == "r" else _KINDS.get(word)
        if kind is not None:
            found.setdefault(kind, {}).setdefault(au, name)
    return found


def _parsed(name: str) -> tuple[int, str] | None:
    """Return a column's AU and the word that says what of it."""
    text = name.strip(" '\"").casefold()
    if match := _AU.fullmatch(text):
        return int(match[1]), match[3] or ""
    if match := _PREFIXED.fullmatch(text):
        word = match[1]
        return int(match[2]), "right" if word == "r" else word
    return None


def _named(kind: type) -> str:
    return {dict: "a table", int: "a whole number"}.get(kind, "text")
