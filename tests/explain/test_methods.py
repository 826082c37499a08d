"""The maps have hand-computed values and keep what must not change them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from openau.errors import SettingError
from openau.explain import (
    METHODS,
    explain,
    features_and_gradients,
    grad_cam,
    grad_cam_plus_plus,
    hires_cam,
    occlusion,
)

A = torch.tensor([[[1.0, 2], [0, 3]], [[2.0, 0], [1, 1]]])
G = torch.tensor([[[0.5, -0.5], [0, 1]], [[-0.2, 0.4], [0.1, 0.1]]])


class TwoLayers(nn.Module):
    """A convolution, a ReLU, and a dense layer on the flattened map: its gradient is the dense weight."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 1)
        self.relu = nn.ReLU()
        self.dense = nn.Linear(2 * 4 * 4, 3)
        self.spare = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.dense(self.relu(self.convolution(images)).flatten(1))
        return logits


def test_grad_cam_has_the_hand_computed_map() -> None:
    torch.testing.assert_close(grad_cam(A, G), torch.tensor([[0.45, 0.5], [0.1, 0.85]]))


def test_grad_cam_plus_plus_has_the_hand_computed_map() -> None:
    wanted = torch.tensor([[0.6139, 0.4500], [0.1944, 0.8694]])
    torch.testing.assert_close(grad_cam_plus_plus(A, G), wanted, atol=1e-4, rtol=0)


def test_grad_cam_of_a_dense_head_is_its_weights_mean_times_the_map() -> None:
    torch.manual_seed(0)
    network = TwoLayers()
    images = torch.randn(2, 3, 4, 4)
    features = network.relu(network.convolution(images)).detach()
    weight = network.dense.weight.detach().reshape(3, 2, 4, 4).mean((2, 3))
    wanted = torch.relu(torch.einsum("ak,bkhw->bahw", weight, features))
    torch.testing.assert_close(explain(network, images, layer="relu"), wanted)


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_plus_plus", "hires_cam"])
def test_a_batch_is_explained_picture_by_picture(method: str) -> None:
    torch.manual_seed(0)
    network, images = TwoLayers(), torch.randn(3, 3, 4, 4)
    together = explain(network, images, layer="relu", method=method)  # type: ignore[arg-type] # a Literal
    for row in range(3):
        alone = explain(network, images[row : row + 1], layer="relu", method=method)  # type: ignore[arg-type] # a Literal
        torch.testing.assert_close(alone[0], together[row])


def test_a_zero_gradient_gives_a_zero_map() -> None:
    for method in (grad_cam, grad_cam_plus_plus, hires_cam):
        assert not method(A, torch.zeros_like(G)).any()


@given(st.floats(0.01, 100))
def test_the_map_scales_with_the_features_under_grad_cam(factor: float) -> None:
    torch.testing.assert_close(grad_cam(A * factor, G), grad_cam(A, G) * factor)


@given(st.permutations(range(2)))
def test_the_order_of_channels_does_not_matter(order: list[int]) -> None:
    for method in (grad_cam, grad_cam_plus_plus, hires_cam):
        torch.testing.assert_close(method(A[order], G[order]), method(A, G))


def test_grad_cam_plus_plus_stays_finite_where_its_denominator_vanishes() -> None:
    features = torch.tensor([[[1.0, 0.0]]])
    gradient = torch.tensor([[[-2.0, 1e-30]]])  # 2 + g ΣA is exactly 0 in the first place
    assert torch.isfinite(grad_cam_plus_plus(features, gradient)).all()


def test_explaining_leaves_the_network_as_it_was() -> None:
    network = TwoLayers().train()
    explain(network, torch.randn(1, 3, 4, 4), layer="relu")
    assert network.training
    assert all(p.grad is None for p in network.parameters())
    assert not network.relu._forward_hooks


@pytest.mark.parametrize(
    ("layer", "method", "word"),
    [("conv9", "grad_cam", "conv9"), ("spare", "grad_cam", "did not run"), ("relu", "lime", "lime")],
)
def test_a_layer_or_method_that_is_not_there_is_named(layer: str, method: str, word: str) -> None:
    with pytest.raises(SettingError, match=word):
        explain(TwoLayers(), torch.randn(1, 3, 4, 4), layer=layer, method=method)  # type: ignore[arg-type] # the mistake under test


def test_hires_cam_has_the_hand_computed_map() -> None:
    wanted = torch.relu(torch.tensor([[0.5 - 0.4, -1.0], [0.1, 3.0 + 0.1]]))
    torch.testing.assert_close(hires_cam(A, G), wanted)


