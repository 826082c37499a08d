"""Training learns emotions, heat maps, edges and several tasks at once, exactly as it learns AUs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from benchmarks.emotion_transfer import few_faces

from openau.data.augment import AUGMENTATIONS, Augmentation, augment_and_tell
from openau.data.crops import prepare
from openau.data.dataset import Crops
from openau.data.heatmap import au_points, render_heatmaps
from openau.data.index import build_index
from openau.data.store import CropStore
from openau.emotion import told_emotion
from openau.errors import ModelError, SettingError, TableError
from openau.evaluate import evaluate_emotions
from openau.evaluate.report import Choices, read_predictions, write_evaluation
from openau.export import export_run
from openau.facs import EMOTIONS
from openau.losses import edge_cross_entropy, rarity_weight, weighted_asymmetric
from openau.models.weights import load_emotion_network, load_network, read_tensors
from openau.records import Crop, CropSpec
from openau.runtime import AUModel
from openau.train import Progress, Recipe, load_recipe, recipe_text, train
from openau.train.config import DataSettings, LossSettings, ModelSettings, OptimiserSettings, RunSettings
from openau.train.network import fresh_network
from openau.train.predict import predict_run
from openau.train.tasks import Lesson, emotion_numbers
from tests.fake.synthetic_folder import write_synthetic_folder
from tests.train.conftest import build_fake

SIDE = 32
AUS = (1, 12)
SMALL: dict[str, Any] = {"backbone": "resnet18"}
TINY: dict[str, Any] = {"widths": (8, 8, 8), "blocks": (1, 1, 1), "channels": 4}
INNER: dict[str, Any] = {"au_network": "attention_cnn", "au_options": {"hidden": 4}, "side": 16}
"""A small network for emotions on a small network of AUs."""


class StopError(Exception):
    """A stand-in for whatever ends a run early."""


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Faces whose emotion follows from two plain AUs, some of them unknown, with landmarks."""
    root = write_synthetic_folder(tmp_path_factory.mktemp("tasks") / "faces", aus=(1, 12))
    random = np.random.default_rng(2)
    np.save(root / "landmarks.npy", random.uniform(20, 76, (120, 68, 2)).astype(np.float32))
    table = build_index("synthetic", root)
    brows, lips = (table[name] >= 2 for name in ("AU01", "AU12"))
    table["emotion"] = np.select(
        [brows & lips, brows, lips], ["fear", "surprise", "happiness"], default="neutral"
    )
    table.loc[::7, "emotion"] = None
    table.loc[3, "emotion"] = "contempt"
    return table


