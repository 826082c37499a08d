"""A run of `openau explain`: faces in, a folder of tables and pictures out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from openau.errors import NoInputError, OutputError, SettingError
from openau.explain.choices import Choices
from openau.explain.faith import Faith
from openau.explain.model import FileModel, RunModel
from openau.explain.portraits import Portrait
from openau.explain.results import Gathered
from openau.records import AUOutput, Floats

Progress = Callable[[int, int | None], None]


def explain_portraits(
    model: RunModel | FileModel,
    portraits: Iterable[Portrait],
    out: Path,
    choices: Choices | None = None,
    *,
    total: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Explain faces, a batch at a time, and write what was found.

    The folder appears under its name when all is done: `explanations.csv` (one row per face, method and AU,
    peaks in the photograph's pixels), `explanations.md`, `averages.png` and `averages.npz` (mean maps over
    the faces that show an AU), `panels/`, and where asked `scores.csv`, `confusion.csv`, `faithful.csv`.

    Args:
        model: From `open_explained`.
        portraits: Faces cut by the model's recipe.
        out: The folder; must not exist.
        choices: What is asked; Grad-CAM of all AUs where None.
        total: Number of faces, where known, for the progress.
        progress: Called with (faces done, faces in all).

    Returns:
        Number of faces.

    Raises:
        SettingError: The model cannot do what is asked.
        NoInputError: There is no face.
        OutputError: `out` exists or cannot be written.
    """
    asked = choices or Choices()
    if isinstance(model, FileModel) and (asked.curves or asked.sanity):
        raise SettingError("Curves and the sanity check need the network itself: give the run folder.")
    if out.exists():
        raise OutputError(f"{out} exists already; give another folder, or remove it.")
    part = out.with_name(f".{out.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        gathered = Gathered(model.card, asked, part)
        faith = Faith(model, asked) if isinstance(model, RunModel) else None
        for batch in _batches(portraits, asked.batch):
            _take(model, faith, batch, asked, gathered)
            if progress is not None:
                progress(gathered.faces, total)
        if not gathered.faces:
            raise NoInputError("There is no face to explain; give pictures with faces, or another detector.")
        gathered.write(faith.section(part) if faith is not None else [])
        part.rename(out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return gathered.faces


def _take(
    model: RunModel | FileModel,
    faith: Faith | None,
    batch: list[Portrait],
    choices: Choices,
    gathered: Gathered,
) -> None:
    """Explain one batch by every method."""
    crops, rows = [portrait.crop for portrait in batch], gathered.rows
    found = {method: model.read(crops, method, choices.layer) for method in choices.methods}
    first = next(iter(found.values()))
    for number, portrait in enumerate(batch):
        maps = {str(method): _maps(outputs[number])[rows] for method, outputs in found.items()}
        gathered.take(portrait, first[number].probability[rows], maps)
    number = gathered.faces - len(batch)
    if faith is not None and faith.wants(number):
        for method, outputs in found.items():
            of_all = torch.from_numpy(np.stack([_maps(output)[rows] for output in outputs]))
            faith.take(number, batch, method, of_all)


def _maps(output: AUOutput) -> Floats:
    assert output.heatmaps is not None
    return output.heatmaps


def _batches(portraits: Iterable[Portrait], size: int) -> Iterator[list[Portrait]]:
    waiting = iter(portraits)
    while batch := list(islice(waiting, size)):
        yield batch
