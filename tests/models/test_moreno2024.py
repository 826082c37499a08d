"""moreno2024's networks have the specification's counts, are their sources', and freeze what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from openau.errors import MissingExtraError, SettingError
from openau.models import build_model
from openau.models.complexity import measure_complexity
from openau.models.convnet import Head
from openau.models.shufflenet import SameConv2d, SameMaxPool2d, ShuffleUnit


def on_meta(name: str, **options: Any) -> nn.Module:
    """A network with shapes and no numbers."""
    with torch.device("meta"):
        return build_model(name, 12, size=224, **options)


def weights(module: nn.Module, *, trainable: bool = False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable)


# name, last map, body, statistics, head, GMACs of body, all in the specification's table.
NETWORKS = [
    ("vgg19", 512, 20_024_384, 0, 268_812, 20_293_196, 19.51),
    ("resnet101", 2048, 42_500_160, 105_344, 1_055_244, 43_555_404, 7.80),
    ("nasnet_mobile", 1056, 4_232_978, 36_738, 547_340, 4_780_318, 0.567),
    ("mobilenet_v2", 1280, 2_223_872, 34_112, 662_028, 2_885_900, 0.300),
    ("efficientnet_b0", 1280, 4_007_548, 42_016, 662_028, 4_669_576, 0.385),
    ("shufflenet_v2", 1024, 3_990_620, 28_120, 530_956, 4_521_576, 0.485),
]


@pytest.mark.parametrize(("name", "channels", "body", "statistics", "head", "whole", "gmacs"), NETWORKS)
def test_weights_map_and_multiplies_are_the_specifications(
    name: str, channels: int, body: int, statistics: int, head: int, whole: int, gmacs: float
) -> None:
    network = on_meta(name)
    picture = torch.empty(1, 3, 224, 224, device="meta")
    assert network.get_submodule("body")(picture).shape == (1, channels, 7, 7)
    assert weights(network.get_submodule("body")) == body
    assert weights(network.get_submodule("head")) == head
    assert weights(network) == whole
    cost = measure_complexity(network, picture)
    assert cost.buffers == statistics
    in_head = channels * 512 + 512 * 12
    assert (cost.macs - in_head) / 1e9 == pytest.approx(gmacs, abs=0.006 if gmacs > 1 else 0.0009)


@pytest.mark.parametrize(
    ("name", "last_block", "last_stage"),
    [
        ("vgg19", 9_708_044, 9_708_044),
        ("resnet101", 5_517_836, 16_019_980),
        ("nasnet_mobile", 1_260_140, 3_181_708),
        ("mobilenet_v2", 1_548_108, 2_343_372),
        ("efficientnet_b0", 1_791_420, 3_817_768),
    ],
)
def test_the_trainable_parts_are_the_specifications(name: str, last_block: int, last_stage: int) -> None:
    assert weights(on_meta(name), trainable=True) == last_block
    assert weights(on_meta(name, trainable="last_block"), trainable=True) == last_block
    assert weights(on_meta(name, trainable="last_stage"), trainable=True) == last_stage
    whole = on_meta(name, trainable="all")
    assert weights(whole, trainable=True) == weights(whole)


@pytest.mark.parametrize(
    ("width", "millions"), [("x1_0", 1.78), ("x1_5", 3.01), ("x2_0", 6.40), ("wide", 4.52)]
)
def test_only_the_wide_shufflenet_has_the_printed_weights(width: str, millions: float) -> None:
    network = on_meta("shufflenet_v2", width=width)
    assert weights(network) == weights(network, trainable=True)
    assert round(weights(network) / 1e6, 2) == millions
    assert (weights(network) // 100_000 == 45) == (width == "wide")  # the paper: 4.5 million


def test_a_concatenation_of_both_poolings_would_not_have_the_printed_weights() -> None:
    wider = 512 * 2 * 512 + 512 + 512 * 12 + 12
    assert 20_024_384 + wider > 20.5e6  # the paper: 20.2 million
    assert weights(on_meta("vgg19")) // 100_000 == 202


@pytest.mark.parametrize("trainable", ["last_block", "last_stage"])
@pytest.mark.parametrize("name", ["vgg19", "resnet101", "nasnet_mobile", "mobilenet_v2", "efficientnet_b0"])
def test_after_train_what_is_frozen_is_still_in_evaluation_mode(name: str, trainable: str) -> None:
    network = on_meta(name, trainable=trainable).eval().train()
    counting = [
        module for module in network.modules() if isinstance(module, nn.BatchNorm2d) and module.training
    ]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(norm.weight.requires_grad == norm.training for norm in norms)
    if name != "vgg19":  # it has none
        assert 0 < len(counting) < len(norms)
    assert network.get_submodule("head").training
    assert not any(module.training for module in network.eval().modules())


def test_with_all_trainable_every_norm_counts() -> None:
    network = on_meta("mobilenet_v2", trainable="all").train()
    assert all(module.training for module in network.modules())


def _source(name: str) -> tuple[nn.Module, str]:
    """The network of the library, and where its convolutions lie."""
    if name == "nasnet_mobile":
        from pytorchcv.models.nasnet import nasnet_4a1056

        return nasnet_4a1056(), "features."
    return getattr(torchvision.models, name)(), "" if name == "resnet101" else "features."


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("vgg19", marks=pytest.mark.slow),
        pytest.param("resnet101", marks=pytest.mark.slow),
        "nasnet_mobile",
        "mobilenet_v2",
        "efficientnet_b0",
    ],
)
def test_the_body_computes_what_its_source_does(name: str) -> None:
    torch.manual_seed(0)
    source, prefix = _source(name)
    source.eval()
    seen: list[Tensor] = []
    last = {
        "resnet101": "layer4",
        "nasnet_mobile": "features.activ",
        "vgg19": "features",
        "mobilenet_v2": "features",
        "efficientnet_b0": "features",
    }
    source.get_submodule(last[name]).register_forward_hook(lambda _, __, output: seen.append(output))
    ours = build_model(name, 2, size=224).eval()
    tensors = {
        key.removeprefix(prefix): tensor
        for key, tensor in source.state_dict().items()
        if key.startswith(prefix) and not key.startswith(("classifier.", "fc.", "output."))
    }
    ours.get_submodule("body").load_state_dict(tensors)
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        source(images)
        assert torch.equal(ours.get_submodule("body")(images), seen[0])


def test_torchvisions_shufflenet_is_torchvisions() -> None:
    torch.manual_seed(0)
    source = torchvision.models.shufflenet_v2_x1_0().eval()
    seen: list[Tensor] = []
    source.conv5.register_forward_hook(lambda _, __, output: seen.append(output))
    ours = build_model("shufflenet_v2", 2, size=64, width="x1_0").eval()
    body = ours.get_submodule("body")
    body.load_state_dict({k: t for k, t in source.state_dict().items() if not k.startswith("fc.")})
    images = torch.randn(1, 3, 64, 64)
    source(images)
    assert torch.equal(body(images), seen[0])


@pytest.mark.parametrize("side", [6, 7])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2)])
def test_same_padding_puts_the_larger_half_last(side: int, kernel: int, stride: int) -> None:
    layer = SameConv2d(1, 1, kernel, stride=stride, bias=False)
    nn.init.ones_(layer.weight)
    picture = torch.arange(side * side, dtype=torch.float32).reshape(1, 1, side, side)
    wide = -(-side // stride)
    before = max((wide - 1) * stride + kernel - side, 0) // 2
    values = np.pad(picture[0, 0].numpy(), (before, kernel))
    wanted = [
        [
            values[r * stride : r * stride + kernel, c * stride : c * stride + kernel].sum()
            for c in range(wide)
        ]
        for r in range(wide)
    ]
    np.testing.assert_allclose(layer(picture)[0, 0].detach().numpy(), wanted)
    if stride == 2:
        wanted = [
            [values[r * 2 : r * 2 + 3, c * 2 : c * 2 + 3].max() for c in range(wide)] for r in range(wide)
        ]
        np.testing.assert_allclose(SameMaxPool2d()(picture)[0, 0].numpy(), wanted)


def test_a_unit_without_stride_treats_the_second_half_and_shuffles_both() -> None:
    unit = ShuffleUnit(8, 4, 1).eval()
    features = torch.randn(1, 8, 3, 3)
    kept, treated = features[:, :4], unit.main(features[:, 4:])
    found = unit(features)
    # Shuffled with two groups: main, kept, main, kept, ...
    assert torch.equal(found[:, 0::2], treated)
    assert torch.equal(found[:, 1::2], kept)


@pytest.mark.parametrize(
    ("pooling", "wanted"), [("avg", [2.5, 0.0]), ("max", [4.0, 3.0]), ("avgmax", [3.25, 1.5])]
)
def test_avgmax_is_half_the_sum_of_mean_and_maximum(pooling: Any, wanted: list[float]) -> None:
    head = Head(2, (), 2, pooling=pooling)
    with torch.no_grad():
        head.out.weight.copy_(torch.eye(2))
        head.out.bias.zero_()
    features = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[3.0, -1.0], [-1.0, -1.0]]]])
    assert head(features)[0].tolist() == wanted


@pytest.mark.parametrize("pooling", ["avg", "max", "avgmax", None])
@pytest.mark.parametrize("widths", [(), (5,), (6, 4)])
def test_the_heads_written_derivative_is_autograds(pooling: Any, widths: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    head = Head(3, widths, 4, pooling=pooling, cells=6, dropout=0.5).eval()
    features = torch.randn(2, 3, 2, 3, requires_grad=True)
    logits, found = head.logits_and_weights(features)
    for au in range(4):
        (wanted,) = torch.autograd.grad(logits[:, au].sum(), features, retain_graph=True)
        torch.testing.assert_close(found.expand(2, -1, -1)[:, au], wanted.sum((2, 3)))
        _, values, counts = head.logits_and_values(features)
        summed = (values * counts).sum(3).expand(2, -1, -1)[:, au]
        torch.testing.assert_close(summed.reshape(2, 3), wanted.sum((2, 3)))


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("vgg19", {"trainable": "half"}, "trainable part 'half'"),
        ("shufflenet_v2", {"width": "x9"}, "wide, x1_0"),
        ("mobilenet_v2", {"pooling": "min"}, "avgmax, avg or max"),
        ("mobilenet_v2", {"size": 100}, "multiple of 32"),
    ],
)
def test_what_cannot_be_built_is_refused(name: str, options: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingError, match=word):
        build_model(name, 3, **{"size": 32, **options})


def test_without_its_library_nasnet_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pytorchcv", None)
    monkeypatch.setitem(sys.modules, "pytorchcv.models.nasnet", None)
    with pytest.raises(MissingExtraError, match=r"pytorchcv.*openau\[train\]"):
        build_model("nasnet_mobile", 3, size=32)
