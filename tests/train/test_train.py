"""Training learns what is plain, leaves all that made it, and goes on after a kill as if there was none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from openau.errors import InputError, ModelError, OutputError, SettingError
from openau.evaluate import evaluate
from openau.models.weights import load_network, read_tensors
from openau.records import CropSpec, ModelCard
from openau.train import Progress, Recipe, load_recipe, recipe_text, train
from openau.train.checkpoint import WeightAverage
from openau.train.config import OptimiserSettings
from openau.train.loop import learning_rate

FILES = {
    "card.json",
    "checkpoint",
    "environment.json",
    "folds.parquet",
    "leakage.json",
    "log.csv",
    "predictions.parquet",
    "recipe.toml",
}


class StopError(Exception):
    """A stand-in for whatever ends a run early."""


def weights(run: Path) -> dict[str, Tensor]:
    """All that the checkpoint holds."""
    return read_tensors(run / "checkpoint" / "last.safetensors")[0]


def assert_same_weights(one: Path, two: Path) -> None:
    first, second = weights(one), weights(two)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_aus_that_are_plain_to_see_are_learned(run: Path) -> None:
    rows = evaluate(pd.read_parquet(run / "predictions.parquet")).set_index("au")
    assert rows["auc"].loc[1] > 0.95
    assert rows["auc"].loc[12] > 0.95
    assert abs(rows["auc"].loc[25] - 0.5) < 0.35  # shows nowhere


def test_the_run_folder_holds_all_that_made_it(run: Path) -> None:
    assert {p.name for p in run.iterdir()} == FILES
    folds = pd.read_parquet(run / "folds.parquet")
    assert folds["split"].value_counts().to_dict() == {"train": 95, "validation": 12, "test": 12}
    facts = json.loads((run / "leakage.json").read_text())
    assert facts["shared_subjects"] == []
    assert facts["lost_faces"] == 1
    assert 0.2 < facts["base_rate"]["AU01"] < 0.6
    known, positive = facts["known_labels"]["synthetic"]["AU01"]
    assert known == 95
    assert positive / known == pytest.approx(facts["base_rate"]["AU01"], abs=1e-4)
    log = pd.read_csv(run / "log.csv")
    assert log["epoch"].tolist() == list(range(1, 13))
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]
    libraries = json.loads((run / "environment.json").read_text())["libraries"]
    assert torch.__version__.startswith(libraries["torch"])


def test_predictions_are_those_of_the_best_weights_on_validation_and_test(run: Path, recipe: Recipe) -> None:
    table = pd.read_parquet(run / "predictions.parquet")
    assert table["fold"].value_counts().to_dict() == {"validation": 12, "test": 12}
    assert list(table.columns[:4]) == ["sample", "dataset", "subject", "fold"]
    assert set(table["AU01_i"]) <= {0, 1, 3, 4}
    np.testing.assert_array_equal(table["AU01_t"], table["AU01_i"] >= 2)
    log = pd.read_csv(run / "log.csv")
    found = evaluate(table[table["fold"] == "validation"])["auc"].mean()
    assert found == pytest.approx(log["validation_auc"].max())


def test_the_draft_card_says_how_to_feed_the_network(run: Path, recipe: Recipe) -> None:
    card = ModelCard.from_json((run / "card.json").read_text())
    assert (card.aus, card.crop, card.mean) == ((1, 12, 25), CropSpec(16), recipe.model.mean)
    assert card.heatmap_layer == "relu5"
    assert load_recipe(run / "recipe.toml") == load_recipe(run / "recipe.toml")
    assert "hidden = 4" in card.recipe
    assert load_network(run / "checkpoint" / "best.safetensors")[1].options == {"hidden": 4}


def test_two_runs_with_one_seed_are_identical_and_another_seed_differs(
    recipe: Recipe, tmp_path: Path
) -> None:
    one, two = (train(recipe, out=tmp_path / name) for name in ("one", "two"))
    other = train(replace(recipe, seed=6), out=tmp_path / "other")
    assert_same_weights(one, two)
    assert any(not torch.equal(weights(one)[name], tensor) for name, tensor in weights(other).items())


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    recipe: Recipe, tmp_path: Path, steps: int
) -> None:
    often = replace(recipe, run=replace(recipe.run, checkpoint_s=0, out=str(tmp_path / "broken")))

    def stop(progress: Progress) -> None:
        if progress.step == steps:
            raise StopError

    with pytest.raises(StopError):
        train(often, progress=stop)
    train(often, resume=True)
    whole = train(often, out=tmp_path / "whole")
    assert_same_weights(tmp_path / "broken", whole)
    columns = ["epoch", "step", "lr", "loss", "validation_loss", "validation_auc"]
    resumed, wanted = (pd.read_csv(folder / "log.csv") for folder in (tmp_path / "broken", whole))
    assert list(resumed.columns) == list(wanted.columns)
    pd.testing.assert_frame_equal(resumed[columns], wanted[columns])


@pytest.mark.slow
def test_a_killed_process_is_resumed_to_the_same_weights(recipe: Recipe, tmp_path: Path) -> None:
    often = replace(recipe, run=replace(recipe.run, epochs=6, checkpoint_s=0, out=str(tmp_path / "killed")))
    (tmp_path / "r.toml").write_text(recipe_text(often), encoding="utf-8")
    code = (
        f"from pathlib import Path; from openau.train import train; train(Path({str(tmp_path / 'r.toml')!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    checkpoint = tmp_path / "killed" / "checkpoint" / "last.safetensors"
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    train(often, resume=True)
    assert_same_weights(tmp_path / "killed", train(often, out=tmp_path / "whole"))


def test_resuming_a_finished_run_changes_nothing(recipe: Recipe, tmp_path: Path) -> None:
    run = train(recipe, out=tmp_path / "run")
    before = weights(run)
    train(recipe, out=run, resume=True)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(run).items())
    assert len(pd.read_csv(run / "log.csv")) == 2


def test_a_run_folder_may_move_before_it_is_resumed(recipe: Recipe, tmp_path: Path) -> None:
    run = train(recipe, out=tmp_path / "here")
    run.rename(tmp_path / "there")
    assert train(recipe, out=tmp_path / "there", resume=True) == tmp_path / "there"


def test_progress_counts_up_to_the_end(recipe: Recipe, tmp_path: Path) -> None:
    told: list[Progress] = []
    train(recipe, out=tmp_path / "run", progress=told.append)
    assert [p.step for p in told] == [1, 2, 3, 4]
    assert {p.steps for p in told} == {4}
    assert told[0].auc is None
    assert told[-1].auc is not None
    assert told[-1].time_left_s == 0
    assert all(p.images_per_s > 0 and np.isfinite(p.loss) for p in told)


def test_training_stops_when_it_gets_no_better(recipe: Recipe, tmp_path: Path) -> None:
    stuck = replace(
        recipe,
        run=replace(recipe.run, epochs=30, patience=2),
        optimiser=replace(recipe.optimiser, lr=1e-12),
    )
    run = train(stuck, out=tmp_path / "run")
    assert len(pd.read_csv(run / "log.csv")) < 30


@pytest.mark.parametrize(
    "change", ["bce", "focal", "adam", "sgd", "bfloat16", "soft", "mask", "subject", "no average"]
)
def test_every_option_trains_to_finite_weights(recipe: Recipe, tmp_path: Path, change: str) -> None:
    once = replace(recipe, run=replace(recipe.run, epochs=1))
    changed = {
        "bce": replace(once, loss=replace(once.loss, name="bce")),
        "focal": replace(once, loss=replace(once.loss, name="focal")),
        "adam": replace(once, optimiser=replace(once.optimiser, name="adam", schedule="legacy", clip=0.0)),
        "sgd": replace(once, optimiser=replace(once.optimiser, name="sgd", schedule="step", drop=1)),
        "bfloat16": replace(once, run=replace(once.run, precision="bfloat16")),
        "soft": replace(once, labels=replace(once.labels, between="soft")),
        "mask": replace(once, labels=replace(once.labels, between="mask")),
        "subject": replace(once, data=replace(once.data, split="subject")),
        "no average": replace(once, optimiser=replace(once.optimiser, average=0.0, schedule="constant")),
    }[change]
    run = train(changed, out=tmp_path / "run")
    tensors = weights(run)
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    if change == "no average":
        assert torch.equal(tensors["average.out.weight"], tensors["network.out.weight"])
    if change == "subject":
        assert json.loads((run / "leakage.json").read_text())["shared_subjects"] == []


def test_without_a_validation_part_the_last_weights_are_the_best(recipe: Recipe, tmp_path: Path) -> None:
    alone = replace(recipe, data=replace(recipe.data, split="subject", validation=0.0, test=0.0))
    run = train(alone, out=tmp_path / "run")
    best = load_network(run / "checkpoint" / "best.safetensors")[0].state_dict()
    assert torch.equal(best["out.weight"], weights(run)["average.out.weight"])
    assert pd.read_parquet(run / "predictions.parquet").empty
    assert pd.read_csv(run / "log.csv")["validation_auc"].isna().all()


def test_a_folder_that_holds_a_run_is_not_overwritten(recipe: Recipe, run: Path) -> None:
    with pytest.raises(OutputError, match="holds a run already"):
        train(recipe, out=run)


def test_another_recipe_is_not_resumed(recipe: Recipe, run: Path) -> None:
    with pytest.raises(ModelError, match="another recipe"):
        train(replace(recipe, seed=77), out=run, resume=True)


def test_what_does_not_fit_is_said_before_anything_is_written(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="prepare again"):
        train(replace(recipe, crop=CropSpec(32)), out=tmp_path / "run")
    with pytest.raises(InputError, match="not a crop store"):
        train(recipe, stores=[tmp_path], out=tmp_path / "run")
    with pytest.raises(SettingError, match="wheels"):
        train(replace(recipe, model=replace(recipe.model, options={"wheels": 4})), out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_the_learning_rate_follows_its_schedule() -> None:
    cosine = OptimiserSettings(lr=1.0, warmup=9, schedule="cosine")
    assert learning_rate(0, 100, cosine) == pytest.approx(0.1)
    assert learning_rate(50, 100, cosine) == pytest.approx(0.5)
    assert 0 < learning_rate(99, 100, cosine) < 0.001
    legacy = OptimiserSettings(lr=1e-4, warmup=0, schedule="legacy", decay=1e-6)
    assert learning_rate(500_000, 10**6, legacy) == pytest.approx(1e-4 / 1.5)
    step = OptimiserSettings(lr=0.5, warmup=0, schedule="step", drop=2000)
    assert learning_rate(1999, 10**4, step) == 0.5
    assert learning_rate(2000, 10**4, step) == pytest.approx(0.05)
    assert learning_rate(77, 100, OptimiserSettings(lr=0.3, warmup=0, schedule="constant")) == 0.3


def test_a_farther_horizon_ends_a_run_while_the_learning_rate_is_high(recipe: Recipe, tmp_path: Path) -> None:
    def rates(name: str, epochs: int, horizon: int) -> list[float]:
        short = replace(recipe, run=replace(recipe.run, epochs=epochs))
        chosen = replace(short, optimiser=replace(short.optimiser, warmup=0, horizon=horizon))
        return pd.read_csv(train(chosen, out=tmp_path / name) / "log.csv")["lr"].tolist()

    whole = rates("whole", 3, 0)
    assert rates("half", 2, 3) == whole[:2]
    assert rates("near", 2, 1) == rates("none", 2, 0)
    assert whole[-1] < 0.1 * whole[0]


def test_the_average_starts_as_a_plain_mean_and_keeps_the_decay_later() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(network, 0.9)
    torch.nn.init.constant_(network.weight, 1.0)
    average.tensors["weight"].zero_()
    average.update(network, 0)
    assert float(average.tensors["weight"]) == pytest.approx(0.9)
    average.update(network, 10_000)
    assert float(average.tensors["weight"]) == pytest.approx(0.91)


def test_momentum_survives_an_interruption(recipe: Recipe, tmp_path: Path) -> None:
    sgd = replace(
        recipe,
        run=replace(recipe.run, checkpoint_s=0, out=str(tmp_path / "broken")),
        optimiser=replace(recipe.optimiser, name="sgd", schedule="constant", lr=0.05),
    )

    def stop(progress: Progress) -> None:
        if progress.step == 3:
            raise StopError

    with pytest.raises(StopError):
        train(sgd, progress=stop)
    train(sgd, resume=True)
    whole = train(sgd, out=tmp_path / "whole")
    assert_same_weights(tmp_path / "broken", whole)
    assert any(name.endswith("momentum_buffer") for name in weights(whole))
