"""A run of `openau explain`: faces in, a folder of tables and pictures out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from openau.errors import NoInputError, OpenAUError, OutputError, SettingError
from openau.explain.choices import Choices
from openau.explain.faith import Faith
from openau.explain.journal import Journal
from openau.explain.model import FileModel, RunModel
from openau.explain.portraits import Place, Portrait, Portraits
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

    An interrupted run over `Portraits` goes on, where it is asked for again with the same networks, faces and
    choices, and gives the same results; videos are drawn at the end.

    Args:
        models: Name to network, from `open_explained`; each face is cut for each by its own recipe.
        portraits: The faces.
        out: The folder; must not exist.
        choices: What is asked; the recommended maps of all AUs that the networks
            share where None.
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
    if not asked.methods:
        recommended = {model.recommended for model in models.values()}
        asked = replace(asked, methods=(recommended.pop() if len(recommended) == 1 else "grad_cam",))
    aus = asked.shared({name: model.card.aus for name, model in models.items()})
    if asked.sanity and not all(isinstance(model, RunModel) for model in models.values()):
        raise SettingError("The sanity check needs the network itself: give the run folder.")
    if out.exists():
        raise OutputError(f"{out} exists already; give another folder, or remove it.")
    part = out.with_name(f".{out.name}.part")
    try:
        run = _Run(models, aus, asked, part, portraits)
        run.go(portraits, total, progress)
        part.rename(out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror or error}).") from error
    except OpenAUError:
        shutil.rmtree(part, ignore_errors=True)  # what is wrong would be wrong again
        raise
    return run.faces


class _Run:
    """A run from where an interrupted one ended, or from the beginning.

    Args:
        models: Name to network.
        aus: The A action units.
        choices: What is asked.
        folder: The unfinished folder.
        portraits: The faces.
    """

    def __init__(
        self,
        models: Mapping[str, RunModel | FileModel],
        aus: tuple[int, ...],
        choices: Choices,
        folder: Path,
        portraits: Iterable[Portrait],
    ) -> None:
        self._models, self._aus, self._choices, self._folder = models, aus, choices, folder
        self._journal = Journal(folder, _asked(models, aus, choices, portraits))
        self._gathered = Gathered({name: model.card for name, model in models.items()}, aus, choices, folder)
        self._faith = Faith(models, aus, choices)
        self._place: Place | None = None
        self._unreadable = 0
        if facts := self._journal.facts:
            self._gathered.restore(facts["gathered"], self._journal.arrays)
            self._faith.found = facts["faith"]
            self._place = tuple(facts["place"])
            self._unreadable = facts["unreadable"]

    @property
    def faces(self) -> int:
        """How many are done."""
        return self._gathered.faces

    def go(self, portraits: Iterable[Portrait], total: int | None, progress: Progress | None) -> None:
        """Explain what is left, and write the results.

        Args:
            portraits: The faces.
            total: Number of faces, where known.
            progress: Called with (faces done, faces in all).

        Raises:
            NoInputError: There is no face.
        """
        left = iter(portraits)
        if isinstance(portraits, Portraits):
            portraits.unreadable = self._unreadable
            left = portraits.after(self._place)
        if progress is not None and self.faces:
            progress(self.faces, total)
        while batch := list(islice(left, self._choices.batch)):
            _take(self._models, self._aus, self._faith, batch, self._choices, self._gathered)
            self._place = batch[-1].place
            if self._journal.is_due:
                self._save(portraits)
            if progress is not None:
                progress(self.faces, total)
        if not self.faces:
            raise NoInputError("There is no face to explain; give pictures with faces, or another detector.")
        self._gathered.write(self._faith.section(self._folder))
        self._journal.finish()

    def _save(self, portraits: Iterable[Portrait]) -> None:
        gathered, arrays = self._gathered.state()
        unreadable = portraits.unreadable if isinstance(portraits, Portraits) else 0
        facts = {"gathered": gathered, "faith": self._faith.found, "place": self._place}
        self._journal.save(facts | {"unreadable": unreadable}, arrays)


def _asked(
    models: Mapping[str, RunModel | FileModel],
    aus: tuple[int, ...],
    choices: Choices,
    portraits: Iterable[Portrait],
) -> dict[str, Any] | None:
    """Return all that decides a run's results; None where the faces cannot be found again."""
    if not isinstance(portraits, Portraits):
        return None
    networks = {name: model.digest for name, model in models.items()}
    return {"networks": networks, "aus": aus, **asdict(choices), "faces": portraits.described}


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
