"""What a recipe's network is taught: its tasks, what each row of the data says about them, and the loss.

A task knows three things: what of the crop stores it needs per row (`arrays`), what the network's output is
to be compared with once a batch was drawn and moved (`target`), and what its loss learns from the whole
training set (`whole`). The training loop knows none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from openau.data.dataset import Crops
from openau.data.heatmap import au_points, opposite_points, point_counts, render_heatmaps
from openau.data.moves import Moves
from openau.errors import SettingError, TableError
from openau.facs import EMOTIONS, au_column
from openau.losses import MultiTask, build_loss
from openau.losses.cells import Takes
from openau.records import Floats
from openau.train.arrangement import labelled
from openau.train.config import Recipe
from openau.train.landmarks import FaceLandmarks

Arrays = dict[str, Floats]
"""What is known of N rows by name, (N, ...), NaN unknown."""


class Task(Protocol):
    """One thing that a network learns."""

    def arrays(self, recipe: Recipe, crops: Crops, rows: NDArray[np.int64]) -> Arrays:
        """Return what the task must know of some rows.

        Args:
            recipe: How to label.
            crops: The stores.
            rows: (N,) row numbers.
        """

    def whole(self, arrays: Mapping[str, Floats]) -> Tensor:
        """Return the targets of a training set, for losses that weigh by base rates.

        Args:
            arrays: (N, ...) what `arrays` returned.
        """

    def target(self, batch: Mapping[str, Tensor], output: Tensor, moves: Moves) -> Tensor:
        """Return what an output is compared with.

        Args:
            batch: (B, ...) a batch of the arrays.
            output: (B, ...) what the network says.
            moves: How the batch's faces were moved.
        """


class ActionUnits:
    """Which AUs occur; (N, A) in 0–1. The edges between AUs are taught by the same labels."""

    def arrays(self, recipe: Recipe, crops: Crops, rows: NDArray[np.int64]) -> Arrays:
        """Return the labels by the recipe's rules, see `Task`."""
        return {"aus": labelled(crops.table.iloc[rows], recipe)}

    def whole(self, arrays: Mapping[str, Floats]) -> Tensor:
        """Return all labels, see `Task`."""
        return torch.from_numpy(arrays["aus"])

    def target(self, batch: Mapping[str, Tensor], output: Tensor, moves: Moves) -> Tensor:
        """Return the batch's labels, see `Task`."""
        return batch["aus"]


class Intensity:
    """How strong each AU is; (N, A) in 0–5, as the index has it."""

    def arrays(self, recipe: Recipe, crops: Crops, rows: NDArray[np.int64]) -> Arrays:
        """Return the intensities of the index, see `Task`.

        Raises:
            TableError: The index knows no intensity, at most occurrence.
        """
        found = _intensities(crops, rows, recipe.action_units)
        if not (found > 1).any():
            raise TableError(
                "The index knows no AU intensities 0-5; leave the loss 'intensity' out, or train on another "
                "dataset."
            )
        return {"au_intensity": found}

    def whole(self, arrays: Mapping[str, Floats]) -> Tensor:
        """Return all intensities, see `Task`."""
        return torch.from_numpy(arrays["au_intensity"])

    def target(self, batch: Mapping[str, Tensor], output: Tensor, moves: Moves) -> Tensor:
        """Return the batch's intensities, see `Task`."""
        return batch["au_intensity"]


class Emotion:
    """Which emotion a face shows; (N,) its number in `openau.facs.EMOTIONS`."""

    def arrays(self, recipe: Recipe, crops: Crops, rows: NDArray[np.int64]) -> Arrays:
        """Return the emotions of the index, see `Task`.

        Raises:
            TableError: The index knows none.
        """
        found = emotion_numbers(crops, rows)
        if np.isnan(found).all():
            raise TableError(
                "The index knows none of the emotions " + ", ".join(EMOTIONS) + "; train on another dataset."
            )
        return {"emotion": found}

    def whole(self, arrays: Mapping[str, Floats]) -> Tensor:
        """Return all emotions, see `Task`."""
        return torch.from_numpy(arrays["emotion"])

    def target(self, batch: Mapping[str, Tensor], output: Tensor, moves: Moves) -> Tensor:
        """Return the batch's emotions, see `Task`."""
        return batch["emotion"]


