"""The region layer again, slowly: one patch after the other, one output value at a time."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, sqrt

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def region_layer(
    features: Array,
    grid: int,
    weights: Callable[[int, int], tuple[Array, Array]],
    statistics: Callable[[int, int], tuple[Array, Array]] | None,
    scale: Callable[[int, int], tuple[Array, Array]] | None,
) -> Array:
    """Return what the layer makes of a batch.

    Args:
        features: (B, C, side, side).
        grid: Patches along each side.
        weights: Row and column of a patch to its (C, C, 3, 3) weights and (C,) biases.
        statistics: Row and column to the (C,) means and variances of batch norm; None takes the batch's.
        scale: Row and column to the (C,) scale and shift of batch norm; None for none.

    Returns:
        (B, C, side, side).
    """
    batch, channels, side, _ = features.shape
    found = features.copy()
    for row in range(grid):
        for column in range(grid):
            top, bottom = floor(row * side / grid), floor((row + 1) * side / grid)
            left, right = floor(column * side / grid), floor((column + 1) * side / grid)
            patch = features[:, :, top:bottom, left:right]
            ready = np.zeros_like(patch)
            for channel in range(channels):
                values = patch[:, channel]
                mean, variance = values.mean(), values.var()
                if statistics is not None:
                    mean, variance = (kind[channel] for kind in statistics(row, column))
                normed = (values - mean) / sqrt(variance + 1e-5)
                if scale is not None:
                    gain, shift = scale(row, column)
                    normed = gain[channel] * normed + shift[channel]
                ready[:, channel] = np.maximum(normed, 0)
            kernel, bias = weights(row, column)
            padded = np.pad(ready, ((0, 0), (0, 0), (1, 1), (1, 1)))
            for sample in range(batch):
                for channel in range(channels):
                    for y in range(bottom - top):
                        for x in range(right - left):
                            window = padded[sample, :, y : y + 3, x : x + 3]
                            value = (window * kernel[channel]).sum() + bias[channel]
                            found[sample, channel, top + y, left + x] += value
    return found