def test_hires_cam_sums_to_the_logit_less_its_bias_where_the_rest_is_linear() -> None:
    torch.manual_seed(0)
    network = TwoLayers()
    images = torch.randn(2, 3, 4, 4)
    features, gradients = features_and_gradients(network, images, layer="relu")
    total = (features[:, None] * gradients).sum((2, 3, 4))
    torch.testing.assert_close(total, network(images) - network.dense.bias)


def test_the_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    network = TwoLayers().double()
    images = torch.randn(1, 3, 4, 4, dtype=torch.float64)
    features, gradients = features_and_gradients(network, images, layer="relu")
    nudge = 1e-6
    for place in [(0, 0, 0), (1, 2, 3), (1, 3, 3)]:
        moved = features.clone()
        moved[(0, *place)] += nudge
        rise = (network.dense(moved.flatten(1)) - network.dense(features.flatten(1)))[0] / nudge
        torch.testing.assert_close(gradients[(0, slice(None), *place)], rise, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_outputs_are_chosen_by_position(method: str) -> None:
    torch.manual_seed(0)
    network, images = TwoLayers(), torch.randn(2, 3, 4, 4)
    if method == "occlusion":
        every, some = (occlusion(network, images, outputs=o, cells=4, window=1) for o in (None, [2, 0]))
    else:
        every, some = (
            explain(network, images, layer="relu", method=method, outputs=o)  # type: ignore[arg-type] # a Literal
            for o in (None, [2, 0])
        )
    torch.testing.assert_close(some, every[:, [2, 0]])


def test_a_logit_that_does_not_depend_on_the_layer_has_an_empty_map() -> None:
    class Deaf(TwoLayers):
        def forward(self, images: Tensor) -> Tensor:
            self.relu(self.convolution(images))
            logits: Tensor = self.dense(torch.ones(len(images), 32))
            return logits

    network = Deaf()
    for method in ("grad_cam", "grad_cam_plus_plus", "hires_cam"):
        maps = explain(network, torch.randn(2, 3, 4, 4), layer="relu", method=method)
        assert maps.shape == (2, 3, 4, 4)
        assert not maps.any()
    network.requires_grad_(False)
    assert not explain(network, torch.randn(2, 3, 4, 4), layer="relu").any()


def test_the_map_is_that_of_the_logit_whatever_constant_is_added_to_it() -> None:
    torch.manual_seed(0)
    network, images = TwoLayers(), torch.randn(1, 3, 4, 4)
    before = explain(network, images, layer="relu")
    with torch.no_grad():
        network.dense.bias.add_(100)  # the probability is 1 everywhere now, and its gradient 0
    torch.testing.assert_close(explain(network, images, layer="relu"), before)


def test_a_layer_before_work_in_place_is_read_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(32, 2))
    images = torch.randn(1, 3, 4, 4)
    features, _ = features_and_gradients(network, images, layer="0")
    torch.testing.assert_close(features, network[0](images))


def test_occlusion_finds_the_one_place_that_counts() -> None:
    class Corner(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.stack((images[:, 0, :4, :4].sum((1, 2)), -images[:, 0, 12:, 12:].sum((1, 2))), dim=1)

    images = torch.zeros(1, 3, 16, 16)
    images[:, 0, :4, :4] = 1.0
    images[:, 0, 12:, 12:] = 1.0
    falls = occlusion(Corner(), images, cells=4, window=1)[0]
    mean = images[0, 0].mean()
    wanted = torch.zeros(2, 4, 4)
    wanted[0, 0, 0], wanted[1, 3, 3] = 16 * (1 - mean), -16 * (1 - mean)
    torch.testing.assert_close(falls, wanted)


def test_occlusion_weighs_every_cell_by_as_many_squares() -> None:
    class Total(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.abs().sum((1, 2, 3))[:, None]

    images = torch.tensor([1.0, -1.0]).repeat(1, 3, 6, 3)  # mean 0: covering takes away all of a pixel
    falls = occlusion(Total(), images, cells=6, window=3)
    assert falls[0, 0, 2, 2] > falls[0, 0, 0, 0] > 0  # squares at the edge are cut
    torch.testing.assert_close(falls, falls.flip(2))


@pytest.mark.parametrize(
    ("options", "word"),
    [({"outputs": [3]}, "no output 3"), ({"layer": None}, "names no layer"), ({"layer": "dense"}, "no map")],
)
def test_what_cannot_be_explained_is_refused(options: dict[str, object], word: str) -> None:
    with pytest.raises(SettingError, match=word):
        explain(TwoLayers(), torch.randn(1, 3, 4, 4), **({"layer": "relu"} | options))  # type: ignore[arg-type] # the mistake under test