@pytest.fixture(scope="module")
def stores(faces: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    root = tmp_path_factory.mktemp("stores")
    return {
        side: prepare(faces, CropSpec(side), root / str(side), detector=build_fake).store
        for side in (16, SIDE, 64)
    }


def recipe(
    stores: dict[int, Path], name: str, loss: str, *, side: int = SIDE, epochs: int = 1, **options: Any
) -> Recipe:
    return Recipe(
        name="fake",
        aus=() if name == "caer_face_stream" else AUS,
        crop=CropSpec(side),
        seed=3,
        model=ModelSettings(name, options=options),
        loss=LossSettings(name=loss),  # type: ignore[arg-type] # any name, checked by the recipe
        optimiser=OptimiserSettings(lr=1e-3, warmup=2, average=0.0, schedule="constant"),
        augmentation=AUGMENTATIONS["none"],
        run=RunSettings(epochs=epochs, batch=16, threads=1),
        data=DataSettings(stores=(str(stores[side]),)),
    )


def tensors(run: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return read_tensors(run / "checkpoint" / f"{name}.safetensors")[0]


def assert_same_weights(one: Path, two: Path) -> None:
    first, second = tensors(one), tensors(two)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.fixture(scope="module")
def emotion_run(stores: dict[int, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    wanted = recipe(stores, "caer_face_stream", "emotion", side=16, epochs=12, dropout=0.0)
    return train(wanted, out=tmp_path_factory.mktemp("runs") / "emotion")


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


def test_intensities_that_are_plain_to_see_are_learned_and_exported(
    stores: dict[int, Path], tmp_path: Path
) -> None:
    plain = recipe(stores, "compact_resnet", "bce", epochs=6, **TINY)
    run = train(replace(plain, loss=replace(plain.loss, more={"intensity": 1.0})), out=tmp_path / "run")
    model = AUModel(export_run(run, tmp_path / "model.onnx"), threads=1)
    assert model.card.intensity
    assert {row.metric for row in model.card.accuracy} >= {"ICC(3,1)", "mean ICC(3,1)"}
    table = pd.read_parquet(run / "predictions.parquet")
    assert table["AU12_r"].between(0, 5).all()
    assert np.corrcoef(table["AU12_r"], table["AU12_i"])[0, 1] > 0.6
    store = CropStore.open(stores[SIDE])
    faces = [Crop(pixels, np.eye(2, 3)) for pixels in store.crops(np.arange(3))]
    found = model.predict(faces, heatmaps=True)
    assert all(one.intensity is not None and one.intensity.shape == (2,) for one in found)


def test_an_untaught_intensity_is_neither_told_nor_promised(stores: dict[int, Path], tmp_path: Path) -> None:
    run = train(recipe(stores, "compact_resnet", "bce", **TINY), out=tmp_path / "run")
    assert "AU12_r" not in pd.read_parquet(run / "predictions.parquet")
    assert not AUModel(export_run(run, tmp_path / "model.onnx"), threads=1).card.intensity


def test_an_index_of_mere_occurrences_teaches_no_intensity(
    faces: pd.DataFrame, tmp_path: Path, stores: dict[int, Path]
) -> None:
    marks = faces.assign(**{name: (faces[name] >= 2).astype(float) for name in ("AU01", "AU12")})
    store = prepare(marks, CropSpec(SIDE), tmp_path / "marks", detector=build_fake).store
    plain = recipe({SIDE: store}, "compact_resnet", "bce", **TINY)
    wanted = replace(plain, loss=replace(plain.loss, more={"intensity": 1.0}))
    with pytest.raises(TableError, match="no AU intensities"):
        train(wanted, out=tmp_path / "run")


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


@pytest.fixture(scope="module")
def shared_recipe(stores: dict[int, Path], tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A recipe of which nothing but the gradient decides the weights, by plain descent.

    The AU network is frozen, batch norm with it, and the batch can be shared by two and by three.
    """
    first = tmp_path_factory.mktemp("first") / "aus"
    train(recipe(stores, "attention_cnn", "bce", side=16, hidden=4), out=first)
    plain = recipe(stores, "emotiram_fau", "emotion", epochs=2, **INNER)
    return replace(
        plain,
        model=replace(plain.model, options={**plain.model.options, "frozen": True}, initial=str(first)),
        loss=replace(plain.loss, more={"bce": 0.1}),  # rows without an emotion stay in the batches
        optimiser=OptimiserSettings(
            "sgd", 0.5, weight_decay=0.0, momentum=0.0, schedule="constant", warmup=0, clip=0.0, average=0.0
        ),
        run=replace(plain.run, batch=24),
    )


@pytest.fixture(scope="module")
def trained_alone(shared_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(shared_recipe, out=tmp_path_factory.mktemp("alone") / "run")


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_have_the_gradients_of_one_and_its_f1_to_the_last_digit(
    shared_recipe: Recipe,
    trained_alone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
) -> None:
    share = replace(shared_recipe, run=replace(shared_recipe.run, batch=24 // processes, out="run"))
    (tmp_path / "r.toml").write_text(recipe_text(share), "utf-8")
    (tmp_path / "train.py").write_text(
        "from pathlib import Path\nfrom openau.train import train\ntrain(Path('r.toml'))\n", "utf-8"
    )
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    command = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}", "train.py"]
    child = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert child.returncode == 0, child.stderr[-2000:]
    together = tmp_path / "run"
    logs = [pd.read_csv(run / "log.csv") for run in (trained_alone, together)]
    assert logs[0]["step"].tolist() == logs[1]["step"].tolist()
    one, many = tensors(trained_alone), tensors(together)
    begun = first_weights(shared_recipe)
    for name in ("head.weight", "head.bias"):
        moved = one[f"network.{name}"] - begun[name]
        assert moved.abs().max() > 1e-3  # the sum of all gradients, times the learning rate
        torch.testing.assert_close(moved, many[f"network.{name}"] - begun[name], atol=1e-6, rtol=1e-4)
    tables = [pd.read_parquet(run / "predictions.parquet") for run in (trained_alone, together)]
    pd.testing.assert_frame_equal(tables[0], tables[1], atol=1e-6, rtol=1e-5)
    scores = [evaluate_emotions(table)["f1"].to_numpy() for table in tables]
    np.testing.assert_array_equal(scores[0], scores[1])


def first_weights(chosen: Recipe) -> dict[str, torch.Tensor]:
    """Return the weights that a run of a recipe begins with."""
    torch.manual_seed(chosen.seed)
    return fresh_network(chosen).state_dict()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_run_of_emotions_is_resumed_to_the_same_weights(
    shared_recipe: Recipe, tmp_path: Path
) -> None:
    """Killed again and again within the writing of weights, which is most of what this run does."""
    often = replace(
        shared_recipe,
        optimiser=OptimiserSettings(warmup=2),
        run=replace(shared_recipe.run, epochs=9, checkpoint_s=0.0, out=str(tmp_path / "killed")),
    )
    (tmp_path / "r.toml").write_text(recipe_text(often), "utf-8")
    (tmp_path / "train.py").write_text(KILLED, "utf-8")
    ends = []
    for moment in range(16):
        child = subprocess.run(
            [sys.executable, "train.py", str(moment)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        ends.append(child.returncode)
        if child.returncode == 0:
            break
        assert child.returncode == -signal.SIGKILL, child.stderr[-2000:]
    assert ends[-1] == 0
    assert ends.count(-signal.SIGKILL) >= 4
    alone = tensors(train(often, out=tmp_path / "whole"))
    found = tensors(tmp_path / "killed")
    assert alone.keys() == found.keys()
    assert [name for name in alone if not torch.equal(alone[name], found[name])] == []
    killed, whole = (pd.read_parquet(tmp_path / run / "predictions.parquet") for run in ("killed", "whole"))
    pd.testing.assert_frame_equal(killed, whole)


KILLED = """
import os, signal, sys
from pathlib import Path
import openau.models.weights as weights
from openau.train import train

# Each process dies at another moment of the writing of its sixth file of weights: before it, with half of it
# written, with the file whole under its temporary name, and after it has its own.
moment, written = int(sys.argv[1]) % 4, [0]
save, replace = weights.save_file, Path.replace


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def saved(tensors, path, metadata):
    written[0] += 1
    last = written[0] == 6
    if last and moment == 0:
        die()
    save(tensors, path, metadata=metadata)
    if last and moment == 1:
        os.truncate(path, os.path.getsize(path) // 2)
        die()
    if last and moment == 2:
        die()


def replaced(self, target):
    found = replace(self, target)
    if written[0] == 6 and moment == 3:
        die()
    return found


weights.save_file, Path.replace = saved, replaced
train(Path("r.toml"), resume=True)
"""


def test_the_transfer_benchmark_takes_a_few_faces_of_each_emotion(
    stores: dict[int, Path], tmp_path: Path
) -> None:
    few = CropStore.open(few_faces(stores[16], tmp_path / "few", 3, 0))
    part = few.table["split"]
    trained = few.table["emotion"][part == "train"].value_counts().to_dict()
    assert trained == dict.fromkeys(["fear", "happiness", "neutral", "surprise"], 3)
    assert few.table["emotion"][part == "validation"].value_counts().max() <= 3
    whole = CropStore.open(stores[16])
    test = whole.table[(whole.table["split"] == "test") & whole.table["emotion"].isin(EMOTIONS)]
    assert few.table[few.table["split"] == "test"]["path"].tolist() == test["path"].tolist()
    place = whole.table["path"].tolist().index(few.table["path"][5])
    np.testing.assert_array_equal(few.wide[np.array([5])], whole.wide[np.array([place])])


@pytest.fixture(scope="module")
def both_run(stores: dict[int, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was taught emotions and AUs."""
    plain = recipe(stores, "emotiram_fau", "emotion", **INNER)
    wanted = replace(plain, loss=replace(plain.loss, more={"bce": 0.5}))
    return train(wanted, out=tmp_path_factory.mktemp("runs") / "both")


def test_a_run_of_emotions_becomes_a_model_file_that_tells_them(both_run: Path, tmp_path: Path) -> None:
    path = export_run(both_run, tmp_path / "both.onnx")
    model = AUModel(path)
    assert model.card.emotions == EMOTIONS
    metrics = [row.metric for row in model.card.accuracy]
    assert "accuracy of emotions" in metrics
    assert "mean ROC AUC" in metrics
    table = pd.read_parquet(both_run / "predictions.parquet")
    loaded = load_recipe(both_run / "recipe.toml")
    crops = Crops([Path(store) for store in loaded.data.stores])
    place = {sample: row for row, sample in enumerate(crops.table["path"])}
    rows = np.array([place[sample] for sample in table["sample"][:5]])
    border = (crops.side - crops.spec.size) // 2
    inside = slice(border, border + crops.spec.size)
    faces = crops.wide(rows)[:, inside, inside]
    found = model.predict([Crop(np.asarray(face), np.eye(2, 3)) for face in faces])
    columns = [f"emotion_{name}_p" for name in EMOTIONS]
    told = np.stack([output.emotion for output in found if output.emotion is not None])
    np.testing.assert_allclose(told, table[columns][:5], atol=1e-4)
    np.testing.assert_allclose([o.probability[0] for o in found], table["AU01_p"][:5], atol=1e-4)
    reading = told_emotion(told[0], model.card.emotions)
    assert reading.name == max(dict(reading.probability), key=lambda name: dict(reading.probability)[name])


def test_a_network_of_emotions_alone_is_no_model_file(emotion_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="emotions alone"):
        export_run(emotion_run, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())
