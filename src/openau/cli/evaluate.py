"""`openau evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from openau.cli.command import Command
from openau.cli.extras import needs
from openau.cli.options import Count, Place, Required


@dataclass(frozen=True)
class Evaluate(Command):
    """Judge a run, or any table of predictions: every AU by every metric, with intervals over people.

    Attributes:
        source: A run folder, or a predictions table (Parquet or CSV) with AU01_t (truth 0/1, empty where
            unknown) and AU01_p (probability) per AU.
        out: Folder of the results; the run's own `evaluation` unless given.
        threshold: A number 0-1, or f1, f0.5, careful or youden to choose each AU's on the validation rows.
        groups: Columns to judge by, such as gender.
        resamples: Resamples of the subjects for the 95 % intervals; 0 for none.
        seed: Decides the resamples.
        rules: Rules to decode emotions from AUs with (deramgozin2023, investigators-guide, emotionet); all
            unless named.
    """

    source: Required
    out: Place = None
    threshold: Annotated[str, tyro.conf.arg(metavar="NUMBER|f1|f0.5|careful|youden")] = "0.5"
    groups: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...", help_behavior_hint="")] = ()
    resamples: Count = 1000
    seed: Count = 0
    rules: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...", help_behavior_hint="")] = ()

    def run(self) -> int:
        """Judge."""
        with needs("pyarrow", "train", "Judging predictions"):
            from openau.evaluate.report import Choices, read_leakage, read_predictions, write_evaluation

        table = read_predictions(self.source)
        out = self.out or _beside(self.source)
        choices = Choices(self.threshold, self.groups, self.resamples, self.seed, self.rules)
        write_evaluation(table, out, choices, leakage=read_leakage(self.source))
        print((out / "evaluation.md").read_text(encoding="utf-8"))
        print(out)
        return 0


def _beside(source: Path) -> Path:
    """Return the folder for the results where none was named."""
    return source / "evaluation" if source.is_dir() else source.with_name(f"{source.stem}-evaluation")
