"""The region layer: a face moves differently everywhere, so every patch has a convolution of its own."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError


def patch_borders(side: int, grid: int) -> list[int]:
    """Return where a side is cut into patches as equal as whole pixels allow: floor(i·side/grid).

    Args:
        side: Of the map.
        grid: Number of patches along it.

    Returns:
        grid + 1 positions, from 0 to `side`.
    """
    return [i * side // grid for i in range(grid + 1)]


class RegionLayer(nn.Module):
    """A grid of patches, each with its own batch norm, ReLU and 3×3 convolution; added to what came in.

    Patches see nothing beyond their borders: their convolutions are padded with zeros. Patches of equal shape
        are
    computed as one grouped convolution.

    Args:
        channels: C of the map.
        side: Of the square map.
        grid: Patches along each side.
        affine: Whether the batch norms have a learned scale and shift (wang2019) or none (DRML).

    Raises:
        SettingError: The map is too small for the grid.

    Reference: Zhao, Chu and Zhang, Deep region and multi-label learning for facial action unit detection,
    CVPR 2016, section 3.1.
    """

    def __init__(self, channels: int, side: int, *, grid: int = 8, affine: bool = False) -> None:
        super().__init__()
        if side < 2 * grid:
            raise SettingError(f"A map of {side} pixels cannot be cut into {grid}×{grid} patches.")
        self.borders = patch_borders(side, grid)
        sizes = [stop - start for start, stop in pairwise(self.borders)]
        self.alike = [[i for i, size in enumerate(sizes) if size == kind] for kind in sorted(set(sizes))]
        self.norms = nn.ModuleList()
        self.convolutions = nn.ModuleList()
        for rows, columns in self._groups():
            patches = len(rows) * len(columns)
            width = patches * channels
            self.norms.append(nn.BatchNorm2d(width, affine=affine))
            self.convolutions.append(nn.Conv2d(width, width, 3, padding=1, groups=patches))

    def forward(self, features: Tensor) -> Tensor:
        """Add to each patch what its own layers make of it.

        Args:
            features: (B, C, side, side) float.

        Returns:
            (B, C, side, side).
        """
        grid = len(self.borders) - 1
        treated: dict[tuple[int, int], Tensor] = {}
        for (rows, columns), norm, convolution in zip(
            self._groups(), self.norms, self.convolutions, strict=True
        ):
            places = [(row, column) for row in rows for column in columns]
            stacked = torch.cat([self._patch(features, *place) for place in places], dim=1)
            made = convolution(F.relu(norm(stacked)))
            treated |= zip(places, made.chunk(len(places), dim=1), strict=True)
        lines = [torch.cat([treated[row, column] for column in range(grid)], dim=3) for row in range(grid)]
        return features + torch.cat(lines, dim=2)

    def patch_weights(self, row: int, column: int) -> tuple[Tensor, Tensor]:
        """Return the convolution of one patch.

        Args:
            row: Of the grid, from the top.
            column: Of the grid, from the left.

        Returns:
            (C, C, 3, 3) weights and (C,) biases, views of the layer's own.

        Raises:
            IndexError: The grid has no such patch.
        """
        for (rows, columns), convolution in zip(self._groups(), self.convolutions, strict=True):
            if row in rows and column in columns:
                assert isinstance(convolution, nn.Conv2d)
                assert convolution.bias is not None
                number = rows.index(row) * len(columns) + columns.index(column)
                channels = convolution.in_channels // convolution.groups
                part = slice(number * channels, (number + 1) * channels)
                return convolution.weight[part], convolution.bias[part]
        raise IndexError((row, column))

    def _groups(self) -> list[tuple[list[int], list[int]]]:
        """Return rows and columns of the patches of each shape."""
        return [(rows, columns) for rows in self.alike for columns in self.alike]

    def _patch(self, features: Tensor, row: int, column: int) -> Tensor:
        top, bottom = self.borders[row], self.borders[row + 1]
        left, right = self.borders[column], self.borders[column + 1]
        return features[:, :, top:bottom, left:right]
