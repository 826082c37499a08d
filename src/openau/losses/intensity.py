"""The loss of AU intensity, 0 to 5."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from openau.errors import SettingError
from openau.losses.cells import Loss, Takes, mean_known, prepare


def intensity_smooth_l1(intensity: Tensor, target: Tensor, *, stress: float = 1.0) -> Tensor:
    """Return the mean smooth distance of intensities, those of strong movements counting more.

    Each known cell counts (1 + stress·target) times: most faces do not move most AUs, and a plain mean is
    content with 0 everywhere.

    Args:
        intensity: (B, A) float, meant for 0–5.
        target: (B, A) in 0–5, NaN unknown.
        stress: How much more a cell counts for each step of true intensity; 0 for the plain mean.

    Returns:
        Scalar, at least float32.

    Raises:
        SettingError: The shapes differ, or `stress` is negative.

    Reference: Girshick, Fast R-CNN, ICCV 2015, eq. 3, for the smooth distance.
    """
    if not stress >= 0:
        raise SettingError(f"The stress of the intensity loss is {stress}; it must be at least 0.")
    found, wanted, known = prepare(intensity, target)
    cells = F.smooth_l1_loss(found, wanted, reduction="none") * (1 + stress * wanted)
    return mean_known(torch.where(known, cells, torch.zeros_like(cells)), known)


class IntensitySmoothL1(Loss):
    """`intensity_smooth_l1` as a module.

    Args:
        stress: See there.
    """

    takes: ClassVar[Takes] = "intensity"
    reference = "Girshick, Fast R-CNN, ICCV 2015, eq. 3"

    def __init__(self, *, stress: float = 1.0) -> None:
        super().__init__()
        self.stress = stress

    def forward(self, intensity: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            intensity: (B, A) float, meant for 0–5.
            target: (B, A) in 0–5, NaN unknown.
        """
        return intensity_smooth_l1(intensity, target, stress=self.stress)
