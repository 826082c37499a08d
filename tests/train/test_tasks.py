"""Training learns emotions, heat maps, edges and several tasks at once, exactly as it learns AUs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from openau.data.augment import AUGMENTATIONS, Augmentation, augment_and_tell
from openau.data.crops import prepare
from openau.data.dataset import Crops
from openau.data.heatmap import au_points, render_heatmaps
from openau.errors import ModelError, SettingError, TableError
from openau.evaluate import evaluate_emotions
from openau.evaluate.report import Choices, read_predictions, write_evaluation
from openau.facs import EMOTIONS
from openau.losses import edge_cross_entropy, rarity_weight, weighted_asymmetric
from openau.models.weights import load_emotion_network, load_network
from openau.records import CropSpec
from openau.train import Progress, Recipe, load_recipe, recipe_text, train
from openau.train.config import LossSettings
from openau.train.predict import predict_run
from openau.train.tasks import Lesson, emotion_numbers
from tests.train.conftest import build_fake
from tests.train.small_tasks import AUS, INNER, SIDE, SMALL, TINY, assert_same_weights, recipe, tensors


class StopError(Exception):
    """A stand-in for whatever ends a run early."""


def test_emotions_that_are_plain_to_see_are_learned(emotion_run: Path) -> None:
    table = pd.read_parquet(emotion_run / "predictions.parquet")
    whole = evaluate_emotions(table).iloc[-1].to_dict()
    assert whole["accuracy"] > whole["majority"] + 0.2
    log = pd.read_csv(emotion_run / "log.csv")
    assert log["validation_loss"].iloc[-1] < log["validation_loss"].iloc[0]
    assert log["validation_auc"].max() > 0.8
    assert log["validation_accuracy"].between(0, 1).all()


def test_a_run_on_emotions_says_what_it_knew(emotion_run: Path, faces: pd.DataFrame) -> None:
    assert not (emotion_run / "card.json").exists()
    facts = json.loads((emotion_run / "leakage.json").read_text("utf-8"))
    part = faces[(faces["split"] == "train")].drop(index=7)
    counts = part["emotion"].value_counts()
    assert facts["known_emotions"]["synthetic"] == {
        name: int(counts[name]) for name in EMOTIONS if name in counts.index
    }
    table = pd.read_parquet(emotion_run / "predictions.parquet")
    assert not [name for name in table.columns if name.startswith("AU")]
    shares = table[[f"emotion_{name}_p" for name in EMOTIONS]]
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert table["emotion_t"].isna().any()  # unknown stays unknown
    network, spec = load_emotion_network(emotion_run / "checkpoint" / "best.safetensors")
    assert spec.emotions == EMOTIONS
    assert not network.training


def test_rows_without_a_known_emotion_are_not_trained_on(stores: dict[int, Path]) -> None:
    wanted = recipe(stores, "caer_face_stream", "emotion", side=16)
    crops = Crops([stores[16]])
    rows = np.arange(len(crops.table))
    kept, arrays = Lesson(wanted).teaching(crops, rows)
    known = crops.table["emotion"].isin(EMOTIONS).to_numpy()
    np.testing.assert_array_equal(kept, np.flatnonzero(known))
    names = [EMOTIONS[int(number)] for number in arrays["emotion"]]
    assert names == crops.table["emotion"][known].tolist()
    both = replace(wanted, aus=AUS, loss=replace(wanted.loss, more={"bce": 0.5}))
    kept, arrays = Lesson(both).teaching(crops, rows)
    assert len(kept) == len(rows)  # what has no emotion still has AUs
    assert np.isnan(arrays["emotion"]).sum() == (~known).sum()
    assert np.isnan(emotion_numbers(crops, rows)).sum() == (~known).sum()


@pytest.mark.parametrize(
    ("name", "loss", "more", "options"),
    [
        ("fan_heatmap", "heatmap_mse", {"bce": 0.1}, SMALL),
        ("compact_resnet", "weighted_bce", {"intensity": 0.25}, TINY),
        pytest.param(
            "me_graph", "weighted_asymmetric", {"edges": 0.05}, {"side": 64, **SMALL}, marks=pytest.mark.slow
        ),
        ("emotiram_fau", "emotion", {"bce": 0.1}, INNER),
    ],
)
def test_an_interrupted_run_of_any_task_ends_with_the_weights_of_an_uninterrupted_one(
    stores: dict[int, Path],
    tmp_path: Path,
    name: str,
    loss: str,
    more: dict[str, float],
    options: dict[str, Any],
) -> None:
    plain = recipe(stores, name, loss, **options)
    wanted = replace(
        plain,
        loss=replace(plain.loss, more=more),
        augmentation=Augmentation(),
        run=replace(plain.run, batch=48, checkpoint_s=0.0),
    )

    def stop(now: Progress) -> None:
        if now.step == 1:
            raise StopError

    with pytest.raises(StopError):
        train(wanted, out=tmp_path / "broken", progress=stop)
    train(wanted, out=tmp_path / "broken", resume=True)
    whole = train(wanted, out=tmp_path / "whole")
    assert_same_weights(tmp_path / "broken", whole)
    table = pd.read_parquet(whole / "predictions.parquet")
    assert table["AU12_p"].notna().all()
    assert ("emotion_fear_p" in table) == (name == "emotiram_fau")
    assert ("AU12_r" in table) == ("intensity" in more)
    assert np.isfinite(pd.read_csv(whole / "log.csv")["loss"]).all()


def test_edges_are_taught_at_their_cost_beside_the_aus(stores: dict[int, Path]) -> None:
    plain = recipe(stores, "me_graph", "weighted_asymmetric", **SMALL)
    lesson = Lesson(replace(plain, loss=replace(plain.loss, more={"edges": 0.05})))
    _, arrays = lesson.teaching(Crops([stores[SIDE]]), np.arange(16))
    target = torch.from_numpy(arrays["aus"])
    batch = {"aus": target[:8]}
    outputs = {"aus": torch.randn(8, 2), "edges": torch.randn(8, 4, 4)}
    _, moves = augment_and_tell(
        torch.zeros(8, 44, 44, 3, dtype=torch.uint8), SIDE, AUGMENTATIONS["none"], torch.Generator()
    )
    found = lesson.criterion(arrays)(outputs, lesson.targets(batch, outputs, moves))
    wanted = weighted_asymmetric(outputs["aus"], batch["aus"], rarity_weight(target))
    wanted = wanted + 0.05 * edge_cross_entropy(outputs["edges"], batch["aus"])
    torch.testing.assert_close(found, wanted)


def test_heat_map_targets_follow_the_face_when_it_moves(stores: dict[int, Path]) -> None:
    wanted = recipe(stores, "fan_heatmap", "heatmap_mse", **SMALL)
    crops, rows = Crops([stores[SIDE]]), np.arange(6)
    lesson = Lesson(wanted)
    _, arrays = lesson.teaching(crops, rows)
    batch = {name: torch.from_numpy(values) for name, values in arrays.items()}
    wide = torch.from_numpy(crops.wide(rows))
    output = torch.zeros(6, 4, 8, 8)
    strength = np.repeat(crops.table[["AU01", "AU12"]].to_numpy(np.float32)[:6], 2, axis=1)
    border = (crops.side - SIDE) // 2
    still = au_points(crops.points(rows), AUS) - border
    for how, points in (
        (AUGMENTATIONS["none"], still),
        # A mirror image: each point lies at the mirrored place of the one on the other side.
        (
            replace(AUGMENTATIONS["none"], flip=1.0),
            still[:, [1, 0, 3, 2]] * np.array([-1, 1], np.float32) + np.array([SIDE - 1, 0], np.float32),
        ),
    ):
        _, moves = augment_and_tell(wide, SIDE, how, torch.Generator().manual_seed(0))
        [found] = lesson.targets(batch, {"maps": output}, moves).values()
        exact = render_heatmaps(points.astype(np.float32), strength, size=SIDE, map_size=8)
        # A point that lies on the border between two map pixels may be rounded to either.
        agree = np.isclose(found.numpy(), exact, atol=1.0).mean()
        assert agree > 0.95
        assert found.numpy().max() > 255


def test_heat_maps_need_landmarks_and_emotions_need_emotions(stores: dict[int, Path], store: Path) -> None:
    wanted = recipe({SIDE: store}, "fan_heatmap", "heatmap_mse")
    crops = Crops([store])
    with pytest.raises(SettingError, match="know no landmarks"):
        Lesson(wanted).teaching(crops, np.arange(5))
    with pytest.raises(TableError, match="knows none of the emotions"):
        Lesson(recipe({16: store}, "caer_face_stream", "emotion", side=16)).teaching(crops, np.arange(5))


def test_what_an_au_run_learned_is_carried_to_emotions(stores: dict[int, Path], tmp_path: Path) -> None:
    first = train(recipe(stores, "attention_cnn", "bce", side=16, hidden=4), out=tmp_path / "aus")
    encoder = load_network(first / "checkpoint" / "best.safetensors")[0].state_dict()
    plain = recipe(stores, "emotiram_fau", "emotion", **INNER)
    for frozen in (True, False):
        options = {**plain.model.options, "frozen": frozen}
        model = replace(plain.model, options=options, initial=str(first))
        run = train(replace(plain, model=model), out=tmp_path / f"emotions-{frozen}")
        kept = {
            name.removeprefix("encoder."): tensor
            for name, tensor in tensors(run, "best").items()
            if name.startswith("encoder.")
        }
        assert kept.keys() == encoder.keys()
        same = [torch.equal(kept[name], encoder[name]) for name in encoder]
        assert (
            all(same)
            if frozen
            else not any(s for name, s in zip(kept, same, strict=True) if "weight" in name)
        )
    before = pd.read_parquet(first / "predictions.parquet")
    frozen_run, tuned = (
        pd.read_parquet(tmp_path / f"emotions-{f}" / "predictions.parquet") for f in (True, False)
    )
    np.testing.assert_allclose(frozen_run["AU12_p"], before["AU12_p"], atol=1e-6)  # nothing was forgotten
    assert not np.allclose(tuned["AU12_p"], before["AU12_p"], atol=1e-3)
    other = predict_run(tmp_path / "emotions-True", [stores[16]])
    judged = other.set_index("sample").loc[before["sample"].tolist()]
    np.testing.assert_allclose(judged["AU12_p"], before["AU12_p"], atol=1e-6)
    with pytest.raises(SettingError, match="prepare again"):
        predict_run(tmp_path / "emotions-True", [stores[SIDE]])


def test_a_dataset_of_emotions_without_aus_or_people_is_trained_on(
    faces: pd.DataFrame, stores: dict[int, Path], tmp_path: Path
) -> None:
    """As CAER-S comes: folders train and test, emotions, nothing else."""
    first = train(recipe(stores, "attention_cnn", "bce", side=16, hidden=4), out=tmp_path / "aus")
    bare = faces[["dataset", "sequence", "frame", "path", "emotion", "x1", "y1", "x2", "y2"]].assign(
        dataset="caer_s", subject=None, split=np.where(np.arange(len(faces)) % 5, "train", "test")
    )
    store = prepare(bare, CropSpec(16), tmp_path / "store", detector=build_fake).store
    plain = recipe({16: store}, "emotiram_fau", "emotion", **INNER)
    wanted = replace(
        plain,
        model=replace(plain.model, initial=str(first)),
        loss=replace(plain.loss, options={"balanced": True}),
        data=replace(plain.data, split="masur2023", sampler="balanced"),
    )
    run = train(wanted, out=tmp_path / "run")
    facts = json.loads((run / "leakage.json").read_text("utf-8"))
    assert set(facts["known_emotions"]["caer_s"]) == {"fear", "happiness", "surprise", "neutral"}
    table = pd.read_parquet(run / "predictions.parquet")
    assert table["AU12_p"].notna().all()
    assert table["AU12_t"].isna().all()
    rows = write_evaluation(read_predictions(run), run / "evaluation", Choices(resamples=10))
    assert rows.empty  # no AU's truth is known
    told = pd.read_csv(run / "evaluation" / "emotions.csv").iloc[-1]
    assert told["accuracy_low"] <= told["accuracy"] <= told["accuracy_high"]
    still = predict_run(run, [stores[16]], samples=table["sample"].tolist()[:5])
    assert len(still) == 5
    assert still["AU12_t"].notna().all()
    with pytest.raises(SettingError, match="None of the wanted pictures"):
        predict_run(run, [stores[16]], samples=["elsewhere.png"])


def test_a_run_that_does_not_fit_is_refused(
    stores: dict[int, Path], emotion_run: Path, tmp_path: Path
) -> None:
    plain = recipe(stores, "emotiram_fau", "emotion", **INNER)

    def starting(path: Path, wanted: Recipe = plain) -> Recipe:
        return replace(wanted, model=replace(wanted.model, initial=str(path)))

    with pytest.raises(ModelError, match="caer_face_stream, which is not what"):
        train(starting(emotion_run), out=tmp_path / "run")
    with pytest.raises(ModelError, match="no checkpoint"):
        train(starting(tmp_path), out=tmp_path / "run")
    frozen = replace(plain, model=replace(plain.model, options={**plain.model.options, "frozen": True}))
    with pytest.raises(SettingError, match="frozen random AU network"):
        train(frozen, out=tmp_path / "run")
    with pytest.raises(ModelError, match="tells emotions"):
        load_network(emotion_run / "checkpoint" / "best.safetensors")
    assert not (tmp_path / "run").exists()


def test_emotions_by_one_seed_are_identical(stores: dict[int, Path], tmp_path: Path) -> None:
    wanted = recipe(stores, "caer_face_stream", "emotion", side=16)
    one, two = (train(wanted, out=tmp_path / name) for name in ("one", "two"))
    assert_same_weights(one, two)


def test_tasks_are_part_of_the_recipe(stores: dict[int, Path], tmp_path: Path) -> None:
    plain = recipe(stores, "me_graph", "weighted_asymmetric", **SMALL)
    wanted = replace(
        plain,
        loss=replace(plain.loss, more={"edges": 0.05}),
        model=replace(plain.model, initial="runs/stage1"),
    )
    (tmp_path / "r.toml").write_text(recipe_text(wanted), "utf-8")
    assert load_recipe(tmp_path / "r.toml") == wanted
    assert {task: (loss.loss, loss.cost) for task, loss in wanted.loss.tasks.items()} == {
        "aus": ("weighted_asymmetric", 1.0),
        "edges": ("edges", 0.05),
    }


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"more": {"focal": 1.0}}, "task of its own"),
        ({"more": {"edges": -1}}, "cost of 0 or above"),
        ({"more": {"edges": "much"}}, "cost of 0 or above"),
        ({"more": {"love": 1.0}}, "no loss 'love'"),
        ({"more": {"multi_task": 1.0}}, "task of its own"),
        ({"more_options": {"edges": {}}}, "not in more"),
    ],
)
def test_tasks_that_cannot_be_joined_are_refused(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingError, match=word):
        Recipe(name="x", aus=(1,), crop=CropSpec(16), loss=LossSettings(name="bce", **settings))
