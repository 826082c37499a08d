"""Write a folder of FACS-labelled synthetic faces: pictures, masks, an index, landmarks, how it was made.

Layout::

    OUT/pictures/00012/0003.jpg   the pictures, one folder per subject
    OUT/masks/00012/0003.png      where each AU shows, half the picture's size, see `openau.synth.masks`
    OUT/index.parquet             one row per picture, see `openau.synth.truth.index_columns`
    OUT/landmarks.npy             (rows, 68, 2) float32, in the rows' order, pixels
    OUT/synthesis.json            seed, settings, checksum of the rig

Subject s and picture k are drawn from (seed, s, k) alone: the same seed gives the same bytes with any number
of workers, and a longer run begins with the pictures of a shorter one. The index appears last; until then
finished subjects wait in `OUT/.partial`, where an interrupted run is taken up again.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from openau.errors import MissingExtraError, OutputError, SettingError
from openau.synth.identity import Stage, build_stage
from openau.synth.movements import MOVEMENTS
from openau.synth.pictures import Order, Style, face_labels, render_subject, write_text
from openau.synth.plan import even_ratio, plan_present
from openau.synth.ratios import Companions, check_aus
from openau.synth.rig import find_rig, load_rig, pack_rig
from openau.synth.truth import open_index

FORMAT: Final = 3
"""Version of layout, sampler and truth; a folder of another one is not continued."""

INDEX: Final = "index.parquet"
SPLITS: Final = ("train", "validation", "test")

_CHUNK: Final = 500
"""Subjects whose rows are in memory at once while the index is written."""

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
        aus: The AUs that are labelled.
        ratios: Negatives per positive in the training split, by AU.
        test_ratio: The same in the validation and the test split, for every AU of `ratios`.
        masks: Whether there are masks.
        grey: Whether all pictures are without colour.
        format: See `FORMAT`.
    """

    images: int
    size: int
    seed: int
    per_subject: int
    rig: str
    aus: tuple[int, ...]
    ratios: Mapping[int, float]
    test_ratio: float
    masks: bool
    grey: bool
    format: int = FORMAT

    @property
    def subjects(self) -> range:
        """Numbers of the subjects."""
        return range(math.ceil(self.images / self.per_subject))

    def frames(self, subject: int) -> range:
        """Return the frame numbers of one subject."""
        return range(min(self.per_subject, self.images - subject * self.per_subject))

    def told(self) -> dict[str, Any]:
        """Return the settings as JSON knows them."""
        told: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return told


