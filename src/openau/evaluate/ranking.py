"""How well scores rank: ROC AUC and average precision, for one table or for many resamples of it at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openau.evaluate.cells import known_cells, ratio

Weights = NDArray[np.float64]


class Ranking:
    """Scores of one AU, sorted once, so that any number of resamples can be judged without sorting again.

    Attributes:
        kept: (K,) int64, the rows whose truth and score are both known.
    """

    def __init__(self, truth: ArrayLike, score: ArrayLike) -> None:
        """Sort the known cells by score and find the ties.

        Args:
            truth: (N,) 0 or 1, NaN unknown.
            score: (N,) any scores, NaN missing.

        Raises:
            SettingError: The lengths differ.
        """
        positive, known, self.kept = known_cells(truth, score)
        self._order = np.argsort(known, kind="stable")
        ordered = known[self._order]
        self._positive = positive[self._order].astype(np.float64)
        first_of_tie = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
        self._ties = np.flatnonzero(first_of_tie)

    def roc_auc(self, weight: Weights | None = None) -> NDArray[np.float64]:
        """Return the area under the ROC curve: how often a positive outranks a negative, ties counting half.

        Args:
            weight: (..., N) how often each row counts; None for once.

        Returns:
            (...), 0–1, NaN where positives or negatives are absent.

        Reference: Hanley and McNeil, Radiology 1982 (the Mann-Whitney statistic).
        """
        ones, zeros = self._grouped(weight)
        below = np.cumsum(zeros, axis=-1) - zeros
        won = (ones * (below + zeros / 2)).sum(-1)
        return ratio(won, ones.sum(-1) * zeros.sum(-1))

    def average_precision(self, weight: Weights | None = None) -> NDArray[np.float64]:
        """Return the area under the precision-recall curve, as steps: Σ (R_n - R_{n-1}) P_n.

        Args:
            weight: (..., N) how often each row counts; None for once.

        Returns:
            (...), 0–1, NaN where positives are absent. A random score has the base rate.

        Reference: scikit-learn's `average_precision_score`; Davis and Goadrich, ICML 2006, on why no line is
        drawn between the points.
        """
        ones, zeros = (part[..., ::-1] for part in self._grouped(weight))
        hits, alarms = np.cumsum(ones, axis=-1), np.cumsum(zeros, axis=-1)
        precision = np.divide(hits, hits + alarms, out=np.zeros_like(hits), where=hits + alarms > 0)
        return ratio((ones * precision).sum(-1), ones.sum(-1))

    def _grouped(self, weight: Weights | None) -> tuple[Weights, Weights]:
        """Return the weight of positives and of negatives at each distinct score, ascending."""
        if not len(self._order):
            shape = () if weight is None else weight.shape[:-1]
            return np.zeros((*shape, 1)), np.zeros((*shape, 1))
        each = np.ones(len(self._order)) if weight is None else weight[..., self.kept][..., self._order]
        ones = np.add.reduceat(each * self._positive, self._ties, axis=-1)
        return ones, np.add.reduceat(each, self._ties, axis=-1) - ones


def roc_auc(truth: ArrayLike, probability: ArrayLike) -> float:
    """Return the area under the ROC curve: how often a positive outranks a negative, ties counting half.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) any scores, NaN missing.

    Returns:
        0–1, NaN where positives or negatives are absent.

    Raises:
        SettingError: The lengths differ.

    Reference: Hanley and McNeil, Radiology 1982 (the Mann-Whitney statistic).
    """
    return float(Ranking(truth, probability).roc_auc())


def average_precision(truth: ArrayLike, probability: ArrayLike) -> float:
    """Return the area under the precision-recall curve, see `Ranking.average_precision`.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) any scores, NaN missing.

    Returns:
        0–1, NaN where positives are absent.

    Raises:
        SettingError: The lengths differ.
    """
    return float(Ranking(truth, probability).average_precision())
