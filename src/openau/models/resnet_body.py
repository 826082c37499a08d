"""The convolutional part of a residual network, up to its last map."""

from __future__ import annotations

from collections import OrderedDict

import torchvision
from torch import nn

from openau.errors import SettingError

WIDTH: dict[str, int] = {"resnet18": 512, "resnet34": 512, "resnet50": 2048, "resnet101": 2048}
"""Channels C of the last map, by network name."""


def resnet_body(name: str) -> nn.Sequential:
    """Build a residual network without its pooling and classifier.

    The stride of a bottleneck is in its 3×3 convolution. Layers have torchvision's names, so that ImageNet
    weights of torchvision load into it but for `fc`.

    Args:
        name: A key of `WIDTH`.

    Returns:
        (B, 3, S, S) float to (B, C, S/32, S/32), S a multiple of 32.

    Raises:
        SettingError: No residual network has this name.
    """
    if name not in WIDTH:
        raise SettingError(f"There is no backbone {name!r}; choose one of {', '.join(WIDTH)}.")
    network: nn.Module = getattr(torchvision.models, name)(weights=None)
    layers = [(key, layer) for key, layer in network.named_children() if key not in ("avgpool", "fc")]
    return nn.Sequential(OrderedDict(layers))
