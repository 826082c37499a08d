"""`openau COMMAND`: finds the command, runs it, and turns every known error into one sentence and a code.

Exit codes: 0 done; 2 wrong option, argument or setting; 3 an input could not be read (the others were
analysed); 4 model file; 5 output cannot be written; 6 table; 7 a library is not installed; 8 face rig; 130
interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from openau import __version__
from openau.errors import OpenAUError

if TYPE_CHECKING:
    from openau.cli.command import Command

COMMANDS = {
    "demo": ("openau.cli.demo:Demo", "analyse the bundled clip and show found against true"),
    "analyze": ("openau.cli.analyze:Analyze", "faces in pictures and video to a table, pictures, a report"),
    "info": ("openau.cli.info:Info", "the card inside a model file"),
    "models": ("openau.cli.models:Models", "every network with its computed cost"),
    "data check": ("openau.cli.data_check:Check", "compare a copy of a dataset with the official one"),
    "data index": ("openau.cli.data_index:Index", "a dataset's official folder to a table"),
    "data folds": ("openau.cli.data_folds:Folds", "who trains and who tests, and what they share"),
    "data show": ("openau.cli.data_show:Show", "a page of label statistics and examples"),
    "data prepare": ("openau.cli.prepare:Prepare", "the face crops of a dataset, for training"),
    "synthesize": ("openau.cli.synthesize:Synthesize", "render faces whose AUs are known"),
    "train": ("openau.cli.train:Train", "a recipe to a run folder"),
    "evaluate": ("openau.cli.evaluate:Evaluate", "a run, or predictions, to metrics with intervals"),
    "explain": ("openau.cli.explain:Explain", "what a network looked at: heat maps and their scores"),
    "study": ("openau.cli.study:Study", "a whole paper to its tables and figures, published numbers beside"),
    "export": ("openau.cli.export:Export", "a run folder to a model file with its card"),
}
"""Command name to its class and what it does, in one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What follows `openau` on the command line; None takes it from there.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file name that is not UTF-8 must not end in a traceback
            stream.reconfigure(errors="backslashreplace")
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if words else 2
    if words[0] == "--version":
        print(f"openau {__version__}")
        return 0
    length = 2 if " ".join(words[:2]) in COMMANDS else 1
    name = " ".join(words[:length])
    if name not in COMMANDS:
        names = ", ".join(COMMANDS)
        print(f"openau: there is no command {name!r}; choose one of {names}.", file=sys.stderr)
        return 2
    return _run(name, words[length:])


def usage() -> str:
    """Return what `openau --help` says."""
    lines = [f"  {name:<14}{what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(
        (
            "usage: openau COMMAND [OPTIONS]",
            "",
            "Faces to facial action units, and the workshop that trains and ships the networks.",
            "",
            "commands:",
            *lines,
            "",
            "openau COMMAND --help describes one command; openau --version says which version this is.",
        )
    )


def _run(name: str, rest: list[str]) -> int:
    module, kind = COMMANDS[name][0].split(":")
    command: Command | None = None
    try:
        command = getattr(importlib.import_module(module), kind).parse(f"openau {name}", rest)
        assert command is not None
        code = command.run()
        sys.stdout.flush()
        return code
    except OpenAUError as error:
        print(f"openau: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        after = command.after_interrupt() if command else "nothing was begun."
        print(f"openau: interrupted; {after}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has left, `| head` for instance; Python must not complain at its own end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
