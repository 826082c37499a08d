"""What loader and loop cost: `python -m benchmarks.training`.

Each network trains by `openau.train` on the sample dataset's faces; after every step the same network
does a bare forward and backward pass of a batch that lies ready, so that both see the same machine. The
result is the share of the bare pass's speed that training reaches: reading crops, augmentation, loss,
clipping, optimiser and weight average are what it loses. Everything trains.
"""

from __future__ import annotations

import argparse
import contextlib
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
OPTIONS = {name: {"trainable": "all"} for name in FREE}
"""Without ImageNet weights nothing of a network may be frozen."""
SMALL, SMALL_BATCH, LARGE_BATCH = 64, 64, 8


class _EnoughError(Exception):
    """Raised after the last step that is timed."""


class Turns:
    """Times the steps of training, and after each a bare pass."""

    def __init__(self, network: nn.Module, images: torch.Tensor, turns: int) -> None:
        """Take what the bare pass runs.

        Args:
            network: The network.
            images: (B, 3, S, S).
            turns: How many steps to time after the first, which warms up.
        """
        self.steps, self.bare = list[float](), list[float]()
        self._network = network.train().to(memory_format=torch.channels_last)
        self._images = images.contiguous(memory_format=torch.channels_last)
        self._turns = turns
        self._since: float | None = None

    def __call__(self, _: Progress) -> None:
        """Hear that training has done a step.

        Args:
            _: Where it stands.

        Raises:
            _EnoughError: All turns are done.
        """
        now = time.perf_counter()
        if self._since is not None:
            self.steps.append(now - self._since)
        start = time.perf_counter()
        self._network.zero_grad()
        torch.autograd.backward(self._network(self._images).sum())
        if self._since is not None:
            self.bare.append(time.perf_counter() - start)
        if len(self.steps) >= self._turns:
            raise _EnoughError
        self._since = time.perf_counter()


def main() -> None:
    """Time, print, and store where asked."""
    options = _options()
    turns = 2 if options.quick else 9
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.networks:
            rows.append(measured(name, Path(folder), turns))
    settings: dict[str, int | float | str | bool] = {"turns": turns, "threads": 1, "aus": len(AUS)}
    finish(Result("training", settings, {"weights and pictures": SEED}, LIBRARIES, tuple(rows)), options)


def measured(name: str, folder: Path, turns: int) -> Measurement:
    """Return the share of a network's bare speed that training reaches.

    Args:
        name: Of the network.
        folder: Takes the crops and the run.
        turns: How many steps are timed.
    """
    size = network_needs(name).size
    batch = SMALL_BATCH if size <= SMALL else LARGE_BATCH
    store = folder / f"crops{size}"
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
    shares = [bare / step for step, bare in zip(watch.steps, watch.bare, strict=True)]
    low, _, high = statistics.quantiles(shares, n=4)
    rate = batch / statistics.median(watch.steps)
    note = f"{size} px, batch {batch}; {rate:.1f} pictures/s in training"
    return Measurement(
        f"{name}, training", statistics.median(shares), "of bare speed", n=turns, iqr=high - low, note=note
    )


def _options() -> argparse.Namespace:
    choices = [name for name in MODELS if name not in NOT_AUS]
    found = parser(__doc__ or "")
    found.add_argument("--networks", nargs="+", default=choices, choices=choices)
    return found.parse_args()


if __name__ == "__main__":
    main()
