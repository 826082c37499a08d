"""Slow readings of Fan et al.: one value at a time, in float64."""

from __future__ import annotations

from math import exp, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def semantic_correspondence(
    features: Array, weight: Array, norm: dict[str, Array], *, neighbours: int, tf_layout: bool = False
) -> Array:
    """Convolve one map (C, h, w) channel by channel and pair by pair, batch norm in evaluation mode."""
    channels, height, width = features.shape
    if tf_layout:
        nodes = np.ascontiguousarray(features.transpose(1, 2, 0)).reshape(channels, height * width)
    else:
        nodes = features.reshape(channels, height * width)
    found = np.zeros_like(nodes)
    for i in range(channels):
        distance = [float(((nodes[i] - nodes[j]) ** 2).sum()) for j in range(channels)]
        near = sorted(range(channels), key=lambda j: distance[j])[:neighbours]
        answers = []
        for j in near:
            edge = np.concatenate([nodes[i], nodes[j] - nodes[i]])
            value = weight @ edge
            value = (value - norm["mean"]) / np.sqrt(norm["var"] + 1e-5) * norm["weight"] + norm["bias"]
            answers.append(np.maximum(value, 0))
        found[i] = np.max(answers, axis=0)
    if tf_layout:
        return found.reshape(height, width, channels).transpose(2, 0, 1)
    return found.reshape(channels, height, width)


def heatmap(x: float, y: float, intensity: float, *, size: int, map_size: int, sigma: float = 2.0) -> Array:
    """Draw one bell, pixel by pixel."""
    column, row = (floor(v / size * map_size + 0.5) for v in (x, y))
    drawn = np.zeros((map_size, map_size))
    for r in range(map_size):
        for c in range(map_size):
            drawn[r, c] = 255 * intensity * exp(-((r - row) ** 2 + (c - column) ** 2) / (2 * sigma**2))
    return drawn


def norm_values(layer: Any) -> dict[str, Array]:
    """Return what a batch norm layer scales and shifts by."""
    names = {"mean": "running_mean", "var": "running_var", "weight": "weight", "bias": "bias"}
    return {
        ours: getattr(layer, theirs).detach().numpy().astype(np.float64) for ours, theirs in names.items()
    }
