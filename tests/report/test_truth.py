"""Found against true: the ROC AUC is the field's own, and what cannot be judged is not."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from openau.errors import TableError
from openau.report.truth import Truth, area_under_roc


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=60))
def test_the_area_equals_scikit_learns_with_ties(pairs: list[tuple[bool, int]]) -> None:
    present = np.array([p for p, _ in pairs])
    value = np.array([v / 5 for _, v in pairs])
    area = area_under_roc(value[present], value[~present])
    if present.all() or not present.any():
        assert area is None
    else:
        assert area == pytest.approx(roc_auc_score(present, value))


def truth_of(values: list[float], au: str = "AU12") -> Truth:
    table = pd.DataFrame({"frame": range(len(values)), au: values})
    return Truth.from_table(table, (12, 25), 5.0, 2.0)


def test_frames_without_a_face_are_left_out_and_counted() -> None:
    truth = truth_of([0, 0, 5, 5])
    for frame, value in enumerate((0.1, None, 0.9, None)):
        found = None if value is None else np.array([value, 0.5], np.float32)
        truth.see("clip.mp4", frame, frame / 30, found)
    assert truth.rows()[0] == (2, 1, 1, 1.0)


def test_an_au_without_truth_is_not_judged() -> None:
    truth = truth_of([0, 5])
    truth.see("clip.mp4", 0, 0.0, np.array([0.5, 0.5], np.float32))
    assert truth.rows()[1] == (0, 0, 0, None)


def test_other_sources_and_frames_without_truth_change_nothing() -> None:
    truth = truth_of([0, 5])
    truth.see("clip.mp4", 0, 0.0, np.array([0.5, 0.5], np.float32))
    truth.see("other.mp4", 1, 0.1, np.array([0.9, 0.9], np.float32))
    truth.see("clip.mp4", 99, 3.0, np.array([0.9, 0.9], np.float32))
    assert truth.rows()[0][0] == 1


def test_truth_survives_json() -> None:
    truth = truth_of([0, np.nan, 5], "AU25_t")
    truth.see("clip.mp4", 2, 0.1, np.array([0.25, 0.75], np.float32))
    again = Truth.from_state(json.loads(json.dumps(truth.state())))
    assert again.rows() == truth.rows()
    assert again.source == "clip.mp4"
    assert np.array_equal(again.value, truth.value, equal_nan=True)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"AU12": [1.0]}, "no column 'frame'"),
        ({"frame": [0], "AU99x": [1.0]}, "none of the model's AUs"),
        ({"frame": [3, 3], "AU12": [1.0, 2.0]}, "twice"),
    ],
)
def test_a_truth_table_that_cannot_be_used_is_refused(table: dict[str, list[float]], sentence: str) -> None:
    with pytest.raises(TableError, match=sentence):
        Truth.from_table(pd.DataFrame(table), (12,), 5.0, 2.0)
