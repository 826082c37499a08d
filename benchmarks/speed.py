"""How fast the instrument is, stage by stage and end to end: `python -m benchmarks.speed`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime

from benchmarks.clips import write_clip
from benchmarks.default_network import default_network
from benchmarks.ledger import Measurement, Result, finish, model_record, parser, summary
from openau.emotion import decode_emotion
from openau.export import export_onnx
from openau.faces import build_detector, crop_face, with_landmarks
from openau.read import read_video
from openau.records import Face, Reading
from openau.runtime import SWITCHES, AUModel, default_model_path, read_card
from openau.table import TableWriter

BLOCK = 10
"""Runs of a network on end."""
SEED = 0
LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "av", "pandas", "torch", "torchvision")
THREADS = 2
T = TypeVar("T")


def main() -> None:
    """Measure, print, and store where asked."""
    options = parser(__doc__ or "").parse_args()
    frames, repeats = (60, 3) if options.quick else (600, 15)
    model = AUModel(threads=THREADS)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, frames)
        rows = [*stages(clip, model, Path(folder)), *end_to_end(clip, frames, 1 if options.quick else 5)]
    rows += network(repeats, 1) + network(repeats, THREADS)
    settings: dict[str, int | float | str | bool] = {
        "frames": frames,
        "width": 640,
        "height": 480,
        "repeats": repeats,
        "threads": THREADS,
    }
    card = model_record(default_model_path(), model.card.name)
    finish(Result("speed", settings, {"network input": SEED}, LIBRARIES, tuple(rows), card), options)


def stages(clip: Path, model: AUModel, folder: Path) -> list[Measurement]:
    """Return the time of each stage per frame (or per face), one after the other in one thread of Python."""
    frames, decode = timed_each(read_video(clip))
    detector = build_detector()
    found, detect = timed_each(detector(frame.rgb) for frame in frames)
    thorough = build_detector(thorough=True)
    _, detect_photo = timed_each(thorough(frame.rgb) for frame in frames[:100])
    first = [(frame, faces[0]) for frame, faces in zip(frames, found, strict=True) if faces]
    spec = model.card.crop
    placed, landmarks = timed_each(with_landmarks(frame.rgb, [face], spec) for frame, face in first)
    first = [(frame, face) for (frame, _), [face] in zip(first, placed, strict=True)]
    crops, crop = timed_each(crop_face(frame.rgb, face, spec) for frame, face in first)
    outputs, predict = timed_each(model.predict([one]) for one in crops)
    batches = [crops[start : start + 32] for start in range(0, len(crops) - 31, 32)]
    _, batched = timed_each(model.predict(batch) for batch in batches)
    thresholds = model.card.thresholds
    emotions, emotion = timed_each(decode_emotion(output[0], thresholds) for output in outputs)
    readings = [
        Reading(frame.source, frame.index, frame.time_s, face, output[0], decoded)
        for (frame, face), output, decoded in zip(first, outputs, emotions, strict=True)
    ]
    with TableWriter(folder / "table.csv", model.card) as writer:
        _, write = timed_each(map(writer.write, ([reading] for reading in readings)))
    return [
        summary("decode", decode, "ms/frame"),
        summary("detect", detect, "ms/frame", note=_finds(found)),
        summary("detect, as in a photograph", detect_photo, "ms/picture", note="not part of a video's time"),
        summary("landmarks", landmarks, "ms/face", note="only where the model aligns faces by them"),
        summary("crop", crop, "ms/face"),
        summary("predict, 1 face", predict, "ms/face", note="normalisation included"),
        summary("predict, 32 faces", [ms / 32 for ms in batched], "ms/face"),
        summary("emotion", emotion, "ms/face"),
        summary("table row", write, "ms/row"),
    ]


def end_to_end(clip: Path, frames: int, repeats: int) -> list[Measurement]:
    """Return the speed of the command itself, from typing it to the finished table."""
    rates = []
    for repeat in range(repeats):
        command = [sys.executable, "-m", "openau.cli", "analyze", str(clip)]
        command += ["--out", str(clip.parent / f"out{repeat}"), "--quiet", "--threads", str(THREADS)]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        rates.append(frames / (time.perf_counter() - start))
    return [summary("end to end", rates, "frames/s", note="`openau analyze`, start-up included")]


def network(repeats: int, threads: int) -> list[Measurement]:
    """Return the time of the AU network alone and beside ResNet-50, in turns, with equal threads.

    A turn is a block of `BLOCK` runs, of which the median counts: a network reads one frame after another,
    and its first runs after another network pay for weights that have left the processor's cache. With
    several threads the small network pays for waking them and the large one does not; one thread compares
    the work alone.
    """
    random = np.random.default_rng(SEED)
    ours = session(default_model_path().read_bytes(), threads)
    plain = session(_without_heatmaps(), threads)
    theirs = session(_resnet50(), threads)
    side = ours.get_inputs()[0].shape[2]
    faces = random.normal(size=(32, 3, side, side)).astype(np.float32)
    picture = random.normal(size=(1, 3, 224, 224)).astype(np.float32)
    off, on = ({SWITCHES["grad_cam"]: np.array(wanted)} for wanted in (False, True))
    inputs = {
        "AU network, batch 1": (ours, {"face": faces[:1], **off}),
        "AU network, batch 32": (ours, {"face": faces, **off}),
        "AU network with heat maps, batch 1": (ours, {"face": faces[:1], **on}),
        "AU network exported without heat maps, batch 1": (plain, {"face": faces[:1]}),
        "ResNet-50, batch 1": (theirs, {theirs.get_inputs()[0].name: picture}),
    }
    times: dict[str, list[float]] = {name: [] for name in inputs}
    for repeat in range(repeats + 1):
        for name, (runner, feed) in inputs.items():
            block = [milliseconds(partial(runner.run, None, feed)) for _ in range(BLOCK)]
            if repeat:  # the first turn warms up
                times[name].append(statistics.median(block) / len(next(iter(feed.values()))))
    ending = ", 1 thread" if threads == 1 else ""
    rows = [summary(f"{name}{ending}", values, "ms/face") for name, values in times.items()]
    median = {name: statistics.median(values) for name, values in times.items()}
    for name in ("AU network", "AU network exported without heat maps"):
        ratio = median[f"{name}, batch 1"] / median["ResNet-50, batch 1"]
        note = "batch 1, medians of the turns"
        rows.append(Measurement(f"{name} to ResNet-50{ending}", ratio, "ratio", n=repeats, note=note))
    return rows


def session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Return an onnxruntime session on the processor with as many threads as every other."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # As in the instrument; and one network's waiting threads must not spin into the other's time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def timed_each(work: Iterable[T]) -> tuple[list[T], list[float]]:
    """Run through an iterable; return its items and the milliseconds each took."""
    items: list[T] = []
    times: list[float] = []
    steps = iter(work)
    while True:
        start = time.perf_counter()
        taken = list(islice(steps, 1))
        elapsed = 1000 * (time.perf_counter() - start)
        if not taken:
            return items, times
        items += taken
        times.append(elapsed)


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long a call took."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def _finds(found: list[list[Face]]) -> str:
    counts = [len(faces) for faces in found]
    return f"{sum(count == 1 for count in counts)} of {len(counts)} frames with exactly one face"


def _without_heatmaps() -> bytes:
    """Return the default model's architecture with random weights, exported without the heat maps' branch."""
    card = replace(read_card(default_model_path()), heatmap_layer=None)
    network = default_network(card)
    with tempfile.TemporaryDirectory() as folder:
        return export_onnx(network, card, Path(folder) / "plain.onnx").read_bytes()


def _resnet50() -> bytes:
    import torch
    from torchvision.models import resnet50

    torch.manual_seed(SEED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet50.onnx"
        network = resnet50(weights=None).eval()
        torch.onnx.export(
            network, (torch.zeros(1, 3, 224, 224),), path, dynamo=True, external_data=False, verbose=False
        )
        return path.read_bytes()


if __name__ == "__main__":
    main()
