"""What an index's labels look like in numbers: base rates, levels, co-occurrence, people, emotions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.index import au_columns

LEVELS = 6
INTENSITY_OCCURS = 2.0
"""An intensity from here on is an occurrence, as for DISFA; coders' own occurrences count from 1 on."""


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """The labels of an index of N pictures and A AUs.

    Attributes:
        aus: The A columns, `AU01` and so on.
        known: (A,) int64, pictures on which the AU is known.
        positive: (A,) int64, pictures on which it occurs.
        levels: (A, 6) int64, pictures at each intensity 0 to 5, rounded; zeros where only occurrence is
            known.
        together: (A, A) float64, share of the pictures with the row's AU that also show the column's, among
            those where both are known; NaN where the row's never occurs.
        lift: (A, A) float64, how many times more often than by chance the two occur together; NaN where one
            never does.
        subjects: Person to pictures, the most first; without those whom nobody names.
        nameless: Pictures whose person is unknown.
        splits: Official part to pictures; empty where there is none.
        emotions: Emotion to pictures, the most first; empty where there is none.
    """

    aus: tuple[str, ...]
    known: NDArray[np.int64]
    positive: NDArray[np.int64]
    levels: NDArray[np.int64]
    together: NDArray[np.float64]
    lift: NDArray[np.float64]
    subjects: dict[str, int]
    nameless: int
    splits: dict[str, int]
    emotions: dict[str, int]

    @property
    def base_rate(self) -> NDArray[np.float64]:
        """(A,) share of positives among the known labels; NaN where nothing is known."""
        rate = np.full(len(self.aus), np.nan)
        np.divide(self.positive, self.known, out=rate, where=self.known > 0)
        return rate


def label_statistics(table: pd.DataFrame) -> Statistics:
    """Count what an index says.

    Args:
        table: Index table.
    """
    aus = tuple(au_columns(table))
    values = table.reindex(columns=list(aus)).to_numpy(np.float64)
    known = ~np.isnan(values)
    positive = known & (np.nan_to_num(values) >= _occurs(table)[:, None])
    both = known.T.astype(np.float64) @ known
    ones = positive.astype(np.float64)
    joint = ones.T @ ones
    given = ones.T @ known
    together = np.divide(joint, given, out=np.full(joint.shape, np.nan), where=given > 0)
    chance = given * given.T
    lift = np.divide(joint * both, chance, out=np.full(joint.shape, np.nan), where=chance > 0)
    return Statistics(
        aus=aus,
        known=known.sum(0),
        positive=positive.sum(0),
        levels=_levels(table, aus),
        together=together,
        lift=lift,
        subjects=_counts(table, "subject"),
        nameless=int(table["subject"].isna().sum()),
        splits=_counts(table, "split"),
        emotions=_counts(table, "emotion"),
    )


def _occurs(table: pd.DataFrame) -> NDArray[np.float64]:
    """Return the value from which each row's AUs occur."""
    if "au_scale" not in table.columns:
        return np.full(len(table), INTENSITY_OCCURS)
    coded = (table["au_scale"].astype("string").fillna("") == "occurrence").to_numpy(bool)
    return np.where(coded, 1.0, INTENSITY_OCCURS)


def _levels(table: pd.DataFrame, aus: tuple[str, ...]) -> NDArray[np.int64]:
    """Count the intensities, from the AU's own column or the one beside it."""
    found = np.zeros((len(aus), LEVELS), np.int64)
    scale = table["au_scale"] if "au_scale" in table.columns else pd.Series("intensity", table.index)
    graded = (scale != "occurrence").to_numpy(bool)
    for row, au in enumerate(aus):
        beside = table.get(f"{au}_intensity")
        own = table[au].to_numpy(np.float64)
        other = np.full(len(table), np.nan) if beside is None else beside.to_numpy(np.float64)
        values = np.where(graded, own, other)
        whole = np.rint(values[~np.isnan(values)]).astype(np.int64)
        found[row] = np.bincount(whole, minlength=LEVELS)[:LEVELS]
    return found


def _counts(table: pd.DataFrame, column: str) -> dict[str, int]:
    if column not in table.columns:
        return {}
    return {str(name): int(count) for name, count in table[column].value_counts().items()}
