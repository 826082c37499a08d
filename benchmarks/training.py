"""What loader and loop cost: `python -m benchmarks.training`.

Each network trains by `openau.train` on the sample dataset's faces, with a batch of its paper or 32; after
every step the same network takes a bare step on a batch that lies ready, so that both see the same machine.
Processor time is compared, which other processes hardly change. Two shares of the bare speed are the result.
Beside the bare forward and backward pass, training loses reading, augmentation, loss, clipping, optimiser and
weight average; that share should be above 0.85. Beside the pass with an optimiser's step, which no training
can do without, it loses what loader and loop add. A step of the optimiser takes as long for one picture as
for a hundred, so that the first share says little at a batch smaller than a network is trained with.
Everything trains.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

from benchmarks.ledger import Measurement, Result, finish, parser
from benchmarks.networks import FREE
from openau.data import prepare, read_sample
from openau.models import MODELS, build_model, network_needs
from openau.records import CropSpec
from openau.train import Progress, Recipe, train
from openau.train.config import ModelSettings, RunSettings

LIBRARIES = ("torch", "accelerate", "torchvision", "pytorchcv")
SEED = 0
AUS = (1, 2, 4, 6, 9, 12, 15, 17, 20, 25, 26, 43)
NOT_AUS = {"fan_heatmap", "fan_scc", "me_graph", "emotiram_fau", "caer_face_stream"}
"""Networks whose step is another task's; see `benchmarks.graphs`."""
BATCHES = {"vgg19": 24, "alexnet": 128}
"""Batch of a network's paper, where 32 would be more, or too few beside 57 million weights."""
BATCH = 32
"""Batch of all others: their papers' are 32 (deramgozin2023, Keras' own), 48 (moreno2024), 128 (wang2019)."""
ENOUGH_S = 90.0
"""Seconds after which a slow network is timed no further, once it has had a few turns."""
OPTIONS = {name: {"trainable": "all"} for name in FREE}
"""Without ImageNet weights nothing of a network may be frozen."""


class _EnoughError(Exception):
    """Raised after the last step that is timed."""


class Turns:
    """Times the steps of training, and after each a bare pass and a bare optimiser's step."""

    def __init__(self, network: nn.Module, images: torch.Tensor, turns: int) -> None:
        """Take what the bare pass runs.

        Args:
            network: The network.
            images: (B, 3, S, S).
            turns: How many steps to time after the first, which warms up.
        """
        self.steps, self.passes, self.bare = list[float](), list[float](), list[float]()
        self._network = network.train().to(memory_format=torch.channels_last)
        self._images = images.contiguous(memory_format=torch.channels_last)
        self._optimiser = torch.optim.AdamW(network.parameters(), lr=1e-6, fused=True)
        self._turns = turns
        self._since: float | None = None
        self._begun = time.process_time()

    def __call__(self, _: Progress) -> None:
        """Hear that training has done a step.

        Args:
            _: Where it stands.

        Raises:
            _EnoughError: All turns are done.
        """
        now = time.process_time()
        if self._since is not None:
            self.steps.append(now - self._since)
        start = time.process_time()
        self._optimiser.zero_grad()
        torch.autograd.backward(self._network(self._images).sum())
        passed = time.process_time()
        self._optimiser.step()
        if self._since is not None:
            self.passes.append(passed - start)
            self.bare.append(time.process_time() - start)
        tired = len(self.steps) >= 5 and time.process_time() - self._begun > ENOUGH_S
        if tired or len(self.steps) >= self._turns:
            raise _EnoughError
        self._since = time.process_time()


def main() -> None:
    """Time, print, and store where asked."""
    options = _options()
    turns = 2 if options.quick else 9
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.networks:
            rows += measured(name, Path(folder), turns)
            gc.collect()
    settings: dict[str, int | float | str | bool] = {"turns": turns, "threads": 1, "aus": len(AUS)}
    finish(Result("training", settings, {"weights and pictures": SEED}, LIBRARIES, tuple(rows)), options)


def measured(name: str, folder: Path, turns: int) -> list[Measurement]:
    """Return the shares of a network's bare speed that training reaches.

    Args:
        name: Of the network.
        folder: Takes the crops and the run.
        turns: How many steps are timed.
    """
    size, batch = network_needs(name).size, BATCHES.get(name, BATCH)
    store = folder / f"crops{size}-{batch}"
    if not store.exists():
        faces = read_sample()
        train_part = faces[faces["split"] == "train"].head((turns + 2) * batch)
        rest = faces[faces["split"] != "train"].groupby("split").head(2)
        both = faces.loc[train_part.index.union(rest.index)].reset_index(drop=True)
        prepare(both, CropSpec(size), store, detector="index")
    recipe = Recipe(
        name=name,
        aus=AUS,
        crop=CropSpec(size),
        seed=SEED,
        model=ModelSettings(name=name, options=dict(OPTIONS.get(name, {}))),
        run=RunSettings(epochs=1, batch=batch, threads=1),
    )
    network = build_model(name, len(AUS), size=size, **OPTIONS.get(name, {}))
    watch = Turns(network, torch.randn(batch, 3, size, size), turns)
    with contextlib.suppress(_EnoughError):
        train(recipe, stores=[store], out=folder / name, progress=watch)
    rate = batch / statistics.median(watch.steps)
    note = f"{size} px, batch {batch}; {rate:.1f} pictures per second of training"
    beside = {"the pass": watch.passes, "the pass and the optimiser's step": watch.bare}
    return [_share(f"{name}, beside {what}", watch.steps, bare, note) for what, bare in beside.items()]


def _share(name: str, steps: list[float], bare: list[float], note: str) -> Measurement:
    """Return the median share of the bare speed, with the spread of the turns."""
    shares = [alone / step for step, alone in zip(steps, bare, strict=True)]
    low, _, high = statistics.quantiles(shares, n=4)
    return Measurement(
        name, statistics.median(shares), "of bare speed", n=len(shares), iqr=high - low, note=note
    )


def _options() -> argparse.Namespace:
    choices = [name for name in MODELS if name not in NOT_AUS]
    found = parser(__doc__ or "")
    found.add_argument("--networks", nargs="+", default=choices, choices=choices)
    return found.parse_args()


if __name__ == "__main__":
    main()
