"""How fast faces are rendered, stage by stage and as a dataset: `python -m benchmarks.synth`.

Needs the face rig (`OPENAU_RIG` or `OPENAU_SHARED`). The dataset is made as a user makes it, by
`openau synthesize`, a new person every eight pictures, all labels and parameters in the index, with masks and
without. Pictures per second of processor time depend least on what else the machine does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from benchmarks.ledger import Measurement, Result, finish, parser, summary
from openau.synth import identity, pictures, render
from openau.synth.identity import build_stage, draw_subject
from openau.synth.rig import load_rig
from openau.synth.scene import draw_scene

SEED, SIZE, PER_SUBJECT, WORKERS = 0, 128, 8, 2
LIBRARIES = ("numpy", "numba", "opencv-python-headless", "pandas", "pyarrow")


def main() -> None:
    """Measure, print, and store where asked."""
    options = parser(__doc__ or "").parse_args()
    subjects, images, lengths = (5, 160, (160, 320)) if options.quick else (40, 2000, (400, 2000))
    rows = [*stages(subjects), *datasets(images), *memory(lengths)]
    settings: dict[str, int | float | str | bool] = {
        "size": SIZE,
        "pictures per subject": PER_SUBJECT,
        "workers": WORKERS,
        "images": images,
        "subjects": subjects,
    }
    finish(Result("synth", settings, {"faces": SEED}, LIBRARIES, tuple(rows)), options)


def stages(subjects: int) -> list[Measurement]:
    """Return what each stage takes in one process: a person, then the steps of a picture."""
    cv2.setNumThreads(1)
    start = time.perf_counter()
    rig = load_rig()
    loaded = time.perf_counter()
    stage = build_stage(rig)
    built = time.perf_counter()
    style = pictures.Style(SIZE, SEED, masks=True, grey=False)
    watched = [
        (identity, "paint_skin", "skin"),
        (pictures, "draw_subject", "person, whole"),
        (pictures, "render", "picture, whole"),
        (render, "paint_backdrop", "backdrop"),
        (render, "posed_face", "pose"),
        (render, "rasterize", "rasterise"),
        (render, "cast_shadow", "shadow map"),
        (render, "shade", "shade"),
        (render, "develop", "camera"),
        (render, "draw_masks", "masks"),
        (pictures, "_write_image", "write JPEG or PNG"),
        (pictures, "picture_truth", "truth"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        order = partial(pictures.Order, split="train", present=(frozenset[int](),) * PER_SUBJECT)
        pictures.render_subject(Path(folder), stage, style, order(10**6))  # compiles
        times = watch(watched)
        for number in range(subjects):
            pictures.render_subject(Path(folder), stage, style, order(number))
    rows = [
        Measurement("load rig", 1000 * (loaded - start), "ms"),
        Measurement("prepare what people share", 1000 * (built - loaded), "ms"),
        *(summary(name, values, "ms") for name, values in times.items()),
    ]
    scenes = [milliseconds(partial(draw_scene, np.random.default_rng(n))) for n in range(200)]
    people = [milliseconds(partial(draw_subject, stage, np.random.default_rng(n))) for n in range(subjects)]
    return [*rows, summary("draw a scene", scenes, "ms"), summary("draw a person", people, "ms")]


def watch(watched: list[tuple[Any, str, str]]) -> dict[str, list[float]]:
    """Let functions note how long they take, for as long as this process lives.

    Args:
        watched: Module, function and the name under which its times are kept.

    Returns:
        Milliseconds by name, filled as the functions are called.
    """
    times: dict[str, list[float]] = {}

    def timed(function: Callable[..., object], kept: list[float]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            start = time.perf_counter()
            result = function(*args, **named)
            kept.append(1000 * (time.perf_counter() - start))
            return result

        return call

    for module, function, name in watched:
        setattr(module, function, timed(getattr(module, function), times.setdefault(name, [])))
    return times


def datasets(images: int) -> list[Measurement]:
    """Return pictures per second of whole runs, and of what comes after their processes have started."""
    rows = []
    note = f"{SIZE} px, {WORKERS} processes, a new person every {PER_SUBJECT} pictures"
    for name, extra in (("with masks", []), ("without masks", ["--no-masks"])):
        first = run(PER_SUBJECT * WORKERS, extra)
        whole = run(images, extra)
        more = images - PER_SUBJECT * WORKERS
        after, busy = whole.seconds - first.seconds, whole.processor_s - first.processor_s
        rows += [
            Measurement(f"synthesize {name}", images / whole.seconds, "pictures/s", n=images, note=note),
            Measurement(f"after the start, {name}", more / after, "pictures/s", n=more),
            Measurement(f"processor time, {name}", more / busy, "pictures/s of one core", n=more),
        ]
    return rows


def memory(lengths: tuple[int, int]) -> list[Measurement]:
    """Return the highest memory of any process in a short and in a long run: they should not differ."""
    peaks = [run(length, []).peak_mib for length in lengths]
    rows = [
        Measurement(f"peak memory of a process, {length} pictures", peak, "MiB", n=length)
        for length, peak in zip(lengths, peaks, strict=True)
    ]
    return [
        *rows,
        Measurement("growth", peaks[1] - peaks[0], "MiB", note=f"from {lengths[0]} to {lengths[1]}"),
    ]


class Run(NamedTuple):
    """What a run took.

    Attributes:
        seconds: By the clock.
        processor_s: Of all its processes.
        peak_mib: Highest resident memory of one of its processes.
    """

    seconds: float
    processor_s: float
    peak_mib: float


def run(images: int, extra: list[str]) -> Run:
    """Make a dataset in processes of its own.

    Args:
        images: How many pictures.
        extra: More options of `openau synthesize`.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "openau.cli", "synthesize", "--out", f"{folder}/out"]
        command += ["--images", str(images), "--size", str(SIZE), "--seed", str(SEED), "--quiet"]
        command += ["--per-subject", str(PER_SUBJECT), "--workers", str(WORKERS), *extra]
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        elapsed = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"openau synthesize ended with {child.returncode}.")
        peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        return Run(elapsed, usage.ru_utime + usage.ru_stime, peak)


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long a call took."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
