"""ShuffleNetV2 as moreno2024 must have had it: twice as wide as the reference, with biases everywhere."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models as torchvision

from openau.errors import SettingError
from openau.models.convnet import Pooling
from openau.models.moreno2024 import Trainable, TransferNet

Width = Literal["wide", "x1_0", "x1_5", "x2_0"]

_BUILDERS = MappingProxyType(
    {
        "x1_0": torchvision.shufflenet_v2_x1_0,
        "x1_5": torchvision.shufflenet_v2_x1_5,
        "x2_0": torchvision.shufflenet_v2_x2_0,
    }
)


class ShuffleNetV2(TransferNet):
    """Face crop to AU logits on ShuffleNetV2 (moreno2024), 4,521,576 weights for 12 AUs.

    Trained from scratch in the paper, so that all of it trains.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.
        width: `wide`, the variant whose count is the printed 4.5 million; `x1_0`, `x1_5` and `x2_0`,
            torchvision's.
        pooling: `avgmax`, `avg` or `max`.

    Raises:
        SettingError: The width is unknown.

    Differences from the paper: none known. The paper names no width; of all published ones only `wide`, of a
    public Keras port, has its 4.5 million weights with this head (and 5 million with 1000 classes). Pooling
    as in `VGG19`. The output is the logit.

    Reference: Moreno-Armendáriz et al. 2024; Ma et al., ECCV 2018.
    """

    name = "shufflenet_v2"
    heatmap_layer = "body.conv5"
    blocks: Mapping[Trainable, tuple[str, ...]] = MappingProxyType({})

    def __init__(
        self, aus: int, *, size: int = 224, width: Width = "wide", pooling: Pooling = "avgmax"
    ) -> None:
        if width not in ("wide", *_BUILDERS):
            raise SettingError(f"shufflenet_v2 knows the widths wide, {', '.join(_BUILDERS)}, not {width!r}.")
        self.width = width
        self.channels = 2048 if width == "x2_0" else 1024
        super().__init__(aus, size=size, trainable="all", pooling=pooling)

    def make_body(self) -> nn.Module:
        """Return the convolutions of the chosen width."""
        if self.width == "wide":
            return _wide_body()
        whole = _BUILDERS[self.width](num_classes=1)
        names = ("conv1", "maxpool", "stage2", "stage3", "stage4", "conv5")
        return nn.Sequential(OrderedDict((name, getattr(whole, name)) for name in names))


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME: with a stride, the larger half of the padding comes last."""

    def forward(self, input: Tensor) -> Tensor:
        """Convolve.

        Args:
            input: (B, C, h, w) float.

        Returns:
            (B, C', ceil(h / stride), ceil(w / stride)).
        """
        return super().forward(_pad_same(input, self.kernel_size[0], self.stride[0]))


class SameMaxPool2d(nn.MaxPool2d):
    """A max-pooling of what a ReLU rectified, 3×3 by strides of 2, padded as TensorFlow's SAME."""

    def __init__(self) -> None:
        super().__init__(3, 2)

    def forward(self, input: Tensor) -> Tensor:
        """Pool.

        Args:
            input: (B, C, h, w) float, not negative, so that padding with zeros changes no maximum.

        Returns:
            (B, C, ceil(h / 2), ceil(w / 2)).
        """
        pooled: Tensor = super().forward(_pad_same(input, 3, 2))
        return pooled


class ShuffleUnit(nn.Module):
    """One unit: with a stride two branches of the whole map, without one a branch of its second half.

    Args:
        channels: Of the map that goes in.
        branch: Channels of each of the two halves that come out.
        stride: 2 or 1.
    """

    def __init__(self, channels: int, branch: int, stride: Literal[1, 2]) -> None:
        super().__init__()
        inside = channels if stride == 2 else channels // 2
        self.main = nn.Sequential(
            *_pointwise(inside, branch), *_depthwise(branch, stride), *_pointwise(branch, branch)
        )
        self.side = (
            nn.Sequential(*_depthwise(inside, 2), *_pointwise(inside, branch)) if stride == 2 else None
        )

    def forward(self, features: Tensor) -> Tensor:
        """Run both branches and shuffle their channels.

        Args:
            features: (B, C, h, w) float.

        Returns:
            (B, 2·branch, h/stride, w/stride).
        """
        if self.side is not None:
            kept, treated = self.side(features), features
        else:
            kept, treated = features.chunk(2, dim=1)
        joined = torch.cat((self.main(treated), kept), dim=1)
        batch, channels, height, width = joined.shape
        shuffled = joined.reshape(batch, 2, channels // 2, height, width).transpose(1, 2)
        return shuffled.reshape(batch, channels, height, width)


def _wide_body() -> nn.Sequential:
    """Return the Keras port's convolutions: three stages of 232, 464 and 928 channels."""
    body = nn.Sequential()
    body.add_module("conv1", nn.Sequential(SameConv2d(3, 24, 3, stride=2, bias=False), nn.ReLU()))
    body.add_module("maxpool", SameMaxPool2d())
    channels = 24
    for stage, (branch, repeats) in enumerate(((116, 3), (232, 7), (464, 3)), start=2):
        units = [ShuffleUnit(channels, branch, 2)]
        units += [ShuffleUnit(2 * branch, branch, 1) for _ in range(repeats)]
        body.add_module(f"stage{stage}", nn.Sequential(*units))
        channels = 2 * branch
    body.add_module("conv5", nn.Sequential(nn.Conv2d(channels, 1024, 1), nn.ReLU()))
    return body


def _pointwise(inside: int, outside: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inside, outside, 1), _norm(outside), nn.ReLU()


def _depthwise(channels: int, stride: int) -> tuple[nn.Module, ...]:
    return SameConv2d(channels, channels, 3, stride=stride, groups=channels), _norm(channels)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)  # Keras: epsilon 1e-3, momentum 0.99


def _pad_same(features: Tensor, kernel: int, stride: int) -> Tensor:
    """Pad a square map (B, C, h, h) so that ceil(h / stride) places come out."""
    side = features.shape[-1]
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return F.pad(features, (total // 2, total - total // 2) * 2)
