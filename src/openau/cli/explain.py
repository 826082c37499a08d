"""`openau explain`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import tyro

from openau.cli.command import Command
from openau.cli.extras import needs
from openau.cli.options import Count, Flag, Name, Paths, Required, Whole
from openau.cli.synthesize import Units, parse_aus
from openau.errors import SettingError

if TYPE_CHECKING:
    import pandas as pd

    from openau.explain import Method, Portraits
    from openau.explain.choices import Regions

EXIT_SOME_FAILED = 3
Others = Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PATH ...")]
Methods = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")]


@dataclass(frozen=True)
class Explain(Command):
    """Draw and score what a network looked at for each action unit.

    The folder --out gets explanations.csv, panels of the first faces, each AU's mean map, and what else is
    asked for. An interrupted run goes on when the same command is given again. Ends with 3 if a picture could
    not be read.

    Attributes:
        model: A run folder, or a model file, which knows fewer methods.
        paths: Pictures, videos, folders, a crop store, or with --dataset a dataset's folder.
        out: Folder for the results; must not exist.
        beside: Other run folders or model files to set side by side with the first.
        methods: grad_cam, grad_cam_plus_plus, hires_cam, occlusion; several are set side by side; what the
            model's card recommends if none is named.
        aus: AUs, the name of a set such as disfa-12 or numbers; all that the networks share where none is
            named.
        layer: Where the maps are read; the network's own layer if not given.
        dataset: Read the path as the official folder of this dataset; sample needs no path.
        split: Only these rows of the dataset or crop store.
        limit: At most this many rows, spread evenly.
        every: Take each so-manieth frame of a video.
        score: Score the maps against masks (rendered faces), landmarks, or none.
        panels: How many faces of pictures are drawn; a video becomes a video of its own.
        curves: How many faces get deletion and insertion curves.
        sanity: How many faces are compared with the maps of shuffled weights.
        detector: Face detector; `index` cuts by a dataset's true boxes; a crop store's own if not given.
        resamples: Resamples of the subjects for the 95 % intervals; 0 for none.
        seed: Decides whatever is random.
        quiet: Show no progress.
    """

    model: Required
    paths: Paths = ()
    out: Path = Path("openau-explained")
    beside: Others = ()
    methods: Methods = ()
    aus: Units = ()
    layer: Name = ""
    dataset: Name = ""
    split: Name = ""
    limit: Whole = None
    every: Count = 1
    score: Annotated[str, tyro.conf.arg(metavar="masks|landmarks|none")] = "none"
    panels: Count = 24
    curves: Count = 0
    sanity: Count = 0
    detector: Name = ""
    resamples: Count = 1000
    seed: Count = 0
    quiet: Flag = False

    def run(self) -> int:
        """Explain; returns 3 where a picture could not be read, else 0."""
        with needs("torch", "train", "Explaining a network"):
            from openau.explain import Choices, explain_portraits, open_explained
        from openau.cli.progress import Told

        choices = Choices(
            methods=cast("tuple[Method, ...]", self.methods),
            aus=parse_aus(self.aus),
            layer=self.layer or None,
            regions=cast("Regions", self.score),
            panels=self.panels,
            curves=self.curves,
            sanity=self.sanity,
            resamples=self.resamples,
            seed=self.seed,
        )
        paths = _named([self.model, *self.beside])
        models = {name: open_explained(path) for name, path in paths.items()}
        portraits, total = self._portraits()
        with Told(quiet=self.quiet) as told:
            faces = explain_portraits(
                models, portraits, self.out, choices, total=total, progress=told.advanced
            )
        print(f"{faces} faces: {self.out}")
        return EXIT_SOME_FAILED if portraits.unreadable else 0

    def after_interrupt(self) -> str:
        """Return how to go on."""
        return "give the same command again to go on where it stopped."

    def _portraits(self) -> tuple[Portraits, int | None]:
        """Return the faces, and how many there are where that is known."""
        from openau.explain import portraits_of_index, portraits_of_paths

        table, detector = self._index()
        if table is None:
            if self.split or self.limit is not None:
                raise SettingError("--split and --limit are for datasets and crop stores; leave them out.")
            if not self.paths:
                raise SettingError("There is nothing to explain: give pictures, folders, or a crop store.")
            found = portraits_of_paths(self.paths, detector=detector, every=self.every, notice=_tell)
            return found, None
        table = _chosen(table, self.split, self.limit)
        return portraits_of_index(table, detector=detector, notice=_tell), len(table)

    def _index(self) -> tuple[pd.DataFrame | None, str]:
        """Return the index that the path stands for, or None, and the detector."""
        from openau.data import CropStore, build_index, read_sample
        from openau.data.store import FACTS

        if self.dataset:
            if self.dataset == "sample" and not self.paths:
                return read_sample(), self.detector or "openau"
            if len(self.paths) != 1:
                raise SettingError("--dataset needs the dataset's folder, one path.")
            return build_index(self.dataset, self.paths[0]), self.detector or "openau"
        if len(self.paths) == 1 and (self.paths[0] / FACTS).is_file():
            store = CropStore.open(self.paths[0])
            return store.table, self.detector or store.detector
        return None, self.detector or "openau"


def _named(paths: list[Path]) -> dict[str, Path]:
    """Return networks under the shortest names that tell them apart."""
    for parts in range(1, 1 + max(len(path.parts) for path in paths)):
        names = ["/".join(path.parts[-parts:]).removesuffix(".onnx") for path in paths]
        if len(set(names)) == len(names):
            return dict(zip(names, paths, strict=True))
    raise SettingError("A network is named twice; name each once.")


def _chosen(table: pd.DataFrame, split: str, limit: int | None) -> pd.DataFrame:
    """Return the rows of a split, at most so many."""
    if split:
        known = sorted(set(table["split"].dropna())) if "split" in table else []
        if split not in known:
            has = f"it has {', '.join(map(str, known))}" if known else "it has no splits"
            raise SettingError(f"The index has no split {split!r}: {has}.")
        table = table[table["split"] == split]
    if limit is None or limit >= len(table):
        return table
    if limit < 1:
        raise SettingError(f"--limit is {limit}; it must be at least 1.")
    return table.iloc[[(2 * k + 1) * len(table) // (2 * limit) for k in range(limit)]]


def _tell(sentence: str, unreadable: bool) -> None:
    """Say on stderr what is left out."""
    print(f"openau: {sentence}", file=sys.stderr, flush=True)
