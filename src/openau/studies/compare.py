"""Two ways of training beside each other over several seeds, and whether the difference can be told."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from openau.errors import SettingError
from openau.studies.results import PROTOCOL_NAMES, Results
from openau.studies.study import seeded
from openau.studies.tables import Cell, Column, Measured, ResultTable

_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t at 0.975 for 1 to 9 degrees of freedom."""

UNDER = (
    "Means over {n} seeds, each with its own first weights, order and, where one is drawn, split. In "
    "brackets: the 95 % interval of the mean difference, by Student's t over the seeds. Where it holds 0, "
    "nothing can be concluded."
)


@dataclass(frozen=True, slots=True)
class Contrast:
    """One line of a comparison.

    Attributes:
        row: Name of the line.
        first: Key of the run that is to be better.
        second: Key of the run that it is held against.
    """

    row: str
    first: str
    second: str


def difference(first: Sequence[float], second: Sequence[float]) -> Measured:
    """Return the mean difference over seeds, with its 95 % interval by Student's t.

    Args:
        first: One number per seed.
        second: As many, of the same seeds.

    Returns:
        The mean of `first - second`; without an interval for one seed.

    Raises:
        SettingError: There are more than ten seeds, or not as many in both.
    """
    if len(first) != len(second) or len(first) > len(_T) + 1:
        raise SettingError("A comparison takes 1 to 10 seeds, the same of both.")
    gaps = [a - b for a, b in zip(first, second, strict=True)]
    mean = statistics.fmean(gaps)
    if len(gaps) < 2:
        return Measured(mean)
    half = _T[len(gaps) - 2] * statistics.stdev(gaps) / math.sqrt(len(gaps))
    return Measured(mean, mean - half, mean + half)


def verdict(found: Measured) -> str:
    """Return what can be concluded: `higher`, `lower`, `not told apart`, or that one seed tells nothing.

    Args:
        found: What `difference` returned.
    """
    if math.isnan(found.low):
        return "one seed"
    return "higher" if found.low > 0 else "lower" if found.high < 0 else "not told apart"


def compared(
    results: Results,
    contrasts: Sequence[Contrast],
    names: tuple[str, str],
    *,
    key: str,
    caption: str,
    metrics: Mapping[str, Callable[[str], float]],
    corner: str = "dataset and split",
) -> ResultTable:
    """Return the table of a comparison: both means, the difference and what can be concluded, per metric.

    Args:
        results: The finished runs.
        contrasts: The lines.
        names: What the first and the second run of each are called.
        key: The table's key.
        caption: Its caption.
        metrics: Name of a metric to what reads it off a run, by the run's key.
        corner: Head of the column of names.
    """
    cells: dict[str, dict[str, Cell]] = {}
    counts = set()
    for contrast in contrasts:
        numbers = [
            number
            for number in range(max(results.setting.scale.seeds, 1))
            if {seeded(contrast.first, number), seeded(contrast.second, number)} <= results.plans.keys()
        ]
        counts.add(len(numbers))
        for metric, read in metrics.items():
            both = [[read(seeded(run, n)) for n in numbers] for run in (contrast.first, contrast.second)]
            for name, values in zip(names, both, strict=True):
                cells.setdefault(f"{metric}, {name}", {})[contrast.row] = Measured(statistics.fmean(values))
            found = difference(*both)
            cells.setdefault(f"{metric}, difference", {})[contrast.row] = found
            cells.setdefault(f"{names[0]}: {metric}", {})[contrast.row] = verdict(found)
    several = [count for count in sorted(counts) if count > 1]
    under = [UNDER.format(n=" or ".join(map(str, several)))] if several else []
    under += results.under([key for c in contrasts for key in (c.first, c.second)])
    columns = [Column(title, values) for title, values in cells.items()]
    return ResultTable(key, caption, [c.row for c in contrasts], columns, corner, under)


def split_worth(
    results: Results,
    runs: Mapping[str, Mapping[str, str]],
    *,
    key: str = "split-worth",
    metrics: Sequence[str] = ("f1", "auc"),
) -> list[ResultTable]:
    """Return the table that shows what the paper's split was worth; none where only one protocol was run.

    Args:
        results: The finished runs.
        runs: Name of a row to protocol to the key of its run.
        key: The table's key.
        metrics: Metrics of `openau.evaluate`; their means over the AUs are shown.
    """
    if len(results.setting.protocols) < 2:
        return []
    lines = [Contrast(row, keys["paper"], keys["subject"]) for row, keys in runs.items() if len(keys) > 1]
    readers = {metric.upper(): mean_of(results, metric) for metric in metrics}
    names = (PROTOCOL_NAMES["paper"], PROTOCOL_NAMES["subject"])
    caption = "The same network and recipe under the paper's split and without shared people: means over AUs."
    return [compared(results, lines, names, key=key, caption=caption, metrics=readers, corner="run")]


def mean_of(results: Results, metric: str) -> Callable[[str], float]:
    """Return what reads a metric's mean over the AUs off a run.

    Args:
        results: The finished runs.
        metric: A metric of `openau.evaluate`.
    """
    return lambda key: results.mean(key, metric)
