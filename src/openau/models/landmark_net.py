"""Face crop to 68 landmarks, whether each can be seen, and the pose of the head: one small dense network."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError
from openau.models.needs import Needs, check_images

POINTS = 68
WIDTHS = (32, 48, 96, 160)
"""Channels at 1/2, 1/4, 1/8 and 1/16 of the crop's side."""

_STRIDE = 4  # of the heat maps
_POSE_DEG = 30.0  # so that what the last layer must tell is about 1


class Landmarks(NamedTuple):
    """What the network says, as tensors of a batch.

    Attributes:
        points: (B, 68, 2) float, x and y as shares of the crop's side, measured at pixel edges: 0, 0 is the
            crop's upper left corner, 1, 1 its lower right one. iBUG order.
        visible: (B, 68) logits.
        pose_deg: (B, 3) pitch, yaw, roll in degrees.
    """

    points: Tensor
    visible: Tensor
    pose_deg: Tensor


class LandmarkNet(nn.Module):
    """68 landmarks by heat maps whose centres of mass are taken, visibility and head pose.

    A residual encoder down to 1/16 of the crop's side, a decoder with lateral connections back to 1/4, one
    heat map per landmark. The landmark is the mean place under the map's softmax, so it is not bound to the
    map's pixels and everything is learned from the coordinates. Visibility and pose are read from the mean
    over the deepest features. Dense 3x3 convolutions throughout: on processors with matrix units they cost
    less than separable ones.

    Args:
        size: Side S of the square input in pixels, a multiple of 16, at least 32.

    Raises:
        SettingError: `size` is not.

    Reference: X. Sun, B. Xiao, F. Wei, S. Liang, Y. Wei, Integral human pose regression, ECCV 2018 (the
    centres of mass); T.-Y. Lin et al., Feature pyramid networks, CVPR 2017 (the decoder).
    """

    reference = "Sun et al., Integral human pose regression, ECCV 2018"
    needs = Needs(80, 32, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), alignment="box", aus="")
    heatmap_layer = None

    def __init__(self, *, size: int = 80) -> None:
        super().__init__()
        if size < 32 or size % 16:
            raise SettingError(f"landmark_net cannot take {size} pixels; give a multiple of 16 from 32.")
        self.size = size
        half, quarter, eighth, deep = WIDTHS
        self.stem = _convolution(3, half, stride=2)
        self.quarter = nn.Sequential(_convolution(half, quarter, stride=2), _Residual(quarter))
        self.eighth = nn.Sequential(_convolution(quarter, eighth, stride=2), _Residual(eighth))
        self.deep = nn.Sequential(_convolution(eighth, deep, stride=2), _Residual(deep))
        self.to_eighth = nn.Conv2d(deep, eighth, 1)
        self.at_eighth = _convolution(eighth, eighth)
        self.to_quarter = nn.Conv2d(eighth, quarter, 1)
        self.at_quarter = _convolution(quarter, quarter)
        self.maps = nn.Conv2d(quarter, POINTS, 1)
        self.facts = nn.Linear(deep, POINTS + 3)

    def forward(self, images: Tensor) -> Tensor:
        """Return what is taught, as one tensor.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, 207): `Landmarks` side by side, points before visibility before pose.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        points, visible, pose = self.landmarks(images)
        return torch.cat([points.flatten(1), visible, pose], 1)

    def landmarks(self, images: Tensor) -> Landmarks:
        """Return what it says by name.

        Args:
            images: (B, 3, S, S) float, normalised.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        check_images("landmark_net", images.shape, self.size)
        quarter = self.quarter(self.stem(images))
        eighth = self.eighth(quarter)
        deep = self.deep(eighth)
        eighth = self.at_eighth(eighth + _twice(self.to_eighth(deep)))
        quarter = self.at_quarter(quarter + _twice(self.to_quarter(eighth)))
        points = _centres(self.maps(quarter))
        facts = self.facts(deep.mean((2, 3))).float()
        return Landmarks(points, facts[:, :POINTS], facts[:, POINTS:] * _POSE_DEG)


def split(output: Tensor) -> Landmarks:
    """Return by name what `LandmarkNet.forward` gives as one tensor.

    Args:
        output: (B, 207).
    """
    points = output[:, : 2 * POINTS].reshape(-1, POINTS, 2)
    return Landmarks(points, output[:, 2 * POINTS : 3 * POINTS], output[:, 3 * POINTS :])


class _Residual(nn.Module):
    """Two convolutions beside a connection that skips them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(features + self.second(self.first(features)))


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def _twice(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="nearest")


def _centres(maps: Tensor) -> Tensor:
    """Return the mean place under each map's softmax, (B, K, 2), as shares of the side."""
    side = maps.shape[-1]
    share = maps.flatten(2).float().softmax(2).reshape(*maps.shape)
    places = (torch.arange(side, device=maps.device, dtype=torch.float32) + 0.5) / side
    return torch.stack([(share.sum(2) * places).sum(2), (share.sum(3) * places).sum(2)], 2)
