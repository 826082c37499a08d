"""The network of the default face detector: a heat map of face centres with boxes and five points.

Fully convolutional on grey pictures, one cell of the heat map per 8 pixels. It knows faces of 20 to 70 pixels
only: the detector shows it every picture in several sizes. So a face of 500 pixels and one of 30 look alike
to it, it learns from every example at once, and it never sees the fine texture in which rendered skin
differs from real skin.

Of this project; centres as points follow Zhou, Wang and Krähenbühl, Objects as Points (2019).
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

STRIDE: Final = 8
"""Pixels of a cell."""

SIDE_PX: Final = 32.0
"""Side of the box whose size output is 0."""

SMALLEST_PX, LARGEST_PX = 20.0, 70.0
"""Sides of the faces that it knows."""

OUTPUTS: Final = 14
"""Channels: 1 logit, 2 offsets of the box's centre from the cell's in cells, 1 log of side / SIDE_PX, 10 for
five points as x and y from the box's centre in sides."""


class FaceFinder(nn.Module):
    """Finds faces of 20 to 70 pixels in a grey picture.

    Args:
        width: Channels of the heat map's trunk.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _conv(1, 16, stride=2), _conv(16, 32, stride=2), _Residual(32), _conv(32, width, stride=2)
        )
        self.trunk = nn.Sequential(
            _Residual(width),
            _Dense(width),
            _Residual(width),
            _Residual(width),
            _Dense(width),
            _Residual(width),
        )
        self.head = nn.Conv2d(width, OUTPUTS, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        # Faces are rare: the first steps would teach nothing but that otherwise.
        self.head.bias = nn.Parameter(torch.tensor([-4.0] + [0.0] * (OUTPUTS - 1)))

    def forward(self, grey: Tensor) -> Tensor:
        """Return what each cell says.

        Args:
            grey: (B, 1, H, W) in 0-1; H and W multiples of 8.

        Returns:
            (B, 14, H / 8, W / 8), see `OUTPUTS`.
        """
        out: Tensor = self.head(self.trunk(self.stem(2 * grey - 1)))
        return out


def _conv(inputs: int, outputs: int, *, size: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution, its normalisation and a ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """A depthwise and a pointwise convolution around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _conv(width, width, groups=width), nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add what it sees, (B, C, H, W)."""
        return torch.relu(x + self.inner(x))


class _Dense(nn.Module):
    """A full convolution around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Add what it sees, (B, C, H, W)."""
        return torch.relu(x + self.inner(x))
