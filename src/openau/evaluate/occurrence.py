"""Judge a predictions table: every AU by every metric, with 95 % intervals over resamples of the subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.errors import SettingError, TableError
from openau.evaluate.bootstrap import Resamples, interval
from openau.evaluate.calibration import brier_score, calibration_error
from openau.evaluate.cells import ratio
from openau.evaluate.confusion import RATES, answer_cells
from openau.evaluate.intensity import ERRORS, intensity_cells
from openau.evaluate.ranking import Ranking
from openau.facs import ACTION_UNITS, au_column

MEAN: Final = "mean"
POOLED: Final = "pooled"
METRICS: Final = ("auc", "average_precision", *RATES)
INTENSITY_METRICS: Final = tuple(ERRORS)
_CHUNK = 64  # resamples that are ranked at once, so that memory stays small
Values = Mapping[str, NDArray[np.float64]]


def predicted_aus(table: pd.DataFrame) -> tuple[int, ...]:
    """Return the AUs that a predictions table has both truth and probability for, by number.

    Args:
        table: Predictions table.

    Raises:
        TableError: There are none.
    """
    columns = set(table.columns)
    aus = tuple(
        unit.number for unit in ACTION_UNITS.values() if {f"{unit.column}_t", f"{unit.column}_p"} <= columns
    )
    if not aus:
        raise TableError("The predictions table has no AU with both AU.._t and AU.._p; train again.")
    return aus


def evaluate(
    table: pd.DataFrame,
    *,
    aus: Sequence[int] | None = None,
    thresholds: Sequence[float] | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge a predictions table, AU by AU.

    A cell whose truth is unknown does not count; a face that was lost (a probability that is missing) is
    counted as `not_predicted` and is neither right nor wrong.

    Args:
        table: Predictions table.
        aus: The A action units wanted; None for all it has.
        thresholds: (A,) probabilities 0–1; None for 0.5 throughout.
        resamples: How many resamples of the subjects the intervals come from; 0 for no intervals.
        seed: Decides the resamples.

    Returns:
        One row per AU with `au, count, positives, not_predicted, threshold`, the metrics (see `METRICS`),
        `brier, calibration_error`, and where the table has true and predicted intensities (`AU01_i`,
        `AU01_r`) those of `INTENSITY_METRICS`; with resamples each of the resampled metrics also has its
        `_low` and `_high`.

    Raises:
        TableError: The table lacks a column.
        SettingError: There is not one threshold per AU, or `resamples` is negative.
    """
    chosen = _choice(table, aus, thresholds)
    draws = Resamples(_subjects(table), resamples, seed)
    rows = []
    for au, threshold in chosen:
        values = _values(table, au, threshold, draws)
        rows.append(_facts(table, au, threshold) | _shown(values, resamples) | _calibration(table, au))
    return pd.DataFrame(rows)


