"""What must not change a map does not, on any features and gradients."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from openau.explain import grad_cam, grad_cam_plus_plus, hires_cam

METHODS = (grad_cam, grad_cam_plus_plus, hires_cam)
SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.integers(1, 5)


def drawn(seed: int, channels: int, side: int) -> tuple[Tensor, Tensor]:
    """Return features as after a ReLU, and gradients of which some are 0; (K, h, h) float64 each."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(channels, side, side, generator=generator, dtype=torch.float64).relu()
    gradient = torch.randn(channels, side, side, generator=generator, dtype=torch.float64)
    # 2 + gΣA near 0 is where Grad-CAM++ itself is not continuous; keep away from it.
    gradient = gradient.clamp(min=-0.5 / (1 + float(features.sum())))
    return features, gradient * (torch.rand(gradient.shape, generator=generator) < 0.8)


@given(SEEDS, SIDES, st.floats(1e-3, 1e3))
def test_the_unit_of_a_channel_does_not_matter(seed: int, side: int, factor: float) -> None:
    features, gradient = drawn(seed, 3, side)
    for method in METHODS:
        rescaled = method(features * factor, gradient / factor)
        torch.testing.assert_close(rescaled, method(features, gradient), rtol=1e-9, atol=1e-12)


@given(SEEDS, SIDES)
def test_a_mirrored_layer_has_a_mirrored_map(seed: int, side: int) -> None:
    features, gradient = drawn(seed, 3, side)
    for method in METHODS:
        mirrored = method(features.flip(-1), gradient.flip(-1))
        torch.testing.assert_close(mirrored, method(features, gradient).flip(-1))


@given(SEEDS, SIDES)
def test_a_channel_on_which_the_logit_does_not_depend_adds_nothing(seed: int, side: int) -> None:
    features, gradient = drawn(seed, 3, side)
    more = torch.cat([features, 7 * torch.ones_like(features[:1])])
    for method in METHODS:
        found = method(more, torch.cat([gradient, torch.zeros_like(gradient[:1])]))
        torch.testing.assert_close(found, method(features, gradient))


@given(SEEDS, SIDES)
def test_a_channel_split_into_two_of_half_its_size_changes_grad_cam_and_hires_cam_nowhere(
    seed: int, side: int
) -> None:
    features, gradient = drawn(seed, 2, side)
    for method in (grad_cam, hires_cam):
        found = method(torch.cat([features / 2, features / 2]), torch.cat([gradient, gradient]))
        torch.testing.assert_close(found, method(features, gradient))


@given(SEEDS, SIDES)
def test_where_the_gradient_is_the_same_everywhere_grad_cam_is_hires_cam(seed: int, side: int) -> None:
    features, gradient = drawn(seed, 3, side)
    even = gradient[:, :1, :1].expand_as(features)
    torch.testing.assert_close(grad_cam(features, even), hires_cam(features, even))


@given(SEEDS, SIDES)
def test_maps_are_finite_and_not_negative(seed: int, side: int) -> None:
    features, gradient = drawn(seed, 4, side)
    for method in METHODS:
        found = method(features, gradient)
        assert torch.isfinite(found).all()
        assert (found >= 0).all()
