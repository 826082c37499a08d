"""wang2019's first claim, tried: does MSR keep a network fair however rare the AU is?

`python -m benchmarks.imbalance STORE --out FOLDER` trains one network for one AU on 5, 10, 20 and 30
negatives per positive, with plain cross-entropy and with MSR, and judges all on the same balanced test set. A
training set of another ratio has the same positives and more negatives. The learning rate is chosen for each
loss and ratio by the balanced validation set, for the losses do not have the same scale. Nobody is in two
parts: the store's own split decides.

With `--body-steps N` all runs share the network's convolutions, which were trained once, for N steps, on all
other AUs of the training part and are then left alone; with `--body RUN` they share those of a finished run.
A run then trains the dense layers. That is for machines on which whole networks cannot be trained often
enough.

`FOLDER` gets `curves.csv` (accuracy and loss along the way), `summary.csv` (the chosen runs), `summary.md`
(their means over the seeds) and `accuracy.svg`. The same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.curves import Curve, as_svg, curve_figure
from benchmarks.faces_in_parts import Faces, Rows, gather
from benchmarks.shared_body import finished_body, fresh_head, last_maps, train_body
from openau.errors import OpenAUError
from openau.evaluate import roc_auc
from openau.losses import binary_cross_entropy, build_loss
from openau.models import build_model

KEYS = ["loss", "ratio", "seed", "lr"]


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
        points: How often along a run its network is judged.
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
    points: int = 10


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
    if faces.maps is not None:
        network = fresh_head(network)
    loss = build_loss(loss_name, faces.labels(rows))
    optimiser = torch.optim.SGD(network.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, max(1, 2 * plan.steps // 3), gamma=0.1)
    found: list[dict[str, object]] = []
    every = max(1, plan.steps // plan.points)
    waiting: Rows = np.zeros(0, np.int64)
    for step in range(1, plan.steps + 1):
        while len(waiting) < plan.batch:
            waiting = np.concatenate([waiting, random.permutation(rows)])
        now, waiting = waiting[: plan.batch], waiting[plan.batch :]
        optimiser.zero_grad()
        network.train()
        images = faces.inputs(now, random.random(len(now)) < 0.5)
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
    logits = torch.cat([network(faces.inputs(some)) for some in np.array_split(rows, -(-len(rows) // 128))])
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
    # Seed by seed: what is stopped early has compared everything, with fewer seeds.
    runs = list(itertools.product(plan.seeds, plan.ratios, plan.losses, plan.lrs))
    left = [run for run in runs if (run[2], run[1], run[0], run[3]) not in done]
    started = time.monotonic()
    for number, (seed, ratio, loss, lr) in enumerate(left, 1):
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
    _write(out / "summary.md", as_table(summary))
    _write(out / "accuracy.svg", figure(curves, summary, plan))
    return summary


MEASURES = ("accuracy", "sensitivity", "specificity", "auc")


def as_table(summary: pd.DataFrame) -> str:
    """Return the mean over the seeds, the lowest and the highest, as a Markdown table.

    Args:
        summary: Rows of `summarise`.
    """
    lines = [
        "| loss | N:P | learning rate | " + " | ".join(MEASURES) + " |",
        "|" + "---|" * (3 + len(MEASURES)),
    ]
    for (loss, ratio), rows in summary.groupby(["loss", "ratio"], sort=True):
        rates = ", ".join(f"{rate:g}" for rate in sorted(set(rows["lr"])))
        cells = [
            f"{rows[name].mean():.3f} ({rows[name].min():.3f}–{rows[name].max():.3f})" for name in MEASURES
        ]
        lines.append(f"| {loss} | {ratio:g} | {rates} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def with_body(faces: Faces, plan: Plan, out: Path, *, steps: int = 0, run: Path | None = None) -> Faces:
    """Return the faces with what the dense layers read of them, by a body that all runs share.

    Args:
        faces: The pictures.
        plan: Names network and AU.
        out: Folder that keeps the body's weights.
        steps: Of the training of a body on all other AUs.
        run: A finished run whose body is taken instead.
    """
    if run is None:
        out.mkdir(parents=True, exist_ok=True)
        body: nn.Module = train_body(faces, plan.au, plan.options, steps, out / "body.safetensors")
    else:
        body, card = finished_body(run)
        faces = replace(faces, mean=card.mean, std=card.std)
    needed = [faces.positive, faces.negative[: round(max(plan.ratios) * len(faces.positive))]]
    rows = np.concatenate([*needed, *faces.judged.values()])
    found = last_maps(body, faces, rows)
    maps = found.new_zeros(2, len(faces.crops.table), *found.shape[2:])
    maps[:, torch.from_numpy(rows)] = found
    return replace(faces, maps=maps)


def figure(curves: pd.DataFrame, summary: pd.DataFrame, plan: Plan) -> str:
    """Return the accuracy along the chosen runs as an SVG picture, mean over seeds in the band of all seeds.

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
            seeds = rows.groupby("step")["accuracy"].agg(["mean", "min", "max"]).astype(float)
            points = list(seeds[["mean"]].itertuples(name=None))
            spread = list(seeds[["min", "max"]].itertuples(name=None))
            found.append(Curve(f"{loss}, N:P {ratio:g}", points, colour, line == 0, spread))
    title = f"{plan.network}, AU {plan.au}: accuracy on a balanced test set"
    return as_svg(curve_figure(found, title=title, x="training step", y="accuracy", y_range=(0.4, 1.0)))


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
        points=options.points,
    )
    try:
        faces = gather(
            options.stores, plan.network, plan.au, ratio=max(plan.ratios), positives=options.positives
        )
        if options.body_steps or options.body:
            faces = with_body(faces, plan, options.out, steps=options.body_steps, run=options.body)
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
    found.add_argument("--points", type=int, default=10)
    found.add_argument("--body-steps", type=int, default=0, help="0: the whole network trains in every run")
    found.add_argument("--body", type=Path, help="a finished run whose body all runs share")
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
