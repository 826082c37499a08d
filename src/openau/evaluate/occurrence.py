"""How well AU occurrence is predicted: ROC AUC, F1, and the choice of a threshold.

An unknown truth or a missing probability takes its cell out; a number that is not defined is NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from openau.errors import SettingError, TableError
from openau.facs import ACTION_UNITS, au_column

Rule = Literal["f1", "youden"]


def roc_auc(truth: ArrayLike, probability: ArrayLike) -> float:
    """Return the area under the ROC curve: how often a positive outranks a negative, ties counting half.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) any scores, NaN missing.

    Returns:
        0–1, NaN where positives or negatives are absent.

    Reference: Hanley and McNeil, Radiology 1982 (the Mann-Whitney statistic).
    """
    positive, score = _known(truth, probability)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan")
    _, tie, count = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = (np.cumsum(count) - (count - 1) / 2)[tie]
    return float((mean_rank[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def f1_score(truth: ArrayLike, probability: ArrayLike, threshold: float = 0.5) -> float:
    """Return the F1 of the positive class, 2TP / (2TP + FP + FN).

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) 0–1, NaN missing.
        threshold: An AU is predicted where its probability is at least this.

    Returns:
        0–1, NaN where there are no positives, neither true nor predicted.
    """
    positive, score = _known(truth, probability)
    predicted = score >= threshold
    either = int(positive.sum() + predicted.sum())
    return 2 * int((positive & predicted).sum()) / either if either else float("nan")


def best_threshold(truth: ArrayLike, probability: ArrayLike, rule: Rule = "f1") -> float:
    """Return the threshold that serves best on a validation set.

    Chosen half-way between two neighbouring probabilities, so that it does not hang on one picture.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) 0–1, NaN missing.
        rule: `f1` for the largest F1, `youden` for the largest sensitivity + specificity - 1.

    Returns:
        0–1; 0.5 where positives or negatives are absent.

    Raises:
        SettingError: `rule` is unknown.
    """
    if rule not in ("f1", "youden"):
        raise SettingError(f"There is no threshold rule {rule!r}; choose f1 or youden.")
    positive, score = _known(truth, probability)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return 0.5
    order = np.argsort(-score, kind="stable")
    descending = score[order]
    hits = np.cumsum(positive[order])
    alarms = np.cumsum(~positive[order])
    last_of_tie = np.append(descending[1:] != descending[:-1], True)
    gain = 2 * hits / (hits + alarms + ones) if rule == "f1" else hits / ones - alarms / zeros
    gain = np.where(last_of_tie, gain, -np.inf)
    best = int(np.argmax(gain))
    below = descending[min(best + 1, len(descending) - 1)]
    return float((descending[best] + below) / 2)


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
    table: pd.DataFrame, *, aus: Sequence[int] | None = None, thresholds: Sequence[float] | None = None
) -> pd.DataFrame:
    """Judge a predictions table, AU by AU.

    Args:
        table: Predictions table.
        aus: The A action units wanted; None for all it has.
        thresholds: (A,) probabilities 0–1; None for 0.5 throughout.

    Returns:
        One row per AU with `au, auc, f1, threshold, count, positives`.

    Raises:
        TableError: The table lacks a column.
        SettingError: There is not one threshold per AU.
    """
    aus = predicted_aus(table) if aus is None else tuple(aus)
    thresholds = (0.5,) * len(aus) if thresholds is None else tuple(thresholds)
    if len(thresholds) != len(aus):
        raise SettingError(f"There are {len(thresholds)} thresholds for {len(aus)} AUs; give one per AU.")
    rows = []
    for au, threshold in zip(aus, thresholds, strict=True):
        column = au_column(au)
        for name in (f"{column}_t", f"{column}_p"):
            if name not in table.columns:
                raise TableError(f"The predictions table has no column {name!r}; train with AU {au}.")
        truth, probability = table[f"{column}_t"].to_numpy(), table[f"{column}_p"].to_numpy()
        positive, _ = _known(truth, probability)
        rows.append({
            "au": au,
            "auc": roc_auc(truth, probability),
            "f1": f1_score(truth, probability, threshold),
            "threshold": threshold,
            "count": len(positive),
            "positives": int(positive.sum()),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _known(truth: ArrayLike, probability: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return truth and probability of the cells where both are known."""
    target = np.asarray(truth, np.float64).ravel()
    score = np.asarray(probability, np.float64).ravel()
    if target.shape != score.shape:
        raise SettingError(f"There are {len(target)} truths for {len(score)} probabilities; give one each.")
    known = ~(np.isnan(target) | np.isnan(score))
    return target[known] >= 0.5, score[known]