def overall(
    table: pd.DataFrame,
    *,
    aus: Sequence[int] | None = None,
    thresholds: Sequence[float] | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge a predictions table over all AUs.

    Args:
        table: Predictions table.
        aus: The A action units wanted; None for all it has.
        thresholds: (A,) probabilities 0–1; None for 0.5 throughout.
        resamples: How many resamples of the subjects the intervals come from; 0 for no intervals.
        seed: Decides the resamples.

    Returns:
        Two rows: `mean`, each metric's mean over the AUs that define it, and `pooled`, the rates of the
        counts of all AUs together (micro-averaged); `au` holds the row's name.

    Raises:
        TableError: The table lacks a column.
        SettingError: There is not one threshold per AU, or `resamples` is negative.
    """
    chosen = _choice(table, aus, thresholds)
    draws = Resamples(_subjects(table), resamples, seed)
    each = [_values(table, au, threshold, draws) for au, threshold in chosen]
    facts = pd.DataFrame([_facts(table, au, threshold) for au, threshold in chosen])
    total = {name: int(facts[name].sum()) for name in ("count", "positives", "not_predicted")}
    mean = {name: _defined_mean([values[name] for values in each if name in values]) for name in _names(each)}
    counts = np.sum([values["counts"] for values in each], axis=0)
    pooled = {name: rate(counts) for name, rate in RATES.items()}
    return pd.DataFrame(
        [
            {"au": MEAN, **total, **_shown(mean, resamples)},
            {"au": POOLED, **total, **_shown(pooled, resamples)},
        ]
    )


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """A cross-validation, judged both ways that papers use.

    Attributes:
        by_fold: `evaluate`'s rows of every fold, with the column `fold`.
        mean_of_folds: One row per AU, each metric's mean over the folds that define it.
        pooled: `evaluate`'s rows of all folds' predictions together.
    """

    by_fold: pd.DataFrame
    mean_of_folds: pd.DataFrame
    pooled: pd.DataFrame


def evaluate_folds(
    table: pd.DataFrame, *, aus: Sequence[int] | None = None, thresholds: Sequence[float] | None = None
) -> Folds:
    """Judge the folds of a cross-validation one by one and together.

    Args:
        table: Predictions table, its `fold` column naming the fold that tested each row.
        aus: The A action units wanted; None for all it has.
        thresholds: (A,) probabilities 0–1; None for 0.5 throughout.

    Raises:
        TableError: The table lacks a column.
        SettingError: There is not one threshold per AU.
    """
    parts = []
    for fold, part in table.groupby("fold", sort=True):
        parts.append(evaluate(part, aus=aus, thresholds=thresholds).assign(fold=fold))
    by_fold = pd.concat(parts, ignore_index=True)
    metrics = [name for name in (*METRICS, *INTENSITY_METRICS) if name in by_fold.columns]
    mean = by_fold.groupby("au", sort=False)[metrics].mean().reset_index()
    return Folds(by_fold, mean, evaluate(table, aus=aus, thresholds=thresholds))


def evaluate_groups(
    table: pd.DataFrame,
    column: str,
    *,
    aus: Sequence[int] | None = None,
    thresholds: Sequence[float] | None = None,
    resamples: int = 0,
) -> pd.DataFrame:
    """Judge the groups of a table apart, to see whom a network serves worse.

    Args:
        table: Predictions table.
        column: Names each row's group, for instance `gender` or `skin`; rows without one are left out.
        aus: The A action units wanted; None for all it has.
        thresholds: (A,) probabilities 0–1; None for 0.5 throughout.
        resamples: How many resamples of the subjects the intervals come from; 0 for no intervals.

    Returns:
        `evaluate`'s rows and `overall`'s of every group, with the columns `group` and `subjects` in front.

    Raises:
        TableError: The table lacks a column.
        SettingError: There is not one threshold per AU, or `resamples` is negative.
    """
    if column not in table.columns:
        raise TableError(f"The predictions table has no column {column!r} to group by; name one that it has.")
    parts = []
    for group, part in table.groupby(column, sort=True):
        rows = [
            judged(part, aus=aus, thresholds=thresholds, resamples=resamples)
            for judged in (evaluate, overall)
        ]
        both = pd.concat(rows, ignore_index=True)
        both.insert(0, "subjects", _subjects(part).nunique())
        both.insert(0, "group", str(group))
        parts.append(both)
    if not parts:
        raise TableError(f"No row of the predictions table names its {column}; judge without this group.")
    return pd.concat(parts, ignore_index=True)


def _choice(
    table: pd.DataFrame, aus: Sequence[int] | None, thresholds: Sequence[float] | None
) -> list[tuple[int, float]]:
    """Pair AUs with thresholds, and see that the table has their columns."""
    wanted = predicted_aus(table) if aus is None else tuple(aus)
    given = (0.5,) * len(wanted) if thresholds is None else tuple(thresholds)
    if len(given) != len(wanted):
        raise SettingError(f"There are {len(given)} thresholds for {len(wanted)} AUs; give one per AU.")
    for au in wanted:
        for name in (f"{au_column(au)}_t", f"{au_column(au)}_p"):
            if name not in table.columns:
                raise TableError(f"The predictions table has no column {name!r}; train with AU {au}.")
    return list(zip(wanted, given, strict=True))


def _subjects(table: pd.DataFrame) -> pd.Series:
    """Return whose picture each row is; rows of a table that names nobody are their own subjects."""
    if "subject" not in table.columns:
        return pd.Series(np.arange(len(table)), index=table.index)
    dataset = table["dataset"].astype(str) if "dataset" in table.columns else ""
    return dataset + "/" + table["subject"].astype(str)


def _facts(table: pd.DataFrame, au: int, threshold: float) -> dict[str, object]:
    truth = table[f"{au_column(au)}_t"].to_numpy(float)
    lost = np.isnan(table[f"{au_column(au)}_p"].to_numpy(float))
    known = ~np.isnan(truth)
    return {
        "au": au,
        "count": int((known & ~lost).sum()),
        "positives": int((truth[known & ~lost] >= 0.5).sum()),
        "not_predicted": int((known & lost).sum()),
        "threshold": threshold,
    }


def _values(
    table: pd.DataFrame, au: int, threshold: float, draws: Resamples
) -> dict[str, NDArray[np.float64]]:
    """Return each metric as it is, followed by its resamples, (1 + R,); `counts` (1 + R, 4) among them."""
    column = au_column(au)
    truth, probability = table[f"{column}_t"].to_numpy(float), table[f"{column}_p"].to_numpy(float)
    ranking, resamples = Ranking(truth, probability), len(draws.counts)
    ranked = {"auc": [ranking.roc_auc()[None]], "average_precision": [ranking.average_precision()[None]]}
    for first in range(0, resamples, _CHUNK):
        weights = draws.weights(first, min(first + _CHUNK, resamples))
        ranked["auc"].append(ranking.roc_auc(weights))
        ranked["average_precision"].append(ranking.average_precision(weights))
    values = {name: np.concatenate(parts) for name, parts in ranked.items()}
    counts = _with_resamples(*answer_cells(truth, probability, threshold), draws)
    values |= {"counts": counts} | {name: rate(counts) for name, rate in RATES.items()}
    if {f"{column}_i", f"{column}_r"} <= set(table.columns):
        cells, kept = intensity_cells(table[f"{column}_i"], table[f"{column}_r"])
        sums = _with_resamples(cells, kept, draws)
        values |= {name: error(sums) for name, error in ERRORS.items()}
    return values


def _with_resamples(
    cells: NDArray[np.float64], kept: NDArray[np.int64], draws: Resamples
) -> NDArray[np.float64]:
    """Add up cells once for the table as it is and once for every resample, (1 + R, C)."""
    return np.concatenate((cells.sum(0, keepdims=True), draws.total(cells, kept)))


def _shown(values: Values, resamples: int) -> dict[str, float]:
    """Return each metric, and its interval where there are resamples."""
    row: dict[str, float] = {}
    for name in (n for n in (*METRICS, *INTENSITY_METRICS) if n in values):
        row[name] = float(values[name][0])
        if resamples:
            row[f"{name}_low"], row[f"{name}_high"] = interval(values[name][1:])
    return row


def _calibration(table: pd.DataFrame, au: int) -> dict[str, float]:
    truth, probability = table[f"{au_column(au)}_t"], table[f"{au_column(au)}_p"]
    return {
        "brier": brier_score(truth, probability),
        "calibration_error": calibration_error(truth, probability),
    }


def _names(each: Sequence[Values]) -> list[str]:
    return [name for name in (*METRICS, *INTENSITY_METRICS) if any(name in values for values in each)]


def _defined_mean(values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean over those AUs that define a metric, NaN where none does."""
    stacked = np.stack(values)
    defined = ~np.isnan(stacked)
    return ratio(np.where(defined, stacked, 0.0).sum(0), defined.sum(0).astype(np.float64))
