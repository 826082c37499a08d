"""A run of `openau explain`: faces in, a folder of tables and pictures out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from openau.errors import NoInputError, OutputError, SettingError
from openau.explain.choices import Choices
from openau.explain.faith import Faith
from openau.explain.model import FileModel, RunModel
from openau.explain.portraits import Portrait
from openau.explain.results import Found, Gathered
from openau.records import AUOutput, Floats

Progress = Callable[[int, int | None], None]


def explain_portraits(
    models: Mapping[str, RunModel | FileModel],
    portraits: Iterable[Portrait],
    out: Path,
    choices: Choices | None = None,
    *,
    total: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Explain faces, a batch at a time, and write what was found.

    The folder appears under its name when all is done: `explanations.csv` (one row per face, network, method
    and AU, peaks in the photograph's pixels), `explanations.md`, `averages.png` and `averages.npz` (mean maps
    over the faces that show an AU), `panels/`, `videos/` where there are videos, and where asked
    `scores.csv`, `confusion.csv`, `faithful.csv`.

    Args:
        models: Name to network, from `open_explained`; each face is cut for each by its own recipe.
        portraits: The faces.
        out: The folder; must not exist.
        choices: What is asked; Grad-CAM of all AUs that the networks share where None.
        total: Number of faces, where known, for the progress.
        progress: Called with (faces done, faces in all).

    Returns:
        Number of faces.

    Raises:
        SettingError: A network cannot do what is asked.
        NoInputError: There is no face.
        OutputError: `out` exists or cannot be written.
    """
    asked = choices or Choices()
    aus = asked.shared({name: model.card.aus for name, model in models.items()})
    if asked.sanity and not all(isinstance(model, RunModel) for model in models.values()):
        raise SettingError("The sanity check needs the network itself: give the run folder.")
    if out.exists():
        raise OutputError(f"{out} exists already; give another folder, or remove it.")
    part = out.with_name(f".{out.name}.part")
    gathered: Gathered | None = None
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        gathered = Gathered({name: model.card for name, model in models.items()}, aus, asked, part)
        faith = Faith(models, aus, asked)
        for batch in _batches(portraits, asked.batch):
            _take(models, aus, faith, batch, asked, gathered)
            if progress is not None:
                progress(gathered.faces, total)
        if not gathered.faces:
            raise NoInputError("There is no face to explain; give pictures with faces, or another detector.")
        gathered.write(faith.section(part))
        part.rename(out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror or error}).") from error
    finally:
        if gathered is not None:
            gathered.close()
        shutil.rmtree(part, ignore_errors=True)
    return gathered.faces


def _take(
    models: Mapping[str, RunModel | FileModel],
    aus: tuple[int, ...],
    faith: Faith,
    batch: list[Portrait],
    choices: Choices,
    gathered: Gathered,
) -> None:
    """Explain one batch by every network and method."""
    found: list[list[Found]] = [[] for _ in batch]
    for name, model in models.items():
        crops = [portrait.cut(model.card.crop) for portrait in batch]
        rows = [model.card.aus.index(au) for au in aus]
        for method in choices.methods:
            outputs = model.read(crops, method, choices.layer)
            maps = [_maps(output)[rows] for output in outputs]
            for number, output in enumerate(outputs):
                found[number].append(
                    Found(name, method, crops[number], output.probability[rows], maps[number])
                )
            if faith.wants(gathered.faces):
                faith.take(gathered.faces, batch, name, method, torch.from_numpy(np.stack(maps)))
    for portrait, each in zip(batch, found, strict=True):
        gathered.take(portrait, each)


def _maps(output: AUOutput) -> Floats:
    assert output.heatmaps is not None
    return output.heatmaps


def _batches(portraits: Iterable[Portrait], size: int) -> Iterator[list[Portrait]]:
    waiting = iter(portraits)
    while batch := list(islice(waiting, size)):
        yield batch
