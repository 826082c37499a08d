"""The heat map network of Fan et al.: a residual network and three transposed convolutions that draw points.

Every AU has one or more points on the face. The network draws one map per point: a bell at the point whose
height is 255 times the AU's intensity. This is the form of the authors' PyTorch release, which masur2023
builds on; the form with semantic correspondence convolutions is `fan_scc`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from openau.errors import ModelError, SettingError
from openau.models.needs import Needs, check_images, check_request
from openau.models.resnet_body import WIDTH, resnet_body

HEIGHT = 255.0
"""Height of the bell at a point of intensity 1."""

OCCURS = 2.0
"""Intensity above which an AU is said to occur, FACS B as in the protocols on DISFA."""


def read_intensity(maps: Tensor, points: Sequence[int]) -> Tensor:
    """Return the intensity of every AU: the height of its maps, averaged over its points.

    Args:
        maps: (B, K, h, w) float, one map per point, all points of an AU next to each other.
        points: A numbers of points, K in all.

    Returns:
        (B, A), 0–5 where the maps are right, not clipped.
    """
    heights = maps.amax((2, 3)) / HEIGHT
    return torch.stack([part.mean(1) for part in torch.split(heights, list(points), dim=1)], dim=1)


def grad_cam_of_points(maps: Tensor, points: Sequence[int]) -> Tensor:
    """Return Grad-CAM of every AU's logit at the point maps themselves: the mean of its maps, rectified.

    The logit's derivative with respect to a map is 1/(255·P) at the map's highest place, P the AU's points,
    and 0 elsewhere and for other AUs' maps; its mean over the map is the weight of Grad-CAM.

    Args:
        maps: (B, K, h, w) float, one map per point, all points of an AU next to each other.
        points: A numbers of points, K in all.

    Returns:
        (B, A, h, w), not negative, not normalised.

    Reference: Selvaraju et al., Grad-CAM, ICCV 2017.
    """
    weight = 1 / (HEIGHT * maps.shape[2] * maps.shape[3])
    means = [part.mean(1) for part in torch.split(maps, list(points), dim=1)]
    return torch.relu(torch.stack(means, dim=1)) * weight


def checked_points(name: str, aus: int, points: Sequence[int] | None) -> tuple[int, ...]:
    """Return the number of points of each AU, two where nothing is said.

    Args:
        name: The network's name, for the sentence.
        aus: Number A of action units.
        points: A numbers of points, or None.

    Returns:
        A numbers of points.

    Raises:
        SettingError: `points` does not give each AU at least one point.
    """
    found = (2,) * aus if points is None else tuple(points)
    if len(found) != aus or min(found) < 1:
        raise SettingError(
            f"{name} has {aus} AUs, but points {list(found)}; give each AU at least one point."
        )
    return found


def upsampling(inputs: int, outputs: int) -> nn.Sequential:
    """Return a 4×4 transposed convolution that doubles the side, with batch norm and ReLU.

    Args:
        inputs: Channels of the map it reads.
        outputs: Channels of the map it writes.
    """
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class PointMapNetwork(nn.Module):
    """A network whose logits are read off maps of points: intensity less the least that counts.

    Attributes:
        points: A numbers of points, K in all.
    """

    points: tuple[int, ...]

    def heatmaps(self, images: Tensor) -> Tensor:
        """Return one map per point.

        Args:
            images: (B, 3, S, S) float, scaled as the network needs them.

        Returns:
            (B, K, h, w).

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits.

        Args:
            images: (B, 3, S, S) float, scaled as the network needs them.

        Returns:
            (B, A) logits: intensity minus 2.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        return self.logits_of(self.heatmaps(images))

    def logits_of(self, maps: Tensor) -> Tensor:
        """Return the logits that maps amount to.

        Args:
            maps: (B, K, h, w) float, what `heatmaps` returns.

        Returns:
            (B, A) logits: intensity minus 2.
        """
        return read_intensity(maps, self.points) - OCCURS

    def logits_and_heatmaps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits and the Grad-CAM map of every AU: the mean of its points' maps, rectified.

        Args:
            images: (B, 3, S, S) float, scaled as the network needs them.

        Returns:
            (B, A) logits and (B, A, S/4, S/4) maps, not negative, not normalised.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        maps = self.heatmaps(images)
        return self.logits_of(maps), grad_cam_of_points(maps, self.points)


