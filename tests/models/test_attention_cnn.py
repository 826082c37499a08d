"""The attention network is the paper's: weights, multiplies, bytes; its heat maps are Grad-CAM's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from openau.errors import SettingError
from openau.models.attention_cnn import Attention, AttentionCNN
from openau.models.complexity import Complexity, measure_complexity
from tests.reference.heat_maps import plain_maps

E1: dict[str, Any] = {"use_mlp": False, "spatial_in": "C", "conv_bias": False}
VARIANTS: dict[str, dict[str, Any]] = {
    "E2": {},
    "E1": E1,
    "no attention": {"attention": False},
    "dense biases, narrow": {"dense_bias": True, "hidden": 5},
    "all channels": {"spatial_in": "C"},
    "no perceptron": {"use_mlp": False},
    "no convolution bias": {"conv_bias": False},
    "32 pixels": {"size": 32},
    "16 pixels": {"size": 16},
}


def disturbed(aus: int = 5, **options: Any) -> AttentionCNN:
    """A network whose biases and running statistics are not the idle ones of a fresh network."""
    torch.manual_seed(3)
    network = AttentionCNN(aus, **options).eval()
    for parameter in network.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, std=0.2)
    nn.init.uniform_(network.norm.weight, -1, 1)
    nn.init.normal_(network.norm.running_mean, std=0.3)  # type: ignore[arg-type] # a tensor, not None
    nn.init.uniform_(network.norm.running_var, 0.5, 2)  # type: ignore[arg-type] # a tensor, not None
    return network


def cost(network: AttentionCNN) -> Complexity:
    return measure_complexity(network, torch.zeros(1, 3, network.size, network.size))


@pytest.mark.parametrize(
    ("aus", "options", "count"),
    [
        (7, {}, 1_446_605),  # the printed count
        (13, {}, 1_449_683),
        (12, {}, 1_449_170),
        (5, {}, 1_445_579),
        (13, E1, 1_446_605),  # the printed count again
        (12, E1, 1_446_092),
        (5, E1, 1_442_501),
    ],
)
def test_the_weights_are_as_many_as_the_specification_counts(
    aus: int, options: dict[str, Any], count: int
) -> None:
    found = cost(AttentionCNN(aus, **options))
    assert (found.parameters, found.buffers) == (count, 256)


def test_convolutions_and_norm_have_the_papers_314880_weights() -> None:
    network = AttentionCNN(13)
    layers = [network.conv1, network.conv2, network.conv3, network.conv4, network.conv5, network.norm]
    assert sum(p.numel() for layer in layers for p in layer.parameters()) == 314_880


@pytest.mark.parametrize(
    ("options", "exact", "printed"),
    [({}, 112_015_858, 112.0), (E1, 115_574_848, 115.6), ({"attention": False}, 111_933_952, 111.9)],
)
def test_the_multiplies_are_the_specifications(options: dict[str, Any], exact: int, printed: float) -> None:
    macs = cost(AttentionCNN(13, **options)).macs
    assert macs == exact
    assert round(macs / 1e6, 1) == printed


def test_weights_and_activations_have_the_printed_bytes() -> None:
    found = cost(AttentionCNN(7))
    assert found.weight_bytes == (1_446_605 + 256) * 4
    assert round(found.weight_bytes / 2**20, 2) == 5.52
    assert found.activation_bytes == 432 * 1024


def test_counting_leaves_the_network_in_the_mode_it_was_in() -> None:
    network = AttentionCNN(2, size=16)
    running = network.norm.running_mean
    assert running is not None
    before = running.clone()
    cost(network)
    assert network.training
    assert torch.equal(running, before)


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_heat_maps_of_all_aus_equal_autograds_grad_cam(options: dict[str, Any]) -> None:
    network = disturbed(**options)
    images = torch.randn(3, 3, network.size, network.size)
    with torch.no_grad():
        logits, maps = network.logits_and_heatmaps(images)
    wanted = plain_maps(network, images, layer=network.heatmap_layer)
    assert torch.equal(logits, network(images))
    assert maps.shape == (3, 5, network.size // 8, network.size // 8)
    assert wanted.amax() > 0
    assert (maps - wanted).abs().amax() <= 1e-4 * wanted.amax()
    shown = wanted.amax((2, 3)) > 1e-3 * wanted.amax()
    gap = (maps - wanted).abs().amax((2, 3)) / wanted.amax((2, 3)).clamp(min=1e-12)
    assert gap[shown].max() <= 1e-4


def test_heat_maps_equal_autograds_where_whole_positions_are_dead() -> None:
    # Where no channel fires, every channel ties for the maximum that spatial attention reads.
    network, images = disturbed(), torch.randn(4, 3, 48, 48)
    seen: dict[str, Tensor] = {}
    network.conv5.register_forward_hook(lambda _, __, output: seen.update(conv5=output))
    network.attention2.register_forward_pre_hook(lambda _, inputs: seen.update(pooled=inputs[0]))  # type: ignore[union-attr] # E2 has it
    with torch.no_grad():
        network(images)
        rare = seen["conv5"].transpose(0, 1).flatten(1).quantile(0.9, dim=1)
        network.conv5.bias -= rare  # type: ignore[operator] # conv5 has a bias
        network.conv5.bias[3:] = -100
        _, maps = network.logits_and_heatmaps(images)
    assert (seen["pooled"].amax(1) == 0).any()
    wanted = plain_maps(network, images, layer="relu5")
    assert wanted.amax() > 0
    assert (maps - wanted).abs().amax() <= 1e-4 * wanted.amax()


def test_heat_maps_need_no_autograd_graph() -> None:
    network = disturbed(size=16)
    with torch.inference_mode():
        _, maps = network.logits_and_heatmaps(torch.randn(1, 3, 16, 16))
    assert not maps.requires_grad
    assert torch.isfinite(maps).all()


def test_the_norm_reads_what_the_relu_rectified() -> None:
    network = disturbed(size=16)
    seen: list[Tensor] = []
    network.norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(torch.randn(2, 3, 16, 16))
    assert seen[0].min() == 0
    assert seen[0].max() > 0


def test_the_norm_is_kerass() -> None:
    network = AttentionCNN(4, size=16)
    assert network.norm.eps == 1e-3
    assert network.norm.momentum == 0.01  # Keras: 0.99, counted the other way round


def test_a_fresh_network_has_he_weights_no_biases_and_open_gates() -> None:
    torch.manual_seed(0)
    network = AttentionCNN(4, size=16)
    for layer, inputs in ((network.conv2, 9 * 32), (network.dense2, 1024)):
        assert layer.bias is not None
        assert not layer.bias.any()
        assert float(layer.weight.detach().std()) == pytest.approx((2 / inputs) ** 0.5, rel=0.05)
    spatial = AttentionCNN(4, size=16, use_mlp=False).attention1
    assert spatial is not None
    features = torch.rand(2, 128, 4, 4)
    share = (spatial(features) / features).detach()
    assert float((share - torch.sigmoid(torch.tensor(2.0))).abs().max()) < 0.05


def test_attention_equals_a_plain_numpy_reading_of_table_4() -> None:
    torch.manual_seed(0)
    block = Attention(6, hidden=4)
    x = torch.randn(1, 6, 5, 5)
    values = x[0].numpy().astype(np.float64)
    down, up = (
        getattr(block, name).weight.detach().numpy().astype(np.float64) for name in ("squeeze", "excite")
    )

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    def perceptron(v: Any) -> Any:
        return up @ np.maximum(down @ v, 0)

    scaled = values * sigmoid(perceptron(values.mean((1, 2))) + perceptron(values.max((1, 2))))[:, None, None]
    maps = np.pad(np.stack([scaled.mean(0), scaled.max(0)]), ((0, 0), (3, 3), (3, 3)))
    kernel = block.spatial.weight.detach().numpy()[0].astype(np.float64)
    bias = float(block.spatial.bias.detach()[0]) if block.spatial.bias is not None else 0.0
    gate = np.array(
        [[(maps[:, r : r + 7, c : c + 7] * kernel).sum() + bias for c in range(5)] for r in range(5)]
    )
    np.testing.assert_allclose(block(x)[0].detach().numpy(), scaled * sigmoid(gate), atol=1e-5)


def test_without_attention_there_is_no_attention_block() -> None:
    network = AttentionCNN(3, size=16, attention=False)
    assert not [m for m in network.modules() if isinstance(m, Attention)]


def test_dropout_is_the_papers_fifth_and_only_while_training() -> None:
    network = AttentionCNN(3, size=16)
    assert network.dropout.p == 0.2
    images = torch.randn(2, 3, 16, 16)
    torch.manual_seed(0)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"aus": 0}, "at least 1"),
        ({"aus": 3, "size": 50}, "multiple of 16"),
        ({"aus": 3, "size": 0}, "multiple of 16"),
        ({"aus": 3, "spatial_in": "3"}, "spatial_in"),
    ],
)
def test_options_that_cannot_be_built_are_refused(options: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingError, match=word):
        AttentionCNN(**options)
