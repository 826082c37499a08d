"""The six ConvNets of moreno2024: an ImageNet body, global pooling, a dense layer of 512, one logit per AU.

The bodies are torchvision's and pytorchcv's; ShuffleNetV2, which the paper trained from scratch, is built
here as wide as its printed counts ask for (`shufflenet.py`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, Self, TypedDict, Unpack

from torch import Tensor, nn
from torchvision import models as torchvision

from openau.errors import MissingExtraError, SettingError
from openau.models.convnet import ConvNet, Head, Pooling
from openau.models.needs import IMAGENET_MEAN, IMAGENET_STD, Needs

Trainable = Literal["last_block", "last_stage", "all"]

REFERENCE = (
    "Moreno-Armendáriz et al., Using diverse ConvNets to classify face action units in Dataset on Emotions "
    "among Mexicans (DEM), IEEE Access 2024"
)


class Usual(TypedDict, total=False):
    """The options that all of them have, as `TransferNet` describes them."""

    size: int
    trainable: Trainable
    pooling: Pooling


class TransferNet(ConvNet):
    """A body, frozen up to a named block, with the paper's head.

    A subclass makes the body and names its blocks.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.
        trainable: What trains beside the head: `last_block`, from the start of the last named block to the
            body's end; `last_stage`, all blocks of the last resolution; `all`.
        pooling: `avgmax`, half the sum of mean and maximum; `avg`; `max`.

    Raises:
        SettingError: `aus` below 1, `size` no multiple of 32, or an option unknown.
    """

    needs = Needs(224, 32, IMAGENET_MEAN, IMAGENET_STD, alignment="box", aus="moreno2024-12")
    reference = REFERENCE
    channels: int
    """C of the body's last map."""
    blocks: Mapping[Trainable, tuple[str, ...]]
    """Names within the body of the modules that train, by `trainable`; `all` needs none."""

    def __init__(
        self,
        aus: int,
        *,
        size: int = 224,
        trainable: Trainable = "last_block",
        pooling: Pooling = "avgmax",
    ) -> None:
        super().__init__(aus, size, multiple=32)
        if trainable not in ("all", *self.blocks):
            known = ", ".join((*self.blocks, "all"))
            raise SettingError(f"{self.name} has no trainable part {trainable!r}; choose one of {known}.")
        self.body = self.make_body()
        self.head = Head(self.channels, (512,), aus, pooling=pooling)
        self.trainable = trainable
        self._freeze()

    def make_body(self) -> nn.Module:
        """Return the convolutions, with fresh weights: (B, 3, S, S) to (B, C, S/32, S/32)."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> Self:
        """Set the mode; what is frozen stays in evaluation mode, so that its running statistics do not move.

        Args:
            mode: True to train.
        """
        super().train(mode)
        for module in self._frozen():
            module.eval()
        return self

    def _frozen(self) -> list[nn.Module]:
        """Return the modules in which nothing trains, the largest ones only."""
        if self.trainable == "all":
            return []
        free = self.blocks[self.trainable]
        found: list[nn.Module] = []

        def descend(module: nn.Module, path: str) -> None:
            if any(path == name or path.startswith(f"{name}.") for name in free):
                return
            if not any(name.startswith(f"{path}.") or not path for name in free):
                found.append(module)
                return
            for key, child in module.named_children():
                descend(child, f"{path}.{key}" if path else key)

        descend(self.body, "")
        return found

    def _freeze(self) -> None:
        for module in self._frozen():
            module.requires_grad_(False)
            module.eval()


class VGG19(TransferNet):
    """Face crop to AU logits on VGG19's convolutions (moreno2024), 20,293,196 weights for 12 AUs.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.
        trainable: `last_block` and `last_stage`, conv5_1 to conv5_4; `all`.
        pooling: `avgmax`, `avg` or `max`.

    Differences from the paper: its text freezes all but the last block, while the 20.2 million weights it
    says were trained are the whole network (`all`). Its "global average max pooling" is read as half the sum
    of mean and maximum; a concatenation does not fit its counts. The output is the logit, not the
    probability.

    Reference: Moreno-Armendáriz et al. 2024; Simonyan and Zisserman, ICLR 2015.
    """

    name = "vgg19"
    channels = 512
    heatmap_layer = "body.35"
    blocks = MappingProxyType(
        {
            "last_block": ("28", "30", "32", "34"),
            "last_stage": ("28", "30", "32", "34"),
        }
    )

    def make_body(self) -> nn.Module:
        """Return conv1_1 to conv5_4 and their poolings."""
        # torchvision's constructor would also draw 120 million weights of a classifier that is not wanted.
        body: nn.Sequential = torchvision.vgg.make_layers(torchvision.vgg.cfgs["E"])
        for layer in body:
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        return body

    def features(self, images: Tensor) -> Tensor:
        """Return conv5_4 after its ReLU, before the last pooling.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, 512, S/16, S/16).
        """
        assert isinstance(self.body, nn.Sequential)
        found: Tensor = self.body[:36](images)
        return found

    def between(self, features: Tensor) -> Tensor:
        """Return the map after the last max-pooling.

        Args:
            features: (B, 512, S/16, S/16).

        Returns:
            (B, 512, S/32, S/32).
        """
        assert isinstance(self.body, nn.Sequential)
        found: Tensor = self.body[36](features)
        return found


class ResNet101(TransferNet):
    """Face crop to AU logits on ResNet-101 (moreno2024), 43,555,404 weights for 12 AUs.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.
        trainable: `last_block`, the last residual block; `last_stage`, the last three; `all`.
        pooling: `avgmax`, `avg` or `max`.
        depth: Residual blocks per stage.

    Differences from the paper: torchvision's body, whose convolutions have no biases (Keras's have 52,672).
    Pooling and trainable part as in `VGG19`. The output is the logit.

    Reference: Moreno-Armendáriz et al. 2024; He et al., CVPR 2016.
    """

    name = "resnet101"
    channels = 2048
    heatmap_layer = "body.layer4"

    def __init__(
        self, aus: int, *, depth: tuple[int, int, int, int] = (3, 4, 23, 3), **usual: Unpack[Usual]
    ) -> None:
        self.depth = depth
        self.blocks = {"last_block": (f"layer4.{depth[3] - 1}",), "last_stage": ("layer4",)}
        super().__init__(aus, **usual)

    def make_body(self) -> nn.Module:
        """Return torchvision's layers before the pooling."""
        whole = torchvision.ResNet(torchvision.resnet.Bottleneck, list(self.depth), num_classes=1)
        names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
        return nn.Sequential(OrderedDict((name, getattr(whole, name)) for name in names))


