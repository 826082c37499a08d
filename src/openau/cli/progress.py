"""What a person sees while a run goes on: a bar on a terminal, one line per problem anywhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from openau.analyze import Failure, Listener

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Told(Listener):
    """Tells a person on stderr. Problems are always told; notes and the bar are not where it is quiet."""

    def __init__(self, *, quiet: bool) -> None:
        """Decide how much to tell.

        Args:
            quiet: Whether to tell problems only.
        """
        self._quiet = quiet
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Told:
        if not self._quiet and sys.stderr.isatty():
            self._bar = _bar()
            self.wants_total = True
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def noted(self, sentence: str) -> None:
        """Tell what should be known of all readings."""
        if not self._quiet:
            self._say(f"openau: {sentence}")

    def failed(self, failure: Failure) -> None:
        """Tell why a source could not be read."""
        self._say(f"openau: {failure.sentence}")

    def no_face(self, source: str) -> None:
        """Tell that a source shows no face."""
        if not self._quiet:
            self._say(f"{source}: no face was found.")

    def advanced(self, frames: int, total: int | None) -> None:
        """Move the bar."""
        if self._bar is None:
            return
        if self._task is None:
            self._task = self._bar.add_task("frames", total=total, completed=frames)
        self._bar.update(self._task, completed=frames, total=total)

    def _say(self, line: str) -> None:
        if self._bar is None:
            print(line, file=sys.stderr, flush=True)
        else:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)
