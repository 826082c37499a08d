"""Detect and cut every face once, into a store that training reads at memory speed.

The stored crop is wider than the network's: `margin` times its extent at the same pixel pitch, so that
shifts, turns and zooms find real pixels beyond the border. Its centre is the very crop that the instrument
would cut.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.index import check_index
from openau.data.pictures import read_picture
from openau.data.store import FACTS, LOST, PIXELS, SCHEMA, TABLE
from openau.errors import NoInputError, OutputError, SettingError
from openau.faces import Detector, build_detector, crop_face
from openau.records import Box, CropSpec, Face, Pixels

MIN_OVERLAP = 0.3
"""A detection is the labelled face where it covers at least this much of its true box (over the union)."""

Progress = Callable[[int, int], None]
DetectorSource = str | Callable[[], Detector]


@dataclass(frozen=True, slots=True)
class Preparation:
    """What `prepare` did.

    Attributes:
        store: The store's folder.
        found: Pictures whose face is in the store.
        lost: Pictures in which the detector did not find the face.
    """

    store: Path
    found: int
    lost: int


def wide_spec(spec: CropSpec, margin: float) -> CropSpec:
    """Return the recipe of the stored crop: same centre and pixel pitch, `margin` times the extent.

    Args:
        spec: The network's recipe.
        margin: At least 1. Rounded up so that a whole number of pixels is added on every side.

    Raises:
        SettingError: `margin` is below 1.
    """
    if margin < 1:
        raise SettingError(f"The margin is {margin}; it must be at least 1.")
    border = int(np.ceil(spec.size * (margin - 1) / 2 - 1e-9))
    size = spec.size + 2 * border
    return replace(spec, size=size, scale=spec.scale * size / spec.size)


def prepare(
    index: pd.DataFrame,
    spec: CropSpec,
    out: Path,
    *,
    detector: DetectorSource = "haar",
    margin: float = 1.35,
    workers: int = 1,
    progress: Progress | None = None,
) -> Preparation:
    """Find and cut the face of every picture of an index.

    The face is found as the instrument finds it. Where the index has a true box (`x1, y1, x2, y2`), the
    detection that overlaps it most counts, otherwise the largest; a picture without one is left out and
    counted.

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
        InputError: A picture cannot be read.
    """
    check_index(index, "The index")
    if detector == "index" and not {"x1", "y1", "x2", "y2"} <= set(index.columns):
        raise SettingError("The index has no face boxes x1, y1, x2, y2; name a detector such as 'haar'.")
    wide = wide_spec(spec, margin)
    if out.exists():
        raise OutputError(f"{out} exists already; give another folder, or remove it.")
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        found = _write_crops(index, partial(_cut, wide=wide, detector=detector), part, workers, progress)
        if not found.any():
            raise NoInputError(f"Not one face was found in {len(index)} pictures; try another detector.")
        _write_tables(index, found, part, {
            "schema": SCHEMA,
            "crop": asdict(spec),
            "wide": wide.size,
            "detector": detector if isinstance(detector, str) else getattr(detector, "__name__", "custom"),
            "found": int(found.sum()),
            "lost": int((~found).sum()),
        })  # fmt: skip
        part.replace(out)
    except OSError as error:
        raise OutputError(f"The crop store {out} cannot be written ({error}).") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Preparation(out, int(found.sum()), int((~found).sum()))


def _write_crops(
    index: pd.DataFrame,
    cut: Callable[[tuple[str, Box | None]], Pixels | None],
    folder: Path,
    workers: int,
    progress: Progress | None,
) -> NDArray[np.bool_]:
    """Append every found crop to the pixel file, in the index's order, and say which were found."""
    found = np.zeros(len(index), bool)
    with (folder / PIXELS).open("wb") as file:
        for row, pixels in enumerate(_in_order(cut, _pictures(index), workers)):
            if pixels is not None:
                found[row] = True
                file.write(pixels.tobytes())
            if progress is not None:
                progress(row + 1, len(index))
    return found


def _in_order(
    cut: Callable[[tuple[str, Box | None]], Pixels | None],
    pictures: list[tuple[str, Box | None]],
    workers: int,
) -> Iterator[Pixels | None]:
    """Cut every picture, in one process or several."""
    if workers <= 1:
        yield from map(cut, pictures)
        return
    # Spawned, not forked: a fork would inherit the locks of whatever threads are running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(cut, pictures, chunksize=16)


def _pictures(index: pd.DataFrame) -> list[tuple[str, Box | None]]:
    """Return each row's path and true box, where it has one."""
    if not {"x1", "y1", "x2", "y2"} <= set(index.columns):
        return [(path, None) for path in index["path"]]
    boxes = index[["x1", "y1", "x2", "y2"]].to_numpy(np.float64)
    return [
        (path, None if np.isnan(box).any() else (box[0], box[1], box[2], box[3]))
        for path, box in zip(index["path"], boxes, strict=True)
    ]


def _cut(picture: tuple[str, Box | None], *, wide: CropSpec, detector: DetectorSource) -> Pixels | None:
    """Return the (W, W, 3) crop of one picture's face, or None where it was not found."""
    path, truth = picture
    rgb = read_picture(path)
    given = [] if truth is None else [Face(truth, 1.0)]
    face = choose_face(given if detector == "index" else _detector(detector)(rgb), truth)
    return None if face is None else crop_face(rgb, face, wide).pixels


_DETECTORS: dict[DetectorSource, Detector] = {}


def _detector(source: DetectorSource) -> Detector:
    """Build a detector once per process."""
    if source not in _DETECTORS:
        _DETECTORS[source] = build_detector(source) if isinstance(source, str) else source()
    return _DETECTORS[source]


def choose_face(faces: list[Face], truth: Box | None) -> Face | None:
    """Return the detection that belongs to the label.

    Args:
        faces: What the detector found.
        truth: The labelled face's true box, where known.

    Returns:
        The face with the best overlap if it reaches `MIN_OVERLAP`; the largest where no true box is known;
        None where there is no such face.
    """
    if not faces:
        return None
    if truth is None:
        return max(faces, key=lambda face: _area(face.box_px))
    best = max(faces, key=lambda face: overlap(face.box_px, truth))
    return best if overlap(best.box_px, truth) >= MIN_OVERLAP else None


def overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes over their union.

    Args:
        one: `x1, y1, x2, y2` in pixels.
        other: The same.

    Returns:
        0–1; 0 where neither has an area.
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = _area(one) + _area(other) - shared
    return shared / union if union > 0 else 0.0


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _write_tables(index: pd.DataFrame, found: NDArray[np.bool_], folder: Path, facts: dict[str, Any]) -> None:
    """Write the rows of found and lost faces, and what made the store."""
    index[found].reset_index(drop=True).to_parquet(folder / TABLE, index=False)
    index[~found].to_csv(folder / LOST, index=False)
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
