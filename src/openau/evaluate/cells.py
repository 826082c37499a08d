"""Which cells count: an unknown truth or a missing prediction takes its cell out, everywhere alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openau.errors import SettingError


def known_cells(
    truth: ArrayLike, score: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]:
    """Return truth and score where both are known.

    Args:
        truth: (N,) 0 or 1, NaN unknown.
        score: (N,) any scores, NaN missing.

    Returns:
        (K,) whether positive, (K,) score, (K,) row numbers.

    Raises:
        SettingError: The lengths differ.
    """
    target = np.asarray(truth, np.float64).ravel()
    value = np.asarray(score, np.float64).ravel()
    if target.shape != value.shape:
        raise SettingError(f"There are {len(target)} truths for {len(value)} probabilities; give one each.")
    kept = np.flatnonzero(~(np.isnan(target) | np.isnan(value)))
    return target[kept] >= 0.5, value[kept], kept


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide; what is not defined is NaN, never 0.

    Args:
        above: (..., N) float numerators.
        below: (..., N) float denominators.

    Returns:
        (..., N) float64, NaN where the denominator is 0.
    """
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    quotient: NDArray[np.float64] = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return quotient
