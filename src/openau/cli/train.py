"""`openau train`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from openau.cli.command import Command
from openau.cli.extras import needs
from openau.cli.options import Flag, Place, Required

if TYPE_CHECKING:
    from openau.train import Progress


@dataclass(frozen=True)
class Train(Command):
    """Train a network by a recipe, into a run folder.

    Attributes:
        recipe: The recipe, a TOML file.
        stores: Crop stores to train on, in place of the recipe's.
        out: Run folder, in place of the recipe's.
        resume: Go on from the run folder's last checkpoint.
        quiet: Show no progress.
    """

    recipe: Required
    stores: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PATH ...", help_behavior_hint="")] = ()
    out: Place = None
    resume: Flag = False
    quiet: Flag = False

    def run(self) -> int:
        """Train."""
        with needs("torch", "train", "Training"):
            from openau.train import train

        folder = train(
            self.recipe,
            stores=self.stores or None,
            out=self.out,
            resume=self.resume,
            progress=None if self.quiet else _Line().show,
            notice=_tell,
        )
        print(folder)
        return 0

    def after_interrupt(self) -> str:
        """Return how to go on."""
        return "add --resume to the same command to go on from the last checkpoint."


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


class _Line:
    """One line on stderr that is written over on a terminal, and once per epoch elsewhere."""

    def __init__(self) -> None:
        self._epoch = 0

    def show(self, now: Progress) -> None:
        is_terminal, is_new = sys.stderr.isatty(), now.epoch != self._epoch
        if not (is_terminal or is_new):
            return
        self._epoch = now.epoch
        auc = "" if now.auc is None else f", validation AUC {now.auc:.3f}"
        text = (
            f"epoch {now.epoch}/{now.epochs}, step {now.step}/{now.steps}, loss {now.loss:.4f}{auc}, "
            f"{now.images_per_s:.0f} pictures/s, {now.time_left_s / 60:.0f} min left"
        )
        end = "\n" if not is_terminal or now.step == now.steps else ""
        print(f"\r\x1b[K{text}" if is_terminal else text, end=end, file=sys.stderr, flush=True)
