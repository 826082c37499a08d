"""Copies make rare AUs less rare, in training only; a mirror image has its sides exchanged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.data.protocols import build_folds
from openau.data.protocols.copies import filled_up, mirror_rows, multiplied, with_copies
from openau.data.protocols.folds import TEST, TRAIN
from openau.errors import SettingError
from tests.fake.tables import video_table


def test_copies_are_numbered_and_keep_their_rows_label() -> None:
    table = pd.DataFrame({"AU20": [0.0, 2.0, 3.0]}, index=[5, 6, 7])
    found = with_copies(table, multiplied(table, (20,), 2, threshold=2))
    assert found.index.tolist() == [5, 6, 7, 6, 6, 7, 7]
    assert found["copy"].tolist() == [0, 0, 0, 1, 2, 1, 2]
    assert found["AU20"].tolist() == [0, 2, 3, 2, 2, 3, 3]


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40),
    st.integers(0, 60),
    st.integers(0, 10),
)
def test_every_au_reaches_its_target_or_every_picture_its_limit(
    shown: list[tuple[bool, bool]], wanted: int, limit: int
) -> None:
    table = pd.DataFrame(np.array(shown) * 3.0, columns=["AU01", "AU20"])
    parts = np.where(np.arange(len(table)) % 4 == 3, TEST, TRAIN).astype(np.int8)
    copies = filled_up(table, parts, {1: wanted, 20: wanted}, limit=limit)
    assert (copies[parts == TEST] == 0).all()
    assert (copies <= limit).all()
    for au in ("AU01", "AU20"):
        rows = (table[au] >= 2).to_numpy() & (parts == TRAIN)
        assert (1 + copies[rows]).sum() >= wanted or (copies[rows] == limit).all()


def test_nothing_is_copied_that_is_frequent_enough() -> None:
    table = video_table(20, 30)
    parts = np.zeros(len(table), np.int8)
    assert filled_up(table, parts, {1: 1, 4: 1}).sum() == 0
    with pytest.raises(SettingError, match="not be negative"):
        filled_up(table, parts, {1: 1}, limit=-1)


def test_the_minority_protocol_copies_training_pictures_until_each_au_has_so_many() -> None:
    table = video_table(20, 30)
    split = build_folds("minority", table, wanted=300, limit=30).split()
    assert set(split["split"][split["copy"] > 0]) == {"train"}
    training = split[split["split"] == "train"]
    assert all((training[au] >= 2).sum() >= 300 for au in ("AU01", "AU04", "AU12"))


def test_mirroring_exchanges_sides_and_doing_it_twice_changes_nothing() -> None:
    table = pd.DataFrame({"AU01": [1.0], "AU12_left": [2.0], "AU12_right": [0.0], "AU14_left": [3.0]})
    once = mirror_rows(table)
    assert once["AU12_left"].tolist() == [0.0]
    assert once["AU12_right"].tolist() == [2.0]
    assert once["AU14_right"].tolist() == [3.0]
    assert once["AU01"].tolist() == [1.0]
    assert once["mirrored"].tolist() == [True]
    twice = mirror_rows(once)
    assert twice["mirrored"].tolist() == [False]
    pd.testing.assert_frame_equal(twice[table.columns], table)
