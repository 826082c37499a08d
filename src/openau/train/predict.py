"""Run a network over crops as the instrument would: unchanged crops, evaluation mode, full precision."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from openau.data.augment import centre
from openau.data.dataset import Crops
from openau.errors import SettingError
from openau.evaluate import roc_auc
from openau.evaluate.emotion import EMOTION_TRUTH, emotion_columns
from openau.facs import EMOTIONS, au_column
from openau.losses import binary_cross_entropy, emotion_cross_entropy
from openau.models.tasks import TaskOutputs
from openau.models.weights import load_any
from openau.records import Floats
from openau.train.arrangement import labelled
from openau.train.config import ModelSettings, Recipe
from openau.train.landmarks import judge_landmarks, landmark_errors
from openau.train.network import judged
from openau.train.recipe_file import load_recipe
from openau.train.tasks import emotion_numbers

GROUPS = ("gender", "skin", "age")
"""Columns of an index by which a network's accuracy can be compared between people."""


def normalise(images: Tensor, settings: ModelSettings) -> Tensor:
    """Return pictures as the network takes them.

    Args:
        images: (B, 3, S, S) float in 0–1.
        settings: Mean and standard deviation per channel.

    Returns:
        (B, 3, S, S), channels last in memory.
    """
    mean = images.new_tensor(settings.mean)[:, None, None]
    std = images.new_tensor(settings.std)[:, None, None]
    return (images - mean).div_(std).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def predict_tasks(
    outputs: TaskOutputs, crops: Crops, rows: NDArray[np.int64], settings: ModelSettings, *, batch: int = 128
) -> dict[str, Floats]:
    """Return what a network says of some rows.

    Args:
        outputs: The network by its tasks, in evaluation mode.
        crops: The stores.
        rows: (N,) row numbers, at least one.
        settings: Normalisation.
        batch: Pictures at a time.

    Returns:
        Task to its outputs (N, ...) float32: `aus` (N, A) and `emotion` (N, E) logits, `intensity` (N, A),
        `landmarks` (N, 207).
    """
    device = next(outputs.parameters()).device
    found: dict[str, list[Tensor]] = {task: [] for task in outputs.tasks}
    for start in range(0, len(rows), batch):
        wide = torch.from_numpy(crops.wide(rows[start : start + batch])).to(device)
        said = outputs(normalise(centre(wide, crops.spec.size), settings))
        for task, values in said.items():
            found[task].append(values.float().cpu())
    return {task: torch.cat(parts).numpy() for task, parts in found.items()}


def predict(
    network: nn.Module, crops: Crops, rows: NDArray[np.int64], settings: ModelSettings, *, batch: int = 128
) -> Floats:
    """Return the AU logits of some rows.

    Args:
        network: Of AU logits, in evaluation mode.
        crops: The stores.
        rows: (N,) row numbers, at least one.
        settings: Normalisation.
        batch: Pictures at a time.

    Returns:
        (N, A) float32 logits.
    """
    return predict_tasks(TaskOutputs(network, ["aus"]), crops, rows, settings, batch=batch)["aus"]


def predict_run(
    run: Path, stores: Sequence[Path], *, samples: Collection[str] | None = None, fold: str = "test"
) -> pd.DataFrame:
    """Let the best network of a run predict other data, for instance AUs after it was trained on emotions.

    Args:
        run: Run folder.
        stores: Crop stores, cut as the run's were.
        samples: The pictures wanted, by their path in the index; all where not given.
        fold: What the rows' `fold` is called.

    Returns:
        Predictions table.

    Raises:
        SettingError: The stores are cut differently, or none of the samples is in them.
        InputError: A store is missing or broken.
        ModelError: The run has no weights or they are broken.
    """
    recipe = load_recipe(run / "recipe.toml")
    crops = Crops(stores)
    if crops.spec != recipe.crop:
        raise SettingError(f"The stores are cut by {crops.spec}, the run by {recipe.crop}; prepare again.")
    wanted = np.ones(len(crops.table), bool) if samples is None else crops.table["path"].isin(samples)
    rows = np.flatnonzero(wanted)
    if not len(rows):
        raise SettingError(
            "None of the wanted pictures is in the crop stores; give those they were cut from."
        )
    return predict_best(run, recipe, crops, rows, [fold] * len(rows))


def predict_best(
    run: Path, recipe: Recipe, crops: Crops, rows: NDArray[np.int64], folds: Sequence[str]
) -> pd.DataFrame:
    """Return what the best network of a run says of some rows.

    Args:
        run: Run folder.
        recipe: The run's.
        crops: The stores.
        rows: (N,) row numbers.
        folds: N names of the part each row belongs to.

    Returns:
        Predictions table.

    Raises:
        ModelError: The run has no weights or they are broken.
    """
    outputs = judged(load_any(run / "checkpoint" / "best.safetensors")[0], recipe.loss.tasks)
    found = {
        "aus": np.zeros((0, len(recipe.action_units)), np.float32),
        "emotion": np.zeros((0, len(EMOTIONS)), np.float32),
        "landmarks": np.zeros((0, 207), np.float32),
    }
    found = {task: values for task, values in found.items() if task in outputs.tasks}
    if len(rows):
        found = predict_tasks(outputs.eval(), crops, rows, recipe.model)
    truth = labelled(crops.table.iloc[rows], recipe, between="negative")
    return predictions_table(crops, rows, folds, found, aus=recipe.action_units, truth=truth)


