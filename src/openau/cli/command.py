"""What every command is: a frozen dataclass of its options that can be run."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Self


class Command(abc.ABC):
    """One command of the command line."""

    @classmethod
    def parse(cls, program: str, words: Sequence[str]) -> Self:
        """Return the command that words ask for; wrong words end the program with what is wrong.

        Args:
            program: What the user typed before them.
            words: Options and arguments.
        """
        import tyro

        return tyro.cli(cls, prog=program, args=words)

    @abc.abstractmethod
    def run(self) -> int:
        """Do it; returns the exit code."""

    def after_interrupt(self) -> str:
        """Return what to tell someone who pressed Ctrl-C."""
        return "nothing was finished."