class NASNetMobile(TransferNet):
    """Face crop to AU logits on NASNet-A Mobile 4@1056 (moreno2024), 4,780,318 weights for 12 AUs.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.
        trainable: `last_block`, the last normal cell; `last_stage`, the last stage's normal cells; `all`.
        pooling: `avgmax`, `avg` or `max`.
        cells: Normal cells per stage.

    Differences from the paper: pytorchcv's body in place of Keras's, equal in structure. Pooling and
    trainable part as in `VGG19`. The output is the logit.

    Reference: Moreno-Armendáriz et al. 2024; Zoph et al., CVPR 2018.
    """

    name = "nasnet_mobile"
    channels = 1056
    heatmap_layer = "body.activ"

    def __init__(self, aus: int, *, cells: int = 4, **usual: Unpack[Usual]) -> None:
        self.cells = cells
        self.blocks = {
            "last_block": (f"stage3.unit{cells + 1}",),
            "last_stage": tuple(f"stage3.unit{number + 2}" for number in range(cells)),
        }
        super().__init__(aus, **usual)

    def make_body(self) -> nn.Module:
        """Return pytorchcv's layers up to the last ReLU."""
        return _nasnet_body(self.cells)


class MobileNetV2(TransferNet):
    """Face crop to AU logits on MobileNetV2 1.0 (moreno2024), 2,885,900 weights for 12 AUs.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.
        trainable: `last_block`, the last inverted residual and the 1×1 convolution after it; `last_stage`,
            all from the last stride on; `all`.
        pooling: `avgmax`, `avg` or `max`.

    Differences from the paper: torchvision's body in place of Keras's. Pooling and trainable part as in
    `VGG19`. The output is the logit.

    Reference: Moreno-Armendáriz et al. 2024; Sandler et al., CVPR 2018.
    """

    name = "mobilenet_v2"
    channels = 1280
    heatmap_layer = "body.18"
    blocks = MappingProxyType(
        {
            "last_block": ("17", "18"),
            "last_stage": ("14", "15", "16", "17", "18"),
        }
    )

    def make_body(self) -> nn.Module:
        """Return torchvision's `features`."""
        body: nn.Module = torchvision.mobilenet_v2(num_classes=1).features
        return body


class EfficientNetB0(TransferNet):
    """Face crop to AU logits on EfficientNet-B0 (moreno2024), 4,669,576 weights for 12 AUs.

    Args:
        aus: Number A of action units.
        size: Side S of the square input; a multiple of 32.
        trainable: `last_block`, the last block and the 1×1 convolution after it; `last_stage`, all from the
            last stride on; `all`.
        pooling: `avgmax`, `avg` or `max`.

    Differences from the paper: torchvision's body in place of Keras's. Pooling and trainable part as in
    `VGG19`. The output is the logit.

    Reference: Moreno-Armendáriz et al. 2024; Tan and Le, ICML 2019.
    """

    name = "efficientnet_b0"
    channels = 1280
    heatmap_layer = "body.8"
    blocks = MappingProxyType(
        {
            "last_block": ("7", "8"),
            "last_stage": ("6", "7", "8"),
        }
    )

    def make_body(self) -> nn.Module:
        """Return torchvision's `features`."""
        body: nn.Module = torchvision.efficientnet_b0(num_classes=1).features
        return body


def _nasnet_body(cells: int) -> nn.Module:
    """Return pytorchcv's NASNet-A Mobile up to its last ReLU."""
    try:
        from pytorchcv.models.nasnet import get_nasnet
    except ModuleNotFoundError as error:
        raise MissingExtraError("pytorchcv", "train", "The network nasnet_mobile") from error
    body: nn.Module = get_nasnet(
        repeat=cells,
        penultimate_filters=1056,
        init_block_channels=32,
        final_pool_size=7,
        extra_padding=True,
        skip_reduction_layer_input=False,
        in_size=(224, 224),
        num_classes=1,
    ).features
    body.final_pool = nn.Identity()  # its place counts: the last two children read one map, not two
    return body
