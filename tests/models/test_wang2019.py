"""wang2019's networks have the specification's counts; their local layer treats every patch by itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError
from openau.models import build_model, network_needs
from openau.models.complexity import measure_complexity
from openau.models.region import RegionLayer, patch_borders
from tests.reference.region import region_layer


def on_meta(name: str, aus: int, **options: Any) -> nn.Module:
    """A network with shapes and no numbers."""
    with torch.device("meta"):
        return build_model(name, aus, **{"size": network_needs(name).size, **options})


def weights(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("name", "aus", "options", "count"),
    [
        ("drml", 12, {}, 56_863_436),
        ("drml", 11, {}, 56_861_387),
        ("drml", 14, {}, 56_867_534),
        ("drml", 11, {"size": 224}, 113_943_243),
        ("alexnet", 1, {}, 56_872_321),
        ("alexnet", 11, {}, 56_913_291),
        ("alexnet", 14, {}, 56_925_582),
        ("alexnet", 11, {"size": 227}, 56_913_291),
        ("resnet18", 11, {}, 11_182_155),
        ("resnet18", 14, {}, 11_183_694),
        ("dscmr", 1, {}, 12_232_381),
        ("dscmr", 11, {}, 12_252_851),
        ("dscmr", 14, {}, 12_258_992),
        ("dscmr", 11, {"dense": 2048}, 12_253_899),
        ("l_dscmr", 11, {}, 12_951_411),
        ("l_dscmr", 14, {}, 12_957_552),
        ("l_dscmr", 11, {"local": "after_conv1"}, 14_624_435),
    ],
)
def test_the_weights_are_as_many_as_the_specification_counts(
    name: str, aus: int, options: dict[str, Any], count: int
) -> None:
    assert weights(on_meta(name, aus, **options)) == count


def test_bodies_and_stem_have_the_specifications_weights() -> None:
    assert weights(on_meta("resnet18", 11).get_submodule("body")) == 11_176_512
    assert weights(on_meta("dscmr", 11).get_submodule("body")) == 11_180_736
    local = on_meta("l_dscmr", 11)
    assert weights(local.get_submodule("stem")) + weights(local.get_submodule("local")) == 607_616


@pytest.mark.parametrize(("name", "gmacs"), [("drml", 0.849), ("l_dscmr", 3.75)])
def test_the_multiplies_are_the_specifications(name: str, gmacs: float) -> None:
    size = network_needs(name).size
    cost = measure_complexity(on_meta(name, 11), torch.empty(1, 3, size, size, device="meta"))
    assert cost.macs / 1e9 == pytest.approx(gmacs, abs=0.0006)


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("alexnet", {"conv1": 54, "conv2": 27, "relu5": 13}),
        ("drml", {"conv1": 160, "pool": 80, "conv2": 73, "conv3": 66, "conv4": 31, "conv5": 27}),
        ("l_dscmr", {"stem": 214, "local": 214, "body.layer4": 7}),
        ("resnet18", {"body.layer4": 7}),
    ],
)
def test_the_maps_have_the_papers_sides(name: str, sides: dict[str, int]) -> None:
    network, size = on_meta(name, 11), network_needs(name).size
    found: dict[str, int] = {}
    for layer in sides:
        network.get_submodule(layer).register_forward_hook(
            lambda _, __, output, layer=layer: found.update({layer: output.shape[-1]})
        )
    network.eval()(torch.empty(1, 3, size, size, device="meta"))
    assert found == sides


def test_alexnet_pools_six_by_six_at_both_sides_because_caffe_rounds_up() -> None:
    for size in (224, 227):
        network = on_meta("alexnet", 2, size=size)
        features = network.features(torch.empty(1, 3, size, size, device="meta"))  # type: ignore[operator] # a method
        assert network.between(features).shape == (1, 256, 6, 6)  # type: ignore[operator] # a method


def test_resnet18_is_torchvisions() -> None:
    torch.manual_seed(0)
    source = torchvision.models.resnet18(num_classes=4).eval()
    ours = build_model("resnet18", 4, size=64).eval()
    tensors = {
        ("head.out." + key[3:] if key.startswith("fc.") else f"body.{key}"): tensor
        for key, tensor in source.state_dict().items()
    }
    ours.load_state_dict(tensors)
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), source(images))


def test_every_stage_of_dscmr_starts_with_a_convolution_on_its_shortcut() -> None:
    body = on_meta("dscmr", 3).get_submodule("body")
    for stage in range(1, 5):
        shortcut = body.get_submodule(f"layer{stage}.0.downsample")
        assert isinstance(shortcut, nn.Sequential)
        assert isinstance(shortcut[0], nn.Conv2d)
        assert shortcut[0].kernel_size == (1, 1)
    assert getattr(on_meta("resnet18", 3).get_submodule("body.layer1.0"), "downsample") is None  # noqa: B009 - mypy


def test_patches_of_214_have_26_or_27_pixels() -> None:
    borders = patch_borders(214, 8)
    assert [b - a for a, b in pairwise(borders)] == [26, 27, 27, 27, 26, 27, 27, 27]


@given(st.integers(1, 12), st.integers(0, 300))
def test_patches_cover_the_side_once_and_differ_by_at_most_a_pixel(grid: int, more: int) -> None:
    borders = patch_borders(grid + more, grid)
    sizes = [b - a for a, b in pairwise(borders)]
    assert (borders[0], borders[-1], len(sizes)) == (0, grid + more, grid)
    assert max(sizes) - min(sizes) <= 1


def random_layer(channels: int, side: int, grid: int, *, affine: bool) -> RegionLayer:
    """A layer whose norms are not the idle ones of a fresh layer."""
    torch.manual_seed(2)
    layer = RegionLayer(channels, side, grid=grid, affine=affine).double()
    for norm in layer.norms:
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.normal_(norm.running_mean)  # type: ignore[arg-type] # a tensor, not None
        nn.init.uniform_(norm.running_var, 0.5, 2)  # type: ignore[arg-type] # a tensor, not None
        if affine:
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
    return layer


def of_patch(layer: RegionLayer, kinds: tuple[str, str], row: int, column: int) -> Any:
    """Two of a patch's norm tensors, found by looking where the layer keeps its kernel."""
    kernel, _ = layer.patch_weights(row, column)
    for norm, convolution in zip(layer.norms, layer.convolutions, strict=True):
        whole: Any = convolution.weight
        offset = kernel.data_ptr() - whole.data_ptr()
        if 0 <= offset < whole.numel() * 8:
            channels = len(kernel)
            start = offset // 8 // (channels * 9)
            return tuple(
                getattr(norm, kind)[start : start + channels].detach().numpy().copy() for kind in kinds
            )
    raise AssertionError


