"""A crop store whose AUs are plain to see, and a recipe that trains on it in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from openau.data.crops import prepare
from openau.data.index import build_index
from openau.faces import Detector
from openau.records import CropSpec
from openau.train import Recipe, train
from openau.train.config import ModelSettings, OptimiserSettings, RunSettings
from tests.fake.synthetic_folder import find_marked_face, write_synthetic_folder


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
