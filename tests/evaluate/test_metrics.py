"""Every metric equals scikit-learn's where that defines it, and is NaN, never 0, where nothing does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import calibration, metrics

from openau.errors import SettingError
from openau.evaluate import (
    accuracy,
    average_precision,
    brier_score,
    calibration_error,
    confusion,
    matthews,
    precision,
    recall,
    reliability,
    specificity,
)
from openau.evaluate.intensity import (
    icc,
    intensity_sums,
    mean_absolute_error,
    pearson,
    root_mean_square_error,
)
from openau.evaluate.ranking import Ranking

NAN = float("nan")
Cells = list[tuple[float, float]]
CELLS = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])), min_size=1
)
GRADES = st.lists(st.tuples(st.integers(0, 5), st.floats(0, 5, width=16)), min_size=3, max_size=30)


def columns(cells: Cells) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    table = np.array(cells, float)
    return table[:, 0], table[:, 1]


@given(CELLS)
def test_average_precision_equals_scikit_learns(cells: Cells) -> None:
    truth, score = columns(cells)
    found = average_precision(truth, score)
    if truth.any():
        assert found == pytest.approx(metrics.average_precision_score(truth, score))
    else:
        assert np.isnan(found)


@given(CELLS, st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_rates_equal_scikit_learns_where_they_are_defined(cells: Cells, threshold: float) -> None:
    truth, score = columns(cells)
    said, counts = score >= threshold, confusion(truth, score, threshold)
    true = truth == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = metrics.confusion_matrix(true, said, labels=[False, True])
        known = {
            precision: (metrics.precision_score(true, said, zero_division=0), said.any()),
            recall: (metrics.recall_score(true, said, zero_division=0), true.any()),
            specificity: (metrics.recall_score(~true, ~said, zero_division=0), (~true).any()),
            accuracy: (metrics.accuracy_score(true, said), True),
            matthews: (
                metrics.matthews_corrcoef(true, said),
                said.any() and not said.all() and 0 < true.sum() < len(true),
            ),
        }
    assert counts.tolist() == [table[1, 1], table[0, 1], table[1, 0], table[0, 0]]
    for rate, (value, is_defined) in known.items():
        found = float(rate(counts))
        assert found == pytest.approx(value) if is_defined else np.isnan(found), rate.__name__


def test_accuracy_is_the_micro_averaged_f1_of_both_classes() -> None:
    truth, score = np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.2, 0.8, 0.1, 0.3])
    micro = metrics.f1_score(truth, score >= 0.5, average="micro")
    assert float(accuracy(confusion(truth, score))) == pytest.approx(micro)


@given(CELLS, st.data())
def test_a_weighted_area_is_the_area_of_the_repeated_table(cells: Cells, data: st.DataObject) -> None:
    truth, score = columns(cells)
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(cells), max_size=len(cells))))
    ranking, repeated = Ranking(truth, score), Ranking(np.repeat(truth, times), np.repeat(score, times))
    both = np.stack([times, np.ones_like(times)]).astype(float)
    np.testing.assert_allclose(ranking.roc_auc(both), [repeated.roc_auc(), ranking.roc_auc()])
    np.testing.assert_allclose(
        ranking.average_precision(both), [repeated.average_precision(), ranking.average_precision()]
    )


def test_an_empty_ranking_is_not_defined() -> None:
    empty = Ranking([NAN], [0.5])
    assert np.isnan(empty.roc_auc())
    assert np.isnan(empty.average_precision(np.ones((3, 1)))).tolist() == [True] * 3


def slow_icc(truth: NDArray[np.float64], said: NDArray[np.float64]) -> float:
    """ICC(3,1) by Shrout and Fleiss' analysis of variance: two raters, n targets."""
    table = np.stack([truth, said], axis=1)
    n, k = table.shape
    rows = k * ((table.mean(1) - table.mean()) ** 2).sum() / (n - 1)
    rest = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    return float((rows - error) / (rows + (k - 1) * error))


@given(GRADES)
def test_intensity_errors_equal_their_definitions(cells: list[tuple[int, float]]) -> None:
    truth, said = columns([(float(t), float(r)) for t, r in cells])
    sums = intensity_sums(truth, said)
    assert float(root_mean_square_error(sums)) == pytest.approx(
        np.sqrt(((truth - said) ** 2).mean()), abs=1e-6
    )
    assert float(mean_absolute_error(sums)) == pytest.approx(np.abs(truth - said).mean())
    if truth.std() > 1e-3 or said.std() > 1e-3:
        assert float(icc(sums)) == pytest.approx(slow_icc(truth, said), abs=1e-6)
    if truth.std() > 1e-3 and said.std() > 1e-3:
        assert float(pearson(sums)) == pytest.approx(np.corrcoef(truth, said)[0, 1], abs=1e-6)


def test_a_constant_prediction_has_no_correlation() -> None:
    assert np.isnan(pearson(intensity_sums([0, 1, 2], [1, 1, 1])))
    assert np.isnan(icc(intensity_sums([1, 1, 1], [1, 1, 1])))
    assert float(icc(intensity_sums([0, 1, 2, NAN], [1, 2, 3, 0]))) == pytest.approx(1)  # only shifted
    with pytest.raises(SettingError, match="one each"):
        intensity_sums([1], [1, 2])


@given(CELLS)
def test_calibration_equals_scikit_learns(cells: Cells) -> None:
    truth, score = columns(cells)
    table = reliability(truth, score)
    assert table["count"].sum() == len(truth)
    assert brier_score(truth, score) == pytest.approx(((truth - score) ** 2).mean())
    if len(set(truth)) == 2:
        occurrence, said = calibration.calibration_curve(truth, score, n_bins=10)
        used = table[table["count"] > 0]
        # scikit-learn closes its bins on the right, ours on the left: compare the whole where no edge is hit.
        if not {0.1, 0.5, 0.9} & set(score):
            np.testing.assert_allclose(used["occurrence"], occurrence)
            np.testing.assert_allclose(used["mean_probability"], said)
    used = table[table["count"] > 0]
    by_hand = float(((used["occurrence"] - used["mean_probability"]).abs() * used["count"]).sum())
    assert calibration_error(truth, score) == pytest.approx(by_hand / len(truth))


def test_probabilities_of_nothing_have_no_calibration() -> None:
    assert np.isnan(brier_score([NAN], [0.5]))
    assert np.isnan(calibration_error([], []))
    with pytest.raises(SettingError, match="at least 1"):
        reliability([1], [0.5], bins=0)
