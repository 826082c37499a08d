"""What a run leaves behind beside its checkpoints."""

from __future__ import annotations

import datetime
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from openau.data.labels import base_rates
from openau.data.union import known_counts
from openau.errors import OutputError
from openau.export.portable import portable
from openau.facs import EMOTIONS, au_column
from openau.models import EMOTION_MODELS, MODELS, model_class
from openau.models.jacobian import best_map
from openau.records import Floats, ModelCard
from openau.train.arrangement import Arrangement, labelled, named_rules
from openau.train.config import Recipe
from openau.train.predict import predict_best
from openau.train.recipe_file import recipe_text

_LIBRARIES = (
    "openau",
    "torch",
    "accelerate",
    "safetensors",
    "numpy",
    "pandas",
    "opencv-python-headless",
    "onnxruntime",
)


def write_beginning(folder: Path, recipe: Recipe, data: Arrangement) -> None:
    """Write what is known before the first step: recipe, folds, leakage, environment, draft card.

    Args:
        folder: Run folder; is created.
        recipe: The recipe.
        data: Crops, parts and what they share.

    Raises:
        OutputError: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The run folder {folder} cannot be made ({error.strerror or error}).") from error
    data.folds.save(folder / "folds.parquet", fold=recipe.data.fold)
    table = data.crops.table.iloc[data.rows["train"]]
    target = labelled(table, recipe, between="negative")
    rates = dict(zip(map(au_column, recipe.action_units), base_rates(target).round(4).tolist(), strict=True))
    facts = {
        "protocol": data.folds.protocol,
        "options": data.folds.options,
        "fold": data.folds.names[recipe.data.fold],
        "label_rules": named_rules(recipe),
        **data.report.record(),
        "left_out": data.left_out,
        "lost_faces": data.crops.lost,
        "base_rate": rates,
        "known_labels": _known_labels(table, recipe, target),
        "known_emotions": _known_emotions(table),
    }
    _write_json(folder / "leakage.json", facts)
    _write_json(folder / "environment.json", _environment())
    if recipe.action_units and recipe.model.name in (*MODELS, *EMOTION_MODELS):
        # A card belongs to what reads action units.
        _write_text(folder / "card.json", draft_card(recipe).to_json() + "\n")
    _write_text(folder / "recipe.toml", recipe_text(recipe))


def _known_labels(table: pd.DataFrame, recipe: Recipe, target: Floats) -> dict[str, dict[str, list[int]]]:
    """Return how many training labels each dataset knows of each AU, and how many of them are positive."""
    if not recipe.action_units:
        return {}
    counts = known_counts(table, recipe.action_units, target)
    found: dict[str, dict[str, list[int]]] = {}
    columns = (counts[name].tolist() for name in ("dataset", "au", "known", "positive"))
    for dataset, au, known, positive in zip(*columns, strict=True):
        found.setdefault(dataset, {})[au_column(au)] = [known, positive]
    return found


def _known_emotions(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return how many training pictures each dataset has of each emotion."""
    if "emotion" not in table.columns:
        return {}
    known = table[table["emotion"].isin(EMOTIONS)]
    found: dict[str, dict[str, int]] = {}
    for dataset, part in known.groupby("dataset"):
        counts = part["emotion"].value_counts()
        found[str(dataset)] = {name: int(counts[name]) for name in EMOTIONS if name in counts.index}
    return found


def write_log(folder: Path, history: list[dict[str, Any]]) -> None:
    """Write `log.csv`.

    Args:
        folder: Run folder.
        history: One row per finished epoch, or per so many steps.
    """
    table = pd.DataFrame(history)
    # A checkpoint keeps the rows but not the order of their columns.
    first = [name for name in ("epoch", "step", "lr", "loss") if name in table.columns]
    table = table[first + sorted(set(table.columns) - set(first))]
    _write_text(folder / "log.csv", table.to_csv(index=False))


def write_end(folder: Path, recipe: Recipe, data: Arrangement) -> None:
    """Write the best weights' predictions on validation and test.

    Args:
        folder: Run folder.
        recipe: The recipe.
        data: Crops, parts and what they share.
    """
    rows = data.rows
    judged = np.concatenate([rows["validation"], rows["test"]])
    folds = ["validation"] * len(rows["validation"]) + ["test"] * len(rows["test"])
    table = predict_best(folder, recipe, data.crops, judged, folds)
    part = folder / ".predictions.parquet.part"
    table.to_parquet(part, index=False)
    part.replace(folder / "predictions.parquet")


def draft_card(recipe: Recipe) -> ModelCard:
    """Return the card as far as the recipe knows it: thresholds at 0.5, no accuracy yet."""
    network = model_class(recipe.model.name)
    layer = getattr(network, "heatmap_layer", None) if hasattr(network, "logits_and_heatmaps") else None
    return ModelCard(
        name=recipe.name,
        version=recipe.card.version,
        architecture=recipe.model.name,
        aus=recipe.action_units,
        thresholds=(0.5,) * len(recipe.action_units),
        crop=recipe.crop,
        mean=recipe.model.mean,
        std=recipe.model.std,
        training_data=recipe.card.training_data,
        licence=recipe.card.licence,
        reference=getattr(network, "reference", ""),
        intensity="intensity" in recipe.loss.tasks,
        emotions=EMOTIONS if recipe.model.name in EMOTION_MODELS else (),
        heatmap_layer=layer,
        heatmap_method=None if layer is None else best_map(network),
        limits=recipe.card.limits,
        recipe=portable(recipe_text(recipe)),
    )


def _environment() -> dict[str, Any]:
    """Return the versions and the machine."""
    libraries: dict[str, str | None] = {}
    for name in _LIBRARIES:
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            libraries[name] = None
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "libraries": libraries,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    _write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
