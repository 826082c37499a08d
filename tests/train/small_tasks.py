"""Crop stores of faces that show plain AUs and emotions, and the recipes of small networks on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from openau.data.augment import AUGMENTATIONS
from openau.models.weights import read_tensors
from openau.records import CropSpec
from openau.train import Recipe
from openau.train.config import DataSettings, LossSettings, ModelSettings, OptimiserSettings, RunSettings

SIDE = 32
AUS = (1, 12)
SMALL: dict[str, Any] = {"backbone": "resnet18"}
TINY: dict[str, Any] = {"widths": (8, 8, 8), "blocks": (1, 1, 1), "channels": 4}
INNER: dict[str, Any] = {"au_network": "attention_cnn", "au_options": {"hidden": 4}, "side": 16}
"""A small network for emotions on a small network of AUs."""


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
