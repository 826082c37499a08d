"""Train the face detector's network on scenes that are made while it learns.

Scenes are never repeated: those of step t are drawn from (seed, t), so an interrupted training goes on with
the scenes that it would have seen. The network that is kept is the running mean of the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from openau.errors import OutputError
from openau.losses.centres import centre_loss, place_loss
from openau.models.face_finder import LARGEST_PX, OUTPUTS, SIDE_PX, SMALLEST_PX, STRIDE, FaceFinder
from openau.records import Floats
from openau.synth.crowd import Cast, Crowd, draw_crowd
from openau.train.checkpoint import Standing, WeightAverage, load_checkpoint, save_checkpoint
from openau.train.folder import write_log

Progress = Callable[[int, Mapping[str, float]], None]

_SLACK: Final = 1.06  # faces a little outside the range are taught, too
_BLIND: Final = 1.55  # beyond that they may be found or not, up to this factor; farther off they must not
_WARMING: Final = 100  # steps
_COOLING: Final = 0.3  # share of all steps
_LOGGED: Final = 500  # steps from one line of the log to the next
_PLACE_COST: Final = 1.0
_POINT_COST: Final = 0.5


@dataclass(frozen=True, slots=True)
class FinderRecipe:
    """How the detector's network is trained.

    Attributes:
        steps: Batches.
        batch: Scenes of a batch.
        side: Of a scene, pixels.
        learning_rate: Highest; it rises over 100 steps, and falls over the last three tenths of all.
        weight_decay: Of AdamW.
        averaging: Share of the running mean of the weights that a step keeps, in the end.
        seed: Decides weights and scenes.
        width: Channels of the network's trunk.
    """

    steps: int = 10_000
    batch: int = 16
    side: int = 112
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    averaging: float = 0.998
    seed: int = 0
    width: int = 64


def train_finder(
    recipe: FinderRecipe, cast: Cast, out: Path, *, save_every: int = 50, progress: Progress | None = None
) -> FaceFinder:
    """Train, or go on with a training that was interrupted.

    Args:
        recipe: How.
        cast: Heads and clutter.
        out: Folder of the checkpoint and of `log.csv`, which has the mean losses of the steps since the last
            checkpoint, every 500 steps; is created.
        save_every: Steps between two checkpoints.
        progress: Is called with each finished step and its losses.

    Returns:
        The averaged network, in evaluation mode.

    Raises:
        ModelError: The folder holds a training of another recipe, or a broken one.
        OutputError: It cannot be written.
    """
    torch.manual_seed(recipe.seed)
    network = FaceFinder(recipe.width).to(memory_format=torch.channels_last)
    average = WeightAverage(network, recipe.averaging)
    optimizer = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    checkpoint, text = out / "checkpoint.safetensors", _text(recipe)
    standing, criterion = Standing(), nn.Identity()  # the losses remember nothing
    if checkpoint.exists():
        standing = load_checkpoint(checkpoint, network, average, optimizer, criterion, text)
    network.train()
    recent: list[dict[str, float]] = []  # since the last checkpoint
    for step in range(standing.total, recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(step, recipe.steps)
        crowds = [
            draw_crowd(np.random.default_rng((recipe.seed, step, k)), cast, recipe.side)
            for k in range(recipe.batch)
        ]
        losses = _learn(network, optimizer, crowds)
        average.update(network, step)
        recent.append(losses)
        if (step + 1) % save_every == 0 or step + 1 == recipe.steps:
            if (step + 1) % _LOGGED == 0 or step + 1 == recipe.steps:
                standing.history.append({"step": step + 1, **pd.DataFrame(recent).mean()})
            recent.clear()
            standing.total, standing.finished = step + 1, step + 1 == recipe.steps
            try:
                save_checkpoint(checkpoint, network, average, optimizer, criterion, standing, text)
                write_log(out, standing.history)
            except (OSError, SafetensorError) as error:
                raise OutputError(f"The checkpoint {checkpoint} cannot be written: {error}.") from error
        if progress is not None:
            progress(step + 1, losses)
    mean = FaceFinder(recipe.width)
    mean.load_state_dict(average.tensors)
    return mean.eval()


def targets(crowds: list[Crowd], side: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what a batch's cells should say.

    Args:
        crowds: B scenes.
        side: Of a scene, pixels.

    Returns:
        (B, h, w) heat; (B, h, w) which cells of it count; (B, 13, h, w) places; (B, h, w) their weight.
    """
    cells = side // STRIDE
    heat = np.zeros((len(crowds), cells, cells), np.float32)
    counts = np.ones(heat.shape, bool)
    places = np.zeros((len(crowds), OUTPUTS - 1, cells, cells), np.float32)
    for number, crowd in enumerate(crowds):
        for box, points, known in zip(crowd.box_px, crowd.points, crowd.counts, strict=True):
            _mark_face(heat[number], counts[number], places[number], box, points, known=bool(known))
    weight = np.where(heat > 0.3, heat, 0)
    return tuple(torch.from_numpy(array) for array in (heat, counts, places, weight))  # type: ignore[return-value]


