"""A crop store whose AUs are plain to see, and a recipe that trains on it in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from openau.data.crops import prepare
from openau.data.index import build_index
from openau.faces import Detector
from openau.records import CropSpec
from openau.train import Recipe, train
from openau.train.config import ModelSettings, OptimiserSettings, RunSettings
from tests.fake.synthetic_folder import find_marked_face, write_synthetic_folder
from tests.train.small_tasks import SIDE
from tests.train.small_tasks import recipe as task_recipe


def build_fake() -> Detector:
    return find_marked_face


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 119 faces of 16 pixels."""
    root = write_synthetic_folder(tmp_path_factory.mktemp("train") / "faces")
    index = build_index("synthetic", root)
    return prepare(index, CropSpec(16), root.parent / "store", detector=build_fake).store


@pytest.fixture(scope="session")
def recipe(store: Path) -> Recipe:
    """Two short epochs of a small network."""
    return Recipe(
        name="fake",
        aus=(1, 12, 25),
        crop=CropSpec(16),
        seed=5,
        model=ModelSettings(options={"hidden": 4}),
        optimiser=OptimiserSettings(lr=1e-3, warmup=2, average=0.9),
        run=RunSettings(epochs=2, batch=32, threads=1),
        data=replace(Recipe("", (1,), CropSpec(16)).data, stores=(str(store),)),
    )


@pytest.fixture(scope="session")
def run(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run long enough to have learned the plain AUs."""
    longer = replace(
        recipe,
        run=replace(recipe.run, epochs=12, batch=16),
        optimiser=replace(recipe.optimiser, lr=2e-3),
    )
    return train(longer, out=tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def stores(faces: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    root = tmp_path_factory.mktemp("stores")
    return {
        side: prepare(faces, CropSpec(side), root / str(side), detector=build_fake).store
        for side in (16, SIDE, 64)
    }


@pytest.fixture(scope="session")
def emotion_run(stores: dict[int, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    wanted = task_recipe(stores, "caer_face_stream", "emotion", side=16, epochs=12, dropout=0.0)
    return train(wanted, out=tmp_path_factory.mktemp("runs") / "emotion")
