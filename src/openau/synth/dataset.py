"""Write a folder of FACS-labelled synthetic faces: pictures, an index table, landmarks, and how it was made.

Layout::

    OUT/pictures/00012/0003.jpg   the pictures, one folder per subject
    OUT/index.csv                 one row per picture (see `index_columns`)
    OUT/landmarks.npy             (rows, 68, 2) float32, in the rows' order, pixels
    OUT/synthesis.json            seed, settings, checksum of the rig

Subject s and picture k are drawn from (seed, s, k) alone: the same seed gives the same bytes with any number
of workers, and a longer run begins with the pictures of a shorter one. `index.csv` appears last; until then
finished subjects wait in `OUT/.partial`, where an interrupted run is taken up again.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pandas as pd

from openau.errors import OutputError, SettingError
from openau.facs import au_column
from openau.records import Pixels
from openau.synth.expression import Expression
from openau.synth.identity import Stage, Subject, build_stage, draw_subject
from openau.synth.movements import MOVEMENTS
from openau.synth.render import Picture, View, render
from openau.synth.rig import find_rig, load_rig, pack_rig
from openau.synth.sample import ONE_SIDED, draw_expression
from openau.synth.scene import draw_scene

FORMAT: Final = 1
"""Version of the folder's layout and of the sampler; a folder of another version is not continued."""

DATASET: Final = "synthetic"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides every byte of a synthetic dataset.

    Attributes:
        images: Number of pictures.
        size: Side of a picture, pixels.
        seed: Not negative.
        per_subject: Pictures of each subject.
        rig: SHA-256 of the rig.
        format: See `FORMAT`.
    """

    images: int
    size: int
    seed: int
    per_subject: int
    rig: str
    format: int = FORMAT


def synthesize(  # noqa: PLR0913 - the public door takes every setting by name
    out: Path,
    images: int,
    *,
    size: int = 160,
    seed: int = 0,
    per_subject: int = 8,
    workers: int = 2,
    rig: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Make a dataset of rendered faces whose AUs are known.

    A folder that holds an unfinished run of the same settings is continued; a finished one is left as it is.

    Args:
        out: Folder; is created.
        images: Number of pictures, at least 1.
        size: Side of the square pictures, 48-1024 pixels.
        seed: Not negative; decides every byte.
        per_subject: Pictures of each subject, at least 1.
        workers: Processes.
        rig: The rig's file or folder; None to look where the environment says.
        progress: Is called with pictures done and pictures wanted.

    Returns:
        The index table's path, `out/index.csv`.

    Raises:
        SettingError: A number is out of its range.
        RigError: The rig is absent or not the one expected.
        OutputError: `out` holds something else, or cannot be written.
    """
    _check(images=images, size=size, seed=seed, per_subject=per_subject, workers=workers)
    file = find_rig(rig)
    settings = Settings(images, size, seed, per_subject, load_rig(file).checksum)
    index, partial = out / "index.csv", out / ".partial"
    if not _prepare(out, settings):
        return index
    subjects = range(math.ceil(images / per_subject))
    waiting = [s for s in subjects if not _part_file(out, s).exists()]
    done = sum(len(_pictures_of(settings, s)) for s in subjects) - sum(
        len(_pictures_of(settings, s)) for s in waiting
    )
    if progress:
        progress(done, images)
    if file.is_dir() and workers > 1:
        file = pack_rig(file, partial / "rig.npz")  # so that each process need not read 158 files
    try:
        for subject in _run(out, settings, file, waiting, workers):
            done += len(_pictures_of(settings, subject))
            if progress:
                progress(done, images)
        _assemble(out, settings)
    except BrokenProcessPool as error:
        raise OutputError(
            f"A process that rendered {out} died, perhaps for want of memory: continue with fewer workers."
        ) from error
    except OSError as error:
        raise OutputError(f"The dataset {out} cannot be written: {error}.") from error
    shutil.rmtree(partial)
    return index


def index_columns() -> list[str]:
    """Return the columns of `index.csv`, in order."""
    columns = ["dataset", "subject", "sequence", "frame", "path", "split"]
    columns += [au_column(au) for au in sorted(MOVEMENTS)]
    columns += [f"{au_column(au)}_{side}" for au in sorted(ONE_SIDED) for side in ("left", "right")]
    columns += [
        "emotion",
        "gender",
        "skin",
        "age",
        "pitch_deg",
        "yaw_deg",
        "roll_deg",
        "gaze_left",
        "gaze_up",
    ]
    return [*columns, "lip_gap_cm", "x1", "y1", "x2", "y2"]


def _check(*, images: int, size: int, seed: int, per_subject: int, workers: int) -> None:
    """Refuse numbers out of range."""
    for name, value, low, high in (
        ("images", images, 1, 10_000_000),
        ("size", size, 48, 1024),
        ("seed", seed, 0, 2**63),
        ("per_subject", per_subject, 1, 10_000),
        ("workers", workers, 1, 1024),
    ):
        if not low <= value <= high:
            raise SettingError(f"{name} is {value}; it must be between {low} and {high}.")


def _prepare(out: Path, settings: Settings) -> bool:
    """Create the folder or check that it holds an unfinished run of the same settings.

    Returns:
        Whether anything is left to do.

    Raises:
        OutputError: The folder holds something else.
    """
    wanted, partial = asdict(settings), out / ".partial"
    finished = (out / "index.csv").exists() and not partial.exists()
    described = out / "synthesis.json" if finished else partial / "settings.json"
    try:
        if described.exists():
            found = json.loads(described.read_text(encoding="utf-8"))
            if found != wanted:
                raise OutputError(
                    f"{out} already holds a synthetic dataset of other settings: choose another folder."
                )
            return not finished
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise OutputError(f"{out} already exists and is not empty: choose another folder.")
        partial.mkdir(parents=True)
        _write_text(described, json.dumps(wanted, indent=1))
    except (OSError, ValueError) as error:
        raise OutputError(f"The dataset folder {out} cannot be used: {error}.") from error
    return True