def judge_validation(
    recipe: Recipe, crops: Crops, rows: NDArray[np.int64], outputs: Mapping[str, Floats]
) -> dict[str, float]:
    """Return by what the best weights are chosen, and what the log shows beside it.

    Args:
        recipe: Its first loss says whether AUs or emotions decide.
        crops: The stores.
        rows: (N,) row numbers of the validation part.
        outputs: Task to its outputs (N, ...) for them.

    Returns:
        `loss`, the plain cross-entropy; `auc`, the mean over AUs, or over emotions each against the rest; for
        emotions also `accuracy`; for landmarks see `judge_landmarks`. NaN where not defined.
    """
    if next(iter(recipe.loss.tasks)) == "emotion":
        return _judge_emotions(emotion_numbers(crops, rows), outputs["emotion"])
    if "landmarks" in outputs:
        return judge_landmarks(crops, rows, outputs["landmarks"])
    truth, logits = labelled(crops.table.iloc[rows], recipe, between="negative"), outputs["aus"]
    areas = [roc_auc(truth[:, a], logits[:, a]) for a in range(truth.shape[1])]
    loss = float(binary_cross_entropy(torch.from_numpy(logits), torch.from_numpy(truth)))
    return {"loss": loss, "auc": _mean_defined(areas)}


def _judge_emotions(truth: Floats, logits: Floats) -> dict[str, float]:
    known = ~np.isnan(truth)
    probability = torch.from_numpy(logits).softmax(1).numpy()
    areas = [
        roc_auc((truth[known] == number).astype(float), probability[known, number])
        for number in range(logits.shape[1])
    ]
    right = logits[known].argmax(1) == truth[known]
    return {
        "loss": float(emotion_cross_entropy(torch.from_numpy(logits), torch.from_numpy(truth))),
        "auc": _mean_defined(areas),
        "accuracy": float(right.mean()) if len(right) else float("nan"),
    }


def _mean_defined(values: Sequence[float]) -> float:
    return float("nan") if np.isnan(values).all() else float(np.nanmean(values))


def predictions_table(
    crops: Crops,
    rows: NDArray[np.int64],
    folds: Sequence[str],
    outputs: Mapping[str, Floats],
    *,
    aus: Sequence[int],
    truth: Floats,
) -> pd.DataFrame:
    """Return the predictions table.

    Args:
        crops: The stores.
        rows: (N,) row numbers.
        folds: N names of the part each row belongs to.
        outputs: Of the network: `aus` (N, A) logits, with or without `intensity` (N, A); `emotion` (N, E)
            logits; or both; or `landmarks` (N, 207).
        aus: The A action units.
        truth: (N, A) in 0–1, NaN unknown.

    Returns:
        `sample, dataset, subject, fold`; those of `GROUPS` that the index has; `emotion_t`, the true emotion,
        where the index has emotions, and per emotion `emotion_anger_p` where the network tells them; per AU
        that it tells `AU01_t`, `AU01_p`, `AU01_i`, and `AU01_r` (0–5) where it tells intensities; of
        landmarks the errors, see `landmark_errors`.
    """
    table = crops.table.iloc[rows].reset_index(drop=True)
    columns: dict[str, object] = {
        "sample": _samples(table),
        "dataset": table["dataset"],
        "subject": table["subject"],
        "fold": list(folds),
    }
    columns |= {name: table[name] for name in GROUPS if name in table.columns}
    if "emotion" in table.columns:
        columns[EMOTION_TRUTH] = table["emotion"].where(table["emotion"].isin(EMOTIONS), None)
    if "emotion" in outputs:
        said = torch.from_numpy(outputs["emotion"]).softmax(1).numpy()
        columns |= {name: said[:, number] for number, name in enumerate(emotion_columns())}
    if "landmarks" in outputs:
        columns |= landmark_errors(crops, rows, outputs["landmarks"])
    if "aus" in outputs:
        values = table.reindex(columns=[au_column(au) for au in aus]).to_numpy(np.float32)
        probability = torch.sigmoid(torch.from_numpy(outputs["aus"])).numpy()
        for number, au in enumerate(aus):
            column = au_column(au)
            columns |= {
                f"{column}_t": truth[:, number],
                f"{column}_p": probability[:, number],
                f"{column}_i": values[:, number],
            }
            if "intensity" in outputs:
                columns[f"{column}_r"] = outputs["intensity"][:, number].clip(0, 5)
    return pd.DataFrame(columns)


def _samples(table: pd.DataFrame) -> pd.Series:
    """Name every row by its picture; copies by picture and number."""
    if "copy" not in table.columns:
        return table["path"]
    return table["path"].where(table["copy"] == 0, table["path"] + "#copy" + table["copy"].astype(str))
