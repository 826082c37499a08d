"""Kinds of options, so that `--help` shows `--every N` and not Python's words for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")]
"""Present or not; there is no opposite."""

Whole = Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")]
"""A whole number, or not given."""

Count = Annotated[int, tyro.conf.arg(metavar="N")]
"""A whole number."""

Name = Annotated[str, tyro.conf.arg(metavar="NAME")]
"""A word."""

Number = Annotated[float | None, tyro.conf.arg(metavar="NUMBER", help_behavior_hint="")]
"""A number, or not given."""

Place = Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")]
"""A file or folder, or not given."""

File = Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[FILE]", help_behavior_hint="")]
"""A file without an option's name before it, or not given."""

Paths = Annotated[
    tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[PATH ...]", help_behavior_hint="")
]
"""Files and folders without an option's name before them."""

Required = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PATH")]
"""The one file or folder that a command cannot do without."""

Word = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
"""A name without an option's name before it."""
