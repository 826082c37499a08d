"""`openau synthesize`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openau.cli.command import Command
from openau.cli.extras import needs
from openau.cli.options import Count, Flag, Place


@dataclass(frozen=True)
class Synthesize(Command):
    """Render synthetic faces whose action units are known, into a folder with pictures and index.csv.

    A folder that holds an unfinished run of the same settings is continued.

    Attributes:
        out: Folder for the dataset.
        images: How many pictures.
        size: Side of a picture in pixels.
        seed: Decides every byte.
        per_subject: Pictures of each subject.
        workers: Processes.
        rig: The face rig's file or folder.
        quiet: Show no progress.
    """

    out: Path
    images: Count
    size: Count = 160
    seed: Count = 0
    per_subject: Count = 8
    workers: Count = 2
    rig: Place = None
    quiet: Flag = False

    def run(self) -> int:
        """Render."""
        with needs("numba", "synth", "Rendering faces"):
            from openau.synth import synthesize
        from openau.cli.progress import Told

        with Told(quiet=self.quiet) as told:
            index = synthesize(
                self.out,
                self.images,
                size=self.size,
                seed=self.seed,
                per_subject=self.per_subject,
                workers=self.workers,
                rig=self.rig,
                progress=told.advanced,
            )
        print(index)
        return 0

    def after_interrupt(self) -> str:
        """Return how to go on."""
        return "the same command goes on where it stopped."
