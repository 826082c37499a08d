"""What every network of the registry keeps to."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import nn

from openau.errors import OpenAUError, SettingError
from openau.export import export_onnx
from openau.facs import au_set
from openau.models import MODELS, build_model, model_class, network_needs
from openau.models.needs import Alignment
from openau.models.weights import NetworkSpec, load_network, save_network
from openau.records import CropSpec, ModelCard
from tests.reference.heat_maps import plain_maps

AUS = (1, 12, 25)
SMALL: dict[str, dict[str, Any]] = {
    "resnet101": {"depth": (1, 1, 1, 2)},
    "nasnet_mobile": {"cells": 1},
    "alexnet": {"dense": 64},
    "drml": {"dense": (64, 32)},
    "fan_heatmap": {"backbone": "resnet18"},
    "fan_scc": {"backbone": "resnet18"},
    "me_graph": {"backbone": "resnet18"},
}
"""Options that make a network cheap and leave it all its kinds of layers."""
SIDE = {
    "resnet101": 64,
    "nasnet_mobile": 64,
    "mobilenet_v2": 64,
    "efficientnet_b0": 64,
    "shufflenet_v2": 64,
    "alexnet": 96,
    "drml": 72,
    "resnet18": 64,
    "dscmr": 64,
    "l_dscmr": 74,
}
"""Of the pictures, where the smallest would leave a map of one place."""


def size_of(name: str) -> int:
    return SIDE.get(name, network_needs(name).smallest)


LONG_EXPORT = {
    "fan_heatmap",
    "resnet101",
    "nasnet_mobile",
    "mobilenet_v2",
    "efficientnet_b0",
    "drml",
    "resnet18",
    "dscmr",
}
"""Networks of so many nodes that their export takes many seconds, of kinds that another network has too."""
EXPORTED = [
    pytest.param(name, marks=pytest.mark.slow) if name in LONG_EXPORT else name for name in sorted(MODELS)
]
CHOOSES = {"fan_scc"}
"""Networks that choose neighbours, and among pictures of noise some are so alike that rounding decides."""


@pytest.fixture(params=sorted(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


def build(name: str, count: int = 3) -> nn.Module:
    torch.manual_seed(1)
    return build_model(name, count, size=size_of(name), **SMALL.get(name, {}))


@cache
def settled(name: str, count: int = 3) -> nn.Module:
    """A network in evaluation mode that tells the pictures apart; tests share it and leave it as it is."""
    if name in CHOOSES:
        return build(name, count).eval()
    return settle(build(name, count), images(name, 8))


def settle(network: nn.Module, faces: torch.Tensor) -> nn.Module:
    """Let a network's running statistics see pictures, and leave it in evaluation mode."""
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain mean
            module.train()
    with torch.no_grad():
        network(faces)
    return network.eval()


def images(name: str, count: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(count, 3, size_of(name), size_of(name), generator=generator)


@pytest.mark.parametrize("count", [1, 3])
def test_a_batch_of_faces_becomes_finite_logits(name: str, count: int) -> None:
    network = settled(name, count)
    logits = network(images(name))
    assert logits.shape == (4, count)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()
    extreme = network(1000 * images(name))
    assert extreme.min() < 0 or extreme.max() > 1  # logits, not probabilities


def test_every_trainable_parameter_gets_a_gradient(name: str) -> None:
    network = build(name)
    network(images(name)).square().sum().backward()
    elsewhere = tuple(f"{layer}." for layer in getattr(network, "auxiliary", ()))
    idle = [
        n
        for n, p in network.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.any()) and not n.startswith(elsewhere)
    ]
    assert idle == []


def test_a_step_moves_what_trains_and_nothing_else(name: str) -> None:
    network = build(name).train()
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    trainable = {key for key, parameter in network.named_parameters() if parameter.requires_grad}
    moving = {
        f"{path}.{key}"
        for path, module in network.named_modules()
        if module.training
        for key, _ in module.named_buffers(recurse=False)
    }
    optimiser = torch.optim.SGD((p for p in network.parameters() if p.requires_grad), lr=0.1)
    network(images(name)).square().sum().backward()
    optimiser.step()
    moved = {key for key, tensor in network.state_dict().items() if not torch.equal(tensor, before[key])}
    assert moved <= trainable | moving
    assert moved & trainable
    for path, module in network.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if isinstance(module, nn.BatchNorm2d) and own and not any(p.requires_grad for p in own.values()):
            assert not module.training, f"{path} is frozen and still counts"


def test_a_row_alone_equals_the_row_in_a_batch(name: str) -> None:
    network, batch = settled(name), images(name)
    together = network(batch)
    for row in range(len(batch)):
        torch.testing.assert_close(network(batch[row : row + 1])[0], together[row], atol=1e-5, rtol=1e-5)


