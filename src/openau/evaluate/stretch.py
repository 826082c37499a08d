"""How told intensities are stretched, chosen on validation data only.

A network that makes squared errors small tells the expected intensity. Where it is unsure, that lies between
nothing and what is there: strong movements are told too weak, and faces at rest not quite at 0. A line for
each AU gives the told intensities the spread of the true ones.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openau.evaluate.intensity import Sums, icc, intensity_cells

_GAINS: Final = np.arange(20, 81) / 20
_SHIFTS: Final = np.arange(0, 31) / 20


class Stretch(NamedTuple):
    """A line for the intensities of one AU.

    Attributes:
        gain: How many times further apart they are told.
        shift: The intensity that becomes 0.
    """

    gain: float
    shift: float

    def __call__(self, intensity: ArrayLike) -> NDArray[np.float64]:
        """Return stretched intensities.

        Args:
            intensity: (N,) 0–5 as a network tells them, NaN missing.

        Returns:
            (N,) 0–5.
        """
        return np.clip((np.asarray(intensity, np.float64) - self.shift) * self.gain, 0, 5)


def best_stretch(truth: ArrayLike, predicted: ArrayLike) -> Stretch:
    """Return the stretch with the largest ICC(3,1) on a validation set.

    Args:
        truth: (N,) intensity 0–5, NaN unknown.
        predicted: (N,) intensity 0–5 as the network tells it, NaN missing.

    Returns:
        A gain of 1 to 4 and a shift of 0 to 1.5 in steps of 0.05; 1 and 0 where the truth is not known or
        does not vary.

    Raises:
        SettingError: The lengths differ.
    """
    cells, _ = intensity_cells(truth, predicted)
    t, r = cells[:, 1], cells[:, 2]
    best, highest = Stretch(1.0, 0.0), -np.inf
    for shift in _SHIFTS:
        told = np.clip((r - shift) * _GAINS[:, None], 0, 5)
        reached = icc(_sums(t, told))
        if not np.isnan(reached).all():
            number = int(np.nanargmax(reached))
            if reached[number] > highest:
                best, highest = Stretch(float(_GAINS[number]), float(shift)), reached[number]
    return best


def _sums(truth: NDArray[np.float64], told: NDArray[np.float64]) -> Sums:
    """Return the sums of N true intensities and of G ways to tell them, (N,) and (G, N) to (G, 7)."""
    ones = np.ones(len(told))
    return np.stack(
        (
            ones * len(truth),
            ones * truth.sum(),
            told.sum(1),
            ones * (truth @ truth),
            (told**2).sum(1),
            told @ truth,
            np.abs(told - truth).sum(1),
        ),
        axis=-1,
    )
