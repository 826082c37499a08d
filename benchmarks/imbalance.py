"""wang2019's first claim, tried: does MSR keep a network fair however rare the AU is?

`python -m benchmarks.imbalance STORE --out FOLDER` trains one network for one AU on 5, 10, 20 and 30
negatives per positive, with plain cross-entropy and with MSR, and judges all on the same balanced test set. A
training set of another ratio has the same positives and more negatives. The learning rate is chosen for each
loss and ratio by the balanced validation set, for the losses do not have the same scale. Nobody is in two
parts: the store's own split decides.

`FOLDER` gets `curves.csv` (accuracy and loss along the way), `summary.csv` (the chosen runs) and
`accuracy.svg`. The same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.curves import Curve, draw_curves
from openau.data.augment import centre
from openau.data.dataset import Crops
from openau.data.labels import targets
from openau.errors import OpenAUError, SettingError
from openau.evaluate import roc_auc
from openau.losses import binary_cross_entropy, build_loss
from openau.models import build_model, network_needs

Rows = NDArray[np.int64]
KEYS = ["loss", "ratio", "seed", "lr"]
POINTS = 10
"""How often along a run its network is judged."""


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes:
        network: Key of `openau.models.MODELS`.
        options: The network's own options.
        au: The action unit.
        losses: Keys of `openau.losses.LOSSES`.
        ratios: Negatives per positive in training.
        lrs: Learning rates to choose from.
        seeds: One run each.
        steps: Steps of every run; the learning rate falls to a tenth after two thirds of them.
        batch: Pictures per step.
        positives: Most positives in training; 0 for as many as the largest ratio allows.
    """

    network: str
    options: dict[str, int]
    au: int
    losses: tuple[str, ...]
    ratios: tuple[float, ...]
    lrs: tuple[float, ...]
    seeds: tuple[int, ...]
    steps: int
    batch: int
    positives: int = 0


@dataclass(frozen=True, eq=False)
class Faces:
    """The pictures of each part, ready for the network, and their labels.

    Attributes:
        crops: The stores.
        label: (N,) 0 or 1 of the AU for every row of the stores, NaN unknown.
        positive: Rows of the training part with the AU.
        negative: Rows without it.
        judged: Balanced rows of `validation` and `test`.
        network: Whose normalisation counts.
    """

    crops: Crops
    label: NDArray[np.float32]
    positive: Rows
    negative: Rows
    judged: dict[str, Rows]
    network: str

    def pictures(self, rows: Rows) -> Tensor:
        """Return (B, 3, S, S) normalised float32."""
        needs = network_needs(self.network)
        images = centre(torch.from_numpy(self.crops.wide(rows)), self.crops.spec.size)
        return (images - images.new_tensor(needs.mean)[:, None, None]) / images.new_tensor(needs.std)[
            :, None, None
        ]

    def labels(self, rows: Rows) -> Tensor:
        """Return (B, 1) float32."""
        return torch.from_numpy(self.label[rows])[:, None]


def gather(stores: Sequence[Path], plan: Plan) -> Faces:
    """Read the stores and lay the parts out.

    Args:
        stores: Prepared stores whose index has a split.
        plan: Says how many pictures the largest ratio needs.

    Raises:
        SettingError: A part lacks positives or negatives.
    """
    crops = Crops(stores)
    label = targets(crops.table, (plan.au,))[:, 0]
    random = np.random.default_rng(0)
    part = crops.table["split"].to_numpy()
    sides = {
        (name, value): random.permutation(np.flatnonzero((part == name) & (label == value)))
        for name in ("train", "validation", "test")
        for value in (0, 1)
    }
    for (name, value), rows in sides.items():
        if len(rows) == 0:
            kind = "with" if value else "without"
            raise SettingError(
                f"The part {name} has no picture {kind} AU {plan.au}; render or split otherwise."
            )
    negative, positive = sides["train", 0], sides["train", 1]
    most = int(len(negative) / max(plan.ratios))
    count = min(len(positive), most, plan.positives or len(positive))
    if count == 0:
        raise SettingError(
            f"{len(negative)} negatives do not suffice for {max(plan.ratios):g} per positive; add pictures."
        )
    judged = {}
    for name in ("validation", "test"):
        half = min(len(sides[name, 0]), len(sides[name, 1]))
        judged[name] = np.concatenate([sides[name, 0][:half], sides[name, 1][:half]])
    return Faces(crops, label, positive[:count], negative, judged, plan.network)


