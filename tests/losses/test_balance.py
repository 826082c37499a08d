"""MSR and Ad-MSR have the specification's values, balance a batch, and are one over several processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as processes
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from openau.errors import SettingError
from openau.losses import (
    AdMSR,
    Loss,
    binary_cross_entropy,
    build_loss,
    loss_gain,
    multi_label_slope_rate,
)
from tests.reference.losses import SlowAdMSR

NAN = float("nan")
P = torch.tensor([[0.8], [0.6], [0.3], [0.1]], dtype=torch.float64)
TWO_P = torch.tensor([[0.8, 0.5], [0.6, 0.5], [0.3, 0.5], [0.1, 0.5]], dtype=torch.float64)
TWO_Y = torch.tensor([[1, 1], [0, 0], [0, 1], [0, 0]], dtype=torch.float64)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


# Values worked out by hand.
@pytest.mark.parametrize(
    ("labels", "wanted", "plain"),
    [
        ((1, 0, 0, 0), 0.5119392, 0.4003674),
        ((1, 1, 1, 0), 0.5635059, 0.5108256),
        ((0, 0, 0, 0), 0.7469410, 0.7469410),
        ((1, 1, 1, 1), 1.0601318, 1.0601318),
    ],
)
def test_msr_has_the_hand_computed_value(labels: tuple[float, ...], wanted: float, plain: float) -> None:
    logits, target = torch.logit(P), column(*labels)
    assert float(multi_label_slope_rate(logits, target)) == pytest.approx(wanted, abs=1e-7)
    assert float(binary_cross_entropy(logits, target)) == pytest.approx(plain, abs=1e-7)


def test_an_unknown_label_leaves_the_batch() -> None:
    with_unknown = multi_label_slope_rate(
        torch.cat((torch.logit(P), column(9))), torch.cat((column(1, 0, 0, 0), column(NAN)))
    )
    assert float(with_unknown) == pytest.approx(0.5119392, abs=1e-7)


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=30).filter(lambda y: 0 < sum(y) < len(y)))
def test_both_answers_weigh_alike_within_a_batch(labels: list[float]) -> None:
    logits = torch.zeros(len(labels), 1, dtype=torch.float64, requires_grad=True)
    target = column(*labels)
    (gradient,) = torch.autograd.grad(multi_label_slope_rate(logits, target).sum(), logits)
    positive, negative = gradient[target == 1].sum(), gradient[target == 0].sum()
    assert float(positive) == pytest.approx(-float(negative))
    # The rarer answer is raised to the commoner one, which keeps its weight of one.
    commoner = max(sum(labels), len(labels) - sum(labels))
    assert float(negative) == pytest.approx(0.5 * commoner / len(labels))


def test_a_rare_answer_weighs_at_most_as_told() -> None:
    logits, target = torch.logit(P), column(1, 0, 0, 0)
    limited = multi_label_slope_rate(logits, target, max_weight=2)
    by_hand = -(2 * torch.log(P[0]) + torch.log(1 - P[1:]).sum()) / 4
    torch.testing.assert_close(limited, by_hand)
    unlimited = multi_label_slope_rate(logits, target, max_weight=1)
    torch.testing.assert_close(unlimited[0], binary_cross_entropy(logits, target))
    with pytest.raises(SettingError, match="at least 1"):
        multi_label_slope_rate(logits, target, max_weight=0.5)


def test_the_ratio_may_come_from_the_whole_training_set() -> None:
    training = torch.tensor([[1.0, 1], [0, NAN], [0, 1], [0, NAN]])
    logits, target = torch.logit(TWO_P), torch.ones(4, 2, dtype=torch.float64)
    target[0] = 0
    found = build_loss("msr", training, gamma="dataset")(logits, target)
    first = -(3 * torch.log(TWO_P[1:, 0]).sum() + torch.log(1 - TWO_P[0, 0])) / 4
    second = binary_cross_entropy(logits[:, 1:], target[:, 1:])  # no negatives were seen: weights of 1
    torch.testing.assert_close(found, first + second)
    with pytest.raises(SettingError, match="'batch' or the 'dataset'"):
        build_loss("msr", training, gamma="fold")


@pytest.mark.parametrize(
    ("reading", "start", "values"),
    [
        ("A", "first", [0.741617]),
        ("B", "first", [1.211937]),
        ("C", "first", [1.253556]),
        ("A", "zero", [1.610860, 1.383004]),
        ("B", "zero", [1.610860, 1.383004]),
        ("C", "zero", [1.610860, 1.383004]),
    ],
)
def test_ad_msr_has_the_hand_computed_values(reading: Any, start: Any, values: list[float]) -> None:
    loss = AdMSR(2, reading=reading, start=start)
    found = [float(loss(torch.logit(TWO_P), TWO_Y)) for _ in values]
    assert found == pytest.approx(values, abs=1e-6)


@pytest.mark.parametrize(
    ("level", "reading", "wanted"),
    [
        (0.602543, "A", [0, 1.069927]),
        (0.602543, "B", [0.918703, 1.069927]),
        (0.602543, "C", [1, 1.069927]),
        (0.301272, "A", [1.259057, 1.394075]),
        (0.451907, "B", [1.062284, 1.210680]),
    ],
)
def test_the_gains_have_the_hand_computed_values(level: float, reading: Any, wanted: list[float]) -> None:
    losses = torch.tensor([0.511939, 0.693147])
    assert loss_gain(losses, torch.tensor(level), reading).tolist() == pytest.approx(wanted, abs=2e-6)


@given(
    st.lists(st.floats(0, 100, width=32), min_size=1, max_size=12),
    st.floats(0, 100, width=32),
)
def test_the_gains_lie_where_the_readings_say(values: list[float], level: float) -> None:
    losses, mean = torch.tensor(values), torch.tensor(level)
    a, b, c = (loss_gain(losses, mean, reading) for reading in ("A", "B", "C"))
    assert ((b >= 0) & (b <= 2)).all()
    assert ((c >= 1) & (c <= 2)).all()
    assert ((a == 0) | (a >= 1)).all()
    assert torch.equal(a > 0, losses > mean)
    assert torch.equal(torch.where(a > 0, a, b), b)


def test_what_it_remembers_is_the_blend_and_only_from_training() -> None:
    loss = AdMSR(2, start="zero")
    present = multi_label_slope_rate(torch.logit(TWO_P), TWO_Y)
    loss(torch.logit(TWO_P), TWO_Y)
    torch.testing.assert_close(loss.previous.double(), present / 2, atol=1e-6, rtol=1e-6)
    loss(torch.logit(TWO_P), TWO_Y)
    torch.testing.assert_close(loss.previous.double(), present * 0.75, atol=1e-6, rtol=1e-6)
    before = loss.previous.clone()
    loss.eval()(torch.logit(TWO_P), TWO_Y)
    assert torch.equal(loss.previous, before)
    assert not loss.previous.requires_grad


def test_over_many_steps_it_equals_its_slow_reading() -> None:
    generator = torch.Generator().manual_seed(0)
    for reading in ("A", "B", "C"):
        fast, slow = AdMSR(3, alpha=0.3, reading=reading), SlowAdMSR(0.3, reading, "first")
        for _ in range(6):
            logits = torch.randn(5, 3, generator=generator, dtype=torch.float64)
            target = (torch.rand(5, 3, generator=generator) < 0.4).double()
            assert float(fast(logits, target)) == pytest.approx(
                slow(logits.tolist(), target.tolist()), rel=1e-5
            )


def test_an_au_without_labels_keeps_what_it_remembers_and_starts_when_it_is_seen() -> None:
    loss = AdMSR(2, reading="B")
    half = TWO_Y.clone()
    half[:, 1] = NAN
    alone = float(loss(torch.logit(TWO_P), half))
    assert alone == pytest.approx(0.511939, abs=1e-6)  # the only AU is its own mean: β is 1
    assert loss.started.tolist() == [True, False]
    loss(torch.logit(TWO_P), TWO_Y)
    torch.testing.assert_close(loss.previous, torch.tensor([0.511939, 0.693147]), atol=1e-5, rtol=0)
    loss(torch.logit(TWO_P), half)
    torch.testing.assert_close(loss.previous, torch.tensor([0.511939, 0.693147]), atol=1e-5, rtol=0)


def test_beta_is_a_number_unless_asked_for() -> None:
    logits = torch.logit(TWO_P).requires_grad_()
    losses = multi_label_slope_rate(logits, TWO_Y)
    mean = losses.mean()
    beta = loss_gain(losses, mean, "B")
    (constant,) = torch.autograd.grad((beta.detach() * losses).sum(), logits, retain_graph=True)
    (found,) = torch.autograd.grad(AdMSR(2, reading="B")(logits, TWO_Y), logits)
    torch.testing.assert_close(found, constant)
    (through,) = torch.autograd.grad(AdMSR(2, reading="B", through_beta=True)(logits, TWO_Y), logits)
    assert not torch.allclose(through, found)


@pytest.mark.parametrize("reading", ["A", "B", "C"])
def test_the_gradient_through_beta_is_that_of_finite_differences(reading: Any) -> None:
    torch.manual_seed(0)
    logits = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[1, 0, 0], [0, NAN, 1], [1, 1, 0], [NAN, 0, 1], [0, 0, 0], [0, 1, 0]]).double()
    loss = AdMSR(3, reading=reading, start="zero", through_beta=True).double().eval()
    loss.previous.copy_(torch.tensor([0.1, 0.9, 0.5]))
    assert torch.autograd.gradcheck(lambda z: loss(z, target), (logits,))


def test_reading_a_gives_an_au_at_or_below_the_mean_no_gradient() -> None:
    logits = torch.logit(TWO_P).requires_grad_()
    (gradient,) = torch.autograd.grad(AdMSR(2)(logits, TWO_Y), logits)
    assert not gradient[:, 0].any()
    assert gradient[:, 1].any()
    (gradient,) = torch.autograd.grad(AdMSR(2, reading="C")(logits, TWO_Y), logits)
    assert gradient[:, 0].any()


@pytest.mark.parametrize(
    ("options", "word"),
    [({"alpha": 1.5}, "alpha"), ({"reading": "D"}, "reading"), ({"start": "one"}, "starts")],
)
def test_options_outside_their_range_are_refused(options: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingError, match=word):
        AdMSR(3, **options)
    with pytest.raises(SettingError, match="built for 3"):
        AdMSR(3)(torch.zeros(2, 4), torch.zeros(2, 4))


EMOTION = torch.tensor([NAN, NAN, NAN, 2, 0, 1, 3, 2])  # one process knows fewer
"""One emotion of four per row."""


def steps(loss: Loss, network: nn.Module, rows: slice) -> dict[str, list[Tensor]]:
    """Take two steps on some rows of a fixed batch; return losses, gradients and memory."""
    generator = torch.Generator().manual_seed(5)
    pictures = torch.randn(2, 8, 5, generator=generator)
    target = (torch.rand(2, 8, 4, generator=generator) < 0.3).float()
    target[0, :3, 0] = NAN  # one process knows fewer labels
    target[:, :, 1] = 0
    target[:, 1, 1] = 1  # one process alone has a positive
    target[0, :4, 2] = NAN  # one process knows nothing
    target[0, :, 3] = NAN  # none knows anything
    found: dict[str, list[Tensor]] = {"loss": [], "gradient": [], "memory": []}
    for batch in range(2):
        network.zero_grad()
        wanted = target[batch] if loss.takes == "aus" else EMOTION
        value = loss(network(pictures[batch, rows]), wanted[rows])
        value.backward()
        found["loss"].append(value.detach())
        found["gradient"] += [p.grad.clone() for p in network.parameters() if p.grad is not None]
        found["memory"] += [tensor.clone() for tensor in loss.state_dict().values()]
    return found


LOSSES: list[tuple[str, dict[str, Any]]] = [
    ("msr", {}),
    ("ad_msr", {}),
    ("ad_msr", {"reading": "B", "through_beta": True}),
    ("ad_msr", {"reading": "C", "start": "zero"}),
    ("bce", {}),
    ("weighted_bce", {}),
    ("focal", {}),
    ("rmse", {}),
    ("weighted_asymmetric", {}),
    ("emotion", {}),
]


def every_loss(rows: slice, *, together: bool) -> list[dict[str, list[Tensor]]]:
    found = []
    for name, options in LOSSES:
        torch.manual_seed(0)
        network: nn.Module = nn.Linear(5, 4)
        if together:
            network = nn.parallel.DistributedDataParallel(network)
        found.append(steps(build_loss(name, torch.zeros(1, 4), **options), network, rows))
    return found


def one_of_two(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    processes.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.save(every_loss(slice(4 * rank, 4 * rank + 4), together=True), f"{folder}/{rank}.pt")
    processes.destroy_process_group()


def test_two_processes_have_the_loss_gradient_and_memory_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    )
    spawn(one_of_two, (str(tmp_path),), nprocs=2)  # type: ignore[no-untyped-call] # torch has no types here
    alone = every_loss(slice(0, 8), together=False)
    for rank in range(2):
        for found, wanted in zip(torch.load(tmp_path / f"{rank}.pt"), alone, strict=True):
            for kind in ("loss", "gradient", "memory"):
                torch.testing.assert_close(found[kind], wanted[kind])
                assert any(tensor.any() for tensor in wanted[kind]) or not wanted[kind]
