"""Detect and cut every face once, into a store that training reads at memory speed.

The stored crop is wider than the network's: `margin` times its extent at the same pixel pitch, so that
shifts, turns and zooms find real pixels beyond the border. Its centre is the very crop that the instrument
would cut.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from openau.data.index import check_index
from openau.data.journal import Journal
from openau.data.one_face import DetectorSource, build_once, choose_face, find_face
from openau.data.pictures import read_picture
from openau.data.store import FACTS, LOST, PIXELS, POINTS, SCHEMA, TABLE
from openau.data.truth import STORED_CENTRE
from openau.errors import InputError, NoInputError, OutputError, SettingError
from openau.faces import crop_face, with_landmarks
from openau.records import Box, CropSpec, Face, Floats, Pixels

NO_FACE = "no face was found"
"""The reason in `lost.csv` where the picture was read and the detector found nothing."""

_CHUNK = 32

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Preparation:
    """What `prepare` did.

    Attributes:
        store: The store's folder.
        found: Pictures whose face is in the store.
        lost: Pictures without a crop: the detector did not find the face, or the picture cannot be read.
        unreadable: How many of those cannot be read.
    """

    store: Path
    found: int
    lost: int
    unreadable: int = 0


def wide_spec(spec: CropSpec, margin: float) -> CropSpec:
    """Return the recipe of the stored crop: same centre and pixel pitch, `margin` times the extent.

    Args:
        spec: The network's recipe.
        margin: At least 1. Rounded up so that a whole number of pixels is added on every side.

    Raises:
        SettingError: `margin` is below 1, or no number.
    """
    if not 1 <= margin < np.inf:
        raise SettingError(f"The margin is {margin}; it must be at least 1.")
    border = int(np.ceil(spec.size * (margin - 1) / 2 - 1e-9))
    size = spec.size + 2 * border
    return replace(spec, size=size, scale=spec.scale * size / spec.size)


def prepare(
    index: pd.DataFrame,
    spec: CropSpec,
    out: Path,
    *,
    detector: DetectorSource = "openau",
    margin: float = 1.35,
    workers: int = 1,
    progress: Progress | None = None,
) -> Preparation:
    """Find and cut the face of every picture of an index.

    The face is found as the instrument finds it. Where the index has a true box (`x1, y1, x2, y2`), the
    detection that overlaps it most counts, otherwise the largest; the search ends when it is found, and is
    repeated more thoroughly where it is not. A picture without one, and a picture that cannot be read, is
    left out, counted, and listed in `lost.csv` with the reason. The true landmarks of the index, where it has
    them, else those of the detector, where it gives any, are kept beside the crops. A recipe aligned by
    landmarks takes these, and where there are none those of the landmark network.

    The store is the same whatever the number of processes. What was interrupted goes on where it stopped when
    it is asked for again with the same index, recipe and detector.

    Args:
        index: Index table.
        spec: The network's crop recipe.
        out: Folder of the store; must not exist yet.
        detector: Name of a detector; `index` to cut by the index's true boxes; or a function that builds one.
        margin: Extent of the stored crop as a multiple of the network's.
        workers: Processes.
        progress: Called with (pictures done, pictures in all).

    Returns:
        Where the store is, and how many faces were found and lost.

    Raises:
        TableError: `index` is no index table.
        SettingError: An option is out of range.
        NoInputError: Not one face was found.
        OutputError: `out` exists or cannot be written.
        InputError: Not one picture can be read.
    """
    check_index(index, "The index")
    if detector == "index" and not {"x1", "y1", "x2", "y2"} <= set(index.columns):
        raise SettingError("The index has no face boxes x1, y1, x2, y2; name a detector such as 'openau'.")
    if workers < 1:
        raise SettingError(f"Preparing with {workers} processes is impossible; give at least 1.")
    wide = wide_spec(spec, margin)
    if out.exists():
        raise OutputError(f"{out} exists already; give another folder, or remove it.")
    if detector != "index":
        build_once(detector)  # what is wrong with it is said before anything is written
    _check_space(out, len(index) * wide.size**2 * 3)
    pictures = _pictures(index)
    name = detector if isinstance(detector, str) else getattr(detector, "__name__", "custom")
    asked = {"schema": SCHEMA, "crop": asdict(spec), "wide": wide.size, "detector": name}
    begun = {**asked, "points": True, "index": _fingerprint(pictures)}
    part = out.with_name(f".{out.name}.part")
    cut = partial(_cut_chunk, wide=wide, detector=detector)
    try:
        with Journal.open(part, begun, wide.size**2 * 3) as journal:
            _tell(progress, journal.done, len(index))
            for chunk in _in_order(cut, pictures, journal.done, workers):
                journal.add(*chunk)
                _tell(progress, journal.done, len(index))
        reasons = journal.reasons
        found = sum(reason == "" for reason in reasons)
        if not found:
            journal.remove()
            raise _nothing_found(reasons)
        _write_tables(index, reasons, part, {**asked, "found": found, "lost": len(reasons) - found})
        journal.finish()
        _drop_unknown_points(part)
        part.replace(out)
    except BrokenProcessPool as error:
        raise OutputError(
            f"A process that cut faces for {out} was killed, perhaps for want of memory; "
            "run the same command with fewer workers to go on."
        ) from error
    except OSError as error:
        raise OutputError(f"The crop store {out} cannot be written ({error}).") from error
    unreadable = sum(reason not in ("", NO_FACE) for reason in reasons)
    return Preparation(out, found, len(reasons) - found, unreadable)


def _check_space(out: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        OutputError: There is less room than all crops may need.
    """
    place = next(folder for folder in out.absolute().parents if folder.exists())
    begun = out.with_name(f".{out.name}.part") / PIXELS
    free = shutil.disk_usage(place).free + (begun.stat().st_size if begun.exists() else 0)
    if needed > free:
        raise OutputError(
            f"The crop store {out} may need {needed / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free; "
            "make room, or give a folder on another disk."
        )


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None and done:
        progress(done, total)


