"""What a fake copy tells the tests about itself, and the pieces that all generators use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np


@dataclass(frozen=True)
class FakeCopy:
    """A generator of a copy, and where to break it.

    Attributes:
        write: Writes the copy into a folder.
        rows: Labelled pictures that it has.
        labels: File or folder without which it is not the dataset; None where folders are the labels.
        wrong: A label file, a text in it, and what to put there that is none of the dataset's codes; None
            where there is no label file.
        picture: A labelled picture; None where label and picture are one.
        stray: Where a picture without a label may lie; None where every picture has one by its place.
        marked: Whether the name of `labels` matters.
    """

    write: Callable[[Path], object]
    rows: int
    labels: str | None
    wrong: tuple[str, str, str] | None
    picture: str | None
    stray: str | None
    marked: bool = True


@cache
def png(side: int = 8, shade: int = 90) -> bytes:
    """Return a small grey picture."""
    done, data = cv2.imencode(".png", np.full((side, side, 3), shade, np.uint8))
    assert done
    return data.tobytes()


@cache
def jpg(side: int = 8) -> bytes:
    """Return a small grey picture as JPEG."""
    done, data = cv2.imencode(".jpg", np.full((side, side, 3), 120, np.uint8))
    assert done
    return data.tobytes()


def put_picture(path: Path) -> None:
    """Write a small picture, PNG or JPEG by its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png() if path.suffix == ".png" else jpg())


def put_text(path: Path, text: str) -> None:
    """Write a text file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
