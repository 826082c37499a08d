"""The networks that wang2019 compares: AlexNet, DRML, ResNet-18, and its own DSCMR and L-DSCMR."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError
from openau.models.convnet import ConvNet, Head
from openau.models.needs import IMAGENET_MEAN, IMAGENET_STD, Needs
from openau.models.norm import ChannelNorm
from openau.models.region import RegionLayer
from openau.models.resnet_body import resnet_body

REFERENCE = (
    "Wang et al., Action units recognition based on deep spatial-convolutional and multi-label residual "
    "network, Neurocomputing 2019"
)
_AUS = "wang2019-emotionet-11"


class AlexNet(ConvNet):
    """Aligned face to AU logits: Caffe's AlexNet (wang2019), 56,913,291 weights for 11 AUs.

    Args:
        aus: Number A of action units.
        size: Side S of the square input, 224 or Caffe's 227, at least 64.
        dense: Width of the two dense layers.

    Raises:
        SettingError: `aus` below 1, or `size` too small.

    Differences from the paper: it states no normalisation, initialisation or dropout; ImageNet's mean and
    deviation, He's weights and Caffe's dropout of one half are ours. The output is the logit.

    Reference: Wang et al. 2019; Krizhevsky et al., NeurIPS 2012.
    """

    name = "alexnet"
    needs = Needs(224, 64, IMAGENET_MEAN, IMAGENET_STD, alignment="similarity", aus=_AUS)
    reference = REFERENCE
    heatmap_layer = "relu5"

    def __init__(self, aus: int, *, size: int = 224, dense: int = 4096) -> None:
        super().__init__(aus, size)
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.relu5 = nn.ReLU()
        self.norm = ChannelNorm()
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)  # Caffe rounds up
        side = (size - 11) // 4 + 1
        for _ in range(3):
            side = -(-(side - 3) // 2) + 1
        self.head = Head(256, (dense, dense), aus, pooling=None, cells=side**2, dropout=0.5)
        self.apply(start_as_he)

    def features(self, images: Tensor) -> Tensor:
        """Return conv5 after its ReLU.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, 256, h, w), 13×13 at 224 pixels.
        """
        x = self.pool(self.norm(F.relu(self.conv1(images))))
        x = self.pool(self.norm(F.relu(self.conv2(x))))
        x = F.relu(self.conv4(F.relu(self.conv3(x))))
        rectified: Tensor = self.relu5(self.conv5(x))
        return rectified

    def between(self, features: Tensor) -> Tensor:
        """Return the map after the last pooling.

        Args:
            features: (B, 256, h, w).

        Returns:
            (B, 256, h', w'), 6×6 at 224 pixels.
        """
        pooled: Tensor = self.pool(features)
        return pooled

    def values_before(self, features: Tensor, values: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Carry a derivative through the last pooling, whose squares overlap: a position may win several.

        Args:
            features: (B, 256, h, w).
            values: (B, A, 256, V), with respect to the V places of the pooled map.
            counts: scalar, 1.

        Returns:
            (B, A, 256, h·w), with respect to the map, and `counts`.
        """
        pool = self.pool
        _, winner = F.max_pool2d(
            features, pool.kernel_size, pool.stride, ceil_mode=pool.ceil_mode, return_indices=True
        )
        whole = values.new_zeros(*values.shape[:3], features[0, 0].numel())
        return whole.scatter_add(3, winner.flatten(2)[:, None].expand_as(values), values), counts