def _nothing_found(reasons: list[str]) -> InputError:
    """Return what to say where not one crop was cut."""
    if NO_FACE in reasons:
        return NoInputError(f"Not one face was found in {len(reasons)} pictures; try another detector.")
    return InputError(f"Not one of {len(reasons)} pictures can be read: {reasons[0]}")


@dataclass(frozen=True, slots=True)
class _Picture:
    """One row of the index, as far as cutting needs it.

    Attributes:
        path: The picture.
        box: True face box, where known.
        landmarks: File and row of the true landmarks, where known.
    """

    path: str
    box: Box | None
    landmarks: tuple[str, int] | None = None


def _fingerprint(pictures: list[_Picture]) -> str:
    """Return what tells one list of pictures from another."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(repr(picture).encode())
    return digest.hexdigest()


Chunk = tuple[Pixels, Floats, list[str]]


def _in_order(
    cut: Callable[[list[_Picture]], Chunk],
    pictures: list[_Picture],
    start: int,
    workers: int,
) -> Iterator[Chunk]:
    """Cut pictures chunk by chunk in their order, in one process or several."""
    chunks = (pictures[at : at + _CHUNK] for at in range(start, len(pictures), _CHUNK))
    if workers == 1:
        yield from map(cut, chunks)
        return
    # Spawned, not forked: a fork would inherit the locks of whatever threads are running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker) as pool:
        # Only so many chunks are under way that what is finished early does not pile up in memory.
        waiting = deque(pool.submit(cut, chunk) for chunk in islice(chunks, 2 * workers))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(cut, chunk) for chunk in islice(chunks, 1))
        finally:
            pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    """Keep processes from fighting for the cores with threads, and leave Ctrl-C to the first of them."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _cut_chunk(pictures: list[_Picture], *, wide: CropSpec, detector: DetectorSource) -> Chunk:
    """Return the (F, W, W, 3) crops of the F faces found, their landmarks, and why pictures have none."""
    crops: list[Pixels] = []
    points: list[Floats] = []
    reasons: list[str] = []
    for picture in pictures:
        try:
            found = _cut(picture, wide=wide, detector=detector)
        except (InputError, SettingError) as error:
            reasons.append(" ".join(str(error).split()))
            continue
        reasons.append(NO_FACE if found is None else "")
        if found is not None:
            crops.append(found[0])
            points.append(found[1])
    if not crops:
        return np.zeros((0, wide.size, wide.size, 3), np.uint8), np.zeros((0, 68, 2), np.float32), reasons
    return np.stack(crops), np.stack(points), reasons


def _pictures(index: pd.DataFrame) -> list[_Picture]:
    """Return each row's path, and its true box and landmarks where it has them."""
    rows = range(len(index))
    boxes: list[Box | None] = [None for _ in rows]
    if {"x1", "y1", "x2", "y2"} <= set(index.columns):
        values = index[["x1", "y1", "x2", "y2"]].to_numpy(np.float64)
        boxes = [None if np.isnan(box).any() else (box[0], box[1], box[2], box[3]) for box in values]
    marks: list[tuple[str, int] | None] = [None for _ in rows]
    if {"landmarks", "row"} <= set(index.columns):
        pairs = zip(index["landmarks"], index["row"], strict=True)
        marks = [None if pd.isna(file) or pd.isna(row) else (str(file), int(row)) for file, row in pairs]
    return [_Picture(*row) for row in zip(index["path"], boxes, marks, strict=True)]


def _cut(picture: _Picture, *, wide: CropSpec, detector: DetectorSource) -> tuple[Pixels, Floats] | None:
    """Return the (W, W, 3) crop of one picture's face and its (68, 2) landmarks; None without a face."""
    rgb = read_picture(picture.path)
    if detector == "index":
        face = choose_face([] if picture.box is None else [Face(picture.box, 1.0)], picture.box)
    else:
        face = find_face(rgb, detector, picture.box)
    if face is None:
        return None
    if picture.landmarks is not None:
        face = replace(face, points=_true_landmarks(*picture.landmarks))
    [face] = with_landmarks(rgb, [face], wide)
    points = face.points
    crop = crop_face(rgb, face, wide)
    if points is None or points.shape != (68, 2):
        return crop.pixels, np.full((68, 2), np.nan, np.float32)
    moved = points.astype(np.float64) @ crop.matrix[:, :2].T + crop.matrix[:, 2]
    return crop.pixels, moved.astype(np.float32)


def _true_landmarks(file: str, row: int) -> Floats:
    """Return one picture's landmarks, (68, 2), pixel centres at integers."""
    try:
        found: Floats = np.array(np.load(file, mmap_mode="r")[row], np.float32) - STORED_CENTRE
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"The landmarks {file} cannot be read ({error}); synthesize them again.") from error
    return found


def _drop_unknown_points(folder: Path) -> None:
    """Remove the file of landmarks where it knows none."""
    file = folder / POINTS
    if np.isnan(np.memmap(file, dtype=np.float32, mode="r")).all():
        file.unlink()


def _write_tables(index: pd.DataFrame, reasons: list[str], folder: Path, facts: dict[str, Any]) -> None:
    """Write the rows of found and lost faces, and what made the store."""
    why = np.array(reasons)
    index[why == ""].reset_index(drop=True).to_parquet(folder / TABLE, index=False)
    index[why != ""].assign(reason=why[why != ""]).to_csv(folder / LOST, index=False)
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
