"""The loss of networks that are trained to draw AU intensity as heat maps."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from openau.errors import SettingError
from openau.losses.cells import Loss, Takes, masked, mean_known


def heatmap_mean_square_error(maps: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared difference over all known places of all maps.

    Args:
        maps: (B, K, h, w) float.
        target: (B, K, h, w), NaN unknown (a map whose AU was not coded is NaN throughout).

    Returns:
        Scalar, at least float32.

    Raises:
        SettingError: The shapes differ.

    Reference: Fan, Lam and Li, Facial action unit intensity estimation via semantic correspondence learning
    with dynamic graph convolution, AAAI 2020.
    """
    if maps.shape != target.shape or maps.ndim != 4:
        raise SettingError(
            f"Maps {tuple(maps.shape)} and targets {tuple(target.shape)} must both be (batch, maps, h, w)."
        )
    maps, target, known = masked(maps, target)
    return mean_known((maps - target) ** 2, known)


class HeatmapMSE(Loss):
    """`heatmap_mean_square_error` as a module."""

    takes: ClassVar[Takes] = "maps"
    reference = "Fan, Lam and Li, AAAI 2020"

    def forward(self, maps: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            maps: (B, K, h, w) float.
            target: (B, K, h, w), NaN unknown.
        """
        return heatmap_mean_square_error(maps, target)
