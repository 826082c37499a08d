"""No subject stands in two parts; the threshold belongs to the protocol; unknown stays unknown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.data.protocol import base_rates, given_split, intensities, leakage, subject_split, targets
from openau.errors import SettingError, TableError

NAN = float("nan")


def index(subjects: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "dataset": "fake",
            "subject": [str(s) for s in subjects],
            "path": [f"{row}.png" for row in range(len(subjects))],
            "AU01": 0.0,
        }
    )


@given(
    st.lists(st.integers(0, 30), min_size=30, max_size=90),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 5),
)
def test_no_subject_stands_in_two_parts(
    subjects: list[int], validation: float, test: float, seed: int
) -> None:
    table = index([*subjects, *range(100, 110)])
    split = subject_split(table, validation=validation, test=test, seed=seed)
    assert leakage(split)["shared_subjects"] == []
    assert set(split["split"]) == {"train", "validation", "test"}
    assert split.drop(columns="split").equals(table)


def test_the_split_does_not_depend_on_the_order_of_rows() -> None:
    table = index(list(range(50)))
    shuffled = table.sample(frac=1, random_state=1)
    one, two = subject_split(table, seed=3), subject_split(shuffled, seed=3)
    assert one["split"].equals(two["split"].sort_index())
    assert not one["split"].equals(subject_split(table, seed=4)["split"])


def test_the_shares_are_of_subjects() -> None:
    split = subject_split(index([s for s in range(20) for _ in range(1 + s)]), validation=0.1, test=0.2)
    assert leakage(split)["subjects"] == {"train": 14, "validation": 2, "test": 4}


def test_a_subject_of_another_dataset_is_another_subject() -> None:
    table = pd.concat([index([1, 1]), index([1, 1]).assign(dataset="other")], ignore_index=True)
    table["path"] = list("abcd")
    table["split"] = ["train", "train", "test", "test"]
    assert leakage(table)["shared_subjects"] == []


def test_a_leak_is_reported() -> None:
    table = index([1, 1, 2]).assign(split=["train", "test", "train"], path=["a", "b", "a"])
    report = leakage(table)
    assert report["shared_subjects"] == ["fake/1"]
    assert report["pictures"] == {"train": 2, "validation": 0, "test": 1}
    assert leakage(table.assign(path="a"))["shared_pictures"] == ["a"]


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.1)])
def test_shares_that_leave_nothing_are_refused(validation: float, test: float) -> None:
    with pytest.raises(SettingError, match="leave nothing"):
        subject_split(index(list(range(10))), validation=validation, test=test)


def test_too_few_subjects_are_counted() -> None:
    with pytest.raises(SettingError, match="only 2 subjects"):
        subject_split(index([1, 2]))


def test_the_datas_own_split_is_kept_or_refused() -> None:
    table = index([1, 2]).assign(split=["train", "test"])
    assert given_split(table) is table
    with pytest.raises(TableError, match="no column 'split'"):
        given_split(index([1]))
    with pytest.raises(TableError, match="'dev'"):
        given_split(index([1]).assign(split="dev"))


VALUES = pd.DataFrame({"AU01": [0, 1, 1.9, 2, 5, NAN], "AU12": [NAN, 0, 0, 3, 1, 0]})


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


def test_base_rates_count_known_labels_only() -> None:
    found = base_rates(np.array([[1, NAN, 0], [0, NAN, 0], [NAN, NAN, 1], [1, NAN, 0]], np.float32))
    np.testing.assert_allclose(found, [2 / 3, NAN, 1 / 4])