def _pictures_of(settings: Settings, subject: int) -> range:
    """Return the frame numbers of one subject."""
    return range(min(settings.per_subject, settings.images - subject * settings.per_subject))


def _part_file(out: Path, subject: int) -> Path:
    """Return where a finished subject's rows wait."""
    return out / ".partial" / f"subject_{subject:06d}.json"


def _run(out: Path, settings: Settings, rig: Path, subjects: list[int], workers: int) -> Iterator[int]:
    """Render subjects in this process or in several; yield each when it is on disk."""
    if not subjects:
        return
    if workers == 1:
        _start_worker(rig)
        for subject in subjects:
            yield _render_subject(out, settings, subject)
        return
    # Processes start afresh: a fork would inherit the threads of OpenCV and of a caller's PyTorch.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(rig,)) as pool:
        running = [pool.submit(_render_subject, out, settings, subject) for subject in subjects]
        try:
            for future in as_completed(running):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_stage: list[Stage] = []
"""The stage of this process: rebuilding it for every subject would take longer than the pictures."""


def _start_worker(rig: Path) -> None:
    """Prepare a process for rendering."""
    cv2.setNumThreads(1)
    _stage[:] = [build_stage(load_rig(rig))]


def _render_subject(out: Path, settings: Settings, number: int) -> int:
    """Render all pictures of one subject, then leave its rows in `.partial`; return its number."""
    stage = _stage[0]
    subject = draw_subject(stage, np.random.default_rng((settings.seed, number)))
    folder = out / "pictures" / f"{number:05d}"
    folder.mkdir(parents=True, exist_ok=True)
    rows, points = [], []
    for frame in _pictures_of(settings, number):
        rng = np.random.default_rng((settings.seed, number, frame))
        expression = draw_expression(rng)
        picture = render(stage, subject, expression, _draw_view(rng, settings.size), rng)
        file = folder / f"{frame:04d}.jpg"
        _write_jpeg(file, picture.rgb, int(rng.integers(70, 97)))
        where = {"subject": f"{number:05d}", "frame": frame, "path": file.relative_to(out).as_posix()}
        rows.append(where | {"split": _split(number)} | _truth(subject, expression, picture))
        points.append(np.round(picture.points.astype(float), 3).tolist())
    _write_text(_part_file(out, number), json.dumps({"rows": rows, "points": points}))
    return number


def _draw_view(rng: np.random.Generator, size: int) -> View:
    """Draw camera, light, flaws and backdrop of one picture."""
    return View.of(draw_scene(rng), size)


def _split(subject: int) -> str:
    """Put eight subjects of ten into training, one into validation, one into test."""
    return {8: "validation", 9: "test"}.get(subject % 10, "train")


def _truth(subject: Subject, expression: Expression, picture: Picture) -> dict[str, Any]:
    """Return a picture's row, except where it lies."""
    row: dict[str, Any] = {"dataset": DATASET, "sequence": 0}
    for au in MOVEMENTS:
        left, right = (side.get(au, 0.0) for side in (picture.left, picture.right))
        row[au_column(au)] = round(max(left, right), 3)
        if au in ONE_SIDED:
            row[f"{au_column(au)}_left"], row[f"{au_column(au)}_right"] = round(left, 3), round(right, 3)
    traits = subject.traits
    row |= {"emotion": expression.emotion, "gender": traits.gender, "skin": traits.skin_type}
    row |= {"age": round(traits.age), "lip_gap_cm": round(picture.lip_gap_cm, 4)}
    for name, value in zip(("pitch_deg", "yaw_deg", "roll_deg"), picture.pose_deg, strict=True):
        row[name] = round(value, 2)
    row |= {"gaze_left": round(expression.gaze[0], 3), "gaze_up": round(expression.gaze[1], 3)}
    return row | {n: round(v, 2) for n, v in zip(("x1", "y1", "x2", "y2"), picture.box_px, strict=True)}


def _assemble(out: Path, settings: Settings) -> None:
    """Join the subjects' rows into the index and the landmarks; the index comes last."""
    rows: list[dict[str, Any]] = []
    points: list[Any] = []
    for subject in range(math.ceil(settings.images / settings.per_subject)):
        part = json.loads(_part_file(out, subject).read_text(encoding="utf-8"))
        rows += part["rows"]
        points += part["points"]
    temporary = out / "landmarks.npy.part"
    with temporary.open("wb") as file:
        np.save(file, np.asarray(points, np.float32))
    temporary.replace(out / "landmarks.npy")
    _write_text(out / "synthesis.json", json.dumps(asdict(settings), indent=1))
    _write_text(out / "index.csv", pd.DataFrame(rows, columns=index_columns()).to_csv(index=False))


def _write_jpeg(file: Path, rgb: Pixels, quality: int) -> None:
    """Write a picture as JPEG."""
    ok, encoded = cv2.imencode(
        ".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not ok:
        raise OutputError(f"The picture {file} could not be encoded as JPEG.")
    temporary = file.with_suffix(f".{os.getpid()}.part")
    temporary.write_bytes(encoded.tobytes())
    temporary.replace(file)


def _write_text(file: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)
