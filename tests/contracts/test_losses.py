"""What every loss of the registry keeps to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import Tensor

from openau.errors import SettingError
from openau.losses import LOSSES, Loss, MultiTask, build_loss, loss_class
from openau.losses.cells import Takes
from tests.reference import losses as slow

NAN = float("nan")
BATCH, AUS = 6, 3
TRAINING = torch.tensor([[1.0, 0, 1], [0, 0, 1], [0, 1, NAN], [0, 0, 1], [0, 0, 0]])
RATIO = [4.0, 4.0, 1 / 3]
RARITY = [c / (35 / 3 - 1 / 3) * 3 for c in (5.0, 5.0, 4 / 3)]


@dataclass(frozen=True)
class Form:
    """The shapes a kind of loss takes, and the values its targets have."""

    output: tuple[int, ...]
    target: tuple[int, ...]
    values: tuple[float, ...]


FORMS: dict[str, Form] = {
    "aus": Form((BATCH, AUS), (BATCH, AUS), (0.0, 1.0, NAN)),
    "intensity": Form((BATCH, AUS), (BATCH, AUS), (0.0, 2.5, 5.0, NAN)),
    "edges": Form((BATCH, AUS * AUS, 4), (BATCH, AUS), (0.0, 1.0, NAN)),
    "maps": Form((BATCH, 2, 3, 4), (BATCH, 2, 3, 4), (0.0, 0.5, 2.0, NAN)),
    "emotion": Form((BATCH, 4), (BATCH,), (0.0, 1.0, 3.0, NAN)),
    "landmarks": Form((BATCH, 207), (BATCH, 207), (0.0, 0.5, 1.0, NAN)),
}

Slow = Callable[[Any, Any], float]
VARIANTS: dict[str, tuple[str, dict[str, Any], Slow]] = {
    "bce": ("bce", {}, lambda z, y: slow.cross_entropy(z, y, [1.0] * AUS)),
    "weighted_bce": ("weighted_bce", {}, lambda z, y: slow.cross_entropy(z, y, RATIO)),
    "weighted_bce minority": (
        "weighted_bce",
        {"side": "minority"},
        lambda z, y: slow.cross_entropy(z, y, RATIO, "minority"),
    ),
    "weighted_bce both": (
        "weighted_bce",
        {"side": "both"},
        lambda z, y: slow.cross_entropy(z, y, RATIO, "both"),
    ),
    "focal": ("focal", {}, lambda z, y: slow.focal(z, y, 2.0, 0.25)),
    "euclidean": ("euclidean", {}, lambda z, y: slow.mean(slow.distances(z, y))),
    "rmse": ("rmse", {}, slow.root_mean_square),
    "msr": ("msr", {}, lambda z, y: sum(slow.msr(z, y))),
    "ad_msr A": ("ad_msr", {}, lambda z, y: slow.SlowAdMSR(0.5, "A", "first")(z, y)),
    "ad_msr B": ("ad_msr", {"reading": "B"}, lambda z, y: slow.SlowAdMSR(0.5, "B", "first")(z, y)),
    "ad_msr C": (
        "ad_msr",
        {"reading": "C", "start": "zero"},
        lambda z, y: slow.SlowAdMSR(0.5, "C", "zero")(z, y),
    ),
    "weighted_asymmetric": (
        "weighted_asymmetric",
        {},
        lambda z, y: slow.weighted_asymmetric(z, y, RARITY),
    ),
    "edges": ("edges", {}, slow.edges),
    "intensity": ("intensity", {}, lambda z, y: slow.intensity(z, y, 1.0)),
    "intensity plain": ("intensity", {"stress": 0.0}, lambda z, y: slow.intensity(z, y, 0.0)),
    "intensity by squares": (
        "intensity",
        {"stress": 0.0, "delta": 2.5},
        lambda z, y: slow.intensity(z, y, 0.0, 2.5),
    ),
    "heatmap_mse": ("heatmap_mse", {}, slow.maps),
    "emotion": ("emotion", {}, lambda z, y: slow.emotion(z, numbers(y), None)),
    "emotion balanced": (
        "emotion",
        {"balanced": True, "emotions": 4},
        lambda z, y: slow.emotion(z, numbers(y), [7 / 12, 7 / 8, 1.0, 7 / 8]),
    ),
    "landmarks": ("landmarks", {}, slow.landmarks),
    "multi_task": (
        "multi_task",
        {},
        lambda z, y: slow.cross_entropy(z, y, [1.0] * AUS) + 0.5 * slow.focal(z, y, 2.0, 0.25),
    ),
}
# Ad-MSR takes β as a number, the asymmetric loss its p̄: tests/losses checks their gradients by formula.
SMOOTH = sorted(v for v in VARIANTS if not v.startswith(("ad_msr", "weighted_asymmetric")))


def numbers(target: Any) -> list[int]:
    return [-1 if value != value else int(value) for value in target]  # noqa: PLR0124 - NaN is not itself


class Together(torch.nn.Module):
    """A multi-task loss of two tasks that read the same output and targets."""

    def __init__(self) -> None:
        super().__init__()
        tasks = {"plain": build_loss("bce", TRAINING), "focal": build_loss("focal", TRAINING)}
        self.loss = MultiTask(tasks, {"focal": 0.5})

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        found: Tensor = self.loss(
            dict.fromkeys(self.loss.costs, output), dict.fromkeys(self.loss.costs, target)
        )
        return found


def build(variant: str) -> torch.nn.Module:
    name, options, _ = VARIANTS[variant]
    if name == "multi_task":
        return Together()
    training = torch.tensor([0, 0, 0, 1, 1, 3, 3, NAN]) if name == "emotion" else TRAINING
    return build_loss(name, training, **options)


def form(variant: str) -> Form:
    takes = loss_class(VARIANTS[variant][0]).takes
    return FORMS["aus" if takes == "tasks" else takes]


def batch(variant: str, seed: int = 0, *, known: bool = False) -> tuple[Tensor, Tensor]:
    """Outputs around 0 in float64 and targets; with `known`, hard labels with few unknown ones."""
    generator = torch.Generator().manual_seed(seed)
    shape = form(variant)
    values = torch.tensor(shape.values[:-1] if known else shape.values, dtype=torch.float64)
    chosen = torch.randint(len(values), shape.target, generator=generator)
    return torch.randn(shape.output, generator=generator, dtype=torch.float64), values[chosen]


@pytest.fixture(params=sorted(VARIANTS))
def variant(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


def test_every_loss_of_the_registry_is_tried() -> None:
    assert {name for name, _, _ in VARIANTS.values()} == set(LOSSES)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_it_says_what_it_takes_and_where_it_comes_from(name: str) -> None:
    kind = loss_class(name)
    assert issubclass(kind, Loss)
    assert kind.takes in get_args(Takes)
    assert len(kind.reference) > 10
    assert kind.__doc__


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_its_slow_reading(variant: str, seed: int) -> None:
    output, target = batch(variant, seed, known=seed == 0)
    if variant.startswith("ad_msr"):  # the slow reading knows no AU without labels
        target = torch.where(target.isnan().all(0), torch.zeros_like(target), target)
    wanted = VARIANTS[variant][2](output.tolist(), target.tolist())
    assert float(build(variant)(output, target)) == pytest.approx(wanted, rel=1e-6)


def test_unknown_labels_never_change_loss_or_gradient(variant: str) -> None:
    output, target = batch(variant)
    unknown = target.isnan()
    assert unknown.any()
    if unknown.shape == output.shape:
        noisy = torch.where(unknown, output + 10, output)
    elif unknown.ndim == 1:
        noisy = output + 10 * unknown[:, None]
    else:
        either = (unknown[:, :, None] | unknown[:, None, :]).flatten(1)
        noisy = output + 10 * either[:, :, None] * torch.arange(4)
    values = []
    for one in (output, noisy):
        one = one.clone().requires_grad_()
        found = build(variant)(one, target)
        (gradient,) = torch.autograd.grad(found, one)
        values.append((found.detach(), gradient))
    assert not torch.equal(output, noisy)
    torch.testing.assert_close(values[0], values[1])


@pytest.mark.parametrize("variant", sorted(VARIANTS))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_whatever_the_numbers_loss_and_gradient_are_finite(variant: str, data: st.DataObject) -> None:
    shape = form(variant)
    kind = data.draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    extreme = st.sampled_from([0.0, 1e-30, 1.0, -1.0, 88.0, -88.0, 1000.0, -1000.0, 60000.0, -60000.0])
    output = data.draw(arrays.arrays("float64", shape.output, elements=extreme))
    target = data.draw(arrays.arrays("float64", shape.target, elements=st.sampled_from(shape.values)))
    logits = torch.tensor(output).to(kind).requires_grad_()
    loss = build(variant)
    for _ in range(2):  # some remember
        found = loss(logits, torch.tensor(target))
        (gradient,) = torch.autograd.grad(found, logits)
        assert torch.isfinite(found)
        assert torch.isfinite(gradient).all()
        assert found.ndim == 0
        assert found.dtype in (torch.float32, torch.float64)
    assert all(torch.isfinite(tensor).all() for tensor in loss.state_dict().values())


@pytest.mark.parametrize("value", [0.0, 1.0, NAN])
@pytest.mark.parametrize("size", [0.0, 1.0, 100.0])
def test_one_answer_only_or_none_is_no_nan(variant: str, value: float, size: float) -> None:
    output, target = batch(variant)
    output = (size * output).requires_grad_()
    found = build(variant)(output, torch.full_like(target, value))
    (gradient,) = torch.autograd.grad(found, output)
    assert torch.isfinite(found)
    assert torch.isfinite(gradient).all()
    if value != value:  # noqa: PLR0124 - NaN is not itself
        assert float(found.detach()) == 0
        assert not gradient.any()


def test_an_empty_batch_costs_nothing(variant: str) -> None:
    output, target = batch(variant)
    assert float(build(variant)(output[:0], target[:0])) == 0


@pytest.mark.parametrize("variant", SMOOTH)
def test_gradients_are_those_of_finite_differences(variant: str) -> None:
    output, target = batch(variant)
    loss = build(variant)
    assert torch.autograd.gradcheck(lambda z: loss(z, target), (output.requires_grad_(),), fast_mode=True)


def test_shapes_that_do_not_fit_are_refused_in_a_sentence(variant: str) -> None:
    output, target = batch(variant)
    with pytest.raises(SettingError):
        build(variant)(output[None], target)
    with pytest.raises(SettingError):
        build(variant)(output[:-1], target)


def test_what_it_remembers_is_in_its_state(variant: str) -> None:
    one, two = build(variant), build(variant)
    first, second, third = (batch(variant, seed) for seed in (0, 1, 2))
    for seen in (first, second):
        one(*seen)
    two.load_state_dict(one.state_dict())
    assert float(one(*third)) == float(two(*third))


def test_an_unknown_loss_or_option_is_named() -> None:
    with pytest.raises(SettingError, match=r"no loss 'hinge'; choose one of bce"):
        build_loss("hinge", TRAINING)
    with pytest.raises(SettingError, match=r"wheels.*focal"):
        build_loss("focal", TRAINING, wheels=4)
