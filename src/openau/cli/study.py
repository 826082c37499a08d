"""`openau study`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from openau.cli.command import Command
from openau.cli.extras import needs
from openau.cli.options import Count, Flag, Place, Word
from openau.errors import SettingError

if TYPE_CHECKING:
    from openau.studies import StudyProgress


@dataclass(frozen=True)
class Study(Command):
    """Run a whole paper: every network on every dataset, to a page with its tables beside the published ones.

    Attributes:
        name: The paper: moreno2024, deramgozin2023, masur2023 or wang2019.
        root: Your copies of its datasets, such as disfa=/data/DISFA.
        synthetic: Take rendered faces in place of every dataset without a root; the page says so.
        faces: A folder that openau synthesize wrote, in place of the sample in the package.
        weights: Folder with ImageNet weights, from openau models --fetch.
        scale: How large: smoke shows in minutes that everything runs, small fits one computer, full is the
            paper.
        protocol: Who tests: as in the paper, people whom training does not show, or both beside each other.
        out: Folder for stores, runs, tables, figures and the page.
        resume: Go on in a folder where the same study was interrupted.
        seed: Decides everything that is drawn.
        threads: CPU threads; 0 for the machine's own choice.
        quiet: Show no progress.
    """

    name: Word
    root: Annotated[tuple[str, ...], tyro.conf.arg(metavar="DATASET=DIR ...", help_behavior_hint="")] = ()
    synthetic: Flag = False
    faces: Place = None
    weights: Place = None
    scale: Annotated[str, tyro.conf.arg(metavar="smoke|small|full")] = "small"
    protocol: Annotated[str, tyro.conf.arg(metavar="paper|subject|both")] = "both"
    out: Place = None
    resume: Flag = False
    seed: Count = 0
    threads: Count = 0
    quiet: Flag = False

    def run(self) -> int:
        """Run the study and print where its page is."""
        with needs("torch", "train", "A study"):
            import matplotlib  # noqa: F401 - missing, it must be said before hours of training

            from openau.studies import build_setting, find_study, run_study

        study = find_study(self.name)
        setting = build_setting(
            study,
            self.out or Path(f"{study.name}-{self.scale}"),
            scale=self.scale,
            protocol=self.protocol,
            roots=dict(map(_root, self.root)),
            synthetic=self.synthetic,
            faces=self.faces,
            weights=self.weights,
            seed=self.seed,
            threads=self.threads,
        )
        told = _Told()
        page = run_study(
            study,
            setting,
            resume=self.resume,
            progress=None if self.quiet else told.show,
            notice=None if self.quiet else told.note,
        )
        print(page)
        return 0

    def after_interrupt(self) -> str:
        """Return how to go on."""
        return "add --resume to the same command to go on."


def _root(text: str) -> tuple[str, Path]:
    """Return a dataset's name and folder."""
    name, sign, folder = text.partition("=")
    if not sign or not folder:
        raise SettingError(f"{text!r} is no root; write DATASET=DIR.")
    return name, Path(folder)


class _Told:
    """Tells on stderr: a line per run, and on a terminal one more that is written over."""

    def note(self, line: str) -> None:
        """Tell of a run that begins."""
        end = "\r\x1b[K" if sys.stderr.isatty() else ""
        print(f"{end}{line}", file=sys.stderr, flush=True)

    def show(self, now: StudyProgress) -> None:
        """Tell where the run stands."""
        if not sys.stderr.isatty():
            return
        step = now.training
        text = (
            f"run {now.run}/{now.runs} {now.key}: epoch {step.epoch}/{step.epochs}, "
            f"step {step.step}/{step.steps}, "
            f"loss {step.loss:.4f}, about {now.time_left_s / 60:.0f} min left"
        )
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
