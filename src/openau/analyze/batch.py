"""The door of the streaming run behind `openau analyze`: what it reads, where it writes, what it refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from openau.analyze.feed import camera_feed, file_feeds
from openau.analyze.instrument import build_instrument
from openau.analyze.pictures import HEATMAP_FOLDER, OVERLAY_FOLDER, REPORT_FILE, Pictures
from openau.analyze.resume import Progress, RunFile, asked
from openau.analyze.run import Listener, Run, Summary
from openau.analyze.settings import Settings
from openau.errors import OutputError, SettingError
from openau.runtime import default_model_path
from openau.table import partial_path

if TYPE_CHECKING:
    import pandas as pd

TABLE_STEM = "aus"
_MOST_WORKERS = 8


def analyze_paths(
    paths: Sequence[Path],
    out: Path,
    settings: Settings | None = None,
    *,
    camera: int | None = None,
    resume: bool = False,
    listener: Listener | None = None,
    truth: pd.DataFrame | None = None,
) -> Summary:
    """Analyse pictures, videos and folders, or a camera, into a folder of results.

    The folder gets `aus.csv` (or `aus.parquet`) and `run.json`, and what the settings ask for: `overlay/`,
    `heatmaps/`, `report.html`. While the run is under way its rows lie in `aus.csv.partial`.

    Args:
        paths: Files and folders; empty with a camera.
        out: The folder; made if it does not exist, and never overwritten.
        settings: What to do.
        camera: Number of a camera, which is read until Ctrl-C.
        resume: Go on with the run that was interrupted in `out`; starts anew where there is none.
        listener: Hears what happens meanwhile.
        truth: Of a synthetic clip, per frame its true AUs, for the report; see `ReportBuilder.set_truth`.

    Returns:
        What was done; a source that could not be read is among the failures and does not stop the others.

    Raises:
        NoInputError: There is nothing to analyse.
        OutputError: The folder has results already, or the disk is full, which leaves what `resume` needs.
        SettingError: A setting is wrong, or not that of the run to resume.
        ModelError: The model file is missing, broken or not OpenAU's.
        MissingExtraError: A library is needed that is not installed.
    """
    settings = settings or Settings()
    if camera is None:
        own = (out / OVERLAY_FOLDER, out / HEATMAP_FOLDER)
        feeds = file_feeds(paths, every=settings.every, without=own)
    elif paths:
        raise SettingError("Give either files or a camera, not both.")
    elif resume:
        raise SettingError("A recording from a camera cannot be gone on with: leave out --resume.")
    else:
        feeds = [camera_feed(camera, every=settings.every)]
    table = out / f"{TABLE_STEM}.{settings.format}"
    if not resume:
        _refuse_results(out)
    instrument = build_instrument(settings)
    model = settings.model or default_model_path()
    run_file = RunFile(out, asked(settings.as_json(), feeds, model))
    progress, is_complete = (run_file.load() or (None, False)) if resume else (None, False)
    if progress is None and resume:
        _refuse_results(out)
    listener = listener or Listener()
    for note in instrument.notes:
        listener.noted(note)
    for failure in progress.failures if progress is not None else ():
        listener.failed(failure)
    if progress is not None and (is_complete or _was_just_finished(progress, table, len(feeds))):
        run_file.save(progress, complete=True)
        return Summary(table, progress.counts, progress.failures, was_complete=True)
    is_new = _make_folder(out)
    with _one_opencv_thread():
        pictures = Pictures(out, feeds, instrument.card, settings, truth)
        run = Run(
            feeds,
            instrument,
            pictures,
            table,
            run_file,
            listener,
            workers=settings.threads or _free_cpus(),
        )
        summary = run.go(progress)
    if summary.table is None and is_new:
        _remove_empty(out)
    return summary


def _refuse_results(out: Path) -> None:
    """Refuse a folder that holds results of another run."""
    if partial_path(out / f"{TABLE_STEM}.csv").exists():
        raise OutputError(
            f"{out} holds an unfinished run: add --resume to go on with it, or choose another --out."
        )
    names = (f"{TABLE_STEM}.csv", f"{TABLE_STEM}.parquet", REPORT_FILE, OVERLAY_FOLDER, HEATMAP_FOLDER)
    found = next((name for name in names if (out / name).exists()), None)
    if found is not None:
        raise OutputError(
            f"{out} holds results already ({found}): choose another --out, or remove them first."
        )


def _was_just_finished(progress: Progress, table: Path, sources: int) -> bool:
    """Tell whether the run was cut off between naming the table and saying so."""
    return progress.next.source >= sources and table.exists() and not partial_path(table).exists()


def _make_folder(out: Path) -> bool:
    """Make the folder of the results; tells whether it is new."""
    try:
        is_new = not out.exists()
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made a folder ({error.strerror or error}).") from error
    return is_new


def _remove_empty(out: Path) -> None:
    for folder in (out / OVERLAY_FOLDER, out / HEATMAP_FOLDER, out):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _free_cpus() -> int:
    """Return how many CPUs this process may use, as far as searching for faces can use them."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cpus, _MOST_WORKERS)


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Keep OpenCV to one thread for the length of a run, whose workers share the CPUs already."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
