"""How fast faces are cut into a store, and read from it into batches: `python -m benchmarks.training_data`.

Cutting: pictures of 640×480 with one face, found and cut by the default detector, in one process and in
two. Each figure holds the start of the processes. Reading: batches in a random order, as training reads
them, from stores of random pixels of a 48-pixel and of a 224-pixel network (stored with their margin);
without and with variation, in the process that trains.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import psutil  # type: ignore[import-untyped] # has no types

from benchmarks.clips import drifting_face
from benchmarks.ledger import Measurement, Result, finish, parser, summary
from openau.data.crops import prepare, wide_spec
from openau.data.store import FACTS, PIXELS, SCHEMA, TABLE
from openau.records import CropSpec

SEED = 0
LIBRARIES = ("numpy", "pandas", "opencv-python-headless", "torch", "pyarrow")
BATCH = 64
MARGIN = 1.35


def main() -> None:
    """Measure, print, and store where asked."""
    options = parser(__doc__ or "").parse_args()
    pictures, repeats = (100, 1) if options.quick else (600, 3)
    stored = {48: 2_000, 224: 400} if options.quick else {48: 20_000, 224: 3_000}
    with tempfile.TemporaryDirectory() as folder:
        rows = [*cutting(Path(folder), pictures, repeats)]
        for size, count in stored.items():
            rows += reading(Path(folder) / str(size), CropSpec(size), count, repeats)
    settings: dict[str, int | float | str | bool] = {
        "pictures": pictures,
        "width": 640,
        "height": 480,
        "repeats": repeats,
        "batch": BATCH,
        "margin": MARGIN,
        "stored_48": stored[48],
        "stored_224": stored[224],
        "torch_threads": 1,
    }
    finish(Result("training_data", settings, {"pixels": SEED}, LIBRARIES, tuple(rows)), options)


def cutting(folder: Path, count: int, repeats: int) -> list[Measurement]:
    """Return how many faces per second `prepare` finds and cuts."""
    rows = []
    for number, rgb in enumerate(drifting_face(count)):
        path = folder / f"{number:05d}.jpg"
        cv2.imwrite(str(path), rgb[..., ::-1])
        rows.append({"dataset": "drift", "subject": "1", "sequence": "1", "frame": number, "path": str(path)})
    index = pd.DataFrame(rows).assign(AU12=0.0)
    measured = []
    for workers in (1, 2):
        speeds, costs = [], []
        for repeat in range(repeats):
            started, spent = time.perf_counter(), processor_s()
            done = prepare(
                index, CropSpec(48), folder / f"store{workers}{repeat}", workers=workers, margin=MARGIN
            )
            speeds.append(done.found / (time.perf_counter() - started))
            costs.append(1000 * (processor_s() - spent) / done.found)
        name = f"find and cut, {workers} process{'es' if workers > 1 else ''}"
        measured.append(summary(name, speeds, "faces/s", f"{done.lost} of {count} lost"))
        measured.append(summary(f"{name}: processor time", costs, "ms/face", "all processes together"))
    return measured


def reading(folder: Path, spec: CropSpec, count: int, repeats: int) -> list[Measurement]:
    """Return how many crops per second a loader gives, and how much memory reading all of them takes."""
    # Here, not above: every process that cuts begins by importing this file, and does not need torch.
    import torch

    from openau.data.augment import AUGMENTATIONS, augment
    from openau.data.dataset import Batch, CropDataset, Crops, build_loader
    from openau.data.samplers import EpochBatches

    torch.set_num_threads(1)
    write_random_store(folder, spec, count)
    crops = Crops([folder])
    target = np.zeros((count, 12), np.float32)
    batches = EpochBatches(count, BATCH, SEED)
    loader = build_loader(CropDataset(crops, np.arange(count), {"aus": target}), batches)
    generator = torch.Generator().manual_seed(SEED)
    measured = []
    ways: dict[str, Callable[[Batch], object]] = {
        "read": lambda batch: None,
        "read and vary": lambda batch: augment(
            batch[0], spec.size, AUGMENTATIONS["deramgozin2023"], generator
        ),
    }
    for name, use in ways.items():
        use(next(iter(loader)))  # what is imported and made only once
        before = psutil.Process().memory_info().rss
        speeds, costs = [], []
        for epoch in range(repeats):
            batches.epoch = epoch
            started, spent = time.perf_counter(), processor_s()
            for batch in loader:
                use(batch)
            speeds.append(len(batches) * BATCH / (time.perf_counter() - started))
            costs.append(1e6 * (processor_s() - spent) / (len(batches) * BATCH))
        measured.append(summary(f"{name}, {spec.size} px", speeds, "crops/s"))
        measured.append(summary(f"{name}, {spec.size} px: processor time", costs, "us/crop"))
        growth = (psutil.Process().memory_info().rss - before) / 2**20
        size = (folder / PIXELS).stat().st_size / 2**20
        note = f"over {repeats} epochs of a store of {size:.0f} MiB"
        measured.append(Measurement(f"{name}, {spec.size} px: memory growth", growth, "MiB", note=note))
    return measured


def processor_s() -> float:
    """Return the processor time that this process and its ended children have had, in seconds."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def write_random_store(folder: Path, spec: CropSpec, count: int) -> None:
    """Write a store of random pixels."""
    folder.mkdir()
    wide = wide_spec(spec, MARGIN).size
    random = np.random.default_rng(SEED)
    with (folder / PIXELS).open("wb") as file:
        for _ in range(count):
            file.write(random.bytes(wide * wide * 3))
    table = pd.DataFrame(
        {"dataset": "random", "subject": "1", "sequence": "1", "frame": range(count), "AU12": 0.0}
    )
    table.assign(path=table["frame"].astype(str)).to_parquet(folder / TABLE, index=False)
    facts = {
        "schema": SCHEMA,
        "crop": asdict(spec),
        "wide": wide,
        "detector": "none",
        "found": count,
        "lost": 0,
    }
    (folder / FACTS).write_text(json.dumps(facts), "utf-8")


if __name__ == "__main__":
    main()
