"""Tables are judged with intervals over people, by fold and by group, and written whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from openau.cli.__main__ import main
from openau.errors import InputError, SettingError, TableError
from openau.evaluate import as_latex, as_markdown, evaluate, evaluate_folds, evaluate_groups, overall
from openau.evaluate.bootstrap import Resamples, interval
from openau.evaluate.report import Choices, chosen_thresholds, read_predictions, write_evaluation

NAN = float("nan")


def cell(rows: pd.DataFrame, row: object, column: str) -> float:
    return float(rows[column].to_dict()[row])


def predictions(people: int = 12, each: int = 8, seed: int = 0) -> pd.DataFrame:
    """AU12 is read well, AU4 by chance; every person has a level of their own."""
    random = np.random.default_rng(seed)
    rows = people * each
    smile, frown = (random.random(rows) < 0.4).astype(float), (random.random(rows) < 0.3).astype(float)
    own = np.repeat(random.normal(0, 0.15, people), each)
    return pd.DataFrame(
        {
            "sample": [f"{i}.jpg" for i in range(rows)],
            "dataset": "made-up",
            "subject": np.repeat([f"s{i}" for i in range(people)], each),
            "fold": np.repeat(["validation", "test", "test"], rows // 3),
            "gender": np.tile(["female", "male"], rows // 2),
            "AU04_t": frown,
            "AU04_p": random.random(rows),
            "AU12_t": smile,
            "AU12_p": np.clip(0.35 + 0.3 * smile + own + random.normal(0, 0.1, rows), 0, 1),
            "AU12_i": smile * 3,
            "AU12_r": np.clip(smile * 2.5 + random.normal(0, 0.4, rows), 0, 5),
        }
    )


def test_intervals_are_those_of_drawing_people_one_by_one() -> None:
    table = predictions()
    rows = evaluate(table, resamples=40, seed=3).set_index("au")
    people = sorted(set("made-up/" + table["subject"]))
    random = np.random.default_rng(3)
    found: dict[str, list[float]] = {"auc": [], "f1": []}
    for draw in random.integers(0, len(people), (40, len(people))):
        parts = [table[("made-up/" + table["subject"]) == people[i]] for i in draw]
        drawn = pd.concat(parts)
        found["auc"].append(metrics.roc_auc_score(drawn["AU12_t"], drawn["AU12_p"]))
        found["f1"].append(metrics.f1_score(drawn["AU12_t"], drawn["AU12_p"] >= 0.5))
    for name, values in found.items():
        low, high = np.quantile(values, [0.025, 0.975])
        assert cell(rows, 12, f"{name}_low") == pytest.approx(low)
        assert cell(rows, 12, f"{name}_high") == pytest.approx(high)
    assert cell(rows, 12, "auc_low") < cell(rows, 12, "auc") < cell(rows, 12, "auc_high")


def test_the_number_itself_does_not_hang_on_the_resamples() -> None:
    plain, resampled = evaluate(predictions()), evaluate(predictions(), resamples=70)
    for name in plain.columns:
        np.testing.assert_array_equal(plain[name], resampled[name])
    assert "auc_low" not in plain.columns


def test_an_interval_of_mostly_undefined_resamples_is_undefined() -> None:
    assert interval(np.array([NAN, NAN, 0.5])) == pytest.approx((NAN, NAN), nan_ok=True)
    assert interval(np.array([0.5, 0.5, NAN])) == (0.5, 0.5)
    with pytest.raises(SettingError, match="give 0 for none"):
        Resamples(pd.Series(["a"]), -1)


def test_a_lost_face_is_counted_and_is_neither_right_nor_wrong() -> None:
    table = predictions()
    lost = table.copy()
    lost.loc[table.index[:5], ["AU04_p", "AU12_p"]] = NAN
    rows, kept = evaluate(lost), evaluate(table.iloc[5:])
    assert rows["not_predicted"].tolist() == [5, 5]
    for name in ("count", "positives", "auc", "f1", "brier"):
        np.testing.assert_array_equal(rows[name], kept[name])


def test_the_mean_is_over_aus_that_define_a_number_and_pooled_adds_the_counts() -> None:
    table = predictions().assign(AU01_t=0.0, AU01_p=0.1)
    rows, both = evaluate(table), overall(table, resamples=20).set_index("au")
    assert cell(both, "mean", "auc") == pytest.approx(rows["auc"].dropna().mean())
    assert rows["auc"].isna().sum() == 1
    truth = np.concatenate([table[f"AU{au}_t"] for au in ("01", "04", "12")])
    said = np.concatenate([table[f"AU{au}_p"] for au in ("01", "04", "12")]) >= 0.5
    assert cell(both, "pooled", "f1") == pytest.approx(metrics.f1_score(truth, said))
    assert cell(both, "pooled", "count") == 3 * len(table)
    assert cell(both, "mean", "f1_low") <= cell(both, "mean", "f1") <= cell(both, "mean", "f1_high")


def test_folds_are_judged_one_by_one_and_together() -> None:
    table = predictions().assign(fold=lambda t: t["subject"].str[1:].astype(int) % 3)
    folds = evaluate_folds(table)
    each = [evaluate(table[table["fold"] == fold]).set_index("au")["f1"] for fold in range(3)]
    np.testing.assert_allclose(folds.mean_of_folds.set_index("au")["f1"], sum(each) / 3)
    assert cell(folds.pooled.set_index("au"), 12, "f1") == cell(evaluate(table).set_index("au"), 12, "f1")
    assert len(folds.by_fold) == 6


def test_groups_are_judged_apart() -> None:
    table = predictions()
    rows = evaluate_groups(table, "gender").set_index(["group", "au"])
    alone = evaluate(table[table["gender"] == "female"]).set_index("au")
    assert rows.loc[("female", 12), "f1"] == cell(alone, 12, "f1")
    assert set(rows.index.get_level_values(0)) == {"female", "male"}
    with pytest.raises(TableError, match="skin"):
        evaluate_groups(table, "skin")
    with pytest.raises(TableError, match="No row"):
        evaluate_groups(table.assign(skin=None), "skin")


def test_what_is_not_defined_is_a_dash_in_tables() -> None:
    rows = pd.concat([evaluate(predictions().assign(AU01_t=0.0, AU01_p=0.1)), overall(predictions())])
    text = as_markdown(rows, ("auc", "f1"))
    assert "| AU01 | 96 | 0 | – | – |" in text
    assert text.splitlines()[-1].startswith("| pooled |")
    assert r"\midrule" in as_latex(rows, ("auc",))


def test_thresholds_are_chosen_on_validation_rows_alone() -> None:
    table = predictions()
    chosen = chosen_thresholds(table, (12,), "f1")
    changed = table.copy()
    changed.loc[table["fold"] == "test", "AU12_p"] = 0.0
    assert chosen_thresholds(changed, (12,), "f1") == chosen
    with pytest.raises(SettingError, match="no validation rows"):
        chosen_thresholds(table[table["fold"] == "test"], (12,), "youden")
    for wrong in ("best", "1.5", "nan"):
        with pytest.raises(SettingError, match="number from 0 to 1"):
            chosen_thresholds(table, (12,), wrong)


def test_a_folder_of_results_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "run"
    source.mkdir()
    predictions().to_parquet(source / "predictions.parquet")
    (source / "leakage.json").write_text('{"shared_subjects": ["s3"]}')
    code = main(["evaluate", str(source), "--threshold", "f1", "--groups", "gender", "--resamples", "20"])
    assert code == 0
    names = {file.name for file in (source / "evaluation").iterdir()}
    assert names == {
        *("evaluation.csv", "evaluation.md", "evaluation.tex", "confusion.csv", "reliability.csv"),
        "groups-gender.csv",
    }
    page = (source / "evaluation/evaluation.md").read_text("utf-8")
    assert "shared_subjects" in page
    assert "| AU12 | 64 |" in page
    assert page in capsys.readouterr().out
    counts = pd.read_csv(source / "evaluation/confusion.csv").set_index("au")
    assert counts.loc[12].sum() == 64


def test_a_cross_validation_in_a_csv_brings_its_folds(tmp_path: Path) -> None:
    table = predictions().assign(fold=lambda t: t["subject"].str[1:].astype(int) % 3)
    table.to_csv(tmp_path / "mine.csv", index=False)
    assert main(["evaluate", str(tmp_path / "mine.csv"), "--resamples", "0"]) == 0
    folds = pd.read_csv(tmp_path / "mine-evaluation/folds.csv")
    assert set(folds["fold"]) == {"0", "1", "2", "mean of folds"}


@pytest.mark.parametrize(
    ("content", "sentence", "code"),
    [
        (None, "does not exist", 3),
        ("sample,AU12_t\na,1\n", "no AU with both", 6),
        ("sample,AU12_t,AU12_p\n", "mine.csv has no rows", 6),
        ("sample,AU12_t,AU12_p\na,9,0.5\n", "something else than 0–1 in AU12_t", 6),
        ("sample,AU12_t,AU12_p\na,1,high\n", "something else than 0–1 in AU12_p", 6),
        ("sample,fold,AU12_t,AU12_p\na,train,1,0.5\n", "no test rows", 6),
    ],
)
def test_a_table_that_cannot_be_judged_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, sentence: str, code: int
) -> None:
    file = tmp_path / "mine.csv"
    if content is not None:
        file.write_text(content)
    assert main(["evaluate", str(file)]) == code
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "mine-evaluation").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--seed", "-1"], "The seed is -1; it must be at least 0."),
        (["--rules", "nix"], "There are no emotion rules 'nix'"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    predictions().to_csv(tmp_path / "mine.csv", index=False)
    assert main(["evaluate", str(tmp_path / "mine.csv"), *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "mine-evaluation").exists()


def test_a_broken_parquet_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_predictions(tmp_path / "p.parquet")


def test_a_table_without_folds_is_judged_whole(tmp_path: Path) -> None:
    rows = write_evaluation(predictions().drop(columns="fold"), tmp_path, Choices(resamples=0))
    assert rows["count"].iloc[0] == 96
