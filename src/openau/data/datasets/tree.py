"""Finding one's way in a copy: names in any case, doubled folders, pictures by their number."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from openau.data.datasets.findings import Notes
from openau.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
"""Pictures of datasets."""

VIDEOS = (".avi", ".mp4", ".mov", ".mkv")
"""Videos of datasets."""

DEPTH = 3
"""How many folders below the one that was named a copy may lie."""

_WIDTH = 500  # folders of one level that are looked into
_SHOWN = 6
_NUMBER = re.compile(r"(\d+)\D*$")


def locate(root: Path, title: str, marks: Sequence[str], notes: Notes) -> Path:
    """Return the folder of a copy that has one of the marks: `root` itself, or up to three folders below.

    Args:
        root: What the user named.
        title: The dataset's name, for the sentence.
        marks: Files or folders, one of which the folder has.
        notes: Is told where the copy lies deeper than `root`.

    Raises:
        InputError: There is no such folder, it is empty, or it has none of the marks.
    """
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; give the folder of your copy of {title}.")
    root = root.resolve()
    level, seen = [root], entries(root)
    for depth in range(DEPTH + 1):
        for place in level:
            if any(find(place, mark) for mark in marks):
                if depth:
                    notes.says(f"The copy lies deeper than the folder you named, in {place}.")
                return place
        level = [child for place in level for child in _folders(place)][:_WIDTH]
        seen += [child.name for child in level]
    raise InputError(not_this(root, title, marks, seen))


def levels(root: Path, title: str) -> Iterator[Path]:
    """Yield a folder and the folders below it, the nearest first, as deep as a copy may lie.

    Args:
        root: Where to begin.
        title: The dataset's name, for the sentence.

    Raises:
        InputError: There is no such folder.
    """
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; give the folder of your copy of {title}.")
    level = [root.resolve()]
    for _ in range(DEPTH + 1):
        yield from level
        level = [child for place in level for child in _folders(place)][:_WIDTH]


def not_this(root: Path, title: str, marks: Sequence[str], seen: Sequence[str]) -> str:
    """Return the sentence that a folder is not the dataset.

    Args:
        root: The folder.
        title: The dataset's name.
        marks: What it lacks.
        seen: Names in and below it, one of which may be meant.
    """
    has = entries(root)
    if not has:
        return f"{root} is empty; unpack the archives of {title} into it."
    wanted = " or ".join(marks)
    names = {_plain(name): name for name in seen}
    advice = "give the folder as its authors ship it"
    for mark in marks:
        if near := difflib.get_close_matches(_plain(mark), names, 1, cutoff=0.5):
            advice = f"if {names[near[0]]} is {mark} under another name, rename it back"
            break
    shown = ", ".join(has[:_SHOWN]) + (" and others" if len(has) > _SHOWN else "")
    return f"{root} is not {title}: it has no {wanted}, only {shown}; {advice}."


def find(folder: Path, *names: str) -> Path | None:
    """Return the first child that has one of the names, whatever its case, spaces and punctuation.

    Args:
        folder: Where to look.
        names: In order of preference. A name that is doubled (`Landmarks/Landmarks`) gives the inner one.
    """
    children = {_plain(name): name for name in reversed(entries(folder))}
    for name in names:
        if found := children.get(_plain(name)):
            child = folder / found
            inner = child / found
            return inner if inner.is_dir() else child
    return None


def need(folder: Path, title: str, *names: str) -> Path:
    """Return what `find` finds.

    Args:
        folder: Where to look.
        title: The dataset's name, for the sentence.
        names: In order of preference.

    Raises:
        InputError: It is not there.
    """
    found = find(folder, *names)
    if found is None:
        raise InputError(not_this(folder, title, names, entries(folder)))
    return found


def folders(folder: Path | None) -> dict[str, Path]:
    """Return the sub-folders by name, in order; none of what is not there."""
    return {} if folder is None else {child.name: child for child in _folders(folder)}


def files(folder: Path | None, *suffixes: str) -> list[Path]:
    """Return the files with a suffix, in order of their names.

    Args:
        folder: Where; None has no files.
        suffixes: In lower case; none for every file.
    """
    if folder is None or not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if _seen(entry.name) and not entry.is_dir()]
    return [folder / name for name in sorted(names) if not suffixes or name.lower().endswith(suffixes)]


def numbered(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> dict[int, str]:
    """Return a folder's files by the last number in their names: `SN001_0042.png` is 42.

    Args:
        folder: Where.
        suffixes: In lower case.
    """
    found: dict[int, str] = {}
    place = str(folder)
    if not folder.is_dir():
        return found
    with os.scandir(folder) as entries:
        for name in sorted(entry.name for entry in entries):
            stem, _, suffix = name.rpartition(".")
            match = _NUMBER.search(stem)
            if match and f".{suffix.lower()}" in suffixes and _seen(name):
                found.setdefault(int(match[1]), f"{place}{os.sep}{name}")
    return found


def pictures_below(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> Iterator[str]:
    """Yield every picture below a folder, in order."""
    for place, names, inside in os.walk(folder, followlinks=True):
        names[:] = sorted(name for name in names if _seen(name))
        for name in sorted(inside):
            if _seen(name) and name.lower().endswith(tuple(suffixes)):
                yield f"{place}{os.sep}{name}"


def relative(paths: Sequence[str | Path], root: Path) -> list[str]:
    """Return paths as seen from a folder, for a sentence."""
    return [os.path.relpath(path, root) for path in paths]


def entries(folder: Path) -> list[str]:
    """Return the names in a folder, in order, hidden ones left out.

    Args:
        folder: Where.

    Raises:
        InputError: The folder cannot be read.
    """
    try:
        with os.scandir(folder) as inside:
            return sorted(entry.name for entry in inside if _seen(entry.name))
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be read ({error.strerror}); change its permissions."
        ) from error


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [folder / n for n in sorted(e.name for e in entries if _seen(e.name) and e.is_dir())]
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be read ({error.strerror}); change its permissions."
        ) from error


def _seen(name: str) -> bool:
    """Leave out what computers put among the files: `.DS_Store`, `._001.png`, `Thumbs.db`."""
    return not name.startswith((".", "__MACOSX")) and name != "Thumbs.db"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9+.]", "", name.casefold())