class PointMaps:
    """Where AUs show, and how strongly: one bell per AU point, drawn after the face was moved.

    Args:
        aus: The A action units.

    Raises:
        SettingError: An AU has no points.
    """

    def __init__(self, aus: Sequence[int]) -> None:
        self._aus = tuple(aus)
        self._opposite = opposite_points(self._aus)

    def arrays(self, recipe: Recipe, crops: Crops, rows: NDArray[np.int64]) -> Arrays:
        """Return points (N, K, 2) in pixels of the wide crop, their AU's intensity (N, K), see `Task`.

        Raises:
            SettingError: The stores know no landmarks.
        """
        points = au_points(crops.points(rows), self._aus)
        if np.isnan(points).all():
            raise SettingError(
                "The crop stores know no landmarks, which heat maps are drawn from; prepare them again from "
                "an index with landmarks, or with the detector mediapipe."
            )
        intensity = _intensities(crops, rows, self._aus)
        return {"points": points, "intensity": np.repeat(intensity, point_counts(self._aus), axis=1)}

    def whole(self, arrays: Mapping[str, Floats]) -> Tensor:
        """Return nothing: no loss of heat maps weighs by base rates."""
        return torch.zeros(0)

    def target(self, batch: Mapping[str, Tensor], output: Tensor, moves: Moves) -> Tensor:
        """Return the batch's maps (B, K, h, w), see `Task`."""
        points = moves.points(batch["points"])
        # What was the left corner of the mouth is the right one in a mirror.
        points = torch.where(moves.mirrored[:, None, None], points[:, self._opposite], points)
        maps = render_heatmaps(
            points.cpu().numpy(),
            batch["intensity"].cpu().numpy(),
            size=moves.size,
            map_size=output.shape[-1],
        )
        return torch.from_numpy(maps).to(output.device)


class Lesson:
    """What a recipe's network is taught.

    Args:
        recipe: Its loss names the tasks.

    Attributes:
        tasks: Task name to what knows it, the chief task first.

    Raises:
        SettingError: An AU has no points to draw heat maps from.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.tasks: dict[Takes, Task] = {task: _task(task, recipe) for task in recipe.loss.tasks}

    def teaching(self, crops: Crops, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Arrays]:
        """Return the rows that teach something, and what they say.

        Args:
            crops: The stores.
            rows: (N,) row numbers of the training part.

        Returns:
            Row numbers, without those whose emotion is unknown where emotions are all that is taught; and the
            arrays of all tasks for them.

        Raises:
            SettingError: What a task needs is not there.
            TableError: No row knows what a task needs.
        """
        if set(self.tasks) == {"emotion"}:
            known = ~np.isnan(self.tasks["emotion"].arrays(self._recipe, crops, rows)["emotion"])
            rows = rows[known]
        arrays: Arrays = {}
        for task in self.tasks.values():
            arrays |= task.arrays(self._recipe, crops, rows)
        return rows, arrays

    def criterion(self, arrays: Mapping[str, Floats]) -> MultiTask:
        """Return the loss of all tasks, each at its cost.

        Args:
            arrays: (N, ...) of the training set, from `teaching`.

        Raises:
            SettingError: A loss does not have one of its options.
        """
        settings = self._recipe.loss.tasks
        losses: dict[str, nn.Module] = {
            name: build_loss(settings[name].loss, task.whole(arrays), **settings[name].options)
            for name, task in self.tasks.items()
        }
        return MultiTask(losses, {name: settings[name].cost for name in self.tasks})

    def targets(
        self, batch: Mapping[str, Tensor], outputs: Mapping[str, Tensor], moves: Moves
    ) -> dict[str, Tensor]:
        """Return what a batch's outputs are compared with, by task.

        Args:
            batch: (B, ...) a batch of the arrays, on the outputs' device.
            outputs: (B, ...) what the network says, by task.
            moves: How the batch's faces were moved.
        """
        return {name: task.target(batch, outputs[name], moves) for name, task in self.tasks.items()}


def _task(name: Takes, recipe: Recipe) -> Task:
    """Return what knows a task by its name."""
    if name == "maps":
        return PointMaps(recipe.action_units)
    if name == "intensity":
        return Intensity()
    if name == "landmarks":
        return FaceLandmarks()
    return Emotion() if name == "emotion" else ActionUnits()


def _intensities(crops: Crops, rows: NDArray[np.int64], aus: Sequence[int]) -> Floats:
    """Return the intensities of the index, (N, A), NaN unknown, in memory that may be written to."""
    columns = [au_column(au) for au in aus]
    return crops.table.iloc[rows].reindex(columns=columns).to_numpy(np.float32, copy=True)


def emotion_numbers(crops: Crops, rows: NDArray[np.int64]) -> Floats:
    """Return the emotions that the index knows.

    Args:
        crops: The stores.
        rows: (N,) row numbers.

    Returns:
        (N,) float32 number in `openau.facs.EMOTIONS`; NaN where unknown or another emotion, such as contempt.
    """
    if "emotion" not in crops.table.columns:
        return np.full(len(rows), np.nan, np.float32)
    numbers = {name: float(number) for number, name in enumerate(EMOTIONS)}
    names = crops.table["emotion"].iloc[rows].astype(object)
    return np.array([numbers.get(name, np.nan) for name in names], np.float32)


def sampling_targets(arrays: Mapping[str, Floats]) -> Floats:
    """Return what a sampler balances: the AUs where they are taught, else one column per emotion.

    Args:
        arrays: (N, ...) of the training set.

    Returns:
        (N, A) or (N, E) in 0–1, NaN unknown.
    """
    if "aus" in arrays:
        return arrays["aus"]
    if "emotion" in arrays:
        numbers = arrays["emotion"][:, None]
        return np.where(np.isnan(numbers), np.nan, numbers == np.arange(len(EMOTIONS))).astype(np.float32)
    return np.zeros((len(next(iter(arrays.values()))), 0), np.float32)
