"""Runs of several tasks in several processes, killed, and made into files."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from benchmarks.emotion_transfer import few_faces

from openau.data.dataset import Crops
from openau.data.store import CropStore
from openau.emotion import told_emotion
from openau.errors import ModelError
from openau.evaluate import evaluate_emotions
from openau.export import export_run
from openau.facs import EMOTIONS
from openau.records import Crop
from openau.runtime import AUModel
from openau.train import Recipe, load_recipe, recipe_text, train
from openau.train.config import OptimiserSettings
from openau.train.network import fresh_network
from tests.train.small_tasks import INNER, recipe, tensors


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
