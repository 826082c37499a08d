"""`openau data prepare`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from openau.cli.command import Command
from openau.cli.extras import needs
from openau.cli.options import Count, Flag, Name, Required


@dataclass(frozen=True)
class Prepare(Command):
    """Find and cut the face of every picture of a dataset, as a recipe wants it, into a crop store.

    Attributes:
        folder: The dataset's folder.
        recipe: The recipe whose crop is wanted, a TOML file.
        out: The crop store to make.
        dataset: Name of the dataset, which says how its folder is laid out.
        detector: Face detector; `index` cuts by the true boxes that the dataset brings.
        margin: Extent of the stored crops as a multiple of the recipe's, so that turned and shifted ones find
            real pixels beyond the border.
        workers: Processes.
        quiet: Show no progress.
    """

    folder: Required
    recipe: Annotated[Path, tyro.conf.arg(metavar="FILE.toml")]
    out: Path
    dataset: Name = "synthetic"
    detector: Name = "openau"
    margin: float = 1.35
    workers: Count = 1
    quiet: Flag = False

    def run(self) -> int:
        """Prepare; says how many faces were found."""
        with needs("torch", "train", "Preparing a dataset"):
            from openau.data import build_index, prepare
            from openau.data.datasets import Notes
            from openau.train import load_recipe
        from openau.cli.progress import Told

        recipe = load_recipe(self.recipe)
        notes = Notes()
        table = build_index(self.dataset, self.folder, notes)
        for finding in notes.findings:
            if finding.differs:
                print(f"openau: {finding.sentence}", file=sys.stderr)
        with Told(quiet=self.quiet) as told:
            done = prepare(
                table,
                recipe.crop,
                self.out,
                detector=self.detector,
                margin=self.margin,
                workers=self.workers,
                progress=told.advanced,
            )
        print(f"{done.found} faces found, {done.lost} lost: {done.store}")
        if done.lost:
            why = f", {done.unreadable} of them because the picture cannot be read" if done.unreadable else ""
            print(f"What was lost is listed in {done.store / 'lost.csv'}{why}.")
        return 0

    def after_interrupt(self) -> str:
        """Return how to go on."""
        return "run the same command again to go on from there."
