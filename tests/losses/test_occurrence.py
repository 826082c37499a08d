"""Losses have the specification's values, never count an unknown label, and are never NaN."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import Tensor

from openau.errors import SettingError
from openau.losses import (
    binary_cross_entropy,
    euclidean,
    focal,
    positive_weight,
    root_mean_square_error,
    weighted_binary_cross_entropy,
)

P = torch.tensor([[0.9, 0.2, 0.4], [0.3, 0.6, 0.7]], dtype=torch.float64)
Y = torch.tensor([[1.0, 0, 1], [0, 1, 0]], dtype=torch.float64)
W = torch.tensor([2.0, 1, 3], dtype=torch.float64)
NAN = float("nan")

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bce": binary_cross_entropy,
    "weighted": lambda z, y: weighted_binary_cross_entropy(z, y, torch.tensor([0.2, 3.0, 1.0])),
    "minority": lambda z, y: weighted_binary_cross_entropy(
        z, y, torch.tensor([0.2, 3.0, 1.0]), side="minority"
    ),
    "both": lambda z, y: weighted_binary_cross_entropy(z, y, torch.tensor([0.2, 3.0, 1.0]), side="both"),
    "focal": focal,
}


@pytest.fixture(params=list(LOSSES.values()), ids=list(LOSSES))
def loss(request: pytest.FixtureRequest) -> Callable[[Tensor, Tensor], Tensor]:
    function: Callable[[Tensor, Tensor], Tensor] = request.param
    return function


# Values worked out by hand for p, y, w above.
def test_the_weighted_loss_has_the_hand_computed_value() -> None:
    assert float(weighted_binary_cross_entropy(torch.logit(P), Y, W)) == pytest.approx(0.875702, abs=1e-6)
    assert 3 * float(weighted_binary_cross_entropy(torch.logit(P), Y, W)) == pytest.approx(2.627105, abs=1e-6)


def test_the_weight_on_both_terms_has_the_hand_computed_value() -> None:
    found = weighted_binary_cross_entropy(torch.logit(P), Y, W, side="both")
    assert float(found) == pytest.approx(1.336472, abs=1e-6)


def test_the_focal_loss_has_the_hand_computed_value() -> None:
    assert float(focal(torch.logit(P), Y)) == pytest.approx(0.0960654, abs=1e-7)


def test_the_distances_have_the_hand_computed_values() -> None:
    assert euclidean(P, Y).tolist() == pytest.approx([0.640312, 0.860233], abs=1e-6)
    assert float(root_mean_square_error(P, Y)) == pytest.approx(0.437798, abs=1e-6)


def test_every_loss_reduces_to_the_known_cross_entropy() -> None:
    logits = torch.randn(5, 3, dtype=torch.float64)
    target = (torch.rand(5, 3) < 0.5).double()
    known = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
    ones = torch.ones(3, dtype=torch.float64)
    for found in (
        binary_cross_entropy(logits, target),
        weighted_binary_cross_entropy(logits, target, ones),
        weighted_binary_cross_entropy(logits, target, ones, side="minority"),
        focal(logits, target, gamma=0, alpha=None),
    ):
        torch.testing.assert_close(found, known)


def test_the_weighted_loss_equals_torchs_positive_weight() -> None:
    logits, target = torch.randn(5, 3), (torch.rand(5, 3) < 0.5).float()
    weight = torch.tensor([0.5, 2, 7])
    known = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weight)
    torch.testing.assert_close(weighted_binary_cross_entropy(logits, target, weight), known)


def test_the_minority_side_weighs_more_whichever_it_is() -> None:
    logits = torch.zeros(2, 2)
    target = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    weight = torch.tensor([4.0, 0.25])  # positives four times rarer; positives four times commoner
    found = weighted_binary_cross_entropy(logits, target, weight, side="minority")
    # Four cells of ln 2, in each AU the rarer one four times.
    assert float(found) == pytest.approx(0.693147 * (4 + 1 + 1 + 4) / 4, rel=1e-5)


@given(
    arrays.arrays("float32", (4, 3), elements=st.floats(-30, 30, width=32)),
    arrays.arrays("float32", (4, 3), elements=st.sampled_from([0.0, 1.0, 0.25, NAN])),
    arrays.arrays("float32", (4, 3), elements=st.floats(-30, 30, width=32)),
)
def test_unknown_labels_never_change_a_loss_or_its_gradient(
    logits: object, target: object, noise: object
) -> None:
    one = torch.tensor(logits, requires_grad=True)
    truth = torch.tensor(target)
    unknown = truth.isnan()
    two = torch.where(unknown, torch.tensor(noise), one.detach()).requires_grad_()
    for function in LOSSES.values():
        (first,) = torch.autograd.grad(function(one, truth), one)
        (second,) = torch.autograd.grad(function(two, truth), two)
        assert function(one, truth) == function(two, truth)
        assert torch.equal(first, second)
        assert not first[unknown].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("value", [0.0, 1.0, NAN])
@pytest.mark.parametrize("size", [0.0, 50.0, 60000.0])
def test_no_loss_is_ever_nan(
    loss: Callable[[Tensor, Tensor], Tensor], dtype: torch.dtype, value: float, size: float
) -> None:
    logits = (torch.tensor([[-1.0, 0, 1]] * 4) * size).to(dtype).requires_grad_()
    found = loss(logits, torch.full((4, 3), value))
    (gradient,) = torch.autograd.grad(found, logits)
    assert torch.isfinite(found)
    assert torch.isfinite(gradient).all()
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_with_nothing_known_loss_and_gradient_are_zero(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    logits = torch.randn(4, 3, requires_grad=True)
    found = loss(logits, torch.full((4, 3), NAN))
    (gradient,) = torch.autograd.grad(found, logits)
    assert found.item() == 0
    assert not gradient.any()


def test_an_empty_batch_costs_nothing(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    assert float(loss(torch.zeros(0, 3), torch.zeros(0, 3))) == 0


def test_gradients_are_those_of_finite_differences(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[1, 0, 0.3], [0, NAN, 1], [1, 1, 0], [NAN, 0, 1]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: loss(z, target), (logits,), fast_mode=True)


def test_shapes_that_do_not_fit_are_refused(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    with pytest.raises(SettingError, match="batch, AUs"):
        loss(torch.zeros(4, 3), torch.zeros(4, 2))


def test_a_weight_for_every_au_or_a_sentence() -> None:
    with pytest.raises(SettingError, match="one per AU"):
        weighted_binary_cross_entropy(torch.zeros(4, 3), torch.zeros(4, 3), torch.ones(2))
    with pytest.raises(SettingError, match="side"):
        weighted_binary_cross_entropy(torch.zeros(4, 3), torch.zeros(4, 3), torch.ones(3), side="left")  # type: ignore[arg-type] # the mistake under test


def test_positive_weights_are_negatives_over_positives_within_the_limit() -> None:
    target = torch.tensor([[1.0, 0, 0, NAN, 1], [0, 0, 1, NAN, 1], [0, 0, NAN, NAN, 1], [0, 0, 1, NAN, 1]])
    # 3 to 1; no positives; 1 to 2 known; nothing known; no negatives.
    assert positive_weight(target, limit=5).tolist() == pytest.approx([3, 5, 0.5, 1, 0.2])
    with pytest.raises(SettingError, match="at least 1"):
        positive_weight(target, limit=0.5)


def test_a_sample_without_known_labels_has_no_distance() -> None:
    found = euclidean(torch.tensor([[0.5, 0.5], [0.0, 0.6]]), torch.tensor([[NAN, NAN], [NAN, 1.0]]))
    assert found[0].isnan()
    assert float(found[1]) == pytest.approx(0.4)
    assert root_mean_square_error(torch.zeros(1, 2), torch.full((1, 2), NAN)).isnan()
