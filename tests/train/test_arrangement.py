"""A run knows who trained and who tested, says what they share, and reads copies like pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from openau.data.augment import AUGMENTATIONS
from openau.data.dataset import Crops
from openau.data.protocols import Folds
from openau.errors import SettingError
from openau.evaluate import evaluate
from openau.models.weights import read_tensors
from openau.train import Recipe, load_recipe, recipe_text, train
from openau.train.arrangement import arrange, labelled
from openau.train.config import DataSettings, LabelSettings


def with_data(recipe: Recipe, **settings: object) -> Recipe:
    return replace(recipe, data=replace(recipe.data, **settings))  # type: ignore[arg-type] # of many types


def test_a_leaky_protocol_is_said_before_training_and_stored_beside_the_result(
    recipe: Recipe, tmp_path: Path
) -> None:
    told: list[str] = []
    leaky = with_data(recipe, split="deramgozin2023", options={"test": 0.3})
    leaky = replace(leaky, labels=LabelSettings(rule="deramgozin2023-disfa"))
    run = train(replace(leaky, run=replace(recipe.run, epochs=1)), out=tmp_path / "run", notice=told.append)
    assert told[0].startswith("*** LEAKY SPLIT: ")
    assert told[-2].endswith("its honest twin is deramgozin2023-subject.")
    assert told[-1].startswith("Label rule deramgozin2023-disfa: Trace intensity counts.")
    assert told[-1].endswith("The rule to use instead: deramgozin2023-disfa-corrected.")
    facts = json.loads((run / "leakage.json").read_text("utf-8"))
    assert facts["banner"] in told[0]
    assert (facts["protocol"], facts["fold"], facts["clean"]) == ("deramgozin2023", "1", False)
    assert facts["label_rules"] == ["deramgozin2023-disfa"]
    assert facts["options"] == {"seed": 5, "test": 0.3, "validation": 0.0}
    assert facts["test"]["pictures_of_known_people"] > 0.9
    folds = Folds.load(run / "folds.parquet")
    assert folds.protocol == "deramgozin2023"
    judged = pd.read_parquet(run / "predictions.parquet")
    split = folds.split()
    assert sorted(judged["sample"]) == sorted(split["path"][split["split"] == "test"])


def test_an_honest_protocol_needs_no_banner(recipe: Recipe, store: Path) -> None:
    data = arrange(Crops([store]), with_data(recipe, split="group-kfold", fold=2, options={"k": 4}))
    assert data.report.banner == ""
    assert data.folds.names == ("01", "02", "03", "04")
    tested = set(data.crops.table["subject"].iloc[data.rows["test"]])
    assert len(tested) == 5
    assert not tested & set(data.crops.table["subject"].iloc[data.rows["train"]])


def test_copies_are_read_as_lasting_variations_of_their_picture(recipe: Recipe, store: Path) -> None:
    crops = Crops([store])
    table = crops.table.assign(copy=0, AU20=crops.table["AU01"])
    crops.table = table.drop(columns="copy")
    settings = with_data(recipe, split="moreno2024-split-first", options={"copies": 2})
    data = arrange(crops, replace(settings, aus=(1, 20)))
    found = data.crops.table
    copied = np.flatnonzero(found["copy"] > 0)
    assert len(copied) > 20
    assert set(copied) <= set(data.rows["train"])
    first = int(copied[0])
    original = int(np.flatnonzero((found["path"] == found["path"][first]) & (found["copy"] == 0))[0])
    rows = np.array([original, first, first + 1])
    one, two, three = data.crops.wide(rows)
    np.testing.assert_array_equal(one, crops.wide(np.array([original]))[0] if original < 119 else one)
    assert not np.array_equal(one, two)
    assert not np.array_equal(two, three)
    assert np.abs(one.astype(int).mean() - two.astype(int).mean()) < 60
    np.testing.assert_array_equal(data.crops.wide(rows[::-1])[1], two)  # whatever batch it is read in


def test_mirrored_rows_are_read_from_right_to_left(store: Path) -> None:
    crops = Crops([store])
    table = pd.concat([crops.table.assign(mirrored=False, copy=0), crops.table.assign(mirrored=True, copy=1)])
    found = crops.arranged(table)
    count = len(crops.table)
    rows = np.array([3, 3 + count])
    np.testing.assert_array_equal(found.wide(rows)[1], found.wide(rows)[0][:, ::-1])
    np.testing.assert_array_equal(found.wide(rows)[0], crops.wide(np.array([3]))[0])


def test_a_label_rule_by_name_decides_what_is_left_and_what_counts(recipe: Recipe, store: Path) -> None:
    crops = Crops([store])
    ruled = replace(recipe, labels=LabelSettings(rule="deramgozin2023-disfa"))
    data = arrange(crops, with_data(ruled, split="subject"))
    truth = labelled(data.crops.table, ruled)
    values = data.crops.table[["AU01", "AU12", "AU25"]].to_numpy()
    np.testing.assert_array_equal(truth, values > 0)
    assert data.left_out == {
        "synthetic: no AU": int((crops.table[["AU01", "AU12", "AU25"]] == 0).all(axis=1).sum())
    }


def test_each_dataset_may_have_a_rule_of_its_own(recipe: Recipe, store: Path) -> None:
    labels = LabelSettings(rules={"Synthetic": "intensity-1", "disfa": "intensity-2"})
    ruled = replace(recipe, labels=labels)
    table = Crops([store]).table
    np.testing.assert_array_equal(labelled(table, ruled)[:, 0], table["AU01"] >= 1)
    other = table.assign(dataset="DISFA")
    np.testing.assert_array_equal(labelled(other, ruled)[:, 0], table["AU01"] >= 2)


def test_the_recipes_protocol_and_rules_are_written_and_read_back(recipe: Recipe, tmp_path: Path) -> None:
    settings = DataSettings(("here",), split="wang2019", fold=0, options={"au": 12, "train_ratio": 5.0})
    full = replace(recipe, data=settings, labels=LabelSettings(rule="moreno2024", rules={"bp4d": "bp4d-12"}))
    (tmp_path / "r.toml").write_text(recipe_text(full), "utf-8")
    assert load_recipe(tmp_path / "r.toml") == full


def test_names_that_are_not_there_are_refused_before_training(recipe: Recipe, store: Path) -> None:
    crops = Crops([store])
    for broken, sentence in (
        (with_data(recipe, split="mine"), "no protocol 'mine'"),
        (with_data(recipe, fold=3), "folds 0 to 0, not 3"),
        (with_data(recipe, options={"k": 3}), "no option 'k'"),
        (replace(recipe, labels=LabelSettings(rule="mine")), "no label rule 'mine'"),
        (replace(recipe, labels=LabelSettings(threshold=0.0)), "above 0"),
    ):
        with pytest.raises(SettingError, match=sentence):
            arrange(crops, broken)


@pytest.mark.parametrize(
    ("sampler", "options"), [("balanced", {"count": 64}), ("repeated", {"rate": 0.5}), ("ratio", {"au": 12})]
)
def test_every_sampler_trains(
    recipe: Recipe, tmp_path: Path, sampler: str, options: dict[str, object]
) -> None:
    once = replace(
        with_data(recipe, sampler=sampler, sampler_options=options), run=replace(recipe.run, epochs=1)
    )
    log = pd.read_csv(train(once, out=tmp_path / "run") / "log.csv")
    assert np.isfinite(log["loss"]).all()


def test_faces_that_look_the_same_are_looked_for_where_asked(recipe: Recipe, store: Path) -> None:
    crops = Crops([store])
    assert arrange(crops, recipe).report.record()["test"]["near_duplicates"] is None
    data = arrange(crops, with_data(recipe, near_duplicates=True))
    assert data.report.test.near_duplicates == 1.0  # the fake's faces are all one pattern
    assert "look like a training picture" in data.report.banner


def test_a_named_augmentation_fills_in_what_the_recipe_leaves_out(tmp_path: Path) -> None:
    text = 'name = "a"\naus = [1]\n[crop]\nsize = 48\n[augmentation]\nnamed = "deramgozin2023"\nflip = 0.0\n'
    (tmp_path / "r.toml").write_text(text, "utf-8")
    assert load_recipe(tmp_path / "r.toml").augmentation == replace(AUGMENTATIONS["deramgozin2023"], flip=0.0)
    (tmp_path / "r.toml").write_text(text.replace("deramgozin2023", "mine"), "utf-8")
    with pytest.raises(SettingError, match=r"augmentation\.named is 'mine'"):
        load_recipe(tmp_path / "r.toml")


@pytest.mark.slow
def test_readers_that_run_ahead_change_nothing(recipe: Recipe, tmp_path: Path) -> None:
    runs = []
    for readers in (0, 1):
        changed = replace(recipe, run=replace(recipe.run, readers=readers))
        run = train(changed, out=tmp_path / str(readers))
        runs.append(read_tensors(run / "checkpoint" / "last.safetensors")[0])
    assert all(torch.equal(runs[0][name], tensor) for name, tensor in runs[1].items())


@pytest.mark.slow
def test_two_processes_train_as_one(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(recipe_text(recipe), "utf-8")
    (tmp_path / "go.py").write_text(
        "import sys\nfrom pathlib import Path\nfrom openau.train import train\n"
        "train(Path(sys.argv[1]), out=Path(sys.argv[2]))\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=29611"]
    files = [str(tmp_path / name) for name in ("go.py", "r.toml", "run")]
    child = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr[-2000:]
    log = pd.read_csv(tmp_path / "run" / "log.csv")
    assert log["step"].tolist() == [1, 2]  # 95 pictures in rounds of two batches of 32
    judged = pd.read_parquet(tmp_path / "run" / "predictions.parquet")
    found = evaluate(judged[judged["fold"] == "validation"])["auc"].mean()
    assert found == pytest.approx(log["validation_auc"].max())