class DRML(ConvNet):
    """Aligned face to AU logits: deep region and multi-label learning, 56,861,387 weights for 11 AUs.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; 170, a random crop of 200, in its authors' code; at least 66.
        dense: Widths of the two dense layers.

    Raises:
        SettingError: `aus` below 1, or `size` too small.

    Differences from the paper: the layers are those of the authors' Caffe files. wang2019 does not say which
    input its DRML had; at 224 pixels it would have 113,943,243 weights. Normalisation and initialisation as
    in `AlexNet`. The output is the logit.

    Reference: Zhao, Chu and Zhang, CVPR 2016; compared in Wang et al. 2019.
    """

    name = "drml"
    needs = Needs(170, 66, IMAGENET_MEAN, IMAGENET_STD, alignment="similarity", aus=_AUS)
    reference = (
        "Zhao, Chu and Zhang, Deep region and multi-label learning for facial action unit detection, "
        "CVPR 2016"
    )
    heatmap_layer = "relu5"

    def __init__(self, aus: int, *, size: int = 170, dense: tuple[int, int] = (4096, 2048)) -> None:
        super().__init__(aus, size)
        self.conv1 = nn.Conv2d(3, 32, 11)
        self.region = RegionLayer(32, size - 10)
        self.pool = nn.MaxPool2d(2)
        self.norm = ChannelNorm()
        self.conv2 = nn.Conv2d(32, 16, 8)
        self.conv3 = nn.Conv2d(16, 16, 8)
        self.conv4 = nn.Conv2d(16, 16, 6, stride=2)
        self.conv5 = nn.Conv2d(16, 16, 5)
        self.relu5 = nn.ReLU()
        side = ((size - 10) // 2 - 14 - 6) // 2 + 1 - 4
        self.head = Head(16, dense, aus, pooling=None, cells=side**2, dropout=0.5)
        self.apply(start_as_he)

    def features(self, images: Tensor) -> Tensor:
        """Return the last convolution after its ReLU.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, 16, h, w), 27×27 at 170 pixels.
        """
        x = F.relu(self.region(self.conv1(images)))
        x = self.norm(self.pool(x))
        x = F.relu(self.conv3(F.relu(self.conv2(x))))
        rectified: Tensor = self.relu5(self.conv5(F.relu(self.conv4(x))))
        return rectified


class ResNet18(ConvNet):
    """Aligned face to AU logits: ResNet-18 (wang2019), 11,182,155 weights for 11 AUs.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.

    Raises:
        SettingError: `aus` below 1, or `size` no multiple of 32.

    Differences from the paper: normalisation as in `AlexNet`. The output is the logit.

    Reference: Wang et al. 2019; He et al., CVPR 2016.
    """

    name = "resnet18"
    needs = Needs(224, 32, IMAGENET_MEAN, IMAGENET_STD, alignment="similarity", aus=_AUS)
    reference = REFERENCE
    heatmap_layer = "body.layer4"

    def __init__(self, aus: int, *, size: int = 224) -> None:
        super().__init__(aus, size, multiple=32)
        self.body = resnet_body("resnet18")
        self.head = Head(512, (), aus)


class DSCMR(ConvNet):
    """Aligned face to AU logits: ResNet-18 with a convolution on every stage's shortcut (wang2019).

    12,252,851 weights for 11 AUs.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.
        dense: Width of the dense layer.

    Raises:
        SettingError: `aus` below 1, or `size` no multiple of 32.

    Differences from the paper: it calls the dense layer a convolutional one, and its 2046 units may be a slip
    for 2048. Global average pooling and the ReLU after the dense layer are assumed; without the pooling there
    would be 62.5 million weights. Normalisation as in `AlexNet`. The output is the logit.

    Reference: Wang et al., Neurocomputing 2019.
    """

    name = "dscmr"
    needs = Needs(224, 32, IMAGENET_MEAN, IMAGENET_STD, alignment="similarity", aus=_AUS)
    reference = REFERENCE
    heatmap_layer = "body.layer4"

    def __init__(self, aus: int, *, size: int = 224, dense: int = 2046) -> None:
        super().__init__(aus, size, multiple=32)
        self.body = _dscmr_body(3)
        self.head = Head(512, (dense,), aus)


class LDSCMR(ConvNet):
    """Aligned face to AU logits: a local layer of 8×8 patches, then DSCMR (wang2019).

    12,951,411 weights for 11 AUs.

    Args:
        aus: Number A of action units.
        size: Side S of the square input, at least 42.
        dense: Width of the dense layer.
        local: Where the local layer stands: `stem`, behind an 11×11 convolution of the picture, on the
            214×214 map the paper names; `after_conv1`, behind ResNet's own first convolution, norm and ReLU.

    Raises:
        SettingError: `aus` below 1, `size` too small, or `local` unknown.

    Differences from the paper: it does not say where its 214×214 map comes from; 224 - 11 + 1 is DRML's first
    convolution, and no layer of a ResNet has that side. 214 is no multiple of 8, so that patches are 26 or 27
    pixels wide. Otherwise as `DSCMR`. The output is the logit.

    Reference: Wang et al., Neurocomputing 2019.
    """

    name = "l_dscmr"
    needs = Needs(224, 42, IMAGENET_MEAN, IMAGENET_STD, alignment="similarity", aus=_AUS)
    reference = REFERENCE
    heatmap_layer = "body.layer4"

    def __init__(
        self,
        aus: int,
        *,
        size: int = 224,
        dense: int = 2046,
        local: Literal["stem", "after_conv1"] = "stem",
    ) -> None:
        super().__init__(aus, size)
        if local not in ("stem", "after_conv1"):
            raise SettingError(f"l_dscmr has its local layer at 'stem' or 'after_conv1', not {local!r}.")
        if local == "stem":
            self.stem = nn.Conv2d(3, 32, 11)
            self.local = RegionLayer(32, size - 10, affine=True)
            self.body = _dscmr_body(32)
        else:
            self.body = _dscmr_body(3)
            # The ReLU behind ResNet's first norm stays; the local layer's sum gets one of its own.
            stage = RegionLayer(64, (size + 1) // 2, affine=True)
            self.body.maxpool = nn.Sequential(stage, nn.ReLU(), self.body.get_submodule("maxpool"))
        self.position = local
        self.head = Head(512, (dense,), aus)

    def features(self, images: Tensor) -> Tensor:
        """Return the last residual block's output.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, 512, h, w), 7×7 at 224 pixels.
        """
        if self.position == "stem":
            images = F.relu(self.local(self.stem(images)))
        return super().features(images)


def _dscmr_body(channels: int) -> nn.Sequential:
    """Return ResNet-18's convolutions with a 1×1 convolution on the first shortcut of every stage."""
    body = resnet_body("resnet18")
    first = body.get_submodule("layer1.0")
    fresh = [nn.Conv2d(64, 64, 1, bias=False)]
    first.downsample = nn.Sequential(fresh[0], nn.BatchNorm2d(64))
    if channels != 3:
        fresh.append(nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False))
        body.conv1 = fresh[1]
    for layer in fresh:
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return body


def start_as_he(module: nn.Module) -> None:
    """Give a convolution or dense layer He-normal weights and no bias, for a network without batch norm.

    Args:
        module: Any layer; others are left alone.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
