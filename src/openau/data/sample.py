"""The sample dataset: rendered faces with their whole truth, inside the package, to try everything at once.

The pictures travel as one archive: one file in the repository and in the wheel instead of three thousand.
They are unpacked once, into a folder like any that `openau synthesize` writes, because what reads an index
wants pictures that are files.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from importlib import resources
from pathlib import Path

import pandas as pd

from openau.data import synthetic
from openau.data.datasets import Dataset, Notes, tree
from openau.errors import InputError, OutputError

_MARK = "synthesis.json"


def sample_archive() -> Path:
    """Return the archive with the sample, which is part of the package."""
    return Path(str(resources.files("openau") / "assets" / "sample" / "sample.zip"))


def sample_folder() -> Path:
    """Return the folder in the user's cache into which `read_sample` unpacks; another for each sample."""
    with zipfile.ZipFile(sample_archive()) as archive:
        checksum = archive.getinfo(_MARK).CRC ^ archive.getinfo("index.csv").CRC
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "openau" / f"sample-{checksum:08x}"


def read_sample() -> pd.DataFrame:
    """Read the index of the sample, which is unpacked into the user's cache at the first time.

    Returns:
        The index table, one row per picture.

    Raises:
        OutputError: The cache cannot be written.
    """
    return SAMPLE(sample_folder())


def locate(root: Path, title: str, notes: Notes) -> Path:
    """Return the folder of the sample; unpack the sample first where the folder is empty or not there.

    Args:
        root: The folder for the pictures.
        title: The dataset's name, for the sentence.
        notes: Is told where the sample lies deeper.

    Raises:
        InputError: The folder holds something else, or another sample.
        OutputError: The folder cannot be written.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        _unpack(root)
    with zipfile.ZipFile(sample_archive()) as archive:
        wanted = archive.read(_MARK)
    else_said = f"{root} holds something else than this version's sample; give a new or empty folder."
    try:
        place = tree.locate(root, title, (_MARK,), notes)
    except InputError as error:
        raise InputError(else_said) from error
    if (place / _MARK).read_bytes() != wanted:
        raise InputError(else_said)
    return place


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read the index of the sample.

    Args:
        root: The folder with the sample.
        notes: Takes what differs.

    Returns:
        The index table, its subjects the same wherever the sample lies.

    Raises:
        InputError: The folder has no index.
        TableError: The index is none.
    """
    table = synthetic.read(root, notes)
    return table.assign(subject=[f"sample/{name.rpartition('/')[2]}" for name in table["subject"]])


SAMPLE = Dataset(
    name="sample",
    title="Sample",
    content="1,560 rendered pictures of 120 people, 112 pixels, inside the package, with their whole truth "
    "([more](synthetic.md)): ten people of each of six skin groups and two apparent genders. The split is "
    "by subject, with every skin group and gender equally often in each part. Made by `scripts/make-sample`.",
    access="None needed: it is unpacked into the folder that you name, which is new or empty.",
    licence="The project's own.",
    reference="This project.",
    tree="As synthetic faces; masks/ has 56 pixels.",
    codes="0 absent, 1-5 = A-E, of the stronger side; measured on the posed face.",
    marks=(_MARK,),
    scale="intensity",
    read=read,
    locate=locate,
)


def _unpack(root: Path) -> None:
    """Unpack the sample beside the folder, then rename it: an interrupted unpacking leaves no half sample."""
    root = root.resolve()  # `.` has no name of its own
    part = root.with_name(f".{root.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        with zipfile.ZipFile(sample_archive()) as archive:
            archive.extractall(part)
        if not root.exists():
            part.rename(root)
        else:  # an empty folder, perhaps the one the user stands in: it is filled, the mark last
            for entry in sorted(part.iterdir(), key=lambda entry: entry.name == _MARK):
                entry.rename(root / entry.name)
    except OSError as error:
        # Another process may have unpacked it at the same time.
        if not (root / _MARK).is_file():
            raise OutputError(f"The sample cannot be unpacked into {root} ({error}).") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
