"""Folds are fair or say that they are not: nobody in two parts, every row once, the same for the same
seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold

from openau.data.leakage import leakage
from openau.data.people import people
from openau.data.protocols import PROTOCOLS, TWINS, Folds, build_folds, subject_split
from openau.data.protocols.folds import OUT, TEST, TRAIN, hold_out
from openau.data.protocols.honest import evened_out, stratified_groups
from openau.data.protocols.lists import FOLD_LISTS
from openau.errors import InputError, SettingError, TableError
from tests.fake.tables import dem_table, disfa_plus_table, video_table

SUBJECT_EXCLUSIVE = (
    "subject",
    "loso",
    "group-kfold",
    "minority",
    "moreno2024-subject",
    "deramgozin2023-subject",
    "wang2019-subject",
)
BY_PICTURE = (
    "moreno2024",
    "moreno2024-augment-first",
    "moreno2024-split-first",
    "deramgozin2023",
    "wang2019",
)


def index(subjects: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "dataset": "fake",
            "subject": [str(s) for s in subjects],
            "sequence": "1",
            "frame": range(len(subjects)),
            "path": [f"{row}.png" for row in range(len(subjects))],
            "AU01": [float(row % 3) for row in range(len(subjects))],
        }
    )


def listed(dataset: str) -> list[str]:
    return [subject for part in FOLD_LISTS[dataset].values() for subject in part]


def table_for(name: str) -> pd.DataFrame:
    """Return a table that a protocol accepts."""
    if name == "fold-lists":
        return video_table(frames=8, dataset="disfa", names=listed("disfa"))
    if name == "fera2015":
        return video_table(frames=8, dataset="bp4d", names=listed("bp4d"))
    if name == "cross-dataset":
        return pd.concat(
            [video_table(dataset="one"), video_table(dataset="two", seed=1, names=["A", "B", "C"])],
            ignore_index=True,
        )
    if name.startswith("moreno2024"):
        return dem_table()
    table = video_table(12, 30)
    table["split"] = np.where(np.arange(len(table)) % 5 == 0, "test", "train")
    return table


@pytest.mark.parametrize("name", list(PROTOCOLS))
def test_every_protocol_deals_out_every_row_it_keeps_and_changes_no_label(name: str) -> None:
    table = table_for(name)
    folds = build_folds(name, table)
    assert folds.protocol == name
    for fold in range(len(folds)):
        split = folds.split(fold)
        assert {"train", "test"} <= set(split["split"]) <= {"train", "validation", "test"}
        originals = split[(split["copy"] == 0) if "copy" in split else slice(None)]
        assert originals.index.is_unique
        wanted = table.loc[originals.index].drop(columns="split", errors="ignore")
        pd.testing.assert_frame_equal(originals[wanted.columns], wanted)


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name not in ("given", "masur2023")])
def test_the_same_seed_gives_the_same_folds_whatever_the_rows_order(name: str) -> None:
    table = table_for(name)
    shuffled = table.sample(frac=1, random_state=1)
    one, two = build_folds(name, table, seed=3), build_folds(name, shuffled, seed=3)
    for fold in range(len(one)):
        pd.testing.assert_series_equal(_named(one.split(fold)), _named(two.split(fold)))


def _named(split: pd.DataFrame) -> pd.Series:
    return split.assign(copy=split.get("copy", 0)).set_index(["path", "copy"])["split"].sort_index()


@pytest.mark.parametrize("name", [*SUBJECT_EXCLUSIVE, *BY_PICTURE])
def test_another_seed_gives_other_folds(name: str) -> None:
    table = table_for(name)
    one, two = build_folds(name, table, seed=1), build_folds(name, table, seed=2)
    assert not all(_named(one.split(f)).equals(_named(two.split(f))) for f in range(len(one)))


@settings(max_examples=25)
@given(
    st.sampled_from(SUBJECT_EXCLUSIVE),
    st.lists(st.integers(0, 30), min_size=30, max_size=80),
    st.integers(0, 5),
)
def test_nobody_stands_in_two_parts_of_an_honest_protocol(name: str, subjects: list[int], seed: int) -> None:
    table = index([*subjects, *range(100, 112)]).assign(AU17=0.0, AU20=2.0)
    folds = build_folds(name, table, seed=seed)
    for fold in range(len(folds)):
        report = leakage(folds.split(fold))
        assert report.shared_subjects == []
        assert report.shared_pictures == []
        assert report.is_clean


@settings(max_examples=25)
@given(st.sampled_from(("loso", "group-kfold")), st.lists(st.integers(0, 12), min_size=20, max_size=60))
def test_every_row_is_tested_exactly_once_over_the_folds(name: str, subjects: list[int]) -> None:
    folds = build_folds(name, index([*subjects, *range(20, 26)]))
    assert ((folds.parts == TEST).sum(0) == 1).all()
    assert not (folds.parts == OUT).any()


def test_leaving_one_subject_out_is_scikit_learns() -> None:
    table = video_table(5, 7)
    folds = build_folds("loso", table, validation=0)
    wanted = LeaveOneGroupOut().split(table, groups=table["subject"])
    for codes, (train, test) in zip(folds.parts, wanted, strict=True):
        np.testing.assert_array_equal(np.flatnonzero(codes == TRAIN), train)
        np.testing.assert_array_equal(np.flatnonzero(codes == TEST), test)


@settings(max_examples=20)
@given(st.integers(12, 40), st.integers(2, 5), st.integers(0, 1000))
def test_with_one_label_stratified_groups_are_scikit_learns(groups: int, k: int, seed: int) -> None:
    # Groups all differently uneven, so that the order in which they are dealt out does not hang on ties.
    random = np.random.default_rng(seed)
    size = random.permutation(np.arange(20, 20 + 3 * groups, 3))
    positive = np.array([random.integers(0, count // 3) for count in size])
    uneven = np.abs(size - 2 * positive)
    keep = np.unique(uneven, return_index=True)[1]
    group = np.repeat(np.arange(len(keep)), size[keep])
    label = np.concatenate([np.arange(s) < p for s, p in zip(size[keep], positive[keep], strict=True)])
    counts = np.stack([size[keep] - positive[keep], positive[keep]], 1).astype(float)
    found = stratified_groups(counts, k, 0)
    for part, (_, test) in enumerate(StratifiedGroupKFold(k).split(label, label, group)):
        assert set(group[test].tolist()) == set(np.flatnonzero(found == part).tolist())


def test_stratified_folds_have_more_even_base_rates_than_random_ones() -> None:
    table = video_table(40, 25, seed=4)
    truth = table[["AU01", "AU04", "AU12"]].to_numpy() >= 2

    def unevenness(parts: np.ndarray) -> float:
        return float(np.std([truth[codes == TEST].mean(0) for codes in parts], axis=0).mean())

    found = unevenness(build_folds("group-kfold", table, seed=0).parts)
    names = people(table).to_numpy(str)
    drawn = []
    for seed in range(20):
        which = dict(zip(np.unique(names), np.random.default_rng(seed).integers(0, 5, 40), strict=True))
        part = np.array([which[name] for name in names])
        drawn.append(unevenness(np.where(part == np.arange(5)[:, None], TEST, TRAIN)))
    assert found < 0.5 * np.median(drawn)
    assert found < min(drawn)


@settings(max_examples=20)
@given(st.integers(2, 30), st.integers(2, 5), st.integers(0, 1000))
def test_exchanging_groups_never_makes_parts_less_even_nor_changes_their_number_of_groups(
    groups: int, k: int, seed: int
) -> None:
    counts = np.random.default_rng(seed).integers(0, 50, (groups, 6)).astype(float)
    before = stratified_groups(counts, min(k, groups), seed)
    after = evened_out(counts, before, min(k, groups))

    def unevenness(parts: np.ndarray) -> float:
        share = counts / np.maximum(counts.sum(0), 1)
        return float(np.stack([share[parts == part].sum(0) for part in range(min(k, groups))]).std(0).mean())

    assert unevenness(after) <= unevenness(before) + 1e-9
    assert sorted(after.tolist()) == sorted(before.tolist())


def test_the_fields_lists_hold_every_subject_once() -> None:
    sizes = {name: [len(part) for part in lists.values()] for name, lists in FOLD_LISTS.items()}
    assert sizes == {"disfa": [9, 9, 9], "bp4d": [14, 14, 13], "bp4dplus": [35] * 4}
    for lists in FOLD_LISTS.values():
        everybody = [subject for part in lists.values() for subject in part]
        assert len(everybody) == len(set(everybody))


def test_the_fields_lists_are_tested_in_turn() -> None:
    folds = build_folds("fold-lists", table_for("fold-lists"), validation=0)
    assert folds.names == ("P1", "P2", "P3")
    split = folds.split(2)
    assert set(split["subject"][split["split"] == "test"]) == set(FOLD_LISTS["disfa"]["P3"])
    assert set(split["subject"][split["split"] == "train"]) == {
        *FOLD_LISTS["disfa"]["P1"],
        *FOLD_LISTS["disfa"]["P2"],
    }
    with pytest.raises(TableError, match="SN999"):
        build_folds("fold-lists", video_table(dataset="disfa", names=["SN999"]))
    with pytest.raises(TableError, match="group-kfold"):
        build_folds("fold-lists", video_table())


def test_fera_trains_on_odd_numbers_and_tests_on_even_ones() -> None:
    split = build_folds("fera2015", table_for("fera2015")).split()
    number = split["subject"].str[1:].astype(int)
    assert set(number[split["split"] == "test"] % 2) == {0}
    assert set(number[split["split"] != "test"] % 2) == {1}


def test_people_of_the_test_dataset_never_train_also_under_another_datasets_name() -> None:
    disfa = video_table(frames=8, dataset="disfa", names=listed("disfa"))
    table = pd.concat([disfa, disfa_plus_table(8)], ignore_index=True)
    split = build_folds("cross-dataset", table, test="DISFA+").split()
    assert split["subject"][split["split"] != "test"].nunique() == 27 - 9
    assert set(split["dataset"][split["split"] == "test"]) == {"disfa_plus"}
    assert leakage(split).is_clean
    with pytest.raises(SettingError, match="nobody is left"):
        build_folds("cross-dataset", table, test="disfa")
    with pytest.raises(SettingError, match="two datasets"):
        build_folds("cross-dataset", disfa)


def test_without_a_name_each_dataset_is_tested_in_turn() -> None:
    assert build_folds("cross-dataset", table_for("cross-dataset")).names == ("one", "two")


def test_validation_is_held_out_of_training_people_only() -> None:
    table = video_table(10, 5)
    parts = np.where(table["subject"] == "S003", TEST, TRAIN).astype(np.int8)
    found = hold_out(table, parts, 0.3, seed=1)
    assert (found[parts == TEST] == TEST).all()
    held = table["subject"][found == 1]
    assert held.nunique() == 3
    assert (table["subject"].isin(set(held)) == (found == 1)).all()
    with pytest.raises(SettingError, match="leaves none"):
        hold_out(video_table(1, 3), np.zeros(3, np.int8), 0.5, seed=0)


def test_wangs_parts_have_the_wanted_ratio_of_negatives() -> None:
    table = video_table(60, 100, seed=2)
    split = build_folds("wang2019", table, au=4, train_ratio=5, test_ratio=1).split()
    positive = split["AU04"] >= 2
    for part, ratio in (("train", 5), ("validation", 1), ("test", 1)):
        here = split["split"] == part
        assert (here & ~positive).sum() / (here & positive).sum() == pytest.approx(ratio, rel=0.02), part
    with pytest.raises(SettingError, match="above 0"):
        build_folds("wang2019", table, test_ratio=0)
    with pytest.raises(SettingError, match="never occurs"):
        build_folds("wang2019", table.assign(AU01=0.0))


def test_wangs_ck_training_frames_are_mirrored_with_their_sides() -> None:
    table = index(list(range(593))).assign(AU12_left=1.0, AU12_right=0.0)
    split = build_folds("wang2019-ckplus", table).split()
    assert split["split"].value_counts().to_dict() == {"train": 712, "validation": 119, "test": 118}
    mirrored = split[split["mirrored"]]
    assert set(mirrored["split"]) == {"train"}
    assert set(mirrored["AU12_left"]) == {0.0}
    assert set(mirrored["AU12_right"]) == {1.0}


def test_masurs_official_folders_stay_and_validation_comes_out_of_training() -> None:
    table = table_for("masur2023")
    split = build_folds("masur2023", table.drop(columns="subject").assign(subject=None)).split()
    test = table["split"] == "test"
    assert (split["split"][test] == "test").all()
    assert (split["split"] == "validation").sum() == round(0.1 * (~test).sum())


def test_datasets_that_do_not_say_who_it_is_cannot_be_parted_by_subject() -> None:
    table = index([1, 2, 3]).assign(subject=pd.Series([None, "2", ""], dtype="string"))
    for name in ("subject", "loso", "group-kfold"):
        with pytest.raises(TableError, match="fake does not say for 2 of them"):
            build_folds(name, table)


@given(
    st.lists(st.integers(0, 30), min_size=30, max_size=90),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 5),
)
def test_subject_split_has_all_three_parts_and_only_adds_a_column(
    subjects: list[int], validation: float, test: float, seed: int
) -> None:
    table = index([*subjects, *range(100, 110)])
    split = subject_split(table, validation=validation, test=test, seed=seed)
    assert leakage(split).shared_subjects == []
    assert set(split["split"]) == {"train", "validation", "test"}
    assert split.drop(columns="split").equals(table)


def test_the_shares_are_of_subjects() -> None:
    split = subject_split(index([s for s in range(20) for _ in range(1 + s)]), validation=0.1, test=0.2)
    assert leakage(split).subjects == {"train": 14, "validation": 2, "test": 4}


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.1)])
def test_shares_that_leave_nothing_are_refused(validation: float, test: float) -> None:
    with pytest.raises(SettingError, match="leave nothing"):
        subject_split(index(list(range(10))), validation=validation, test=test)


def test_what_does_not_fit_is_refused_in_a_sentence() -> None:
    table = index([1, 2])
    for options, sentence in (
        ({"name": "mine"}, "no protocol 'mine'"),
        ({"name": "loso", "k": 3}, "no option 'k'"),
        ({"name": "group-kfold", "k": 3}, "2 subjects cannot"),
        ({"name": "subject"}, "only 2 subjects"),
    ):
        name = str(options.pop("name"))
        with pytest.raises(SettingError, match=sentence):
            build_folds(name, table, **options)
    with pytest.raises(SettingError, match="at least two groups"):
        build_folds("loso", index([1, 1]))
    with pytest.raises(SettingError, match="folds 0 to 1, not 2"):
        build_folds("loso", table, validation=0).split(2)
    with pytest.raises(TableError, match="no column 'split'"):
        build_folds("given", table)
    with pytest.raises(TableError, match="'dev'"):
        build_folds("given", table.assign(split="dev"))


def test_folds_are_saved_whole_and_loaded_again(tmp_path: Path) -> None:
    for name in ("moreno2024-augment-first", "loso"):
        folds = build_folds(name, table_for(name), seed=4)
        folds.save(tmp_path / "folds.parquet", fold=0)
        found = Folds.load(tmp_path / "folds.parquet")
        assert (found.protocol, found.names, found.options) == (folds.protocol, folds.names, folds.options)
        np.testing.assert_array_equal(found.parts, folds.parts)
        pd.testing.assert_series_equal(_named(found.split()), _named(folds.split()))
        assert found.table.index.tolist() == folds.table.index.tolist()
        assert leakage(found.split()).record() == leakage(folds.split()).record()
    assert [p.name for p in tmp_path.iterdir()] == ["folds.parquet"]
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="holds no folds"):
        Folds.load(tmp_path / "other.parquet")


def test_every_leaky_protocol_has_an_honest_twin() -> None:
    assert set(TWINS) == {*BY_PICTURE, "wang2019-ckplus"}
    assert set(TWINS.values()) <= set(SUBJECT_EXCLUSIVE)
