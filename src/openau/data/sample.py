"""The sample dataset: rendered faces with their whole truth, inside the package, to try everything at once.

Access: none needed, neither the face rig nor a download. Licence: the project's own. Content: pictures of 112
pixels of 120 people, ten of each of six skin groups and two apparent genders; every AU's intensity 0–5, where
each AU shows, landmarks, pose, box and everything that was drawn. Split: by subject; each split holds every
skin group with every gender equally often. Made by `scripts/make-sample`.

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
    return index(sample_folder())


def index(root: Path) -> pd.DataFrame:
    """Read the index of the sample; unpack the sample first where the folder is empty or not there.

    Args:
        root: The folder for the pictures.

    Returns:
        The index table, `dataset` `sample`.

    Raises:
        InputError: The folder holds something else, or another sample.
        OutputError: The folder cannot be written.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        _unpack(root)
    with zipfile.ZipFile(sample_archive()) as archive:
        wanted = archive.read(_MARK)
    found = root / _MARK
    if not found.is_file() or found.read_bytes() != wanted:
        raise InputError(
            f"{root} holds something else than this version's sample; give a new or empty folder."
        )
    table = synthetic.index(root)
    names = table["subject"].str.rpartition("/")[2]
    return table.assign(dataset="sample", subject="sample/" + names)


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
