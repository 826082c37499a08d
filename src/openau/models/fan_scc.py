"""The heat map network of Fan et al. with semantic correspondence convolutions, as in the paper.

A semantic correspondence convolution (SCC) takes the channels of a map for the nodes of a graph: each is
joined to the channels that look most like it, and learns from them what belongs together on a face.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError
from openau.models.fan_heatmap import (
    PointMapNetwork,
    checked_points,
    upsampling,
)
from openau.models.needs import Needs, check_images, check_request
from openau.models.precision import full_precision
from openau.models.resnet_body import WIDTH, resnet_body


def nearest(nodes: Tensor, neighbours: int) -> Tensor:
    """Return which nodes are nearest to each node by Euclidean distance, itself among them.

    Args:
        nodes: (B, N, D) float.
        neighbours: Number k, at most N.

    Returns:
        (B, N, k) int64, the nearest first.
    """
    # Sums of thousands of squares overflow in half precision.
    with torch.no_grad(), full_precision(nodes):
        exact = nodes.to(torch.promote_types(nodes.dtype, torch.float32))
        # Distances do not change when all nodes move together; near the origin fewer digits cancel.
        exact = exact - exact.mean(1, keepdim=True)
        product = exact @ exact.transpose(1, 2)
        square = exact.square().sum(2)
        # The distance from a node to itself is the smallest in its row whatever the rounding: dropping the
        # row's own square changes no order within the row.
        return (2 * product - square[:, None]).topk(neighbours, dim=2).indices


class SemanticCorrespondence(nn.Module):
    """Convolution over the k nearest nodes of every node (dynamic graph convolution).

    y_i = max over the neighbours j of ReLU(BN(W [x_i, x_j - x_i])). W is applied once to each node and not
    once to each pair: W [x_i, x_j - x_i] = (W_1 - W_2) x_i + W_2 x_j, a seventh of the multiplies.
    Distances are never computed in half precision; but features rounded to it have other neighbours where
    distances nearly tie.

    Args:
        values: D, values of a node: height times width where the nodes are channels.
        neighbours: Number k of neighbours, the node itself among them.
        tf_layout: Whether nodes are what the authors' TensorFlow code makes of them: it reads the memory of a
            channels-last map as if channels came first, so that a node is a strip of pixels.

    Raises:
        SettingError: `neighbours` below 1.

    Reference: Fan et al., AAAI 2020, section 3.2; Wang et al., Dynamic graph CNN, TOG 2019, equation 7.
    """

    def __init__(self, values: int, *, neighbours: int = 7, tf_layout: bool = False) -> None:
        super().__init__()
        if neighbours < 1:
            raise SettingError(f"A node cannot have {neighbours} neighbours; give at least 1.")
        self.neighbours = neighbours
        self.tf_layout = tf_layout
        self.weight = nn.Parameter(torch.empty(values, 2 * values))
        self.norm = nn.BatchNorm1d(values)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        """Convolve the channels of a map with their neighbours.

        Args:
            features: (B, C, h, w) float, h·w the `values` it was built for.

        Returns:
            (B, C, h, w), not negative.
        """
        batch, channels, height, width = features.shape
        if self.tf_layout:
            features = features.permute(0, 2, 3, 1)
        nodes = features.reshape(batch, channels, height * width)
        convolved = self.convolve(nodes)
        if self.tf_layout:
            return convolved.reshape(batch, height, width, channels).permute(0, 3, 1, 2)
        return convolved.reshape(batch, channels, height, width)

    def convolve(self, nodes: Tensor) -> Tensor:
        """Convolve nodes with their neighbours.

        Args:
            nodes: (B, N, D) float.

        Returns:
            (B, N, D), not negative.
        """
        batch, count, values = nodes.shape
        own, difference = self.weight[:, :values], self.weight[:, values:]
        centre = F.linear(nodes, own - difference)
        around = F.linear(nodes, difference)
        kept = min(self.neighbours, count)
        index = nearest(nodes, kept).reshape(batch, count * kept, 1).expand(-1, -1, values)
        pairs = centre[:, :, None] + around.gather(1, index).reshape(batch, count, kept, values)
        normed = self.norm(pairs.reshape(-1, values)).reshape(pairs.shape)
        return F.relu(normed).amax(2)


class FanSCC(PointMapNetwork):
    """Face crop to one heat map per AU point, with three semantic correspondence convolutions.

    For faces of 256×256 pixels with values 0–255 less the mean (123.68, 116.78, 103.94). The width of a
    correspondence convolution is the size of its map, so that weights fit one size of input alone. The logit
    of an AU is its intensity minus 2, so that probability 0.5 means intensity B.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.
        points: How many points each AU has, for instance from `openau.data.heatmap.point_counts`; two each
            where not given.
        neighbours: Number k of neighbours of a node, itself among them.
        tf_layout: See `SemanticCorrespondence`.
        backbone: `resnet50` as published, or another residual network.

    Raises:
        SettingError: `aus` below 1, `size` no multiple of 32, `points` that do not fit, `neighbours` below 1,
            or an unknown backbone.

    Differences from the paper: batch norm has PyTorch's epsilon 1e-5 and momentum 0.1, not the released
    code's 1e-9 and 0.01; nodes are channels as in the paper, not the released code's strips of pixels
    (`tf_layout`); the logit is ours, the authors read the intensity alone.

    Reference: Y. Fan, J. Lam, V. Li, Facial action unit intensity estimation via semantic correspondence
    learning with dynamic graph convolution, AAAI 2020.
    """

    reference = (
        "Fan et al., Facial action unit intensity estimation via semantic correspondence learning with "
        "dynamic graph convolution, AAAI 2020"
    )
    heatmap_layer = "out"
    needs = Needs(
        256,
        32,
        mean=(123.68 / 255, 116.78 / 255, 103.94 / 255),
        std=(1 / 255, 1 / 255, 1 / 255),
        alignment="similarity",
        aus="bp4d-5",
    )

    def __init__(
        self,
        aus: int,
        *,
        size: int = 256,
        points: Sequence[int] | None = None,
        neighbours: int = 7,
        tf_layout: bool = False,
        backbone: str = "resnet50",
    ) -> None:
        super().__init__()
        check_request("fan_scc", aus, size, 32, multiple=32)
        self.points = checked_points("fan_scc", aus, points)
        self.size = size

        def correspondence(stride: int) -> SemanticCorrespondence:
            return SemanticCorrespondence((size // stride) ** 2, neighbours=neighbours, tf_layout=tf_layout)

        self.body = resnet_body(backbone)
        self.up1 = upsampling(WIDTH[backbone], 256)
        self.scc1 = correspondence(16)
        self.up2 = upsampling(256, 128)
        self.scc2 = correspondence(8)
        self.up3 = upsampling(128, 64)
        self.scc3 = correspondence(4)
        self.out = nn.Conv2d(64, sum(self.points), 1)
        nn.init.kaiming_normal_(self.out.weight, nonlinearity="relu")
        nn.init.zeros_(_present(self.out.bias))
        for layer in (self.up1, self.up2, self.up3):
            nn.init.trunc_normal_(next(layer.parameters()), std=0.01, a=-0.02, b=0.02)

    def heatmaps(self, images: Tensor) -> Tensor:
        """Return the map of every AU point.

        Args:
            images: (B, 3, S, S) float, 0–255 less the mean.

        Returns:
            (B, K, S/4, S/4) float; at a point of intensity 1 about 255.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        check_images("fan_scc", images.shape, self.size)
        x = self.scc1(self.up1(self.body(images)))
        x = self.scc2(self.up2(x))
        maps: Tensor = self.out(self.scc3(self.up3(x)))
        return maps


def _present(values: Tensor | None) -> Tensor:
    """Return a bias that is known to exist."""
    assert values is not None
    return values