def _mark_face(
    heat: Floats, counts: Any, places: Floats, box: Floats, points: Floats, *, known: bool
) -> None:
    """Write one face into the maps of its scene."""
    side = float(box[2] - box[0])
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    cells = len(heat)
    rows, columns = np.mgrid[:cells, :cells]
    across, down = middle[0] / STRIDE - columns - 0.5, middle[1] / STRIDE - rows - 0.5
    if not known or not SMALLEST_PX / _SLACK <= side <= LARGEST_PX * _SLACK:
        if SMALLEST_PX / _BLIND <= side <= LARGEST_PX * _BLIND:
            counts &= np.maximum(np.abs(across), np.abs(down)) > 0.35 * side / STRIDE
        return
    spread = max(0.4, 0.09 * side / STRIDE)
    bell = np.exp(-(across**2 + down**2) / (2 * spread**2)).astype(np.float32)
    row, column = int(middle[1] // STRIDE), int(middle[0] // STRIDE)
    if 0 <= row < cells and 0 <= column < cells:
        bell[row, column] = 1
    nearer = bell > heat
    heat[nearer] = bell[nearer]
    told = ((points - middle) / side).reshape(-1)
    places[:, nearer] = np.concatenate([np.zeros(2), [math.log(side / SIDE_PX)], told])[:, None]
    places[0, nearer], places[1, nearer] = across[nearer], down[nearer]


def _learn(network: FaceFinder, optimizer: torch.optim.Optimizer, crowds: list[Crowd]) -> dict[str, float]:
    """Take one step; return the losses."""
    pictures = torch.from_numpy(np.stack([crowd.grey for crowd in crowds])[:, None]).float() / 255
    heat, counts, places, weight = targets(crowds, pictures.shape[-1])
    with torch.autocast("cpu", torch.bfloat16):
        said = network(pictures.contiguous(memory_format=torch.channels_last)).float()
    found = centre_loss(said[:, 0], heat, counts)
    placed = place_loss(said[:, 1:4], places[:, :3], weight)
    pointed = place_loss(said[:, 4:], places[:, 3:], weight)
    loss = found + _PLACE_COST * placed + _POINT_COST * pointed
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
    return {"centres": found.item(), "boxes": placed.item(), "points": pointed.item()}


def _schedule(step: int, steps: int) -> float:
    """Return the share of the highest learning rate at a step.

    Until it falls it does not depend on their number: a longer training begins like a shorter one.
    """
    left = (steps - step) / (_COOLING * steps)
    return min((step + 1) / _WARMING, 1.0, max(left, 0.01))


def _text(recipe: FinderRecipe) -> str:
    """Return a recipe as TOML, by which a checkpoint knows its own."""
    return "".join(f"{name} = {value!r}\n" for name, value in asdict(recipe).items())
