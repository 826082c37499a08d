"""`openau data show`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from openau.cli.command import Command
from openau.cli.options import Count, Flag, Word


@dataclass(frozen=True)
class Show(Command):
    """Write a page about a dataset: how often each AU occurs, with which others, people, emotions, examples.

    Attributes:
        name: The dataset, as `docs/datasets.md` names it; `index` for a table that `openau data index` wrote.
        root: The folder of your copy, or the table.
        out: The page to write, an HTML file.
        examples: Pictures for each AU and emotion; 0 for a page without faces.
        quiet: Show no progress.
    """

    name: Word
    root: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    out: Annotated[Path, tyro.conf.arg(metavar="FILE.html")]
    examples: Count = 3
    quiet: Flag = False

    def run(self) -> int:
        """Write the page; says where it is.

        Raises:
            OutputError: The page exists already, or its folder does not.
        """
        from openau.cli.progress import Told
        from openau.data.doctor import summary
        from openau.data.index import build_index, check_index, dataset_name, find_dataset
        from openau.data.overview import write_overview
        from openau.errors import OutputError

        if self.out.exists():
            raise OutputError(f"{self.out} exists already; give another file, or remove it.")
        if not self.out.absolute().parent.is_dir():
            raise OutputError(f"There is no folder {self.out.absolute().parent}; make it first.")
        dataset = find_dataset(self.name)
        title = dataset.title if dataset else dataset_name(self.name)
        table = check_index(build_index(self.name, self.root), str(self.root))
        with Told(quiet=self.quiet) as told:
            write_overview(
                table,
                self.out,
                title=title,
                dataset=dataset,
                examples=self.examples,
                progress=told.advanced,
            )
        print(f"{summary(table)}: {self.out}")
        return 0
