"""How far landmarks are from where they should be, with visibility and pose beside."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from openau.errors import SettingError
from openau.losses.cells import Loss, Takes, masked, mean_known

POINTS = 68
_COORDINATES = 2 * POINTS
_HUNDREDTHS = 100.0


class LandmarkDistance(Loss):
    """Mean absolute error of 68 landmarks, smoothed where it is small; visibility and pose at a cost.

    The error of a coordinate counts in hundredths of the crop's side; below `smooth` hundredths it counts by
    its square (Huber's loss), so that a good fit is not shaken by the last digit.

    Args:
        smooth: In hundredths of the crop's side, above 0.
        visible_cost: What the binary cross-entropy of visibility is multiplied with.
        pose_cost: What the Huber loss of the angles is multiplied with, in units of 10 degrees.
        jaw: Weight of the 17 landmarks of the jaw, of which a picture says least; the others have 1.

    Raises:
        SettingError: A number is below 0, or `smooth` is 0.

    Reference: P. J. Huber, Robust estimation of a location parameter, 1964; the division of points,
    visibility and angles is this project's.
    """

    takes: ClassVar[Takes] = "landmarks"
    reference = "Huber, Robust estimation of a location parameter, 1964"

    def __init__(
        self,
        smooth: float = 0.5,
        visible_cost: float = 0.3,
        pose_cost: float = 0.5,
        jaw: float = 0.5,
    ) -> None:
        super().__init__()
        if not smooth > 0 or min(visible_cost, pose_cost, jaw) < 0:
            raise SettingError("The costs of landmarks must not be negative, and smooth must be above 0.")
        self.smooth, self.visible_cost, self.pose_cost, self.jaw = smooth, visible_cost, pose_cost, jaw

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            output: (B, 207) float: 68 times x, y as shares of the crop's side, 68 logits of visibility,
                pitch, yaw and roll in degrees.
            target: (B, 207), the same with visibility in 0–1; NaN unknown.

        Returns:
            Scalar, at least float32.

        Raises:
            SettingError: The shapes differ.
        """
        if output.shape != target.shape or output.ndim != 2 or output.shape[1] != 3 * POINTS + 3:
            raise SettingError(
                f"Landmarks {tuple(output.shape)} and targets {tuple(target.shape)} must be (batch, 207)."
            )
        output, target, known = masked(output, target)
        points, visible, pose = (
            slice(0, _COORDINATES),
            slice(_COORDINATES, 3 * POINTS),
            slice(3 * POINTS, None),
        )
        gap = F.smooth_l1_loss(
            output[:, points] * _HUNDREDTHS,
            target[:, points] * _HUNDREDTHS,
            beta=self.smooth,
            reduction="none",
        )
        weight = gap.new_ones(_COORDINATES)
        weight[: 2 * 17] = self.jaw
        seen = F.binary_cross_entropy_with_logits(output[:, visible], target[:, visible], reduction="none")
        turn = F.smooth_l1_loss(output[:, pose] / 10, target[:, pose] / 10, beta=0.2, reduction="none")
        return (
            mean_known(gap * weight, known[:, points])
            + self.visible_cost * mean_known(seen, known[:, visible])
            + self.pose_cost * mean_known(turn, known[:, pose])
        )
