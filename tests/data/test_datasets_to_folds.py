"""From every dataset's official files to labels and folds: names, codes and columns fit together."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from openau.data.index import build_index
from openau.data.labels import label_rule, rule_targets, select_rows
from openau.data.leakage import leakage
from openau.data.people import people
from openau.data.protocols import build_folds
from openau.data.union import select_union, union_targets
from openau.errors import TableError
from tests.fake.datasets import FAKES

JOBS = [
    ("disfa", "disfa-8", "loso"),
    ("disfa", "disfa-8-jaa", "subject"),
    ("disfa", "deramgozin2023-disfa", "deramgozin2023"),
    ("disfa_plus", "moreno2024-corrected", "loso"),
    ("ck_plus", "wang2019-ckplus", "wang2019-ckplus"),
    ("ck_plus", "deramgozin2023-ckplus", "deramgozin2023"),
    ("ck_plus", "deramgozin2023-ckplus-corrected", "loso"),
    ("bp4d", "bp4d-12", "loso"),
    ("bp4d", "deramgozin2023-bp4d", "deramgozin2023"),
    ("bp4d", "deramgozin2023-bp4d-corrected", "loso"),
    ("bp4d_plus", "bp4d-12", "loso"),
    ("emotionet", "wang2019-emotionet", "deramgozin2023"),
    ("raf_db", "deramgozin2023-rafdb", "given"),
    ("raf_au", "deramgozin2023-wild-corrected", "deramgozin2023"),
    ("fer_plus", "deramgozin2023-fer2013plus", "deramgozin2023"),
    ("aff_wild2", "occurrence", "given"),
    ("unbc", "intensity-2", "deramgozin2023"),
    ("gft", "occurrence", "deramgozin2023"),
]


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    found = {}
    for name in sorted({name for name, _, _ in JOBS}):
        root = tmp_path_factory.mktemp(name)
        FAKES[name].write(root)
        found[name] = build_index(name, root)
    return found


@pytest.mark.parametrize(("dataset", "rule", "protocol"), JOBS)
def test_official_files_become_labels_and_folds_with_a_report(
    indexes: dict[str, pd.DataFrame], dataset: str, rule: str, protocol: str
) -> None:
    table, _ = select_rows(indexes[dataset], label_rule(rule))
    target = rule_targets(table, label_rule(rule))
    assert not np.isnan(target).all()
    assert set(np.unique(target[~np.isnan(target)])) <= {0, 1}
    options: dict[str, float] = {
        "loso": {"validation": 0.0},
        "subject": {"validation": 0.0, "test": 0.3},
        "deramgozin2023": {"test": 0.5},
    }.get(protocol, {})
    folds = build_folds(protocol, table, **options)
    for fold in range(len(folds)):
        report = leakage(folds.split(fold))
        assert json.dumps(report.record(), allow_nan=False)
        honest = protocol in ("loso", "subject")
        assert report.shared_subjects == [] or not honest
        assert report.is_clean or not honest
        if people(table).isna().all():
            assert report.judged[1].pictures_without_a_name == 1
            assert "nobody says who it is" in report.banner or "LEAKY" in report.banner


def test_bp4ds_paper_rule_finds_more_positives_only_where_nobody_could_code(
    indexes: dict[str, pd.DataFrame],
) -> None:
    table = indexes["bp4d"]
    paper = rule_targets(table, label_rule("deramgozin2023-bp4d"))
    corrected = rule_targets(table, label_rule("deramgozin2023-bp4d-corrected"))
    marked = table[[f"AU{au:02d}_not_codable" for au in (6, 10, 12, 14, 17)]].fillna(False).to_numpy(bool)
    assert marked.any()
    assert (paper[marked] == 1).all()
    assert np.isnan(corrected[marked]).all()
    assert not ((paper == 1) & (corrected == 0)).any()


def test_all_datasets_train_together_each_by_its_own_rule(indexes: dict[str, pd.DataFrame]) -> None:
    rules = {name: label_rule(rule) for name, rule, _ in reversed(JOBS) if not rule.endswith("bp4d")}
    joined = pd.concat(list(indexes.values()), ignore_index=True)
    table, _ = select_union(joined, rules)
    aus = (1, 4, 6, 10, 12, 43)
    target = union_targets(table, aus, rules)
    for name, index in indexes.items():
        here = (table["dataset"] == index["dataset"].iloc[0]).to_numpy(bool)
        kept = table.index[here]
        alone = index.iloc[[list(joined.index[joined["dataset"] == name]).index(row) for row in kept]]
        if rules[name].labels_from == "emotion" or any(f"AU{au:02d}" in index for au in aus):
            np.testing.assert_array_equal(target[here], rule_targets(alone, rules[name], aus))
        else:
            assert np.isnan(target[here]).all()


def test_people_who_were_recorded_together_stay_together(indexes: dict[str, pd.DataFrame]) -> None:
    frames = pd.DataFrame(
        {
            "dataset": "gft",
            "subject": [f"{trio:03d}{letter}" for trio in range(1, 13) for letter in "ABC"],
            "group": [f"{trio:03d}" for trio in range(1, 13) for _ in "ABC"],
            "sequence": "1",
            "frame": 1,
            "AU12": 1.0,
        }
    )
    frames["path"] = frames["subject"]
    for folds in (build_folds("subject", frames, test=0.3), build_folds("group-kfold", frames, k=4)):
        for fold in range(len(folds)):
            split = folds.split(fold)
            assert (split.groupby("group")["split"].nunique() == 1).all()
    frames.loc[1, "subject"] = "002A"
    with pytest.raises(TableError, match="gft/002A is in several groups"):
        build_folds("subject", frames)
