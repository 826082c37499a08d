"""The choice of a threshold, on validation data only."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openau.errors import SettingError
from openau.evaluate.cells import known_cells

Rule = Literal["f1", "f0.5", "careful", "youden"]

_WELL_READ: Final = 0.6
"""F1 from which `careful` trusts it: an AU that is read worse is to be said only when it is sure."""


def best_threshold(truth: ArrayLike, probability: ArrayLike, rule: Rule = "f1") -> float:
    """Return the threshold that serves best on a validation set.

    Chosen half-way between two neighbouring probabilities, so that it does not hang on one picture.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) 0–1, NaN missing.
        rule: `f1` for the largest F1; `f0.5` for the largest F of β ½, to which precision counts more than
            recall; `careful` for F1 where that reaches 0.6, else F of β ½; `youden` for the largest
            sensitivity + specificity - 1.

    Returns:
        0–1; 0.5 where positives or negatives are absent.

    Raises:
        SettingError: `rule` is unknown, or the lengths differ.
    """
    if rule not in get_args(Rule):
        raise SettingError(f"There is no threshold rule {rule!r}; choose {', '.join(get_args(Rule))}.")
    positive, score, _ = known_cells(truth, probability)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return 0.5
    order = np.argsort(-score, kind="stable")
    descending = score[order]
    hits = np.cumsum(positive[order])
    alarms = np.cumsum(~positive[order])
    last_of_tie = np.append(descending[1:] != descending[:-1], True)
    precise = rule == "f0.5"
    if rule == "careful":
        precise = bool(_f_scores(hits, alarms, ones, beta=1.0)[last_of_tie].max() < _WELL_READ)
    if rule == "youden":
        gain = hits / ones - alarms / zeros
    else:
        gain = _f_scores(hits, alarms, ones, beta=0.5 if precise else 1.0)
    gain = np.where(last_of_tie, gain, -np.inf)
    best = int(np.argmax(gain))
    below = descending[min(best + 1, len(descending) - 1)]
    return float((descending[best] + below) / 2)


def _f_scores(hits: NDArray[Any], alarms: NDArray[Any], ones: int, *, beta: float) -> NDArray[np.float64]:
    """Return F of β after each of the highest scores, (N,)."""
    square = beta**2
    return np.asarray((1 + square) * hits / (hits + alarms + square * ones))
