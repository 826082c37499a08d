"""Every epoch is decided by seed and epoch alone; rare AUs come more often; processes share without
overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.data.samplers import SAMPLERS, Balanced, Draw, EpochBatches, Ratio, Repeated, build_draw, shard
from openau.errors import SettingError
from openau.records import Floats

NAN = float("nan")
AUS = (1, 4, 12)


def labels(count: int = 600, seed: int = 0) -> Floats:
    """Return (N, 3) labels with base rates of 2, 10 and 50 %, a tenth unknown."""
    random = np.random.default_rng(seed)
    target = (random.random((count, 3)) < (0.02, 0.1, 0.5)).astype(np.float32)
    target[:3] = np.eye(3)
    target[random.random((count, 3)) < 0.1] = NAN
    target[:3] = np.eye(3)
    return target


def drawn(draw: Draw, seed: int = 0) -> np.ndarray:
    return draw(np.random.default_rng(seed))


def test_an_epochs_batches_hold_every_picture_once_and_can_be_taken_up_in_the_middle() -> None:
    batches = EpochBatches(24, 8, seed=3)
    first = list(batches)
    assert sorted(number for batch in first for number in batch) == list(range(24))
    assert list(batches) == first
    batches.start = 1
    assert list(batches) == first[1:]
    batches.start, batches.epoch = 0, 1
    assert list(batches) != first


def test_a_remainder_is_left_out_unless_it_is_all_there_is() -> None:
    assert [len(b) for b in EpochBatches(20, 8, seed=0)] == [8, 8]
    assert [len(b) for b in EpochBatches(5, 8, seed=0)] == [5]


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 4), st.integers(0, 3))
def test_processes_get_equally_many_full_batches_and_no_picture_twice(
    count: int, batch: int, processes: int, epoch: int
) -> None:
    if count < processes:
        with pytest.raises(SettingError, match="cannot share"):
            EpochBatches(count, batch, 0, processes=processes)
        return
    every = []
    for process in range(processes):
        batches = EpochBatches(count, batch, 0, process=process, processes=processes)
        batches.epoch = epoch
        found = list(batches)
        assert len(found) == len(batches) >= 1
        every.append(found)
    assert len({len(found) for found in every}) == 1
    assert {len(b) for found in every for b in found} == {min(batch, count // processes)}
    shown = [item for found in every for b in found for item in b]
    assert len(shown) == len(set(shown))
    assert count - len(shown) < min(batch, count // processes) * processes  # less than one round is left out


def test_a_round_of_several_processes_is_one_processs_larger_batch() -> None:
    alone = list(EpochBatches(64, 16, seed=5))
    shared = [list(EpochBatches(64, 8, seed=5, process=p, processes=2)) for p in (0, 1)]
    assert [[*one, *two] for one, two in zip(*shared, strict=True)] == alone


@given(st.integers(0, 50), st.integers(1, 9))
def test_shards_hold_every_picture_exactly_once(count: int, processes: int) -> None:
    parts = [list(range(count))[shard(count, process, processes)] for process in range(processes)]
    assert [item for part in parts for item in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    with pytest.raises(SettingError, match="no process"):
        shard(count, processes, processes)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_draw_is_as_long_as_it_says_and_decided_by_the_generator(name: str) -> None:
    draw = build_draw(name, labels(), AUS, {})
    assert len(drawn(draw)) == draw.count
    np.testing.assert_array_equal(drawn(draw, 1), drawn(draw, 1))
    assert not np.array_equal(drawn(draw, 1), drawn(draw, 2))
    assert set(drawn(draw).tolist()) <= set(range(600))


def test_balancing_shows_every_au_where_it_is_rare() -> None:
    target = labels()
    found = target[drawn(Balanced(target, 6000))]
    known = ~np.isnan(found)
    rates = (found == 1).sum(0) / known.sum(0)
    before = (target == 1).sum(0) / (~np.isnan(target)).sum(0)
    assert rates[0] > 6 * before[0]
    assert rates[1] > 1.7 * before[1]
    # A sixth of the draws is made for each AU and side, so that is the least anyone gets.
    assert ((found == 1).sum(0) / 6000 >= 1 / 6 - 0.02).all()
    assert ((found == 0).sum(0) / 6000 >= 1 / 6 - 0.02).all()


def test_of_one_au_and_side_none_comes_twice_before_all_came_once() -> None:
    target = np.array([[1.0]] * 3 + [[0.0]] * 40, np.float32)
    counts = np.bincount(drawn(Balanced(target, 40)), minlength=43)
    assert np.ptp(counts[:3]) <= 1
    assert counts[3:].max() <= 1


def test_repeat_factors_are_those_of_the_paper() -> None:
    target = np.zeros((1000, 2), np.float32)
    target[:10, 0] = 1  # base rate 1 %: sqrt(0.1 / 0.01)
    target[5:505, 1] = 1
    draw = Repeated(target, 0.1)
    np.testing.assert_allclose(draw.factors[[0, 7, 20, 900]], [10**0.5, 10**0.5, 1, 1])
    counts = np.mean([np.bincount(drawn(draw, seed), minlength=1000) for seed in range(200)], axis=0)
    np.testing.assert_allclose(counts[:10], 10**0.5, atol=0.12)
    np.testing.assert_allclose(counts[10:], 1, atol=0.05)


@given(st.floats(0.1, 40))
def test_the_ratio_holds_or_all_negatives_are_shown(ratio: float) -> None:
    target = labels()
    items = drawn(Ratio(target, 1, ratio))
    value = target[items, 1]
    positive, negative = int((value == 1).sum()), int((value == 0).sum())
    assert len(set(items.tolist())) == len(items) == positive + negative
    assert positive == (target[:, 1] == 1).sum()
    assert negative == min((target[:, 1] == 0).sum(), round(ratio * positive))


def test_negatives_are_drawn_anew_in_every_epoch() -> None:
    draw = Ratio(labels(), 1, 1.0)
    assert set(drawn(draw, 1).tolist()) != set(drawn(draw, 2).tolist())


def test_what_cannot_be_drawn_is_refused() -> None:
    absent = np.zeros((4, 3), np.float32)
    for name, target, options, sentence in (
        ("mine", labels(), {}, "no sampler 'mine'"),
        ("repeated", labels(), {"t": 1}, "no option 't'"),
        ("ratio", labels(), {"au": 9}, "AU 9"),
        ("ratio", labels(), {"ratio": 0}, "above 0"),
        ("ratio", absent, {}, "never occurs"),
        ("balanced", absent, {}, "nothing to balance"),
        ("repeated", labels(), {"rate": 0}, "is none"),
    ):
        with pytest.raises(SettingError, match=sentence):
            build_draw(name, target, AUS, options)
