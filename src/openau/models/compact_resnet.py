"""A small residual network of our own: occurrence and intensity of every AU, from one map.

The faces it reads are aligned, so that a place of the map is a place of the face. Behind the last map there
is one dense layer that knows these places: a logit is the sum of what its AU finds at each of them, and
HiRes-CAM shows these very terms. (With the mean of the map instead, as in most residual networks, AUs were
not learned at all within two passes over 19,200 rendered faces; with the places, after one pass.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError
from openau.models.convnet import ConvNet, Head
from openau.models.jacobian import HeadJacobian
from openau.models.members import MemberBodies, MemberLinear
from openau.models.needs import Needs, check_images
from openau.models.styles import MixStyle, Standardise

_STRIDE = 8
_MIXED = (0, 1)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and the way around them.

    Args:
        before: Channels of the input.
        channels: Channels C of the output.
        stride: Of the first convolution.

    Reference: He et al., CVPR 2016, Figure 2.
    """

    def __init__(self, before: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.around: nn.Module = nn.Identity()
        if stride > 1 or before != channels:
            self.around = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Return the next map.

        Args:
            features: (B, C, h, w) float.
        """
        inner = F.relu(self.first_norm(self.first(features)))
        return F.relu(self.second_norm(self.second(inner)) + self.around(features))


class CompactResNet(ConvNet):
    """Face crop to AU logits and intensities by a small residual network.

    A 5×5 convolution of stride 2, then stages of residual blocks, the second and third of stride 2 again, so
    that the last map has a side of S/8; a 1×1 convolution makes it thin. Occurrence and intensity are dense
    layers on all of it. What is special to rendered pictures is to be kept out: mean and deviation of each
    channel of a picture are taken out first, and in training the styles of the first two stages are mixed
    between faces.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 8.
        widths: Channels of the stages, at least three.
        blocks: Residual blocks of each stage.
        channels: Of the last map.
        dropout: Share of the last map dropped while training.
        mixing: Share of the training batches whose styles are mixed, at each of two places.
        members: How many such networks there are; each learns from its own part of every batch, and in
            evaluation the mean of their logits counts, see `openau.models.members`.
        mirrored: Whether in evaluation each is shown the mirror image of the face, too.

    Raises:
        SettingError: There are fewer than three stages, not one number of blocks for each, no member, or
            `mixing` is no share.

    Differences from the paper: only the blocks are of He et al.; stem, stages and head are this project's.

    Reference: this project; He et al., CVPR 2016.
    """

    name = "compact_resnet"
    needs = Needs(
        size=96,
        smallest=32,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        alignment="similarity",
        aus="openau-18",
    )
    reference = "OpenAU; residual blocks of He et al., CVPR 2016"
    heatmap_layer = "body"
    written_maps = ("grad_cam", "grad_cam_plus_plus", "hires_cam")
    auxiliary: Mapping[str, str] = MappingProxyType({"intensity": "intensity"})

    def __init__(  # noqa: PLR0913 - the network's options, all keyword-only
        self,
        aus: int,
        *,
        size: int = 96,
        widths: Sequence[int] = (24, 48, 96, 144),
        blocks: Sequence[int] = (1, 2, 2, 1),
        channels: int = 48,
        dropout: float = 0.1,
        mixing: float = 0.5,
        members: int = 1,
        mirrored: bool = False,
    ) -> None:
        super().__init__(aus, size, multiple=_STRIDE)
        if members < 1:
            raise SettingError(f"compact_resnet cannot have {members} members; give 1 or more.")
        if len(widths) < 3 or len(blocks) != len(widths) or min(*widths, *blocks) < 1:
            raise SettingError(
                f"compact_resnet cannot have stages of widths {list(widths)} with {list(blocks)} blocks; "
                "give at least three stages, and a number of blocks for each."
            )
        bodies = [_body(widths, blocks, channels, dropout, mixing) for _ in range(members)]
        side = size // _STRIDE
        if members == 1 and not mirrored:
            self.body = bodies[0]
            self.head = Head(channels, (), aus, pooling=None, cells=side**2)
            self.intensity: nn.Module = nn.Linear(channels * side**2, aus)
            return
        self.body = MemberBodies(bodies, mirrored=mirrored)
        shape = (channels, side, side)
        joined = members * channels * (1 + mirrored)
        self.head = Head(
            joined, (), aus, pooling=None, dense=MemberLinear(members, shape, aus, mirrored=mirrored)
        )
        self.intensity = MemberLinear(members, shape, aus, mirrored=mirrored)

    def logits_and_intensities(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return occurrence and intensity in one forward pass.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, A) logits and (B, A) intensities; the latter are meant for 0–5 and not limited to it.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        check_images(self.name, images.shape, self.size)
        features = self.features(images)
        return self.head(features), self.intensity(features.flatten(1))

    def head_jacobian(self, images: Tensor) -> HeadJacobian:
        """Return the logits, the map, and how each logit depends on it at every place, without autograd.

        That derivative is the dense layer's weight, the same for every face.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            For the output of `heatmap_layer`, of the network in evaluation mode.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        check_images(self.name, images.shape, self.size)
        features = self.features(images)
        gradient = self.head.out.weight.reshape(1, -1, *features.shape[1:])
        return HeadJacobian(
            self.head(features), features, gradient.flatten(3), gradient.new_ones(()), gradient
        )


def _body(
    widths: Sequence[int], blocks: Sequence[int], channels: int, dropout: float, mixing: float
) -> nn.Sequential:
    """Return the layers from the face to the last map, (B, 3, S, S) to (B, C, S/8, S/8)."""
    layers: list[nn.Module] = [
        Standardise(),
        nn.Conv2d(3, widths[0], 5, 2, 2, bias=False),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
    ]
    sides = pairwise((widths[0], *widths))
    for number, ((before, width), count) in enumerate(zip(sides, blocks, strict=True)):
        stride = 2 if number in (1, 2) else 1
        layers.append(ResidualBlock(before, width, stride=stride))
        layers.extend(ResidualBlock(width, width, stride=1) for _ in range(count - 1))
        if number in _MIXED and mixing:
            layers.append(MixStyle(mixing))
    layers += [
        nn.Conv2d(widths[-1], channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Dropout(dropout),
    ]
    return nn.Sequential(*layers)
