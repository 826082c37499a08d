"""Resamples of the subjects: pictures of one person are not independent, people are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.errors import SettingError

LEVEL = 0.95


class Resamples:
    """How often each row counts in each resample of the subjects, the same for every AU and metric.

    Attributes:
        subjects: (N,) int64, number of each row's subject.
        counts: (R, S) how often each subject was drawn.
    """

    def __init__(self, subject: pd.Series, resamples: int, seed: int = 0) -> None:
        """Draw.

        Args:
            subject: (N,) whose picture each row is.
            resamples: R, how many; 0 for none.
            seed: Decides the draws.

        Raises:
            SettingError: `resamples` or `seed` is negative.
        """
        if seed < 0:
            raise SettingError(f"The seed is {seed}; it must be at least 0.")
        if resamples < 0:
            raise SettingError(f"{resamples} resamples were asked for; give 0 for none, or 1000.")
        self.subjects, names = pd.factorize(subject, sort=True)
        random, people = np.random.default_rng(seed), max(len(names), 1)
        drawn = random.integers(0, people, (resamples, people))
        self.counts = (
            np.stack([np.bincount(draw, minlength=people) for draw in drawn])
            if resamples
            else (np.zeros((0, people), np.int64))
        )

    def weights(self, first: int, last: int) -> NDArray[np.float64]:
        """Return the rows' weights in some of the resamples.

        Args:
            first: First resample.
            last: One behind the last.

        Returns:
            (last - first, N).
        """
        return self.counts[first:last, self.subjects].astype(np.float64)

    def total(self, cells: NDArray[np.float64], kept: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what additive cells add up to in every resample.

        Args:
            cells: (K, C), of the kept rows.
            kept: (K,) row numbers.

        Returns:
            (R, C).
        """
        by_subject = np.zeros((self.counts.shape[1], cells.shape[1]))
        np.add.at(by_subject, self.subjects[kept], cells)
        return self.counts @ by_subject


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile interval of a metric over resamples.

    Args:
        values: (R,), NaN where a resample does not define it.

    Returns:
        Low and high, NaN where fewer than half of the resamples define it.
    """
    defined = values[~np.isnan(values)]
    if not len(values) or 2 * len(defined) < len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
