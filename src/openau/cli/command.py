"""What every command is: a frozen dataclass of its options that can be run."""

from __future__ import annotations

import abc


class Command(abc.ABC):
    """One command of the command line."""

    @abc.abstractmethod
    def run(self) -> int:
        """Do it; returns the exit code."""

    def after_interrupt(self) -> str:
        """Return what to tell someone who pressed Ctrl-C."""
        return "nothing was finished."
