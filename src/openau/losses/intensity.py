"""The loss of AU intensity, 0 to 5."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from openau.errors import SettingError
from openau.losses.cells import Loss, Takes, mean_known, prepare


def intensity_smooth_l1(
    intensity: Tensor, target: Tensor, *, stress: float = 1.0, delta: float = 1.0
) -> Tensor:
    """Return the mean smooth distance of intensities, those of strong movements counting more.

    Each known cell counts (1 + stress·target) times: most faces do not move most AUs, and a plain mean is
    content with 0 everywhere.

    Args:
        intensity: (B, A) float, meant for 0–5.
        target: (B, A) in 0–5, NaN unknown.
        stress: How much more a cell counts for each step of true intensity; 0 for the plain mean.
        delta: Distance from which on the loss grows no longer by the square; from 5 on it is half the square
            throughout, whose least is the expected intensity.

    Returns:
        Scalar, at least float32.

    Raises:
        SettingError: The shapes differ, `stress` is negative, or `delta` not above 0.

    Reference: Girshick, Fast R-CNN, ICCV 2015, eq. 3, for the smooth distance; Huber, Annals of Mathematical
    Statistics 1964, for other `delta`.
    """
    if not stress >= 0:
        raise SettingError(f"The stress of the intensity loss is {stress}; it must be at least 0.")
    if not delta > 0:
        raise SettingError(f"The delta of the intensity loss is {delta}; it must be above 0.")
    found, wanted, known = prepare(intensity, target)
    cells = F.huber_loss(found, wanted, reduction="none", delta=delta) * (1 + stress * wanted)
    return mean_known(torch.where(known, cells, torch.zeros_like(cells)), known)


class IntensitySmoothL1(Loss):
    """`intensity_smooth_l1` as a module.

    Args:
        stress: See there.
        delta: See there.
    """

    takes: ClassVar[Takes] = "intensity"
    reference = "Girshick, Fast R-CNN, ICCV 2015, eq. 3"

    def __init__(self, *, stress: float = 1.0, delta: float = 1.0) -> None:
        super().__init__()
        self.stress, self.delta = stress, delta

    def forward(self, intensity: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            intensity: (B, A) float, meant for 0–5.
            target: (B, A) in 0–5, NaN unknown.
        """
        return intensity_smooth_l1(intensity, target, stress=self.stress, delta=self.delta)
