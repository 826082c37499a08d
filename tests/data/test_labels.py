"""The threshold belongs to the rule; unknown stays unknown; every paper's rule is there, and what corrects
it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.data.labels import (
    LABEL_RULES,
    LabelRule,
    base_rates,
    emotion_targets,
    intensities,
    label_rule,
    rule_targets,
    select_rows,
    targets,
)
from openau.emotion import RULES
from openau.errors import SettingError, TableError
from openau.facs import au_column
from tests.fake.tables import TABLE_4, dem_table

NAN = float("nan")
VALUES = pd.DataFrame({"AU01": [0, 1, 1.9, 2, 5, NAN], "AU12": [NAN, 0, 0, 3, 1, 0]})
# Raw codes 0, 1, 2, 4, 5 and 9, as an index holds them: 9 is unknown, and marked.
BP4D = pd.DataFrame(
    {
        "au_scale": "occurrence",
        "AU12": [0.0, 0, 1, 1, 1, NAN],
        "AU12_intensity": [0.0, 1, 2, 4, 5, NAN],
        "AU12_not_codable": [False, False, False, False, False, True],
    }
)


@pytest.mark.parametrize(
    ("between", "wanted"),
    [
        ("negative", [0, 0, 0, 1, 1, NAN]),
        ("mask", [0, NAN, NAN, 1, 1, NAN]),
        ("soft", [0, 0.25, 0.475, 1, 1, NAN]),
    ],
)
def test_an_intensity_becomes_a_target_by_the_rule(between: str, wanted: list[float]) -> None:
    found = targets(VALUES, (1,), between=between)  # type: ignore[arg-type] # a Literal
    np.testing.assert_allclose(found[:, 0], wanted, rtol=1e-6)


def test_targets_come_in_the_order_asked_for_and_a_missing_au_is_unknown() -> None:
    found = targets(VALUES, (12, 4, 1), threshold=1)
    np.testing.assert_array_equal(found[3], [1, NAN, 1])
    np.testing.assert_array_equal(found[4], [1, NAN, 1])
    assert np.isnan(found[:, 1]).all()
    np.testing.assert_array_equal(intensities(VALUES, (12, 1))[4], [1, 5])


def test_wrong_rules_are_refused() -> None:
    with pytest.raises(SettingError, match="above 0"):
        targets(VALUES, (1,), threshold=0)
    with pytest.raises(SettingError, match="negative, mask or soft"):
        targets(VALUES, (1,), between="drop")  # type: ignore[arg-type] # the mistake under test
    with pytest.raises(TableError, match="none of the AUs 4, 5"):
        targets(VALUES, (4, 5))
    with pytest.raises(SettingError, match="no label rule 'mine'"):
        label_rule("mine")


def test_base_rates_count_known_labels_only() -> None:
    found = base_rates(np.array([[1, NAN, 0], [0, NAN, 0], [NAN, NAN, 1], [1, NAN, 0]], np.float32))
    np.testing.assert_allclose(found, [2 / 3, NAN, 1 / 4])


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("deramgozin2023-bp4d", [0, 0, 0, 0, 1, 1]),  # code 9 as if it were the strongest smile
        ("deramgozin2023-bp4d-corrected", [0, 0, 1, 1, 1, NAN]),
        ("bp4d-12", [0, 0, 1, 1, 1, NAN]),  # the coders' own occurrence
    ],
)
def test_bp4ds_code_nine_is_unknown_unless_the_papers_mistake_is_asked_for(
    rule: str, wanted: list[float]
) -> None:
    np.testing.assert_array_equal(rule_targets(BP4D, LABEL_RULES[rule], (12,))[:, 0], wanted)


def test_the_mistake_cannot_be_repeated_where_the_index_does_not_mark_the_code() -> None:
    with pytest.raises(TableError, match="deramgozin2023-bp4d-corrected"):
        rule_targets(BP4D.drop(columns="AU12_not_codable"), LABEL_RULES["deramgozin2023-bp4d"], (12,))
    with pytest.raises(TableError, match="no intensities"):
        rule_targets(BP4D.drop(columns="AU12_intensity"), LABEL_RULES["deramgozin2023-bp4d"], (12,))


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("deramgozin2023-disfa", [0, 1, 1, 1, 1, NAN]),
        ("deramgozin2023-disfa-corrected", [0, 0, 0, 1, 1, NAN]),
    ],
)
def test_disfas_traces_count_for_one_paper_and_not_for_the_field(rule: str, wanted: list[float]) -> None:
    np.testing.assert_array_equal(rule_targets(VALUES, LABEL_RULES[rule], (1,))[:, 0], wanted)


def test_what_coders_called_an_occurrence_is_one_whatever_the_threshold() -> None:
    table = pd.DataFrame({"AU01": [0.0, 1, NAN], "au_scale": "occurrence"})
    for threshold in (1.0, 2.0, 5.0):
        np.testing.assert_array_equal(targets(table, (1,), threshold=threshold)[:, 0], [0, 1, NAN])


@pytest.mark.parametrize("emotion", list(RULES["deramgozin2023"].emotions))
def test_an_emotions_pattern_stands_in_for_aus(emotion: str) -> None:
    aus = LABEL_RULES["deramgozin2023-rafdb"].aus
    table = pd.DataFrame({"emotion": [emotion.capitalize(), "contempt", None]})
    found = emotion_targets(table, aus)
    active = {au for au, value in zip(aus, found[0], strict=True) if value}
    assert active == RULES["deramgozin2023"].emotions[emotion]
    assert np.isnan(found[1:]).all()


def test_pictures_without_a_pattern_are_left_out_and_counted() -> None:
    table = pd.DataFrame({"emotion": ["anger", "contempt", None, "neutral", "happiness", "not a face"]})
    kept, left_out = select_rows(table, LABEL_RULES["deramgozin2023-fer2013plus"])
    assert kept.index.tolist() == [0, 3, 4]
    assert left_out == {"emotion contempt": 1, "emotion not a face": 1, "no emotion": 1}


def test_emotion_rules_need_emotions_and_wild_sets_have_no_aus_to_correct_them_with() -> None:
    with pytest.raises(TableError, match="no emotions"):
        emotion_targets(VALUES, (1,))
    wild = pd.DataFrame({"emotion": ["anger"]})
    with pytest.raises(TableError, match="none of the AUs"):
        rule_targets(wild, LABEL_RULES[LABEL_RULES["deramgozin2023-rafdb"].corrected_by])


def test_moreno_leaves_out_neutral_pictures_and_its_correction_keeps_them() -> None:
    table = dem_table()
    kept, left_out = select_rows(table, LABEL_RULES["moreno2024"])
    assert (len(table), len(kept), left_out) == (1557, 1272, {"emotion neutral": 285})
    found = rule_targets(kept, LABEL_RULES["moreno2024"], tuple(TABLE_4))
    assert dict(zip(TABLE_4, found.sum(0).astype(int).tolist(), strict=True)) == TABLE_4
    assert len(select_rows(table, LABEL_RULES["moreno2024-corrected"])[0]) == 1557


def test_pictures_without_a_known_occurrence_are_left_out_where_the_rule_says_so() -> None:
    table = pd.DataFrame({"AU01": [0, 1, 2, NAN], "AU12": [0, 0, NAN, NAN]})
    kept, left_out = select_rows(table, LabelRule((1, 12), 2.0, drop_without_au=True))
    assert kept.index.tolist() == [2]
    assert left_out == {"no AU": 3}


def test_frames_that_an_index_marks_are_left_out() -> None:
    table = pd.DataFrame({"AU01": [0.0, 2], "failed_landmarks": [True, False]})
    assert select_rows(table, LABEL_RULES["disfa-8-jaa"])[0].index.tolist() == [1]
    with pytest.raises(TableError, match="failed_landmarks"):
        select_rows(table.drop(columns="failed_landmarks"), LABEL_RULES["disfa-8-jaa"])


def test_every_mistaken_rule_names_a_correction_that_has_none() -> None:
    assert {rule.corrected_by for rule in LABEL_RULES.values()} - {""} <= set(LABEL_RULES)
    for name, rule in LABEL_RULES.items():
        assert rule.reference, name
        assert bool(rule.corrected_by) == bool(rule.note) or name.startswith("wang2019"), name
        if rule.corrected_by:
            assert not LABEL_RULES[rule.corrected_by].corrected_by


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=30),
    st.sampled_from(
        sorted(n for n, r in LABEL_RULES.items() if r.labels_from == "aus" and not r.intensities)
    ),
)
def test_unknown_stays_unknown_and_stronger_is_never_less(values: list[int | None], name: str) -> None:
    rule = LABEL_RULES[name]
    table = pd.DataFrame({au_column(rule.aus[0]): pd.Series(values, dtype=float)})
    found = rule_targets(table, rule)[:, 0]
    raw = table.iloc[:, 0].to_numpy()
    np.testing.assert_array_equal(np.isnan(found), np.isnan(raw))
    order = np.argsort(raw[~np.isnan(raw)], kind="stable")
    assert (np.diff(found[~np.isnan(raw)][order]) >= 0).all()
