"""Datasets with different AUs and rules train together; what one did not code is unknown there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from openau.data.labels import LABEL_RULES, LabelRule
from openau.data.union import known_counts, rule_of, select_union, union_targets
from openau.errors import SettingError, TableError
from openau.losses import binary_cross_entropy

AUS = (1, 10, 12)
RULES = {
    "DISFA": LABEL_RULES["intensity-2"],
    "BP4D": LABEL_RULES["bp4d-12"],
    "RAF-DB": LABEL_RULES["deramgozin2023-rafdb"],
}


def joined() -> pd.DataFrame:
    disfa = pd.DataFrame(
        {"dataset": "disfa", "au_scale": "intensity", "AU01": [0.0, 1, 3], "AU12": [2.0, 0, np.nan]}
    )
    bp4d = pd.DataFrame({"dataset": "bp4d", "au_scale": "occurrence", "AU10": [1.0, 0], "AU12": [1.0, 0]})
    wild = pd.DataFrame({"dataset": "raf_db", "emotion": ["happiness", "contempt"]})
    return pd.concat([disfa, bp4d, wild], ignore_index=True)


def test_each_dataset_is_labelled_by_its_own_rule_and_knows_only_its_own_aus() -> None:
    nan = np.nan
    np.testing.assert_array_equal(
        union_targets(joined(), AUS, RULES),
        [[0, nan, 1], [0, nan, 0], [1, nan, nan], [nan, 1, 1], [nan, 0, 0], [0, 0, 1], [nan, nan, nan]],
    )


def test_what_a_rule_leaves_out_is_counted_by_dataset() -> None:
    kept, left_out = select_union(joined(), RULES)
    assert kept.index.tolist() == [0, 1, 2, 3, 4, 5]
    assert left_out == {"raf_db: emotion contempt": 1}
    nothing = LabelRule((4,), 2.0, drop_without_au=True)
    with pytest.raises(TableError, match="leave no picture"):
        select_union(joined().assign(AU04=0.0), {}, nothing)


def test_unknown_aus_of_a_dataset_never_change_the_loss() -> None:
    target = torch.from_numpy(union_targets(joined(), AUS, RULES))
    logits = torch.randn(target.shape, generator=torch.Generator().manual_seed(0))
    moved = logits + torch.where(target.isnan(), 100.0, 0.0)
    assert torch.equal(binary_cross_entropy(logits, target), binary_cross_entropy(moved, target))


def test_known_labels_are_counted_per_dataset() -> None:
    table = joined()
    rows = known_counts(table, AUS, union_targets(table, AUS, RULES))
    found = {(row.dataset, row.au): (row.known, row.positive) for row in rows.itertuples()}
    assert found[("disfa", 12)] == (2, 1)
    assert found[("bp4d", 10)] == (2, 1)
    assert found[("bp4d", 1)] == (0, 0)
    rate = rows["base_rate"].to_numpy(float)
    assert np.isnan(rate[(rows["known"] == 0).to_numpy(bool)]).all()


def test_a_dataset_without_a_rule_or_without_any_of_the_aus_is_named() -> None:
    with pytest.raises(SettingError, match="'bp4d'"):
        union_targets(joined(), AUS, {"disfa": LABEL_RULES["intensity-2"]})
    with pytest.raises(TableError, match="None of the AUs 43"):
        union_targets(joined().drop(columns="emotion"), (43,), {}, LABEL_RULES["intensity-2"])
    assert rule_of(RULES, "raf_db") is RULES["RAF-DB"]
