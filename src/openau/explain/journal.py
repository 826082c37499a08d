"""How far explaining has come, on disk, so that what was interrupted goes on.

The unfinished folder holds `asked.json`, what was asked for, and `state.npz`, everything that was gathered up
to a batch's end: sums, what was tested, how long the growing files were. It is replaced as a whole. Whatever
was written behind it is cut off when the work goes on.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ASKED, _STATE, _FACTS = "asked.json", "state.npz", "facts"
BETWEEN_S = 10.0
"""Seconds between two states."""

Arrays = dict[str, NDArray[Any]]
Facts = dict[str, Any]


class Journal:
    """The unfinished folder of a run.

    Attributes:
        facts: Plain values of the state that an earlier run left; empty where there is none.
        arrays: Its arrays.

    Args:
        folder: The unfinished folder; what was asked for otherwise is removed from it.
        asked: What is asked for, plain values; None for what cannot be gone on with.
    """

    def __init__(self, folder: Path, asked: Mapping[str, Any] | None) -> None:
        self.facts: Facts = {}
        self.arrays: Arrays = {}
        self._folder, self._goes_on = folder, asked is not None
        text = json.dumps(asked, sort_keys=True)
        if asked is None or _text(folder / _ASKED) != text:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _replaced(folder / _ASKED, text.encode())
        elif (folder / _STATE).exists():
            with np.load(folder / _STATE, allow_pickle=False) as state:
                self.arrays = {name: state[name] for name in state.files if name != _FACTS}
                self.facts = json.loads(str(state[_FACTS]))
        self._saved_at = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it is time for a state."""
        return self._goes_on and time.monotonic() - self._saved_at >= BETWEEN_S

    def save(self, facts: Facts, arrays: Arrays) -> None:
        """Replace the state.

        Args:
            facts: Plain values.
            arrays: Arrays by name.
        """
        part = self._folder / f".{_STATE}"
        with part.open("wb") as file:
            np.savez(file, **{_FACTS: np.array(json.dumps(facts))}, **arrays)  # type: ignore[arg-type] # arrays
        part.replace(self._folder / _STATE)
        self._saved_at = time.monotonic()

    def finish(self) -> None:
        """Leave nothing but results in the folder; hidden files are what only an unfinished run needs."""
        # What was asked goes first: without it nobody takes the rest for something to go on with.
        for path in (self._folder / _ASKED, self._folder / _STATE, *self._folder.glob(".*")):
            path.unlink(missing_ok=True)


def cut_off(path: Path, size: int) -> None:
    """Cut a file that has grown to the size that it had.

    Args:
        path: The file; may be missing where the size is 0.
        size: In bytes.
    """
    if path.exists():
        os.truncate(path, size)


def size_of(path: Path) -> int:
    """Return a file's size in bytes, 0 where there is none.

    Args:
        path: The file.
    """
    return path.stat().st_size if path.exists() else 0


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _replaced(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}")
    part.write_bytes(data)
    part.replace(path)
