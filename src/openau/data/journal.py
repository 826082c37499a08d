"""How far preparing has come, on disk, so that what was interrupted goes on.

Beside the pixel file stands one line of JSON per finished chunk: why each of its pictures has no crop, or
nothing. A chunk counts once its line is complete; pixels and landmarks are written before the line. Whatever
stands behind the last complete line is cut off when the work goes on.
"""

from __future__ import annotations

import json
import os
import shutil
from io import BufferedWriter
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from openau.data.store import PIXELS, POINT_BYTES, POINTS
from openau.records import Floats, Pixels

_ASKED, _LINES = "asked.json", "journal.jsonl"


class Journal:
    """An unfinished store.

    Attributes:
        reasons: Per picture done: why it has no crop; empty where it has one.
    """

    def __init__(
        self,
        folder: Path,
        reasons: list[str],
        pixels: BufferedWriter,
        points: BufferedWriter,
        lines: TextIO,
    ) -> None:
        """Go on writing; `open` makes it.

        Args:
            folder: Of the unfinished store.
            reasons: Of the pictures done so far.
            pixels: The pixel file, at its end.
            points: The file of landmarks, at its end.
            lines: The journal, at its end.
        """
        self._folder = folder
        self.reasons = reasons
        self._pixels = pixels
        self._points = points
        self._lines = lines

    @classmethod
    def open(cls, folder: Path, asked: dict[str, Any], crop_bytes: int) -> Journal:
        """Go on with an unfinished store, or begin one.

        Args:
            folder: Of the unfinished store.
            asked: What was asked for, plain values; an unfinished store that was asked for differently is
                removed.
            crop_bytes: Bytes of one crop.
        """
        if _read_json(folder / _ASKED) != json.loads(json.dumps(asked)):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _write_whole(folder / _ASKED, json.dumps(asked))
        reasons, end = _complete_lines(folder / _LINES)
        for name in (PIXELS, POINTS, _LINES):
            with (folder / name).open("ab"):
                pass
        sizes = {PIXELS: crop_bytes, POINTS: POINT_BYTES}
        crops = sum(reason == "" for reason in reasons)
        if any((folder / name).stat().st_size < crops * size for name, size in sizes.items()):
            reasons, end, crops = [], 0, 0
        for name, size in sizes.items():
            os.truncate(folder / name, crops * size)
        os.truncate(folder / _LINES, end)
        return cls(
            folder,
            reasons,
            (folder / PIXELS).open("ab"),
            (folder / POINTS).open("ab"),
            (folder / _LINES).open("a", encoding="utf-8", newline="\n"),
        )

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *ended: object) -> None:
        self._pixels.close()
        self._points.close()
        self._lines.close()
        if not self.reasons:
            self.remove()

    @property
    def done(self) -> int:
        """Pictures done so far."""
        return len(self.reasons)

    def add(self, crops: Pixels, points: Floats, reasons: list[str]) -> None:
        """Write one chunk.

        Args:
            crops: (F, W, W, 3) RGB uint8 of the F faces found.
            points: (F, 68, 2) float32 landmarks in pixels of the crops, NaN unknown.
            reasons: Per picture why it has no crop; empty where it has one.
        """
        self._pixels.write(crops.tobytes())
        self._pixels.flush()
        self._points.write(points.astype(np.float32).tobytes())
        self._points.flush()
        self._lines.write(json.dumps(reasons, ensure_ascii=False) + "\n")
        self._lines.flush()
        self.reasons += reasons

    def remove(self) -> None:
        """Remove the unfinished store."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def finish(self) -> None:
        """Leave only what belongs to a complete store."""
        (self._folder / _LINES).unlink()
        (self._folder / _ASKED).unlink()


def _complete_lines(path: Path) -> tuple[list[str], int]:
    """Return the reasons of every complete chunk, and the bytes that these lines take."""
    reasons: list[str] = []
    end = 0
    if not path.exists():
        return reasons, end
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        reasons += json.loads(line)
        end += len(line)
    return reasons, end


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
