"""Folders as `openau synthesize` writes them, and a sample of six pictures in place of the package's."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.fake.datasets.copy import FakeCopy
from tests.fake.synthetic_folder import write_synthetic_folder

MARK = '{"sample": "tiny"}'


def write(root: Path) -> None:
    """Write two people with three pictures each."""
    write_synthetic_folder(root, subjects=2, per_subject=3)


def write_sample(root: Path) -> None:
    """Write the same with the mark by which the sample is known."""
    write(root)
    (root / "synthesis.json").write_text(MARK, "utf-8")


def write_archive(path: Path) -> Path:
    """Write an archive of which `write_sample` is the unpacked folder, as far as anybody looks."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("synthesis.json", MARK)
        archive.writestr("index.csv", "")
    return path


SYNTHETIC = FakeCopy(
    write=write,
    rows=6,
    labels="index.csv",
    wrong=("index.csv", "pictures/0002.png,train,", "pictures/0002.png,train,7"),
    picture="pictures/0003.png",
    stray="pictures/0077.png",
)
SAMPLE = FakeCopy(
    write=write_sample,
    rows=6,
    labels="index.csv",
    wrong=SYNTHETIC.wrong,
    picture="pictures/0003.png",
    stray="pictures/0077.png",
)