@pytest.mark.parametrize(("side", "grid"), [(8, 2), (11, 3), (9, 4)])
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_the_region_layer_equals_its_slow_reading(side: int, grid: int, affine: bool, training: bool) -> None:
    layer = random_layer(3, side, grid, affine=affine).train(training)
    features = torch.randn(2, 3, side, side, dtype=torch.float64)
    wanted = region_layer(
        features.numpy(),
        grid,
        lambda row, column: tuple(t.detach().numpy() for t in layer.patch_weights(row, column)),  # type: ignore[arg-type,return-value] # two of them
        None if training else lambda r, c: of_patch(layer, ("running_mean", "running_var"), r, c),
        (lambda r, c: of_patch(layer, ("weight", "bias"), r, c)) if affine else None,
    )
    np.testing.assert_allclose(layer(features).detach().numpy(), wanted, atol=1e-10)


def equal_patches(side: int, grid: int) -> tuple[RegionLayer, Tensor, Tensor]:
    """A layer whose patches all have one kernel and idle norms, with that kernel and its bias."""
    layer = RegionLayer(2, side, grid=grid).eval()
    kernel, bias = torch.randn(2, 2, 3, 3), torch.randn(2)
    with torch.no_grad():
        for row in range(grid):
            for column in range(grid):
                own_kernel, own_bias = layer.patch_weights(row, column)
                own_kernel.copy_(kernel)
                own_bias.copy_(bias)
    for norm in layer.norms:
        assert isinstance(norm, nn.BatchNorm2d)
        norm.eps = 0
    return layer, kernel, bias


def test_with_equal_kernels_and_idle_norms_it_is_one_convolution_except_at_patch_borders() -> None:
    torch.manual_seed(0)
    layer, kernel, bias = equal_patches(13, 3)
    features = torch.randn(1, 2, 13, 13)
    gap = (layer(features) - features - F.conv2d(F.relu(features), kernel, bias, padding=1)).abs().amax(1)[0]
    edges = {b for border in layer.borders[1:-1] for b in (border - 1, border)}
    inside = [i for i in range(13) if i not in edges]
    assert gap[inside][:, inside].max() < 1e-5
    assert gap[sorted(edges)].max() > 0.1


def test_a_patch_sees_nothing_beyond_its_borders() -> None:
    layer = random_layer(2, 16, 4, affine=False).eval()
    features = torch.randn(1, 2, 16, 16, dtype=torch.float64)
    changed = features.clone()
    changed[:, :, 4:8, 8:12] += 1
    moved = (layer(changed) != layer(features)).any(1)[0]
    assert moved[4:8, 8:12].any()
    moved[4:8, 8:12] = False
    assert not moved.any()


def test_the_region_layers_gradient_is_that_of_finite_differences() -> None:
    layer = random_layer(2, 5, 2, affine=True)
    features = torch.randn(2, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (features,), fast_mode=True)


def test_only_wang2019s_own_patches_have_a_learned_scale() -> None:
    drml, local = on_meta("drml", 3).get_submodule("region"), on_meta("l_dscmr", 3).get_submodule("local")
    assert isinstance(drml, RegionLayer)
    assert isinstance(local, RegionLayer)
    assert not any(norm.affine for norm in drml.norms)
    assert all(norm.affine for norm in local.norms)


def test_the_local_layer_may_stand_behind_resnets_first_convolution() -> None:
    torch.manual_seed(0)
    network = build_model("l_dscmr", 3, size=64, local="after_conv1")
    logits = network(torch.randn(2, 3, 64, 64))
    logits.square().sum().backward()
    local = network.get_submodule("body.maxpool.0")
    assert isinstance(local, RegionLayer)
    assert local.borders[-1] == 32
    assert all(p.grad is not None and p.grad.any() for p in local.parameters())


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("l_dscmr", {"local": "end"}, "'stem' or 'after_conv1'"),
        ("drml", {"size": 60}, "at least 66"),
        ("alexnet", {"size": 60}, "at least 64"),
        ("dscmr", {"size": 100}, "multiple of 32"),
    ],
)
def test_what_cannot_be_built_is_refused(name: str, options: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingError, match=word):
        on_meta(name, 3, **options)


def test_a_map_too_small_for_its_patches_is_refused() -> None:
    with pytest.raises(SettingError, match="8×8 patches"):
        RegionLayer(2, 15)
