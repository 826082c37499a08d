"""Where the default model looks, scored: `python -m benchmarks.explained [--run RUN] [--write]`.

On the rendered sample against exact masks, and on the photographs of the Face Research Lab London Set (where
`OPENAU_SHARED` says so) against FACS regions over their landmarks. Grad-CAM and, where the file gives it,
Grad-CAM++ on all faces; occlusion, deletion and insertion on some. With RUN, the folder of the run that the
model file was exported from, HiRes-CAM and the sanity check too. Then `python -m benchmarks.quote` fills
`docs/where-it-looks.md`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import torch

from benchmarks.ledger import Measurement, Result, finish, model_record, parser
from benchmarks.london import london_portraits
from openau.data import read_sample
from openau.explain import (
    Choices,
    FileModel,
    Method,
    Portrait,
    RunModel,
    explain_portraits,
    open_explained,
    portraits_of_index,
)
from openau.runtime import default_model_path

LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pandas", "torch")
SEED = 0
EVERY = 3
"""Each so-manieth picture of the sample: 520 of 120 people."""
FEW = 24
"""How many faces of the sample get occlusion and the sanity check, of as many people."""
CURVES = 6
"""How many of them get deletion and insertion curves, 1,200 passes each and method."""
PAIRS = (("AU04", "AU25"), ("AU25", "AU04"))
"""Whose map in whose region: what moreno2024 saw in its figure 7."""

Faces = Callable[[], Iterable[Portrait]]


def main() -> None:
    """Measure, print, and store where asked."""
    options = parser(__doc__ or "")
    options.add_argument("--run", type=Path, help="the run folder that the model was exported from")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    model = open_explained(chosen.run or default_model_path())
    is_run = isinstance(model, RunModel)
    methods: tuple[Method, ...] = (
        ("grad_cam", "grad_cam_plus_plus", "hires_cam")
        if isinstance(model, RunModel)
        else tuple(method for method in model.methods if method != "occlusion")
    )
    resamples = 100 if chosen.quick else 1000
    sample = read_sample()
    some = sample.iloc[:: len(sample) // (6 if chosen.quick else FEW)]
    many = sample.iloc[:: 40 if chosen.quick else EVERY]
    tests = Choices(
        methods=(*methods, "occlusion"),
        regions="masks",
        panels=0,
        curves=min(CURVES, len(some)),
        sanity=len(some) * is_run,
        resamples=resamples,
        seed=SEED,
    )
    exact = Choices(methods=methods, regions="masks", panels=0, resamples=resamples, seed=SEED)
    rows = measure(model, "sample", lambda: portraits_of_index(many, detector="index"), exact)
    rows += measure(model, "some of the sample", lambda: portraits_of_index(some, detector="index"), tests)
    if folder := os.environ.get("OPENAU_SHARED"):
        london = Path(folder) / "faces" / "london"
        expected = Choices(methods=methods, regions="landmarks", panels=0, resamples=resamples, seed=SEED)
        rows += measure(model, "photographs", lambda: london_portraits(london), expected)
    record = model_record(default_model_path(), model.card.name)
    settings: dict[str, int | float | str | bool] = {
        "resamples": resamples,
        "faces of occlusion and sanity check": len(some),
        "faces of the curves": CURVES,
        "methods": ", ".join(methods),
        "run folder given": is_run,
    }
    finish(Result("explained", settings, {"resamples": SEED}, LIBRARIES, tuple(rows), record), chosen)


def measure(model: RunModel | FileModel, name: str, faces: Faces, choices: Choices) -> list[Measurement]:
    """Explain faces as `openau explain` does, and return its tables as measurements.

    Args:
        model: The network.
        name: What the faces are, the first part of each measurement's group.
        faces: Gives them.
        choices: What is asked.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        count = explain_portraits({"model": model}, faces(), out, choices)
        scores, pairs = (pd.read_csv(out / f"{table}.csv") for table in ("scores", "confusion"))
        tests = out / "faithful.csv"
        faith = pd.read_csv(tests) if tests.exists() else None
    rows = [Measurement("faces", count, "faces", n=count, group=name)]
    for method in choices.methods:
        group = f"{name}, {method}"
        rows += of_scores(scores[scores["method"] == method], group)
        rows += of_pairs(pairs[pairs["method"] == method], group)
        if faith is not None:
            rows += of_faith(faith[(faith["method"] == method) & (faith["au"] == "mean")], group)
    return rows


def of_scores(scores: pd.DataFrame, group: str) -> list[Measurement]:
    """Return energy, pointing and chance of each AU and of their mean.

    Args:
        scores: Rows of `scores.csv` of one method.
        group: What they were measured on.
    """
    rows = []
    for row in scores.dropna(subset=["energy"]).to_dict("records"):
        count = int(row["faces"])
        for name in ("energy", "pointing"):
            value, low, high = (float(row[name + end]) for end in ("", "_low", "_high"))
            rows.append(Measurement(f"{row['au']} {name}", value, "share", count, None, low, high, group))
        chance = float(row["chance"])
        rows.append(Measurement(f"{row['au']} chance", chance, "share", count, group=group))
        ratio = float(row["energy"]) / chance
        rows.append(Measurement(f"{row['au']} times chance", ratio, "energy over chance", count, group=group))
    return rows


def of_pairs(pairs: pd.DataFrame, group: str) -> list[Measurement]:
    """Return, per AU, its map's lift in its own region and in the other region where that is highest.

    Args:
        pairs: Rows of `confusion.csv` of one method.
        group: What they were measured on.
    """
    rows = []
    unit = "energy over chance"
    for au, each in pairs.groupby("au", sort=False):
        lift = each.set_index("region")["lift"].dropna()
        faces = each.set_index("region")["faces"]
        others = lift.drop(index=str(au), errors="ignore")
        if str(au) in lift:
            rows.append(
                Measurement(f"{au} own region", float(lift[str(au)]), unit, int(faces[str(au)]), group=group)
            )
        if len(others):
            top = str(others.idxmax())
            rows.append(
                Measurement(
                    f"{au} highest other region",
                    float(others[top]),
                    unit,
                    int(faces[top]),
                    group=group,
                    note=top,
                )
            )
    for au, region in PAIRS:
        for row in pairs[(pairs["au"] == au) & (pairs["region"] == region)].to_dict("records"):
            name = f"{au} in the region of {region}"
            rows.append(Measurement(name, float(row["lift"]), unit, int(row["faces"]), group=group))
    return rows


def of_faith(faith: pd.DataFrame, group: str) -> list[Measurement]:
    """Return areas of the curves and correlations with shuffled weights, means over AUs.

    Args:
        faith: Rows `mean` of `faithful.csv` of one method.
        group: What they were measured on.
    """
    found = faith.dropna(subset=["value"]).to_dict("records")
    return [
        Measurement(
            str(row["what"]),
            float(row["value"]),
            "correlation" if row["what"] == "random_weights" else "area",
            int(row["faces"]),
            low=float(row["value_low"]),
            high=float(row["value_high"]),
            group=group,
        )
        for row in found
    ]


if __name__ == "__main__":
    main()
