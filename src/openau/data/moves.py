"""How the faces of a batch were moved, so that whatever has a place in them can follow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """How a batch of faces was moved, so that points can follow.

    Attributes:
        matrix: (B, 2, 3) float32, from places in the crop to places in the wide crop, both -1 to 1 from edge
            to edge.
        mirrored: (B,) bool.
        wide: Side W of the wide crops.
        size: Side S of the crops.
        covered: (B, 4) float32, the rectangle that was covered as x1, y1, x2, y2 in shares of the crop's
            side; NaN where nothing was.
    """

    matrix: Tensor
    mirrored: Tensor
    wide: int
    size: int
    covered: Tensor

    @property
    def angle_deg(self) -> Tensor:
        """How far each crop was turned clockwise in its picture before it was mirrored, (B,), -180 to 180."""
        return torch.rad2deg(torch.atan2(-self.matrix[:, 0, 1], self.matrix[:, 1, 1]))

    def covers(self, points: Tensor) -> Tensor:
        """Return which points of the crops are covered.

        Args:
            points: (B, K, 2) as shares of the crop's side; NaN is never covered.

        Returns:
            (B, K) bool.
        """
        first, last = self.covered[:, None, :2], self.covered[:, None, 2:]
        return ((points >= first) & (points < last)).all(2)

    def points(self, points: Tensor) -> Tensor:
        """Return where points of the wide crops lie in the crops.

        Args:
            points: (B, K, 2) float as x, y in pixels of the wide crop, pixel centres at whole numbers; NaN
                unknown.

        Returns:
            (B, K, 2) as x, y in pixels of the crop.
        """
        places = (2 * points.to(self.matrix) + 1) / self.wide - 1
        turned = torch.linalg.solve(
            self.matrix[:, :, :2], (places - self.matrix[:, None, :, 2]).transpose(1, 2)
        )
        moved: Tensor = ((turned.transpose(1, 2) + 1) * self.size - 1) / 2
        return moved
