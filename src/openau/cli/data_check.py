"""`openau data check`: the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from openau.cli.command import Command
from openau.cli.options import Word


@dataclass(frozen=True)
class Check(Command):
    """Compare a copy of a dataset with the official layout and counts, and say what differs and what to do.

    Ends with 0 where the copy can be used, even if it differs.

    Attributes:
        name: The dataset, as `docs/datasets.md` names it; `DISFA+` and `disfa_plus` are the same.
        root: The folder of your copy.
    """

    name: Word
    root: Annotated[Path, tyro.conf.arg(metavar="DIR")]

    def run(self) -> int:
        """Print the diagnosis."""
        from openau.data.doctor import check_dataset, describe

        diagnosis = check_dataset(self.name, self.root)
        print("\n".join(describe(diagnosis)))
        return 0 if diagnosis.error is None else diagnosis.error.exit_code
