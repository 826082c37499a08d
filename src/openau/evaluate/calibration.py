"""Whether a probability means what it says: Brier score, expected calibration error, reliability table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from openau.errors import SettingError
from openau.evaluate.cells import known_cells

BINS = 10


def brier_score(truth: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean squared difference between probability and truth.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) 0–1, NaN missing.

    Returns:
        0–1, NaN where nothing is known.

    Raises:
        SettingError: The lengths differ.

    Reference: Brier, Monthly Weather Review 1950.
    """
    positive, score, _ = known_cells(truth, probability)
    return float(((score - positive) ** 2).mean()) if len(score) else float("nan")


def reliability(truth: ArrayLike, probability: ArrayLike, bins: int = BINS) -> pd.DataFrame:
    """Return how often an AU occurs where a probability is said, in bins of equal width.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) 0–1, NaN missing.
        bins: How many.

    Returns:
        One row per bin with `low, high, count, mean_probability, occurrence`; the last two NaN in empty bins.

    Raises:
        SettingError: `bins` is below 1, or the lengths differ.
    """
    if bins < 1:
        raise SettingError(f"The reliability table was asked for {bins} bins; give at least 1.")
    positive, score, _ = known_cells(truth, probability)
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, score, side="right") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    empty = np.full(bins, np.nan)
    said, true = (np.bincount(place, weights=v, minlength=bins) for v in (score, positive.astype(float)))
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "count": count,
            "mean_probability": np.divide(said, count, out=empty.copy(), where=count > 0),
            "occurrence": np.divide(true, count, out=empty.copy(), where=count > 0),
        }
    )


def calibration_error(truth: ArrayLike, probability: ArrayLike, bins: int = BINS) -> float:
    """Return the expected calibration error: the bins' |occurrence - mean probability|, weighted by cells.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        probability: (N,) 0–1, NaN missing.
        bins: How many.

    Returns:
        0–1, NaN where nothing is known.

    Raises:
        SettingError: `bins` is below 1, or the lengths differ.

    Reference: Naeini, Cooper and Hauskrecht, AAAI 2015.
    """
    table = reliability(truth, probability, bins)
    if not table["count"].sum():
        return float("nan")
    gap = (table["occurrence"] - table["mean_probability"]).abs().fillna(0)
    return float((gap * table["count"]).sum() / table["count"].sum())
