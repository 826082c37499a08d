"""What a study's finished runs say, for the function that makes its page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from openau.evaluate import predicted_aus
from openau.evaluate.report import Choices, judged_rows, read_leakage, read_predictions, write_evaluation
from openau.facs import au_column
from openau.records import CropSpec
from openau.studies.published import published_notes
from openau.studies.study import RunPlan, Setting, Study
from openau.studies.tables import Cell, Column, Measured

PROTOCOL_NAMES = {"paper": "the paper's split", "subject": "no person shared"}
"""What the columns of the two protocols are called."""


class Results:
    """The finished runs of a study.

    Args:
        study: The study.
        setting: How it was run.
        plans: Its runs.
        folders: Key of a run to its folder.
        store: Dataset and crop recipe to the crop store.
    """

    def __init__(
        self,
        study: Study,
        setting: Setting,
        plans: Sequence[RunPlan],
        folders: Mapping[str, Path],
        store: Callable[[str, CropSpec], Path],
    ) -> None:
        self.study = study
        self.setting = setting
        self.plans = {plan.key: plan for plan in plans}
        self.folders = dict(folders)
        self.store = store
        self._judged: dict[str, pd.DataFrame] = {}

    @cached_property
    def figures(self) -> Path:
        """The folder for figures; is created."""
        folder = self.setting.out / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def predictions(self, key: str) -> pd.DataFrame:
        """Return the predictions table of a run, its test rows only.

        Args:
            key: Key of the run.
        """
        return judged_rows(read_predictions(self.folders[key]))

    def leakage(self, key: str) -> dict[str, Any]:
        """Return what a run's split shares.

        Args:
            key: Key of the run.
        """
        return read_leakage(self.folders[key]) or {}

    def log(self, key: str) -> pd.DataFrame:
        """Return a run's log, one row per epoch.

        Args:
            key: Key of the run.
        """
        return pd.read_csv(self.folders[key] / "log.csv")

    def judged(self, key: str) -> pd.DataFrame:
        """Return the judgement of a run's test rows; it is also written to the run's folder.

        Args:
            key: Key of the run.

        Returns:
            One row per AU column (`AU01`), and `mean` and `pooled`, by the metrics of `openau.evaluate`.
        """
        if key not in self._judged:
            folder = self.folders[key]
            table = read_predictions(folder)
            choices = Choices(resamples=self.setting.scale.resamples, seed=self.setting.seed)
            rows = write_evaluation(table, folder / "evaluation", choices, leakage=read_leakage(folder))
            names = [au_column(au) if isinstance(au, int) else str(au) for au in rows["au"]]
            self._judged[key] = rows.assign(row=names).set_index("row")
        return self._judged[key]

    def column(self, title: str, key: str, metric: str, *, percent: bool = False) -> Column:
        """Return one metric of a run as a column of a table.

        Args:
            title: Its title.
            key: Key of the run.
            metric: A metric of `openau.evaluate`.
            percent: Whether to print percent.
        """
        rows, factor = self.judged(key), 100.0 if percent else 1.0
        cells: dict[str, Cell] = {}
        for name, row in rows.iterrows():
            low, high = (row.get(f"{metric}_{end}", math.nan) for end in ("low", "high"))
            cells[str(name)] = Measured(*(factor * float(value) for value in (row[metric], low, high)))
        return Column(title, cells, digits=1 if percent else 3)

    def counts(self, key: str) -> pd.DataFrame:
        """Return how many pictures of each part show each AU.

        Args:
            key: Key of the run.

        Returns:
            Index `AU01`, columns `train, validation, test`; the AUs that the run was trained on.
        """
        table = read_predictions(self.folders[key])
        aus = predicted_aus(table)
        names = [au_column(au) for au in aus]
        truth = table[[f"{name}_t" for name in names]].set_axis(names, axis=1) >= 0.5
        by_part = truth.groupby(table["fold"].astype(str)).sum().T
        known = self.leakage(key).get("known_labels", {})
        train = {
            name: sum(int(dataset[name][1]) for dataset in known.values() if name in dataset)
            for name in names
        }
        frame = by_part.reindex(columns=["validation", "test"], fill_value=0)
        frame.insert(0, "train", pd.Series(train))
        return frame.reindex(names)

    def under(self, keys: Sequence[str], table: str = "") -> tuple[str, ...]:
        """Return what must stand under a table: for each protocol its name, its parts and its leakage.

        Args:
            keys: Keys of the runs in the table; of runs with the same protocol and data one is told of.
            table: Number of the paper's table, whose notes follow.
        """
        lines, told = [], set()
        for key in keys:
            plan, leak = self.plans[key], self.leakage(key)
            mark = (plan.protocol, plan.source, leak.get("protocol"), str(leak.get("options")))
            if mark in told:
                continue
            told.add(mark)
            parts = leak.get("pictures", {})
            sizes = " / ".join(str(parts.get(name, 0)) for name in ("train", "validation", "test"))
            found = leak.get("banner") or "Nothing is shared between the parts."
            name = PROTOCOL_NAMES[plan.protocol]
            lines.append(
                f"*{self.title(plan.source)}, {name}:* protocol `{leak.get('protocol')}`, "
                f"{sizes} pictures to train, choose and test. {found}"
            )
        notes = published_notes(self.study.name, table) if table else ()
        return (*lines, *(f"*Published:* {note}" for note in notes))

    def title(self, source: str) -> str:
        """Return a dataset's title, marked where rendered faces take its place.

        Args:
            source: Its name.
        """
        title = next(found.title for found in self.study.sources if found.name == source)
        return title if source in self.setting.roots else f"{title} (synthetic)"

    def mean(self, key: str, metric: str) -> float:
        """Return a metric's mean over the AUs that define it.

        Args:
            key: Key of the run.
            metric: A metric of `openau.evaluate`.
        """
        return float(self.judged(key)[metric].to_dict()["mean"])
