"""Metrics equal scikit-learn's where those are defined, and are NaN, never 0, where they are not."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics

from openau.errors import SettingError, TableError
from openau.evaluate import best_threshold, confusion, evaluate, predicted_aus, roc_auc
from openau.evaluate import f1_score as f1_of_counts

NAN = float("nan")
Cells = list[tuple[float, float]]
CELLS = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])), min_size=1
)


def f1_score(truth: ArrayLike, score: ArrayLike, threshold: float = 0.5) -> float:
    return float(f1_of_counts(confusion(truth, score, threshold)))


def columns(cells: Cells) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    table = np.array(cells)
    return table[:, 0], table[:, 1]


def test_the_area_counts_won_pairs_and_half_of_ties() -> None:
    # Pairs (positive, negative): .9>.5, .9>.2, .5=.5 (half), .5>.2 -> 3.5 of 4.
    assert roc_auc([1, 1, 0, 0], [0.9, 0.5, 0.5, 0.2]) == pytest.approx(3.5 / 4)


@given(CELLS)
def test_the_area_equals_scikit_learns(cells: Cells) -> None:
    truth, score = columns(cells)
    if len(set(truth)) < 2:
        assert np.isnan(roc_auc(truth, score))
    else:
        assert roc_auc(truth, score) == pytest.approx(metrics.roc_auc_score(truth, score))


@given(CELLS, st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_f1_equals_scikit_learns(cells: Cells, threshold: float) -> None:
    truth, score = columns(cells)
    predicted = score >= threshold
    if not truth.any() and not predicted.any():
        assert np.isnan(f1_score(truth, score, threshold))
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = metrics.f1_score(truth, predicted, zero_division=0)
    assert f1_score(truth, score, threshold) == pytest.approx(known)


@given(CELLS)
def test_turning_the_scores_around_turns_the_area_around(cells: Cells) -> None:
    truth, score = columns(cells)
    if len(set(truth)) == 2:
        assert roc_auc(truth, score) + roc_auc(truth, -score) == pytest.approx(1)
        assert roc_auc(truth, np.exp(3 * score)) == pytest.approx(roc_auc(truth, score))


@given(CELLS, st.lists(st.sampled_from([0.0, 0.7, 1.0, NAN]), max_size=5))
def test_unknown_truths_and_missing_probabilities_change_nothing(cells: Cells, extra: list[float]) -> None:
    truth, score = columns(cells)
    more_truth = np.append(truth, [NAN] * len(extra) + [1.0])
    more_score = np.append(score, [*extra, NAN])
    np.testing.assert_equal(roc_auc(more_truth, more_score), roc_auc(truth, score))
    np.testing.assert_equal(f1_score(more_truth, more_score), f1_score(truth, score))
    assert best_threshold(more_truth, more_score) == best_threshold(truth, score)


@given(CELLS)
def test_no_other_threshold_has_a_larger_f1(cells: Cells) -> None:
    truth, score = columns(cells)
    if len(set(truth)) == 2:
        best = f1_score(truth, score, best_threshold(truth, score))
        assert best == pytest.approx(max(f1_score(truth, score, t) for t in set(score)))


@given(CELLS)
def test_no_other_threshold_has_a_larger_f_of_a_half(cells: Cells) -> None:
    truth, score = columns(cells)
    if len(set(truth)) == 2:
        found = best_threshold(truth, score, "f0.5")
        wanted = max(metrics.fbeta_score(truth, score >= t, beta=0.5, zero_division=0) for t in set(score))
        assert metrics.fbeta_score(truth, score >= found, beta=0.5, zero_division=0) == pytest.approx(wanted)


@given(CELLS)
def test_a_careful_threshold_takes_f1_where_it_reaches_six_tenths_and_else_precision(cells: Cells) -> None:
    truth, score = columns(cells)
    if len(set(truth)) == 2:
        plain = best_threshold(truth, score)
        well_read = f1_score(truth, score, plain) >= 0.6
        wanted = plain if well_read else best_threshold(truth, score, "f0.5")
        assert best_threshold(truth, score, "careful") == wanted


@given(CELLS)
def test_no_other_threshold_has_a_larger_youden_index(cells: Cells) -> None:
    truth, score = columns(cells)
    if len(set(truth)) < 2:
        return

    def youden(threshold: float) -> float:
        predicted = score >= threshold
        return float(predicted[truth == 1].mean() - predicted[truth == 0].mean())

    found = youden(best_threshold(truth, score, "youden"))
    assert found == pytest.approx(max(youden(t) for t in set(score)))


def test_the_threshold_lies_half_way_between_two_pictures() -> None:
    assert best_threshold([1, 1, 0, 0], [0.9, 0.7, 0.3, 0.1]) == pytest.approx(0.5)


def test_the_threshold_is_the_lowest_picture_where_everything_counts() -> None:
    assert best_threshold([0, 1], [0.8, 0.6]) == pytest.approx(0.6)


def test_without_both_answers_the_threshold_is_one_half() -> None:
    assert best_threshold([1, 1], [0.1, 0.2]) == 0.5
    assert best_threshold([], []) == 0.5


def predictions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": list("abcd"),
            "AU12_t": [1, 1, 0, 0],
            "AU12_p": [0.9, 0.5, 0.5, 0.2],
            "AU01_t": [0.0, NAN, 0, 0],
            "AU01_p": [0.1, 0.9, 0.2, 0.3],
            "AU04_t": [0, 1, 0, 1],
        }
    )


def test_a_table_is_judged_au_by_au() -> None:
    assert predicted_aus(predictions()) == (1, 12)
    unknown, smile = evaluate(predictions(), thresholds=[0.5, 0.8]).to_dict("records")
    wanted = {"au": 12, "auc": 0.875, "f1": 2 / 3, "threshold": 0.8, "count": 4, "positives": 2}
    assert {name: smile[name] for name in wanted} == pytest.approx(wanted)
    assert np.isnan(unknown["auc"])
    assert np.isnan(unknown["f1"])
    assert (unknown["au"], unknown["count"], unknown["positives"]) == (1, 3, 0)


def test_the_aus_come_in_the_order_asked_for() -> None:
    assert evaluate(predictions(), aus=(12, 1))["au"].tolist() == [12, 1]


def test_what_is_missing_is_named() -> None:
    with pytest.raises(TableError, match="AU04_p"):
        evaluate(predictions(), aus=(4,))
    with pytest.raises(TableError, match="no AU"):
        predicted_aus(pd.DataFrame({"sample": []}))
    with pytest.raises(SettingError, match="one per AU"):
        evaluate(predictions(), thresholds=[0.5])
    with pytest.raises(SettingError, match="one each"):
        roc_auc([1, 0], [0.5])
    with pytest.raises(SettingError, match="youden"):
        best_threshold([1, 0], [0.5, 0.1], "accuracy")  # type: ignore[arg-type] # the mistake under test