def run_once(faces: Faces, plan: Plan, loss_name: str, ratio: float, *, lr: float, seed: int) -> pd.DataFrame:
    """Train one network.

    Args:
        faces: The pictures.
        plan: How long.
        loss_name: What is made small.
        ratio: Negatives per positive.
        lr: Learning rate before it falls.
        seed: Decides weights, order and mirroring.

    Returns:
        A row per part and point along the way: accuracy, cross-entropy, AUC, sensitivity, specificity.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    rows = np.concatenate([faces.positive, faces.negative[: round(ratio * len(faces.positive))]])
    network = build_model(plan.network, 1, size=faces.crops.spec.size, **plan.options)
    loss = build_loss(loss_name, faces.labels(rows))
    optimiser = torch.optim.SGD(network.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, max(1, 2 * plan.steps // 3), gamma=0.1)
    found: list[dict[str, object]] = []
    every = max(1, plan.steps // POINTS)
    waiting: Rows = np.zeros(0, np.int64)
    for step in range(1, plan.steps + 1):
        while len(waiting) < plan.batch:
            waiting = np.concatenate([waiting, random.permutation(rows)])
        now, waiting = waiting[: plan.batch], waiting[plan.batch :]
        images = faces.pictures(now)
        mirrored = torch.from_numpy(random.random(len(now)) < 0.5)
        images[mirrored] = images[mirrored].flip(3)
        optimiser.zero_grad()
        network.train()
        loss(network(images), faces.labels(now)).backward()
        optimiser.step()
        schedule.step()
        if step % every == 0 or step == plan.steps:
            for part in faces.judged:
                found.append({"step": step, "part": part, **judge(network, faces, part)})
    keys = {"loss": loss_name, "ratio": ratio, "seed": seed, "lr": lr}
    return pd.DataFrame([{**keys, **row} for row in found])


@torch.no_grad()
def judge(network: nn.Module, faces: Faces, part: str) -> dict[str, float]:
    """Return how well a network tells a balanced part; where its numbers ran away, NaN."""
    network.eval()
    rows = faces.judged[part]
    logits = torch.cat([network(faces.pictures(some)) for some in np.array_split(rows, -(-len(rows) // 128))])
    truth = faces.labels(rows)
    if not torch.isfinite(logits).all():
        return dict.fromkeys(("accuracy", "cross_entropy", "auc", "sensitivity", "specificity"), float("nan"))
    right = ((logits > 0) == (truth > 0.5)).float()
    return {
        "accuracy": float(right.mean()),
        "cross_entropy": float(binary_cross_entropy(logits, truth)),
        "auc": roc_auc(truth[:, 0].numpy(), logits[:, 0].numpy()),
        "sensitivity": float(right[truth > 0.5].mean()),
        "specificity": float(right[truth < 0.5].mean()),
    }


def summarise(curves: pd.DataFrame) -> pd.DataFrame:
    """Return, for each loss, ratio and seed, the test row of the learning rate that validation chose.

    Args:
        curves: Rows of `run_once`.
    """
    last = curves[curves["step"] == curves["step"].max()]
    validation = last[last["part"] == "validation"].dropna(subset=["accuracy"])
    # Among equal accuracies the one with the smaller loss.
    ordered = validation.sort_values(["accuracy", "cross_entropy"], ascending=[False, True], kind="stable")
    chosen = ordered.drop_duplicates(["loss", "ratio", "seed"])[KEYS]
    test = last[last["part"] == "test"].drop(columns="part")
    found: pd.DataFrame = chosen.merge(test, on=KEYS).sort_values(["loss", "ratio", "seed"])
    return found.reset_index(drop=True)


def experiment(faces: Faces, plan: Plan, out: Path) -> pd.DataFrame:
    """Run all that is not done yet; write curves, summary and figure.

    Args:
        faces: The pictures.
        plan: What is compared.
        out: Folder of the results; is created.

    Returns:
        The summary.
    """
    out.mkdir(parents=True, exist_ok=True)
    log = out / "curves.csv"
    curves = pd.read_csv(log) if log.exists() else pd.DataFrame(columns=[*KEYS, "step"])
    done = set(curves[KEYS].itertuples(index=False, name=None))
    runs = list(itertools.product(plan.losses, plan.ratios, plan.seeds, plan.lrs))
    left = [run for run in runs if run not in done]
    started = time.monotonic()
    for number, (loss, ratio, seed, lr) in enumerate(left, 1):
        new = run_once(faces, plan, loss, ratio, lr=lr, seed=seed)
        curves = pd.concat([curves, new], ignore_index=True) if len(curves) else new
        _write(log, curves.to_csv(index=False))
        still = (time.monotonic() - started) / number * (len(left) - number)
        best = new[new["part"] == "test"].iloc[-1]
        print(
            f"{loss} N:P {ratio:g} lr {lr:g} seed {seed}: accuracy {best['accuracy']:.3f}; "
            f"{number}/{len(left)}, {still / 60:.0f} min left",
            file=sys.stderr,
            flush=True,
        )
    summary = summarise(curves)
    _write(out / "summary.csv", summary.to_csv(index=False))
    _write(out / "accuracy.svg", figure(curves, summary, plan))
    return summary


def figure(curves: pd.DataFrame, summary: pd.DataFrame, plan: Plan) -> str:
    """Return the accuracy along the chosen runs as an SVG picture, mean over seeds.

    Args:
        curves: Rows of `run_once`.
        summary: Which runs were chosen.
        plan: Losses and ratios in the order of the legend.
    """
    chosen = curves[curves["part"] == "test"].merge(summary[KEYS], on=KEYS)
    found = []
    for line, loss in enumerate(plan.losses):
        for colour, ratio in enumerate(plan.ratios):
            rows = chosen[(chosen["loss"] == loss) & (chosen["ratio"] == ratio)]
            mean = rows.groupby("step")["accuracy"].mean()
            points = tuple(zip(mean.index.astype(float), mean.astype(float), strict=True))
            found.append(Curve(f"{loss}, N:P {ratio:g}", points, colour=colour, dashed=line == 0))
    title = f"{plan.network}, AU {plan.au}: accuracy on a balanced test set"
    return draw_curves(found, title=title, x="training step", y="accuracy", y_range=(0.4, 1.0))


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the options, run, print the summary."""
    options = _parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    plan = Plan(
        network=options.network,
        options=dict(options.option),
        au=options.au,
        losses=tuple(options.losses),
        ratios=tuple(options.ratios),
        lrs=tuple(options.lrs),
        seeds=tuple(options.seeds),
        steps=options.steps,
        batch=options.batch,
        positives=options.positives,
    )
    try:
        faces = gather(options.stores, plan)
        counts = {name: len(rows) for name, rows in faces.judged.items()}
        print(f"{len(faces.positive)} positives in training; balanced parts: {counts}", file=sys.stderr)
        print(experiment(faces, plan, options.out).to_string(index=False))
    except OpenAUError as error:
        print(f"imbalance: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("stores", nargs="+", type=Path, help="prepared stores, of one crop")
    found.add_argument("--out", type=Path, required=True)
    found.add_argument("--network", default="alexnet")
    found.add_argument("--option", nargs="*", type=_option, default=[], help="of the network, as dense=512")
    found.add_argument("--au", type=int, default=1)
    found.add_argument("--losses", nargs="+", default=["bce", "msr"])
    found.add_argument("--ratios", nargs="+", type=float, default=[5, 10, 20, 30])
    found.add_argument("--lrs", nargs="+", type=float, default=[1e-3, 5e-3])
    found.add_argument("--seeds", nargs="+", type=int, default=[0])
    found.add_argument("--steps", type=int, default=400)
    found.add_argument("--batch", type=int, default=64)
    found.add_argument("--positives", type=int, default=0)
    found.add_argument("--threads", type=int, default=0)
    return found


def _option(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    return name, int(value)


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
