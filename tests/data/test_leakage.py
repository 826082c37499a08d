"""What a split shares is found and said; what the four papers' splits share is as large as it must be."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.data.labels import LABEL_RULES, rule_targets, select_rows
from openau.data.leakage import leakage
from openau.data.protocols import build_folds
from tests.fake.tables import TABLE_4, TABLE_5, dem_table, disfa_plus_table, video_table


def rows(*given: tuple[str, str, int, str]) -> pd.DataFrame:
    """Return a table of (subject, path, frame, split)."""
    table = pd.DataFrame(given, columns=["subject", "path", "frame", "split"])
    return table.assign(dataset="fake", sequence=table["subject"])


def test_a_shared_person_and_a_shared_picture_are_named() -> None:
    report = leakage(
        rows(("1", "a", 0, "train"), ("1", "b", 50, "test"), ("2", "a", 0, "test"), ("3", "c", 0, "test"))
    )
    assert report.shared_subjects == ["fake/1"]
    assert report.shared_pictures == ["a"]
    assert report.pictures == {"train": 1, "validation": 0, "test": 3}
    assert report.test.people == pytest.approx(1 / 3)
    assert report.test.pictures_of_known_people == pytest.approx(1 / 3)
    assert report.test.copies == pytest.approx(1 / 3)
    assert not report.is_clean


def test_a_subject_of_another_dataset_is_another_person_unless_they_are_one_family() -> None:
    table = rows(("SN001", "a", 0, "train"), ("SN001", "b", 0, "test"))
    for one, other, shared in (("fake", "other", []), ("disfa", "disfa_plus", ["disfa/SN001"])):
        assert leakage(table.assign(dataset=[one, other])).shared_subjects == shared
    named = table.assign(dataset=["fake", "other"], person=["the same", "the same"])
    assert leakage(named).shared_subjects == ["the same"]


def test_neighbours_are_training_frames_of_the_same_sequence() -> None:
    table = rows(
        ("1", "a", 10, "train"), ("1", "b", 11, "test"), ("1", "c", 15, "test"), ("1", "d", 16, "test"),
        ("2", "e", 10, "test"), ("1", "f", 14, "validation"),
    )  # fmt: skip
    report = leakage(table)
    assert report.test.neighbours == {1: 0.25, 5: 0.5}
    assert report.validation.neighbours == {1: 0.0, 5: 1.0}


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"), st.integers(0, 12), st.sampled_from(["train", "validation", "test"])
        ),
        min_size=1,
        max_size=40,
    )
)
def test_the_shares_are_those_of_counting_by_hand(given_rows: list[tuple[str, int, str]]) -> None:
    report = leakage(
        rows(*((subject, f"{subject}{frame}", frame, part) for subject, frame, part in given_rows))
    )
    training = [(subject, frame) for subject, frame, part in given_rows if part == "train"]
    for name, found in (("test", report.test), ("validation", report.validation)):
        here = [(subject, frame) for subject, frame, part in given_rows if part == name]
        if not here:
            assert np.isnan(found.copies)
            continue
        for k, share in found.neighbours.items():
            near = [any(s == t and 0 < abs(f - g) <= k for t, g in training) for s, f in here]
            assert share == pytest.approx(np.mean(near))
        assert found.copies == pytest.approx(np.mean([row in training for row in here]))
        people = {subject for subject, _ in training}
        assert found.pictures_of_known_people == pytest.approx(np.mean([s in people for s, _ in here]))


def test_a_clean_split_has_no_banner_and_a_leaky_one_shouts_first() -> None:
    clean = leakage(rows(("1", "a", 0, "train"), ("2", "b", 0, "test")))
    assert clean.is_clean
    assert clean.banner == ""
    assert clean.lines()[0].startswith("Split: train 1 pictures of 1 people")
    leaky = leakage(rows(("1", "a", 0, "train"), ("1", "b", 1, "test")))
    assert leaky.lines()[0].startswith("*** LEAKY SPLIT: 100.0 % of the test pictures show a person whom")
    assert "next to a training frame" in leaky.banner


def test_people_without_a_name_are_no_clean_split() -> None:
    table = rows(("1", "a", 0, "train"), ("2", "b", 0, "test"))
    report = leakage(table.assign(subject="", sequence=["1", "2"]))
    assert not report.is_clean
    assert report.banner.startswith("UNKNOWN PEOPLE: for 100.0 % of the test pictures")
    assert np.isnan(report.test.people)


def test_where_nothing_tests_the_validation_part_is_judged() -> None:
    report = leakage(rows(("1", "a", 0, "train"), ("1", "b", 9, "validation")))
    assert report.judged[0] == "validation"
    assert "validation pictures" in report.banner


def test_the_record_is_plain_and_says_none_for_what_is_unknown() -> None:
    report = leakage(rows(("1", "a", 0, "train"), ("1", "b", 1, "test")))
    found = json.loads(json.dumps(report.record(), allow_nan=False))
    assert found["test"]["neighbours"] == {"1": 1.0, "5": 1.0}
    assert found["validation"]["people"] is None
    assert found["clean"] is False
    assert found["banner"] == report.banner


def test_morenos_random_split_shows_nearly_everybody_to_training() -> None:
    shares = []
    for seed in range(15):
        table, _ = select_rows(dem_table(seed), LABEL_RULES["moreno2024"])
        report = leakage(build_folds("moreno2024", table, seed=seed).split())
        assert report.pictures == {"train": 890, "validation": 127, "test": 255}
        assert report.test.copies == 0
        assert "LEAKY SPLIT" in report.banner
        shares.append(report.test.pictures_of_known_people)
    assert 0.97 <= np.median(shares) <= 0.99
    assert min(shares) > 0.94


def test_copying_before_the_split_gives_the_counts_of_table_5_and_shows_the_copies() -> None:
    table, _ = select_rows(dem_table(), LABEL_RULES["moreno2024"])
    before = rule_targets(table, LABEL_RULES["moreno2024"], tuple(TABLE_4)).sum(0).astype(int)
    assert before.tolist() == list(TABLE_4.values())
    split = build_folds("moreno2024-augment-first", table, seed=0).split()
    after = rule_targets(split, LABEL_RULES["moreno2024"], tuple(TABLE_5)).sum(0).astype(int)
    assert after.tolist() == list(TABLE_5.values())
    report = leakage(split)
    test = split[split["split"] == "test"]
    trained = set(split["path"][split["split"] == "train"])
    rare = (test["AU20"] >= 2) | (test["AU17"] >= 2)
    assert test["path"][rare].isin(trained).all()  # 11 versions of a photograph, dealt out 70/10/20
    assert report.test.copies == pytest.approx(float(rare.mean()))
    assert report.test.copies > 0.25
    assert 20 <= (test["AU20"] >= 2).sum() <= 45  # the paper has 32, of 14 photographs
    assert "copies of a training photograph" in report.banner


def test_splitting_first_leaves_no_copies_outside_training_and_by_subject_nobody_either() -> None:
    table, _ = select_rows(dem_table(), LABEL_RULES["moreno2024"])
    report = leakage(build_folds("moreno2024-split-first", table).split())
    assert report.copies["train"] > 300
    assert (report.copies["test"], report.copies["validation"], report.test.copies) == (0, 0, 0)
    assert report.test.pictures_of_known_people > 0.96
    honest = leakage(build_folds("moreno2024-subject", table).split())
    assert honest.is_clean
    assert honest.copies["train"] > 300


def test_of_nine_people_on_video_a_random_split_hides_nobody_and_hardly_a_frame() -> None:
    # A test frame has no training frame within k on either side with probability 0.3 ** (2 k).
    table = disfa_plus_table(200)
    report = leakage(build_folds("moreno2024", table).split())
    assert report.test.people == 1
    assert report.test.pictures_of_known_people == 1
    assert report.test.neighbours[1] == pytest.approx(1 - 0.3**2, abs=0.03)
    assert report.test.neighbours[5] > 0.999


def test_deramgozins_eighty_twenty_leaks_more_still() -> None:
    report = leakage(build_folds("deramgozin2023", video_table(4, 500)).split())
    assert report.pictures == {"train": 1600, "validation": 0, "test": 400}
    assert report.test.neighbours[1] == pytest.approx(1 - 0.2**2, abs=0.03)
