"""Stretched intensities agree with the truth at least as well as told ones; known lines are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy.stats import pearsonr

from openau.errors import SettingError
from openau.evaluate.intensity import icc, intensity_sums
from openau.evaluate.stretch import Stretch, best_stretch
from openau.records import Floats


def agreement(truth: ArrayLike, predicted: ArrayLike) -> float:
    return float(icc(intensity_sums(truth, predicted)))


def faces(seed: int, count: int = 400) -> tuple[Floats, Floats]:
    """True intensities, most of them 0, and what an unsure network makes of them."""
    chance = np.random.default_rng(seed)
    truth = np.where(chance.random(count) < 0.3, chance.uniform(0.5, 5, count), 0)
    told = np.clip(0.3 + 0.5 * truth + chance.normal(0, 0.5, count), 0, 5)
    return truth.astype(np.float32), told.astype(np.float32)


def test_a_line_that_was_laid_over_the_truth_is_taken_off() -> None:
    truth = np.linspace(0, 5, 101)
    assert best_stretch(truth, 0.5 + truth / 2) == pytest.approx((2.0, 0.5))


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_a_stretch_agrees_at_least_as_well_where_it_was_chosen(seed: int) -> None:
    truth, told = faces(seed, 60)
    assert agreement(truth, best_stretch(truth, told)(told)) >= agreement(truth, told) - 1e-12


def test_what_an_unsure_network_tells_is_stretched_to_its_correlation_with_the_truth() -> None:
    truth, told = faces(0)
    stretch = best_stretch(truth, told)
    others, said = faces(1)
    correlation = pearsonr(others, said).statistic
    assert agreement(others, said) < correlation - 0.05
    assert agreement(others, stretch(said)) > correlation - 0.02


def test_stretched_intensities_keep_their_order_and_their_range() -> None:
    told = np.linspace(0, 5, 50)
    found = Stretch(1.5, 0.4)(told)
    assert (np.diff(found) >= 0).all()
    assert (found.min(), found.max()) == (0, 5)
    assert Stretch(1.5, 0.4)([1.4, np.nan])[0] == pytest.approx(1.5)
    assert np.isnan(Stretch(1.5, 0.4)([np.nan])).all()


@pytest.mark.parametrize("truth", [[np.nan, np.nan, np.nan], [0, 0, 0]])
def test_nothing_is_stretched_by_a_truth_that_says_nothing(truth: list[float]) -> None:
    assert best_stretch(truth, [0.1, 0.4, 2.0]) == Stretch(1.0, 0.0)


def test_unknown_truth_does_not_count() -> None:
    truth, told = faces(3)
    more = np.append(truth, [np.nan] * 50), np.append(told, [5.0] * 50)
    assert best_stretch(*more) == best_stretch(truth, told)


def test_a_truth_for_each_prediction_is_asked_for() -> None:
    with pytest.raises(SettingError, match="give one each"):
        best_stretch([0, 1], [0.2])