def test_the_seed_alone_decides_the_fresh_weights(name: str) -> None:
    one, two = build(name).state_dict(), build(name).state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    torch.manual_seed(99)
    other = build_model(name, 3, size=size_of(name), **SMALL.get(name, {})).state_dict()
    assert any(not torch.equal(one[key], other[key]) for key in one)


def test_saved_and_loaded_is_equal(name: str, tmp_path: Path) -> None:
    network = settled(name)
    spec = NetworkSpec(name, AUS, size_of(name), SMALL.get(name, {}))
    save_network(tmp_path / "n.safetensors", network, spec)
    loaded, _ = load_network(tmp_path / "n.safetensors")
    assert torch.equal(loaded(images(name)), network(images(name)))


@pytest.mark.parametrize("name", EXPORTED)
def test_the_onnx_file_gives_the_same_probabilities(name: str, tmp_path: Path) -> None:
    contrast = 300 if name in CHOOSES else 1  # fresh statistics leave only traces of a picture
    assert_exported_equal(settled(name), name, contrast * images(name), tmp_path / "n.onnx")


@pytest.mark.slow
def test_as_large_as_in_its_paper_it_is_exported_equal_too(name: str, tmp_path: Path) -> None:
    size = network_needs(name).size
    torch.manual_seed(1)
    network = settle(build_model(name, 3, size=size), torch.randn(2, 3, size, size))
    assert_exported_equal(network, name, torch.randn(2, 3, size, size), tmp_path / "n.onnx")


def assert_exported_equal(network: nn.Module, name: str, faces: torch.Tensor, path: Path) -> None:
    import onnxruntime

    maps = network.heatmap_layer if hasattr(network, "logits_and_heatmaps") else None
    card = ModelCard(
        name=name,
        version="0",
        architecture=name,
        aus=AUS,
        thresholds=(0.5,) * len(AUS),
        crop=CropSpec(faces.shape[-1]),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        training_data="none",
        licence="Apache-2.0",
        heatmap_layer=maps,  # type: ignore[arg-type] # a module attribute
    )
    export_onnx(network, card, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(["probability"], {"face": faces.numpy()})[0]
    with torch.no_grad():
        wanted = torch.sigmoid(network(faces)).numpy()
    between_faces = float(np.ptp(wanted, axis=0).max())
    assert between_faces > 0
    np.testing.assert_allclose(found, wanted, rtol=0, atol=min(1e-4, between_faces / 20))


def test_its_own_heat_maps_are_autograds(name: str) -> None:
    network = settled(name)
    if not hasattr(network, "logits_and_heatmaps"):
        pytest.skip(f"{name} leaves its heat maps to autograd")
    with torch.no_grad():
        _, maps = network.logits_and_heatmaps(images(name))  # type: ignore[operator] # a method
    wanted = plain_maps(network, images(name), layer=str(network.heatmap_layer))
    assert wanted.max() > 0
    assert (maps - wanted).abs().max() <= 1e-4 * wanted.max()


def test_it_says_what_it_needs_of_its_pictures(name: str) -> None:
    needs = network_needs(name)
    assert 8 <= needs.smallest <= needs.size <= 1024
    assert au_set(needs.aus)
    assert all(0 <= mean < 1 for mean in needs.mean)
    assert all(0 < std <= 1 for std in needs.std)
    assert needs.alignment in get_args(Alignment)
    with pytest.raises(SettingError, match=name):
        build_model(name, 3, size=needs.smallest - 1)
    with pytest.raises(SettingError, match=name):
        build_model(name, 0, size=needs.smallest)


def test_it_says_which_paper_it_comes_from_and_where_its_maps_are_read(name: str) -> None:
    kind = model_class(name)
    assert any(year in getattr(kind, "reference", "") for year in map(str, range(2012, 2030)))
    assert "Differences from the paper" in (kind.__doc__ or "")
    layer = getattr(kind, "heatmap_layer", None)
    with torch.device("meta"):
        assert layer is None or layer in dict(build(name).named_modules())


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (3, 16, 16), (1, 3, 16, 20), (1, 3, 200, 200)])
def test_pictures_of_another_shape_are_refused_in_a_sentence(name: str, shape: tuple[int, ...]) -> None:
    with torch.device("meta"), pytest.raises(OpenAUError, match=name):  # nothing is computed
        build(name).eval()(torch.zeros(shape))


def test_an_unknown_option_is_named(name: str) -> None:
    with pytest.raises(SettingError, match="wheels"):
        build_model(name, 3, size=size_of(name), wheels=4)


def test_an_unknown_network_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SettingError, match="attention_cnn"):
        build_model("attention", 3, size=48)
