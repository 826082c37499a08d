"""Training: from a recipe and crop stores to a run folder.

The run folder holds all that made it: `recipe.toml`, `folds.parquet` (who is in which part), `leakage.json`,
`log.csv` (one line per epoch), `checkpoint/` (`last`, to go on from; `best`, to use), `predictions.parquet`
(validation and test), `environment.json` and, for a network of action units, `card.json` (draft of the model
card).

Order, augmentation and dropout of every step are drawn from (seed, epoch, step) alone, so that a run that was
killed and resumed ends with the same weights as one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, gather_object
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.utils.data import DataLoader

from openau.data.augment import augment_and_tell
from openau.data.dataset import Batch, CropDataset, Crops, build_loader
from openau.data.samplers import EpochBatches, build_draw, shard
from openau.errors import OutputError, SettingError
from openau.losses import Loss
from openau.models.tasks import TaskOutputs
from openau.models.weights import save_network
from openau.records import Floats
from openau.train.arrangement import Arrangement, arrange
from openau.train.checkpoint import Standing, WeightAverage, load_checkpoint, save_checkpoint
from openau.train.config import OptimiserSettings, Recipe
from openau.train.folder import write_beginning, write_end, write_log
from openau.train.memory import memory_kept
from openau.train.network import fresh_network, judged, network_spec, taught
from openau.train.predict import judge_validation, normalise, predict_tasks
from openau.train.recipe_file import load_recipe, recipe_text
from openau.train.tasks import Lesson, sampling_targets


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands, for whoever watches.

    Attributes:
        epoch: Epoch in progress, from 1.
        epochs: Epochs in all.
        step: Steps done in all.
        steps: Steps in all.
        loss: Mean training loss of the epoch so far.
        auc: Mean validation AUC after the last epoch, over AUs or emotions; None before.
        images_per_s: Training pictures per second in this epoch.
        time_left_s: Seconds to the end at this speed.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    auc: float | None
    images_per_s: float
    time_left_s: float


@dataclass(slots=True)
class _Run:
    """The moving parts of one run."""

    recipe: Recipe
    folder: Path
    accelerator: Accelerator
    network: nn.Module
    average: WeightAverage
    optimiser: Optimizer
    lesson: Lesson
    criterion: Loss
    batches: EpochBatches
    loader: DataLoader[Batch]
    standing: Standing

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint" / "last.safetensors"

    @property
    def bare(self) -> nn.Module:
        """The network without its wrappers for tasks and for several processes."""
        outputs: TaskOutputs = self.accelerator.unwrap_model(self.network)
        return outputs.network


def train(
    recipe: Recipe | Path,
    *,
    stores: Sequence[Path] | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> Path:
    """Train a network by a recipe.

    Args:
        recipe: The recipe, or its TOML file.
        stores: Crop stores, in place of the recipe's.
        out: Run folder, in place of the recipe's; must not hold a run yet.
        resume: Go on from the run folder's last checkpoint, where there is one.
        progress: Called after every step.
        notice: Called with each line of the leakage report before the first step.

    Returns:
        The run folder.

    Raises:
        SettingError: A setting does not fit the data.
        OutputError: The run folder holds a run and `resume` is not set.
        InputError: A store is missing or broken.
        ModelError: The checkpoint to resume from is broken or of another recipe.
    """
    recipe = _with_places(load_recipe(recipe) if isinstance(recipe, Path) else recipe, stores, out)
    folder = Path(recipe.run.out)
    if (folder / "recipe.toml").exists() and not resume:
        raise OutputError(f"{folder} holds a run already; resume it, or give another folder.")
    if recipe.run.threads:
        torch.set_num_threads(recipe.run.threads)
    crops = Crops([Path(store) for store in recipe.data.stores])
    if crops.spec != recipe.crop:
        raise SettingError(
            f"The stores are cut by {crops.spec}, the recipe wants {recipe.crop}; prepare again."
        )
    data = arrange(crops, recipe)
    run = _assemble(recipe, folder, data)
    run.accelerator.wait_for_everyone()  # all have seen the folder empty before one writes
    if run.accelerator.is_main_process:
        write_beginning(folder, recipe, data)
        _tell(data.lines(recipe), notice)
    if resume and run.checkpoint.exists():
        run.standing = load_checkpoint(
            run.checkpoint, run.bare, run.average, run.optimiser, run.criterion, recipe_text(recipe)
        )
    with memory_kept(run.accelerator.device):
        while not run.standing.finished:
            _epoch(run, progress)
            _judge(run, data)
    if run.accelerator.is_main_process:
        write_end(folder, recipe, data)
    run.accelerator.wait_for_everyone()
    return folder


def _with_places(recipe: Recipe, stores: Sequence[Path] | None, out: Path | None) -> Recipe:
    """Return the recipe with other stores and another run folder, where given."""
    if stores is not None:
        recipe = replace(recipe, data=replace(recipe.data, stores=tuple(map(str, stores))))
    if out is not None:
        recipe = replace(recipe, run=replace(recipe.run, out=str(out)))
    return recipe


def _tell(lines: list[str], notice: Callable[[str], None] | None) -> None:
    """Say what must be known before training, to whoever listens."""
    if notice is not None:
        for line in lines:
            notice(line)


def _assemble(recipe: Recipe, folder: Path, data: Arrangement) -> _Run:
    """Build network, optimiser, loss and loader."""
    torch.manual_seed(recipe.seed)
    # Left to itself, it takes several processes without a GPU for strangers to each other.
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    lesson = Lesson(recipe)
    rows, arrays = lesson.teaching(data.crops, data.rows["train"])
    network: nn.Module = taught(fresh_network(recipe), tuple(lesson.tasks))
    network = network.to(memory_format=torch.channels_last)
    batches = EpochBatches(
        build_draw(
            recipe.data.sampler, sampling_targets(arrays), recipe.action_units, recipe.data.sampler_options
        ),
        recipe.run.batch,
        recipe.seed,
        process=accelerator.process_index,
        processes=accelerator.num_processes,
    )
    loader = build_loader(
        CropDataset(data.crops, rows, arrays),
        batches,
        workers=recipe.run.readers,
        pinned=torch.cuda.is_available(),
    )
    optimiser = _optimiser(network, recipe.optimiser)
    # The loader stays as it is: its batches are this process's own, without any shown twice to fill up.
    network, optimiser = accelerator.prepare(network, optimiser)
    bare: TaskOutputs = accelerator.unwrap_model(network)
    return _Run(
        recipe=recipe,
        folder=folder,
        accelerator=accelerator,
        network=network,
        average=WeightAverage(bare.network, recipe.optimiser.average),
        optimiser=optimiser,
        lesson=lesson,
        criterion=lesson.criterion(arrays).to(accelerator.device),
        batches=batches,
        loader=loader,
        standing=Standing(),
    )


def _optimiser(network: nn.Module, settings: OptimiserSettings) -> Optimizer:
    """Return Adam, AdamW or SGD, each as one pass over memory; biases and norms are never decayed."""
    if settings.name == "adam":
        return Adam(network.parameters(), lr=settings.lr, fused=True)
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.name == "sgd":
        return SGD(groups, lr=settings.lr, momentum=settings.momentum, fused=True)
    return AdamW(groups, lr=settings.lr, fused=True)


def learning_rate(step: int, steps: int, settings: OptimiserSettings) -> float:
    """Return the learning rate of a step.

    Args:
        step: From 0.
        steps: Steps after which `cosine` would be 0.
        settings: Schedule, peak and warm-up.

    Returns:
        At most `settings.lr`, above 0.
    """
    rise = min(1.0, (step + 1) / (settings.warmup + 1))
    if settings.schedule == "cosine":
        return settings.lr * rise * 0.5 * (1 + math.cos(math.pi * step / max(steps, 1)))
    if settings.schedule == "legacy":
        return settings.lr * rise / (1 + settings.decay * step)
    if settings.schedule == "step":
        return settings.lr * rise * (0.1 if step >= settings.drop else 1.0)
    return settings.lr * rise


def _epoch(run: _Run, progress: Callable[[Progress], None] | None) -> None:
    """Train from where the run stands to the end of the epoch."""
    standing, recipe = run.standing, run.recipe
    steps = len(run.loader)
    run.batches.epoch = standing.epoch
    run.batches.start = standing.step
    run.network.train()
    started = saved = time.monotonic()
    for batch in run.loader:
        standing.loss_sum += _step(run, batch, steps * max(recipe.run.epochs, recipe.optimiser.horizon))
        standing.step += 1
        standing.total += 1
        now = time.monotonic()
        standing.seconds, started = standing.seconds + now - started, now
        if progress is not None:
            progress(_progress(run, steps))
        if now - saved >= recipe.run.checkpoint_s and standing.step < steps:
            _save(run)
            saved = time.monotonic()
        if standing.step >= steps:
            break
        started = time.monotonic()


def _step(run: _Run, batch: Batch, steps: int) -> float:
    """Take one step and return its loss."""
    recipe, standing, accelerator = run.recipe, run.standing, run.accelerator
    device = accelerator.device
    pixels = batch[0].to(device, non_blocking=True)
    known = {name: values.to(device, non_blocking=True) for name, values in batch[1].items()}
    chance = np.random.SeedSequence(
        (recipe.seed, standing.epoch, standing.step, accelerator.process_index)
    ).generate_state(2, np.uint64)
    torch.manual_seed(int(chance[0]) & 0x7FFF_FFFF_FFFF_FFFF)
    generator = torch.Generator(pixels.device).manual_seed(int(chance[1]) & 0x7FFF_FFFF_FFFF_FFFF)
    images, moves = augment_and_tell(pixels, recipe.crop.size, recipe.augmentation, generator)
    images = normalise(images, recipe.model)
    for group in run.optimiser.param_groups:
        group["lr"] = learning_rate(standing.total, steps, recipe.optimiser)
    half = recipe.run.precision == "bfloat16"
    with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
        outputs = run.network(images)
    loss = run.criterion(outputs, run.lesson.targets(known, outputs, moves))
    run.optimiser.zero_grad()
    accelerator.backward(loss)
    if recipe.optimiser.clip:
        accelerator.clip_grad_norm_(run.network.parameters(), recipe.optimiser.clip)
    run.optimiser.step()
    run.average.update(run.bare, standing.total)
    return float(loss.detach())


def _progress(run: _Run, steps: int) -> Progress:
    """Return where the run stands."""
    standing = run.standing
    done = standing.step * run.batches.batch * run.accelerator.num_processes
    left = steps * run.recipe.run.epochs - standing.total
    return Progress(
        epoch=standing.epoch + 1,
        epochs=run.recipe.run.epochs,
        step=standing.total,
        steps=steps * run.recipe.run.epochs,
        loss=standing.loss_sum / standing.step,
        auc=standing.history[-1]["validation_auc"] if standing.history else None,
        images_per_s=done / max(standing.seconds, 1e-9),
        time_left_s=left * standing.seconds / standing.step,
    )


def _shared_outputs(run: _Run, outputs: TaskOutputs, crops: Crops, rows: np.ndarray) -> dict[str, Floats]:
    """Return the outputs (N, ...) of some rows; each process predicts its share, none of them twice."""
    accelerator = run.accelerator
    mine = rows[shard(len(rows), accelerator.process_index, accelerator.num_processes)]
    found = predict_tasks(outputs, crops, mine, run.recipe.model) if len(mine) else {}
    parts: list[dict[str, Floats]] = gather_object([found])
    return {task: np.concatenate([part[task] for part in parts if task in part]) for task in outputs.tasks}


def _judge(run: _Run, data: Arrangement) -> None:
    """Judge the averaged weights on the validation set; keep them if they are the best; close the epoch."""
    standing, recipe = run.standing, run.recipe
    crops, rows = data.crops, data.rows["validation"]
    spec = network_spec(recipe)
    network = spec.build().to(run.accelerator.device)
    # Each process has seen other pictures, so their running statistics differ: judge those of the first.
    held = {name: tensor.clone() for name, tensor in run.average.tensors.items()}
    network.load_state_dict(broadcast(held))
    found = {"loss": float("nan"), "auc": float("nan")}
    if len(rows):
        outputs = _shared_outputs(run, judged(network.eval(), recipe.loss.tasks), crops, rows)
        found = judge_validation(recipe, crops, rows, outputs)
    auc = found["auc"]
    better = standing.best is None or math.isnan(auc) or auc > standing.best
    if better and run.accelerator.is_main_process:
        save_network(run.folder / "checkpoint" / "best.safetensors", network, spec)
    standing.best = standing.best if not better or math.isnan(auc) else auc
    standing.stale = 0 if better else standing.stale + 1
    standing.history.append(
        {
            "epoch": standing.epoch + 1,
            "step": standing.total,
            "lr": run.optimiser.param_groups[0]["lr"],
            "loss": standing.loss_sum / max(standing.step, 1),
            **{f"validation_{name}": value for name, value in found.items()},
            "seconds": round(standing.seconds, 2),
            "images_per_s": round(standing.step * recipe.run.batch / max(standing.seconds, 1e-9), 1),
        }
    )
    tired = 0 < recipe.run.patience <= standing.stale
    standing.epoch += 1
    standing.finished = tired or standing.epoch >= recipe.run.epochs
    standing.step, standing.loss_sum, standing.seconds = 0, 0.0, 0.0
    _save(run)


def _save(run: _Run) -> None:
    """Write log and checkpoint, from one process."""
    if run.accelerator.is_main_process:
        write_log(run.folder, run.standing.history)
        save_checkpoint(
            run.checkpoint,
            run.bare,
            run.average,
            run.optimiser,
            run.criterion,
            run.standing,
            recipe_text(run.recipe),
        )
