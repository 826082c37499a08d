"""How well AU intensity is predicted: ICC(3,1), RMSE, MAE and Pearson's r, from sums that add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openau.errors import SettingError
from openau.evaluate.cells import ratio

Sums = NDArray[np.float64]
"""(..., 7): count, Σt, Σr, Σt², Σr², Σtr, Σ|t-r| of true intensities t and predicted ones r."""


def intensity_cells(truth: ArrayLike, predicted: ArrayLike) -> tuple[Sums, NDArray[np.int64]]:
    """Return each known cell as sums of one.

    Args:
        truth: (N,) intensity 0–5, NaN unknown.
        predicted: (N,) intensity 0–5, NaN missing.

    Returns:
        (K, 7) and (K,) row numbers.

    Raises:
        SettingError: The lengths differ.
    """
    t, r = (np.asarray(values, np.float64).ravel() for values in (truth, predicted))
    if t.shape != r.shape:
        raise SettingError(f"There are {len(t)} true intensities for {len(r)} predicted ones; give one each.")
    kept = np.flatnonzero(~(np.isnan(t) | np.isnan(r)))
    t, r = t[kept], r[kept]
    return np.stack((np.ones_like(t), t, r, t * t, r * r, t * r, np.abs(t - r)), axis=-1), kept


def intensity_sums(truth: ArrayLike, predicted: ArrayLike) -> Sums:
    """Return the sums of one AU.

    Args:
        truth: (N,) intensity 0–5, NaN unknown.
        predicted: (N,) intensity 0–5, NaN missing.

    Returns:
        (7,).

    Raises:
        SettingError: The lengths differ.
    """
    total: Sums = intensity_cells(truth, predicted)[0].sum(0)
    return total


def icc(sums: Sums) -> NDArray[np.float64]:
    """Return the intraclass correlation ICC(3,1) of truth and prediction: agreement but for a shift.

    For two raters it is 2·cov / (var + var).

    Args:
        sums: (..., 7).

    Returns:
        (...), -1–1, NaN where neither varies.

    Reference: Shrout and Fleiss, Psychological Bulletin 1979, case 3.
    """
    _, t, r, both = _moments(sums)
    return ratio(2 * both, t + r)


def pearson(sums: Sums) -> NDArray[np.float64]:
    """Return Pearson's correlation.

    Args:
        sums: (..., 7).

    Returns:
        (...), -1–1, NaN where one of the two does not vary.
    """
    _, t, r, both = _moments(sums)
    return ratio(both, np.sqrt(t) * np.sqrt(r))


def root_mean_square_error(sums: Sums) -> NDArray[np.float64]:
    """Return sqrt(mean (t-r)²).

    Args:
        sums: (..., 7).

    Returns:
        (...), 0–5, NaN where nothing is known.
    """
    n, _, _, tt, rr, tr, _ = (sums[..., k] for k in range(7))
    return np.sqrt(np.maximum(ratio(tt + rr - 2 * tr, n), 0))


def mean_absolute_error(sums: Sums) -> NDArray[np.float64]:
    """Return mean |t-r|.

    Args:
        sums: (..., 7).

    Returns:
        (...), 0–5, NaN where nothing is known.
    """
    return ratio(sums[..., 6], sums[..., 0])


ERRORS: Final[Mapping[str, Callable[[Sums], NDArray[np.float64]]]] = {
    "icc": icc,
    "pearson": pearson,
    "rmse": root_mean_square_error,
    "mae": mean_absolute_error,
}
"""Column name to measure."""


def _moments(sums: Sums) -> tuple[NDArray[np.float64], ...]:
    """Return count, variance of truth and of prediction, and covariance; rounding errors become 0."""
    n, t, r, tt, rr, tr, _ = (np.asarray(sums[..., k], np.float64) for k in range(7))
    count = np.maximum(n, 1)
    variances = [square / count - (total / count) ** 2 for square, total in ((tt, t), (rr, r))]
    kept = [np.where(v > 1e-12, v, 0.0) for v in variances]
    return n, kept[0], kept[1], tr / count - (t / count) * (r / count)
