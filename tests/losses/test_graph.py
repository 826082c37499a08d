"""ME-GraphAU's losses, and those of maps, emotions and several tasks, have their hand-computed values."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from openau.errors import SettingError
from openau.losses import (
    MultiTask,
    binary_cross_entropy,
    build_loss,
    edge_cross_entropy,
    emotion_cross_entropy,
    heatmap_mean_square_error,
    rarity_weight,
    weighted_asymmetric,
)

NAN = float("nan")
P = torch.tensor([[0.9, 0.2, 0.4], [0.3, 0.6, 0.7]], dtype=torch.float64)
Y = torch.tensor([[1.0, 0, 1], [0, 1, 0]], dtype=torch.float64)
W = torch.tensor([2.0, 1, 3], dtype=torch.float64)


# Values worked out by hand.
def test_the_asymmetric_loss_has_the_hand_computed_values() -> None:
    assert float(weighted_asymmetric(torch.logit(P), Y, W)) == pytest.approx(1.042899, abs=1e-6)
    ones = torch.ones(3, dtype=torch.float64)
    assert float(weighted_asymmetric(torch.logit(P), Y, ones)) == pytest.approx(0.421148, abs=1e-6)


def test_the_weights_by_rarity_have_the_hand_computed_values() -> None:
    rates = torch.zeros(20, 3)
    for au, count in enumerate((2, 10, 5)):  # 0.1, 0.5, 0.25
        rates[:count, au] = 1
    assert rarity_weight(rates).tolist() == pytest.approx([1.875, 0.375, 0.75])


def test_an_au_without_positives_or_labels_has_a_finite_weight() -> None:
    target = torch.tensor([[1.0, 0, NAN], [0, 0, NAN], [0, 0, NAN], [0, 0, NAN]])
    found = rarity_weight(target)
    assert found.tolist() == pytest.approx([1, 1, 1])  # none counts as one of four
    assert rarity_weight(torch.full((2, 2), NAN)).tolist() == [1, 1]


def test_the_easy_negatives_share_is_a_number_without_gradient() -> None:
    logits = torch.logit(P).requires_grad_()
    (found,) = torch.autograd.grad(weighted_asymmetric(logits, Y, W), logits)
    # d/dz of -w y ln p is -w(1-p); of -w p̄ (1-y) ln(1-p) with p̄ constant is w p².
    wanted = torch.where(Y == 1, -W * (1 - P), W * P**2) / 6
    torch.testing.assert_close(found, wanted)


def test_a_weight_for_every_au_or_a_sentence() -> None:
    with pytest.raises(SettingError, match="one per AU"):
        weighted_asymmetric(torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2))


def test_an_edge_is_of_the_class_its_two_aus_make() -> None:
    target = torch.tensor([[0.0, 1.0]])
    # Edges (0, 0), (0, 1), (1, 0), (1, 1): classes 0, 1, 2, 3.
    sure = 50 * torch.eye(4)[None]
    assert float(edge_cross_entropy(sure, target)) < 1e-6
    assert float(edge_cross_entropy(sure.flip(1), target)) == pytest.approx(50)
    assert float(edge_cross_entropy(torch.zeros(1, 4, 4), target)) == pytest.approx(math.log(4))
    unknown = torch.tensor([[0.0, NAN]])
    assert float(edge_cross_entropy(torch.roll(sure, 1, 1), unknown)) == pytest.approx(50)  # one edge is left


def test_edges_of_another_number_of_aus_are_refused() -> None:
    with pytest.raises(SettingError, match=r"give \(1, 9, 4\)"):
        edge_cross_entropy(torch.zeros(1, 4, 4), torch.zeros(1, 3))


def test_maps_are_compared_place_by_place() -> None:
    maps = torch.zeros(1, 2, 1, 2)
    target = torch.tensor([[[[3.0, 1.0]], [[NAN, NAN]]]])
    assert float(heatmap_mean_square_error(maps, target)) == 5
    with pytest.raises(SettingError, match="batch, maps"):
        heatmap_mean_square_error(maps[0], target[0])


@pytest.mark.parametrize("target", [torch.tensor([1, 0, -1]), torch.tensor([1.0, 0.0, NAN])])
def test_the_emotion_loss_is_torchs(target: Tensor) -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.2, -1.0, 3.0], [5.0, 5.0, 5.0]])
    weight = torch.tensor([1.0, 3.0, 9.0])
    known = torch.tensor([1, 0])
    wanted = torch.nn.functional.cross_entropy(logits[:2], known)
    torch.testing.assert_close(emotion_cross_entropy(logits, target), wanted)
    wanted = torch.nn.functional.cross_entropy(logits[:2], known, weight=weight)
    torch.testing.assert_close(emotion_cross_entropy(logits, target, weight), wanted)


def test_emotions_beyond_the_last_and_weights_of_others_are_refused() -> None:
    with pytest.raises(SettingError, match="a target is 3"):
        emotion_cross_entropy(torch.zeros(1, 3), torch.tensor([3]))
    with pytest.raises(SettingError, match="one per emotion"):
        emotion_cross_entropy(torch.zeros(1, 3), torch.tensor([1]), torch.ones(2))


def test_balanced_emotions_weigh_inversely_to_their_count() -> None:
    loss = build_loss("emotion", torch.tensor([0, 0, 0, 1, -1]), emotions=3, balanced=True)
    assert loss.state_dict()["weight"].tolist() == pytest.approx([4 / 9, 4 / 3, 1])
    assert build_loss("emotion", torch.tensor([0])).state_dict() == {}


def test_tasks_are_summed_at_their_cost() -> None:
    target = torch.tensor([[0.0, 1.0]])
    loss = MultiTask(
        {"aus": build_loss("bce", target), "edges": build_loss("edges", target)}, {"edges": 0.05}
    )
    outputs = {"aus": torch.tensor([[0.3, -0.2]]), "edges": torch.randn(1, 4, 4)}
    wanted = binary_cross_entropy(outputs["aus"], target) + 0.05 * edge_cross_entropy(
        outputs["edges"], target
    )
    torch.testing.assert_close(loss(outputs, {"aus": target, "edges": target}), wanted)
    torch.testing.assert_close(loss(outputs, {"aus": target}), binary_cross_entropy(outputs["aus"], target))
    assert float(loss(outputs, {})) == 0


def test_a_multi_task_loss_that_does_not_fit_its_tasks_is_refused() -> None:
    target = torch.zeros(1, 2)
    tasks = {"aus": build_loss("bce", target)}
    for losses, costs, word in (
        ({}, None, "at least one task"),
        (tasks, {"edges": 1.0}, "no task 'edges'"),
        (tasks, {"aus": -1.0}, "0 or above"),
        (tasks, {"aus": NAN}, "0 or above"),
    ):
        with pytest.raises(SettingError, match=word):
            MultiTask(losses, costs)
    with pytest.raises(SettingError, match="no output for the task 'aus'"):
        MultiTask(tasks)({"other": target}, {"aus": target})
    with pytest.raises(SettingError, match="targets for 'edges'"):
        MultiTask(tasks)({"aus": target}, {"edges": target})