def synthesize(  # noqa: PLR0913 - the public door takes every setting by name
    out: Path,
    images: int,
    *,
    size: int = 160,
    seed: int = 0,
    aus: Collection[int] = tuple(MOVEMENTS),
    ratios: Mapping[int, float] | None = None,
    test_ratio: float | None = None,
    per_subject: int = 8,
    masks: bool = True,
    grey: bool = False,
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
        aus: The AUs that the index labels; others occur, too, as in every dataset that was coded for a set.
        ratios: Negatives per positive in the training split by AU, see `openau.synth.ratios`; AUs without a
            ratio occur as they do in free expressions.
        test_ratio: Negatives per positive of each of these AUs in validation and test; None for 1 where there
            is one such AU, else for 3 or the next they can have together: with 1, each would be on half of
            the faces. An AU that others bring along, as 26 brings 25, is twice as frequent as they.
        per_subject: Pictures of each subject, at least 1.
        masks: Whether to write where each AU shows.
        grey: Whether all pictures are without colour.
        workers: Processes.
        rig: The rig's file or folder; None to look where the environment says.
        progress: Is called with pictures done and pictures wanted.

    Returns:
        The index table's path, `out/index.parquet`.

    Raises:
        SettingError: A number is out of its range, or the ratios cannot be had.
        RigError: The rig is absent or not the one expected.
        OutputError: `out` holds something else, or cannot be written.
        MissingExtraError: pyarrow is not installed.
    """
    _check(images=images, size=size, seed=seed, per_subject=per_subject, workers=workers)
    _need_pyarrow()
    wanted = dict(sorted((ratios or {}).items()))
    check_aus([*aus, *wanted])
    if not set(wanted) <= set(aus):
        raise SettingError("An AU with a ratio is not among the AUs to label; name it there, too.")
    file = find_rig(rig)
    loaded = load_rig(file)
    companions = Companions.find(face_labels(loaded), list(wanted))
    even = test_ratio if test_ratio is not None else even_ratio(wanted, companions) if wanted else 1.0
    settings = Settings(
        images, size, seed, per_subject, loaded.checksum, tuple(sorted(set(aus))), wanted, even, masks, grey
    )  # fmt: skip
    orders = plan_orders(settings, companions)
    if _prepare(out, settings):
        _fill(out, settings, file, orders, workers, progress or _silence)
    return out / INDEX


def plan_orders(settings: Settings, companions: Companions) -> list[Order]:
    """Decide for every subject its split and, where there are ratios, the AUs of its pictures.

    Args:
        settings: The dataset's settings.
        companions: Which AUs with a ratio can stand together.

    Raises:
        SettingError: The ratios cannot be had.
    """
    planned = frozenset(settings.ratios)
    splits = {name: [s for s in settings.subjects if split_of(s) == name] for name in SPLITS}
    free = [frozenset[int]()] * settings.per_subject
    present = {s: free[: len(settings.frames(s))] for s in settings.subjects}
    if planned:
        for number, (name, subjects) in enumerate(splits.items()):
            if not subjects:
                continue
            ratios = settings.ratios if name == "train" else companions.balance(planned, settings.test_ratio)
            rng = np.random.default_rng((settings.seed, 0x5EED, number))
            pictures = sum(len(settings.frames(s)) for s in subjects)
            plan = iter(plan_present(ratios, pictures, companions, rng))
            present |= {s: [next(plan) for _ in settings.frames(s)] for s in subjects}
    return [Order(s, split_of(s), tuple(present[s]), planned) for s in settings.subjects]


def split_of(subject: int) -> str:
    """Put eight subjects of ten into training, one into validation, one into test.

    Args:
        subject: Its number.
    """
    return {8: "validation", 9: "test"}.get(subject % 10, "train")


def _silence(done: int, wanted: int) -> None:
    """Tell nobody."""


def _need_pyarrow() -> None:
    """Refuse to begin what could not be finished."""
    try:
        import pyarrow  # noqa: F401 - only to say clearly, before hours of work, that it is missing
    except ImportError as error:
        raise MissingExtraError("pyarrow", "synth", "The index of synthetic faces") from error


def _check(*, images: int, size: int, seed: int, per_subject: int, workers: int) -> None:
    """Refuse numbers out of range."""
    for name, value, low, high in (
        ("images", images, 1, 10_000_000),
        ("size", size, 48, 1024),
        ("seed", seed, 0, 2**63 - 1),
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
    partial = out / ".partial"
    finished = (out / INDEX).exists() and not partial.exists()
    described = out / "synthesis.json" if finished else partial / "settings.json"
    try:
        if described.exists():
            if json.loads(described.read_text(encoding="utf-8")) != settings.told():
                raise OutputError(
                    f"{out} already holds a synthetic dataset of other settings: choose another folder."
                )
            return not finished
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise OutputError(f"{out} already exists and is not empty: choose another folder.")
        partial.mkdir(parents=True)
        write_text(described, json.dumps(settings.told(), indent=1))
    except (OSError, ValueError) as error:
        raise OutputError(f"The dataset folder {out} cannot be used: {error}.") from error
    return True


def _fill(
    out: Path, settings: Settings, rig: Path, orders: list[Order], workers: int, progress: Progress
) -> None:
    """Render what is missing, then join it into the index."""
    waiting = [order for order in orders if not _part_file(out, order.subject).exists()]
    done = settings.images - sum(len(order.present) for order in waiting)
    progress(done, settings.images)
    if rig.is_dir() and workers > 1:
        rig = pack_rig(rig, out / ".partial" / "rig.npz")  # so that each process need not read 158 files
    try:
        for pictures in _run(out, settings, rig, waiting, workers):
            done += pictures
            progress(done, settings.images)
        _assemble(out, settings)
    except BrokenProcessPool as error:
        raise OutputError(
            f"A process that rendered {out} died, perhaps for want of memory: continue with fewer workers."
        ) from error
    except OSError as error:
        raise OutputError(f"The dataset {out} cannot be written: {error}.") from error
    shutil.rmtree(out / ".partial")


def _part_file(out: Path, subject: int) -> Path:
    """Return where a finished subject's rows wait."""
    return out / ".partial" / f"subject_{subject:06d}.json"


def _run(out: Path, settings: Settings, rig: Path, orders: list[Order], workers: int) -> Iterator[int]:
    """Render subjects in this process or in several; yield each one's pictures when they are on disk."""
    if not orders:
        return
    style = Style(settings.size, settings.seed, settings.masks, settings.grey)
    if workers == 1:
        _start_worker(rig)
        for order in orders:
            yield _work(out, style, order)
        return
    # Processes start afresh: a fork would inherit the threads of OpenCV and of a caller's PyTorch.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(rig,)) as pool:
        running = [pool.submit(_work, out, style, order) for order in orders]
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


def _work(out: Path, style: Style, order: Order) -> int:
    """Render one subject, then leave its rows in `.partial`; return how many there are."""
    made = render_subject(out, _stage[0], style, order)
    write_text(_part_file(out, order.subject), json.dumps(made))
    return len(order.present)


def _assemble(out: Path, settings: Settings) -> None:
    """Join the subjects' rows into the index and the landmarks, some at a time; the index comes last."""
    points = out / "landmarks.npy.part"
    stored = np.lib.format.open_memmap(points, "w+", np.float32, (settings.images, 68, 2))
    index = out / f"{INDEX}.{os.getpid()}.part"
    with open_index(index, settings.aus, masks=settings.masks) as write:
        done = 0
        for start in range(0, len(settings.subjects), _CHUNK):
            rows: list[dict[str, Any]] = []
            for subject in settings.subjects[start : start + _CHUNK]:
                part = json.loads(_part_file(out, subject).read_text(encoding="utf-8"))
                rows += part["rows"]
                stored[done : done + len(part["rows"])] = part["points"]
                done += len(part["rows"])
            write(rows)
    stored.flush()
    points.replace(out / "landmarks.npy")
    write_text(out / "synthesis.json", json.dumps(settings.told(), indent=1))
    index.replace(out / INDEX)
