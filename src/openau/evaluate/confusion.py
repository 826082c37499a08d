"""Counts of right and wrong answers at a threshold, and every rate that follows from them.

Counts add up: over folds, over processes, over resamples of subjects. So every function here takes (..., 4)
counts and returns (...) rates; a rate that is not defined is NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openau.evaluate.cells import known_cells, ratio

Counts = NDArray[np.float64]
"""(..., 4): true positives, false positives, false negatives, true negatives."""


def answer_cells(
    truth: ArrayLike, probability: ArrayLike, threshold: float
) -> tuple[Counts, NDArray[np.int64]]:
    """Return each known cell as one count.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) 0–1, NaN missing.
        threshold: An AU is predicted where its probability is at least this.

    Returns:
        (K, 4) with a single 1 in each row, and (K,) row numbers.

    Raises:
        SettingError: The lengths differ.
    """
    positive, score, kept = known_cells(truth, probability)
    said = score >= threshold
    kinds = (positive & said, ~positive & said, positive & ~said, ~positive & ~said)
    return np.stack(kinds, axis=-1).astype(np.float64), kept


def confusion(truth: ArrayLike, probability: ArrayLike, threshold: float = 0.5) -> Counts:
    """Return the confusion counts of one AU.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) 0–1, NaN missing.
        threshold: An AU is predicted where its probability is at least this.

    Returns:
        (4,) true positives, false positives, false negatives, true negatives.

    Raises:
        SettingError: The lengths differ.
    """
    total: Counts = answer_cells(truth, probability, threshold)[0].sum(0)
    return total


def f1_score(counts: Counts) -> NDArray[np.float64]:
    """Return the F1 of the positive class, 2TP / (2TP + FP + FN).

    Args:
        counts: (..., 4).

    Returns:
        (...), 0–1, NaN where there are no positives, neither true nor predicted.
    """
    tp, fp, fn, _ = _parts(counts)
    return ratio(2 * tp, 2 * tp + fp + fn)


def accuracy(counts: Counts) -> NDArray[np.float64]:
    """Return the share of right answers; it is the F1 that is micro-averaged over both classes.

    deramgozin2023's printed F1 equals its accuracy in every row, so that this is what it shows.

    Args:
        counts: (..., 4).

    Returns:
        (...), 0–1, NaN where nothing is known.
    """
    tp, fp, fn, tn = _parts(counts)
    return ratio(tp + tn, tp + fp + fn + tn)


def precision(counts: Counts) -> NDArray[np.float64]:
    """Return TP / (TP + FP).

    Args:
        counts: (..., 4).

    Returns:
        (...), 0–1, NaN where nothing was predicted positive.
    """
    tp, fp, _, _ = _parts(counts)
    return ratio(tp, tp + fp)


def recall(counts: Counts) -> NDArray[np.float64]:
    """Return TP / (TP + FN).

    Args:
        counts: (..., 4).

    Returns:
        (...), 0–1, NaN where there is no positive.
    """
    tp, _, fn, _ = _parts(counts)
    return ratio(tp, tp + fn)


def specificity(counts: Counts) -> NDArray[np.float64]:
    """Return TN / (TN + FP).

    Args:
        counts: (..., 4).

    Returns:
        (...), 0–1, NaN where there is no negative.
    """
    _, fp, _, tn = _parts(counts)
    return ratio(tn, tn + fp)


def matthews(counts: Counts) -> NDArray[np.float64]:
    """Return Matthews' correlation between truth and answer.

    Args:
        counts: (..., 4).

    Returns:
        (...), -1–1, NaN where a row or a column of the confusion matrix is empty.

    Reference: Matthews, Biochimica et Biophysica Acta 1975.
    """
    tp, fp, fn, tn = _parts(counts)
    # Roots first: the product of four counts of a large dataset would leave what a float holds exactly.
    below = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return ratio(tp * tn - fp * fn, below)


RATES: Final[Mapping[str, Callable[[Counts], NDArray[np.float64]]]] = {
    "f1": f1_score,
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "matthews": matthews,
}
"""Column name to rate."""


def _parts(counts: Counts) -> tuple[NDArray[np.float64], ...]:
    """Split counts into true positives, false positives, false negatives, true negatives."""
    counts = np.asarray(counts, np.float64)
    return tuple(counts[..., k] for k in range(4))
