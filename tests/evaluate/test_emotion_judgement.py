"""Emotions are judged as scikit-learn does, decoders with their coverage, forgetting on the same faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from openau.emotion import DECODERS, RULES
from openau.errors import SettingError, TableError
from openau.evaluate import (
    decode_table,
    decoder_confusion,
    emotion_confusion,
    evaluate,
    evaluate_decoders,
    evaluate_emotions,
    forgetting,
    smiles,
)
from openau.evaluate.report import Choices, read_predictions, write_evaluation
from openau.facs import EMOTIONS

NAMES = list(EMOTIONS)


def told(truth: Sequence[str | None], said: Sequence[str | None]) -> pd.DataFrame:
    """A table whose network says these emotions, 0.4 for the one said and 0.1 for the others."""
    probability = np.full((len(said), len(NAMES)), 0.1)
    for row, name in enumerate(said):
        probability[row] = np.nan if name is None else probability[row]
        if name is not None:
            probability[row, NAMES.index(name)] = 0.4
    columns = {f"emotion_{name}_p": probability[:, k] for k, name in enumerate(NAMES)}
    return pd.DataFrame({"sample": [str(n) for n in range(len(said))], "emotion_t": list(truth), **columns})


def by(rows: pd.DataFrame, *keys: str) -> dict[Any, Any]:
    """The rows by their names."""
    return {
        row[keys[0]] if len(keys) == 1 else tuple(row[k] for k in keys): row
        for row in rows.to_dict("records")
    }


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=30))
def test_every_number_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    truth, said = [a for a, _ in pairs], [b for _, b in pairs]
    rows = by(evaluate_emotions(told(list(truth), list(said))), "emotion")
    whole = rows["all"]
    assert whole["accuracy"] == pytest.approx(metrics.accuracy_score(truth, said))
    present = sorted(set(truth))
    wanted = metrics.recall_score(truth, said, labels=present, average="macro", zero_division=0)
    assert whole["balanced_accuracy"] == pytest.approx(wanted)
    seen = sorted(set(truth) | set(said))
    wanted = metrics.f1_score(truth, said, labels=seen, average="macro", zero_division=0)
    assert whole["macro_f1"] == pytest.approx(wanted)
    wanted = metrics.confusion_matrix(truth, said, labels=NAMES)
    np.testing.assert_array_equal(emotion_confusion(told(list(truth), list(said))), wanted)
    for name in seen:
        wanted = metrics.f1_score(truth, said, labels=[name], average="macro", zero_division=0)
        assert rows[name]["f1"] == pytest.approx(wanted)


def test_what_is_not_defined_is_not_zero() -> None:
    rows = by(evaluate_emotions(told(["anger", "anger"], ["anger", "fear"])), "emotion")
    assert np.isnan(rows["sadness"]["f1"])
    assert np.isnan(rows["fear"]["recall"])
    assert rows["fear"]["precision"] == 0
    assert np.isnan(rows["anger"]["auc"])  # nothing else to rank it against


def test_an_unknown_truth_and_a_missing_answer_never_count_but_are_told() -> None:
    table = told(["anger", None, "fear", "contempt"], ["anger", "fear", None, "fear"])
    whole = evaluate_emotions(table).iloc[-1]
    assert (whole["count"], whole["not_predicted"], whole["accuracy"]) == (1, 1, 1.0)


def test_the_majority_is_what_always_saying_one_emotion_gives() -> None:
    table = told(["happiness"] * 3 + ["fear"], ["fear"] * 4)
    assert evaluate_emotions(table).iloc[-1]["majority"] == 0.75


def test_intervals_come_from_people_or_from_pictures_that_name_nobody() -> None:
    random = np.random.default_rng(0)
    truth: list[str | None] = [*random.choice(NAMES, 80)]
    said = [name if random.random() < 0.6 else random.choice(NAMES) for name in truth]
    alone = evaluate_emotions(told(truth, said), resamples=200).iloc[-1]
    assert alone["accuracy_low"] < alone["accuracy"] < alone["accuracy_high"]
    nameless = told(truth, said).assign(subject=None)
    assert evaluate_emotions(nameless, resamples=200).iloc[-1].equals(alone)
    one_person = evaluate_emotions(told(truth, said).assign(subject="a"), resamples=50).iloc[-1]
    assert one_person["accuracy_low"] == one_person["accuracy_high"] == one_person["accuracy"]


def coded(emotions: list[str | None], active: list[set[int]]) -> pd.DataFrame:
    """A table whose network finds these AUs of the thirteen, and whose truth is the same."""
    aus = RULES["deramgozin2023"].aus
    found = np.array([[0.9 if au in row else 0.1 for au in aus] for row in active])
    columns = {f"AU{au:02d}_p": found[:, k] for k, au in enumerate(aus)}
    columns |= {f"AU{au:02d}_t": (found[:, k] > 0.5).astype(float) for k, au in enumerate(aus)}
    return pd.DataFrame({"sample": [str(n) for n in range(len(active))], "emotion_t": emotions, **columns})


def test_decoders_are_judged_with_their_coverage() -> None:
    table = coded(["happiness", "happiness", "surprise", None], [{6, 12}, {6, 12, 26}, {6, 12}, {6, 12}])
    rows = evaluate_decoders(table, rules=["deramgozin2023"])
    found = by(rows, "aus", "decoder")
    for source in ("predicted", "true"):
        exact, contains = found[source, "exact"], found[source, "contains"]
        assert (exact["count"], exact["coverage"], exact["accuracy_on_covered"]) == (3, 2 / 3, 0.5)
        assert exact["accuracy"] == pytest.approx(1 / 3)
        assert (contains["coverage"], contains["accuracy"]) == (1.0, 2 / 3)
        assert found[source, "nearest"]["coverage"] == 1.0


def test_rules_are_switched_by_name_and_need_their_aus() -> None:
    table = coded(["sadness"], [{4, 15}])
    assert decode_table(table, decoder="exact") == [None]
    for au in (10, 24, 25):
        table = table.assign(**{f"AU{au:02d}_p": 0.0, f"AU{au:02d}_t": 0.0})
    assert decode_table(table, decoder="exact", rules="emotionet") == ["sadness"]
    assert decode_table(table, decoder="exact", rules="emotionet", source="t") == ["sadness"]
    rows = evaluate_decoders(table)
    assert len(rows) == 2 * len(RULES) * len(DECODERS)
    with pytest.raises(SettingError, match="no emotion rules"):
        decode_table(table, rules="horoscope")
    with pytest.raises(TableError, match="to decode emotions from"):
        decode_table(table[["sample"]])


def test_a_decoders_confusion_has_a_column_for_no_answer() -> None:
    counts = decoder_confusion(["fear", None], ["anger", "anger"])
    assert counts.loc["anger"].to_dict() == dict.fromkeys(counts.columns, 0) | {"fear": 1, "none": 1}
    assert counts.to_numpy().sum() == 2


def test_forgetting_compares_the_same_faces() -> None:
    random = np.random.default_rng(1)
    truth = (random.random(40) < 0.5).astype(float)
    before = pd.DataFrame({"sample": [str(n) for n in range(40)], "AU06_t": truth, "AU06_p": truth})
    after = before.assign(AU06_p=random.random(40)).iloc[10:]
    rows = by(forgetting(before, after), "au")
    alone = evaluate(after)["f1"].iloc[0]
    assert rows[6]["f1_before"] == 1.0
    assert rows[6]["f1_after"] == alone
    assert rows[6]["f1_change"] == alone - 1
    assert rows[6]["count"] == 30
    assert rows["mean"]["f1_after"] == alone
    with pytest.raises(TableError, match="share no sample"):
        forgetting(before, after.assign(sample="other"))


def test_smiles_are_counted_on_happy_faces_beside_chance() -> None:
    table = pd.DataFrame(
        {
            "emotion_t": ["happiness", "happiness", "fear", "fear", None],
            "AU06_p": [0.9, 0.1, 0.1, 0.1, 0.9],
            "AU12_p": [0.9, 0.9, 0.1, 0.1, 0.9],
        }
    )
    found = smiles(table)
    assert (found["count"], found["both"], found["either"]) == (2, 0.5, 1.0)
    assert found["chance_both"] == pytest.approx(0.25 * 0.5)
    assert found["chance_either"] == pytest.approx(0.25 + 0.5 - 0.125)
    with pytest.raises(TableError, match="AU12_p"):
        smiles(table.drop(columns="AU12_p"))


def test_an_evaluation_writes_its_emotions(tmp_path: Path) -> None:
    table = coded(["happiness", "fear"], [{6, 12}, {1}]).merge(
        told(["happiness", "fear"], ["happiness", "happiness"]).drop(columns="emotion_t"), on="sample"
    )
    table.assign(fold="test").to_csv(tmp_path / "p.csv", index=False)
    table = read_predictions(tmp_path / "p.csv")
    write_evaluation(table, tmp_path / "out", Choices(resamples=0, rules=("deramgozin2023",)))
    rows = pd.read_csv(tmp_path / "out" / "emotions.csv")
    assert rows["accuracy"].iloc[-1] == 0.5
    assert len(pd.read_csv(tmp_path / "out" / "decoders.csv")) == 6
    page = (tmp_path / "out" / "evaluation.md").read_text("utf-8")
    assert "| happiness | 1 | 2 | 0.500 | 1.000 |" in page
    assert "| deramgozin2023 | exact | predicted | 2 | 0.500 | 1.000 | 0.500 |" in page


def test_a_table_of_emotions_alone_is_judged_too(tmp_path: Path) -> None:
    told(["fear"], ["fear"]).assign(fold="test").to_csv(tmp_path / "p.csv", index=False)
    rows = write_evaluation(read_predictions(tmp_path / "p.csv"), tmp_path / "out", Choices(resamples=0))
    assert rows.empty
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "emotion-confusion.csv",
        "emotions.csv",
        "evaluation.md",
    ]
    broken = told(["fear"], ["fear"]).assign(emotion_fear_p=2.0)
    broken.to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(TableError, match="emotion_fear_p"):
        read_predictions(tmp_path / "p.csv")
