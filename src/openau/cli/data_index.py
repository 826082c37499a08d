"""`openau data index`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from openau.cli.command import Command
from openau.cli.options import Flag, Word


@dataclass(frozen=True)
class Index(Command):
    """Write a dataset's index: one row per labelled picture, with its path, its labels and who is on it.

    Attributes:
        name: The dataset, as `docs/datasets.md` names it.
        root: The folder of your copy.
        out: The table to write, `.csv` or `.parquet`.
        quiet: Say nothing about differences from the official copy.
    """

    name: Word
    root: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    quiet: Flag = False

    def run(self) -> int:
        """Write the table; says how large it is."""
        from openau.data.datasets import Notes
        from openau.data.doctor import summary
        from openau.data.index import build_index
        from openau.data.tables import check_table_path, write_index

        check_table_path(self.out)
        notes = Notes()
        table = build_index(self.name, self.root, notes)
        write_index(table, self.out)
        if not self.quiet:
            for finding in notes.findings:
                print(f"openau: {finding.sentence}", file=sys.stderr)
        print(f"{summary(table)}: {self.out}")
        return 0
