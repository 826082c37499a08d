"""Somebody's own data as tables and folders; GFT and DEM, which are read as tables too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.fake.datasets.copy import FakeCopy, put_picture, put_text
from tests.fake.media import write_video


def write_table(root: Path) -> None:
    """Write a table with plain names, an unknown of each kind, and the pictures below."""
    lines = [
        "Image,Person,AU1,AU 12,au_25,Expression",
        "one.png,ann,0,3,5,Happy",
        "sub/two.png,ann,2,,0,",
        "three.png,bob,999,1,9,SAD",
    ]
    put_text(root / "labels.csv", "\n".join(lines) + "\n")
    for name in ("one.png", "sub/two.png", "three.png"):
        put_picture(root / "pictures" / name)


def write_folder(root: Path) -> None:
    """Write folders of emotions and of an AU, in parts."""
    for name in ("train/happy/1.jpg", "train/AU12/2.jpg", "test/sadness/3.jpg", "train/others/4.jpg"):
        put_picture(root / name)


def write_dem(root: Path) -> None:
    """Write a table as the page about the datasets says."""
    lines = ["image,subject,emotion,AU1,AU2,AU12", "p1_1.jpg,p1,happiness,0,0,1", "p2_1.jpg,p2,anger,1,0,0"]
    put_text(root / "labels.csv", "\n".join(lines) + "\n")
    for name in ("p1_1.jpg", "p2_1.jpg"):
        put_picture(root / name)


def write_gft(root: Path) -> None:
    """Write one table per person; one has pictures, the other a video."""
    for person in ("001A", "002C"):
        rows = [f"{frame},{frame % 2},{9 if frame == 2 else 1}" for frame in range(4)]
        put_text(root / f"{person}_occ.csv", "frame,AU1,AU12\n" + "\n".join(rows) + "\n")
    put_text(root / "readme.csv", "file,meaning\n001A,a person\n")
    for frame in range(4):
        put_picture(root / "001A_occ" / f"{frame:04d}.png")
    greys = [np.full((32, 32, 3), 30 * (i + 1), np.uint8) for i in range(4)]
    write_video(root / "002C_occ.avi", greys, codec="mjpeg")


TABLE = FakeCopy(
    write=write_table,
    rows=3,
    labels="labels.csv",
    wrong=("labels.csv", "ann,0,3", "ann,0,7"),
    picture="pictures/sub/two.png",
    stray="pictures/four.png",
    marked=False,
)
FOLDER = FakeCopy(
    write=write_folder, rows=3, labels=None, wrong=None, picture=None, stray="train/unsorted/9.jpg"
)
DEM = FakeCopy(
    write=write_dem,
    rows=2,
    labels="labels.csv",
    wrong=("labels.csv", "happiness,0", "happiness,6"),
    picture="p2_1.jpg",
    stray="p3_1.jpg",
    marked=False,
)
GFT = FakeCopy(
    write=write_gft,
    rows=8,
    labels=None,
    wrong=("001A_occ.csv", "\n1,1", "\n1,6"),
    picture="001A_occ/0002.png",
    stray="001A_occ/0022.png",
)
