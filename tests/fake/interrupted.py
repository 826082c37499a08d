"""A user who interrupts a run."""

from __future__ import annotations

from openau.analyze.run import Listener


class StopAt(Listener):
    """Ends a run after so many frames."""

    def __init__(self, frames: int) -> None:
        self._frames = frames

    def advanced(self, frames: int, total: int | None) -> None:
        if frames >= self._frames:
            raise KeyboardInterrupt
