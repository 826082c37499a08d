"""What every command is: a frozen dataclass of its options that can be run."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Self

from openau.errors import SettingError


class Command(abc.ABC):
    """One command of the command line."""

    @classmethod
    def parse(cls, program: str, words: Sequence[str]) -> Self:
        """Return the command that words ask for; wrong words end the program with what is wrong.

        Args:
            program: What the user typed before them.
            words: Options and arguments.

        Raises:
            SettingError: One of them is empty, which as a path would mean the current folder.
        """
        import tyro

        if "" in words:
            raise SettingError("An argument is empty; is a variable of the shell unset?")
        return tyro.cli(cls, prog=program, args=words)

    @abc.abstractmethod
    def run(self) -> int:
        """Do it; returns the exit code."""

    def after_interrupt(self) -> str:
        """Return what to tell someone who pressed Ctrl-C."""
        return "nothing was finished."