class FanHeatmap(PointMapNetwork):
    """Face crop to one heat map per AU point, and from the maps to AU logits.

    For faces of 96×96 pixels with values 0–1, without mean or deviation taken off (masur2023: 10 maps of
    24×24). The logit of an AU is its intensity minus 2, so that probability 0.5 means intensity B.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.
        points: How many points each AU has, for instance from `openau.data.heatmap.point_counts`; two each
            where not given.
        backbone: `resnet50` as published, or another residual network.

    Raises:
        SettingError: `aus` below 1, `size` no multiple of 32, `points` that do not fit, or an unknown
            backbone.

    Differences from the paper: the logit is ours; the authors read the intensity alone.

    Reference: Y. Fan, J. Lam, V. Li, Facial action unit intensity estimation via semantic correspondence
    learning with dynamic graph convolution, AAAI 2020, in the form of the authors' PyTorch release.
    """

    reference = (
        "Fan et al., Facial action unit intensity estimation via semantic correspondence learning with "
        "dynamic graph convolution, AAAI 2020 (the authors' PyTorch release)"
    )
    heatmap_layer = "out"
    needs = Needs(96, 32, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), alignment="similarity", aus="bp4d-5")

    def __init__(
        self,
        aus: int,
        *,
        size: int = 96,
        points: Sequence[int] | None = None,
        backbone: str = "resnet50",
    ) -> None:
        super().__init__()
        check_request("fan_heatmap", aus, size, 32, multiple=32)
        self.points = checked_points("fan_heatmap", aus, points)
        self.size = size
        self.body = resnet_body(backbone)
        self.up1 = upsampling(WIDTH[backbone], 256)
        self.up2 = upsampling(256, 256)
        self.up3 = upsampling(256, 256)
        self.out = nn.Conv2d(256, sum(self.points), 1)
        self.apply(_initialise)

    def heatmaps(self, images: Tensor) -> Tensor:
        """Return the map of every AU point.

        Args:
            images: (B, 3, S, S) float, 0–1.

        Returns:
            (B, K, S/4, S/4) float; at a point of intensity 1 about 255.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        check_images("fan_heatmap", images.shape, self.size)
        maps: Tensor = self.out(self.up3(self.up2(self.up1(self.body(images)))))
        return maps


def published_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of the authors' PyTorch release so that `FanHeatmap.load_state_dict` takes them.

    Args:
        state: Their state dictionary, each tensor of any shape or dtype, such as (256, 10) float; a leading
            `module.` is dropped.

    Returns:
        Ours.

    Raises:
        ModelError: They are not weights of this network.
    """
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        layer, _, rest = key.removeprefix("module.").partition(".")
        if layer in ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"):
            found[f"body.{layer}.{rest}"] = value
        elif layer in _RENAMED:
            found[f"{_RENAMED[layer]}.{rest}"] = value
        else:
            raise ModelError(f"These are not weights of Fan et al.'s PyTorch release: {key} is unknown.")
    if not any(key.startswith("out.") for key in found):
        raise ModelError("These are not weights of Fan et al.'s PyTorch release: final_layer is missing.")
    return found


_RENAMED = {
    "deconv_layers_1": "up1",
    "deconv_layers_2": "up2",
    "deconv_layers_3": "up3",
    "final_layer": "out",
}


def _initialise(module: nn.Module) -> None:
    """Start as the release does: He-normal by what a layer writes, for transposed convolutions too."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        written = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
        nn.init.normal_(module.weight, std=math.sqrt(2 / written))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
