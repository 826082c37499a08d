"""Grad-CAM and Grad-CAM++ have the specification's hand values and read the layer they are told to."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from openau.errors import SettingError
from openau.explain import explain, grad_cam, grad_cam_plus_plus

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


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_plus_plus"])
def test_a_batch_is_explained_picture_by_picture(method: str) -> None:
    torch.manual_seed(0)
    network, images = TwoLayers(), torch.randn(3, 3, 4, 4)
    together = explain(network, images, layer="relu", method=method)  # type: ignore[arg-type] # a Literal
    for row in range(3):
        alone = explain(network, images[row : row + 1], layer="relu", method=method)  # type: ignore[arg-type] # a Literal
        torch.testing.assert_close(alone[0], together[row])


def test_a_zero_gradient_gives_a_zero_map() -> None:
    for method in (grad_cam, grad_cam_plus_plus):
        assert not method(A, torch.zeros_like(G)).any()


@given(st.floats(0.01, 100))
def test_the_map_scales_with_the_features_under_grad_cam(factor: float) -> None:
    torch.testing.assert_close(grad_cam(A * factor, G), grad_cam(A, G) * factor)


@given(st.permutations(range(2)))
def test_the_order_of_channels_does_not_matter(order: list[int]) -> None:
    for method in (grad_cam, grad_cam_plus_plus):
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
