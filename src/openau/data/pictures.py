"""Where the picture of an index's row is: a file, a frame of a video, or a row of a CSV file with pixels.

`path` in an index is a picture's file, or a file and a place in it:

* `interview.avi#frame=41`: the video's frame 41, counted from 0;
* `fer2013.csv#row=7`: the pixels in row 7 of the table, counted from 0 without the header.

Rows are read fastest in the order of the file: a video is decoded once from its beginning to its end.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from openau.errors import InputError
from openau.read import read_image, read_video
from openau.records import Frame, Pixels

_ADDRESS = re.compile(r"(.+)#(frame|row)=(\d+)", re.DOTALL)


def picture_file(address: str) -> Path:
    """Return the file in which an index's picture is."""
    match = _ADDRESS.fullmatch(address)
    return Path(match[1] if match else address)


def frame_address(video: str | Path, frame: int) -> str:
    """Return the address of a video's frame.

    Args:
        video: The file.
        frame: From 0, counting every decoded frame.
    """
    return f"{video}#frame={frame}"


def row_address(table: str | Path, row: int) -> str:
    """Return the address of the pixels in a CSV file.

    Args:
        table: A CSV file with a column `pixels`.
        row: From 0, without the header.
    """
    return f"{table}#row={row}"


def read_picture(address: str) -> Pixels:
    """Read the picture of an index's row.

    Args:
        address: A `path` of an index.

    Returns:
        (H, W, 3) RGB uint8.

    Raises:
        InputError: It cannot be read, or the file ends before that place.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return read_image(Path(address)).rgb
    file, kind, place = Path(match[1]), match[2], int(match[3])
    if kind == "frame":
        return _VIDEOS.frame(file, place)
    return _TABLES.row(file, place)


class _OpenVideo:
    """One video per process, decoded as far as it was asked for."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._frames: Iterator[Frame] = iter(())
        self._next = 0

    def frame(self, file: Path, number: int) -> Pixels:
        if file != self._file or number < self._next:
            self._file, self._frames, self._next = file, read_video(file), 0
        try:
            while True:
                frame = next(self._frames)
                self._next += 1
                if frame.index == number:
                    return frame.rgb
        except StopIteration:
            self._file = None
            raise InputError(
                f"{file} ends before frame {number}; copy the video anew, or index the dataset again."
            ) from None


class _OpenTable:
    """One CSV file with pixels per process: where each of its rows begins."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._starts: list[int] = []
        self._pixels = 0

    def row(self, file: Path, number: int) -> Pixels:
        if file != self._file:
            self._open(file)
        if number >= len(self._starts):
            raise InputError(f"{file} has no row {number}; copy it anew, or index the dataset again.")
        with file.open("rb") as stream:
            stream.seek(self._starts[number])
            line = stream.readline().decode("ascii", "replace")
        cells = next(csv.reader([line], skipinitialspace=True))
        return _square(cells[self._pixels] if self._pixels < len(cells) else "", file, number)

    def _open(self, file: Path) -> None:
        try:
            with file.open("rb") as stream:
                header = [name.strip() for name in stream.readline().decode("utf-8-sig").split(",")]
                starts, position = [], stream.tell()
                for line in stream:
                    if line.strip():
                        starts.append(position)
                    position += len(line)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{file} cannot be read ({error}).") from error
        if "pixels" not in header:
            raise InputError(f"{file} has no column 'pixels'; give the CSV file as its authors ship it.")
        self._file, self._starts, self._pixels = file, starts, header.index("pixels")


def _square(text: str, file: Path, number: int) -> Pixels:
    """Return the grey square that a cell of numbers holds, as RGB."""
    try:
        values = np.array(text.split(), np.int64)
    except ValueError:
        values = np.empty(0, np.int64)
    side = int(np.sqrt(len(values)))
    if not side or side * side != len(values) or values.min() < 0 or values.max() > 255:
        raise InputError(f"{file} has no square of grey values 0-255 in row {number}; copy it anew.")
    rgb = cv2.cvtColor(values.astype(np.uint8).reshape(side, side), cv2.COLOR_GRAY2RGB)
    return np.asarray(rgb, np.uint8)


_VIDEOS = _OpenVideo()
_TABLES = _OpenTable()
