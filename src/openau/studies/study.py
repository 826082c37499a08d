"""What a study is: a paper as data (datasets, runs) and one function that makes its page of the results.

A new study is one file with a `Study` and one line in `openau.studies.STUDIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from openau.records import CropSpec
from openau.train import Recipe
from openau.train.config import ModelSettings

if TYPE_CHECKING:
    from openau.studies.page import Section
    from openau.studies.results import Results

ScaleName = Literal["smoke", "small", "full"]
ProtocolChoice = Literal["paper", "subject", "both"]
SCALES: tuple[str, ...] = get_args(ScaleName)
PROTOCOLS: tuple[str, ...] = get_args(ProtocolChoice)

OUR_NETWORK = ModelSettings("compact_resnet", mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
"""The default model's network, which learns from so few small pictures that a paper's is still at chance."""
OUR_NAME = "CompactResNet"
"""What it is called beside the papers' networks."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much smaller than the paper's a study is made.

    Attributes:
        pictures: Most pictures of each dataset; 0 for all.
        epochs: Most epochs of each run; 0 for the paper's.
        size: Largest side of a network's input in pixels; 0 for the paper's.
        batch: Largest batch; 0 for the paper's.
        lr: Learning rate in place of the paper's; 0 for the paper's.
        resamples: Resamples of the people for the 95 % intervals.
        rarest: Largest N:P of an AU in what takes a dataset's place; 0 for the paper's, however rare.
        faces: Faces rendered for the stand-ins where there is a rig; 0 for the sample in the package.
        people: Most people in what takes the place of a dataset that has people, so that each is seen several
            times as there; 0 for all.
        bfloat16: Networks that train in bfloat16, where a processor is quicker so.
        seeds: By how many seeds the runs of a comparison are repeated, each with its own split.
        per_subject: Pictures of each person, where faces are rendered for the stand-ins: several, so that a
            random split shares people as the papers' do.
        most: Dataset to its most pictures, where that is not `pictures`.
    """

    pictures: int = 0
    epochs: int = 0
    size: int = 0
    batch: int = 0
    lr: float = 0.0
    resamples: int = 1000
    rarest: float = 0.0
    faces: int = 0
    people: int = 0
    bfloat16: tuple[str, ...] = ()
    seeds: int = 1
    per_subject: int = 8
    most: Mapping[str, int] = field(default_factory=dict)

    def most_of(self, source: str) -> int:
        """Return the most pictures of a dataset; 0 for all.

        Args:
            source: Its name.
        """
        return self.most.get(source, self.pictures)


@dataclass(frozen=True, slots=True)
class StandIn:
    """What rendered faces are chosen by, to take a dataset's place.

    Attributes:
        scale: What the dataset's AU columns hold, `occurrence` 0/1 or `intensity` 0–5.
        rates: AU to the share of pictures that show it in the dataset; an AU without a known share is not
            chosen by.
        emotions: Emotion to its number of pictures, where the dataset's labels are emotions.
        threshold: A rendered AU shows from this intensity on, where shares are counted and occurrences made.
        only_with_au: Whether the shares are of pictures that show one of the AUs, neutral faces left out.
        crowd: Whether the dataset has next to as many people as pictures, as one from the internet has.
        source: Where the shares are from.
    """

    scale: Literal["occurrence", "intensity"] = "intensity"
    rates: Mapping[int, float] = field(default_factory=dict)
    emotions: Mapping[str, int] = field(default_factory=dict)
    threshold: float = 2.0
    only_with_au: bool = False
    crowd: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One dataset of a study.

    Attributes:
        name: Key of `openau.data.DATASETS`; what `--root NAME=DIR` takes.
        title: As the paper writes it.
        stand_in: What takes its place where there is no root.
    """

    name: str
    title: str
    stand_in: StandIn


@dataclass(frozen=True, slots=True)
class Setting:
    """How a study is to be run.

    Attributes:
        out: Folder of everything that the study makes.
        scale_name: `smoke`, `small` or `full`.
        scale: What that means for this study.
        protocols: `paper`, `subject`, or both.
        roots: Dataset to its folder; a dataset without one gets a stand-in where `synthetic` is set.
        synthetic: Whether rendered faces take the place of datasets.
        faces: A folder that `openau synthesize` wrote, for the stand-ins; None for others.
        rig: The face rig to render the stand-ins with, where no `faces` are given; None for the sample.
        weights: Folder with ImageNet weights files; None to train every network from scratch.
        seed: Decides everything that is drawn.
        threads: CPU threads; 0 for torch's own choice.
    """

    out: Path
    scale_name: str
    scale: Scale
    protocols: tuple[str, ...]
    roots: Mapping[str, Path]
    synthetic: bool = False
    faces: Path | None = None
    rig: Path | None = None
    weights: Path | None = None
    seed: int = 0
    threads: int = 0

    @property
    def has_stand_ins(self) -> bool:
        """Whether our network takes the place of one that would still be at chance."""
        return self.scale_name == "small"

    def scaled(self, recipe: Recipe, *, multiple: int = 1, smallest: int = 8) -> Recipe:
        """Return a paper's recipe as this scale runs it.

        Args:
            recipe: With the paper's epochs, batch, learning rate and crop.
            multiple: The network takes sides that are a multiple of this.
            smallest: Smallest side that the network takes.

        Returns:
            The recipe; what the scale leaves alone is the paper's.
        """
        scale = self.scale
        size = min(recipe.crop.size, scale.size or recipe.crop.size)
        size = max(size // multiple * multiple, smallest)
        run = replace(
            recipe.run,
            epochs=min(recipe.run.epochs, scale.epochs or recipe.run.epochs),
            batch=min(recipe.run.batch, scale.batch or recipe.run.batch),
            precision="bfloat16" if recipe.model.name in scale.bfloat16 else recipe.run.precision,
            threads=self.threads,
        )
        optimiser = replace(recipe.optimiser, lr=scale.lr or recipe.optimiser.lr)
        crop = replace(recipe.crop, size=size)
        return replace(recipe, seed=self.seed, run=run, optimiser=optimiser, crop=crop)


Made = Callable[[Mapping[str, Path]], Recipe]
"""Makes a recipe from the finished run folders, by key: for a run that begins where another ended."""


def run_key(source: str, protocol: str, what: str) -> str:
    """Return the name of a run, which is its folder's, too.

    Args:
        source: Name of its dataset.
        protocol: `paper` or `subject`.
        what: What else tells it from the study's other runs.
    """
    return f"{source}-{protocol}-{what}"


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One training run of a study.

    Attributes:
        key: Its name and its folder's, `disfa-paper-attention`.
        source: Name of its dataset.
        crop: The crop recipe; decides which store it trains on.
        recipe: The recipe, its stores and run folder left open; or what makes it from earlier runs' folders.
        protocol: `paper` or `subject`.
        keeps_weights: Whether its weights stay when it has ended; the page can be made again without them.
    """

    key: str
    source: str
    crop: CropSpec
    recipe: Recipe | Made
    protocol: str
    keeps_weights: bool = True


def seeded(key: str, number: int) -> str:
    """Return the key of a run's repetition by another seed.

    Args:
        key: Key of the first run.
        number: From 0, which is the first run itself.
    """
    return f"{key}-seed{number}" if number else key


def repeated(plan: RunPlan, seeds: int) -> list[RunPlan]:
    """Return a run and its repetitions by other seeds: other first weights, another order, another split.

    Args:
        plan: The run; its recipe, where it is made from other runs, is made from the same ones.
        seeds: How many there are to be.
    """
    return [plan, *(_again(plan, number) for number in range(1, seeds))]


def _again(plan: RunPlan, number: int) -> RunPlan:
    """Return a run by a seed so much higher; it is there to be counted, not to be looked into."""

    def moved(recipe: Recipe) -> Recipe:
        return replace(recipe, seed=recipe.seed + number)

    def made(folders: Mapping[str, Path], make: Made) -> Recipe:
        return moved(make(folders))

    recipe = plan.recipe
    other = partial(made, make=recipe) if callable(recipe) else moved(recipe)
    return replace(plan, key=seeded(plan.key, number), recipe=other, keeps_weights=False)


@dataclass(frozen=True, slots=True)
class Study:
    """A paper, to be run.

    Attributes:
        name: Its key, `moreno2024`.
        title: The paper's title, shortened.
        sources: Its datasets.
        scales: What each scale means.
        plan: Setting to the runs, in the order in which they are made.
        sections: Results to the sections of the page.
        differences: How the study differs from the paper, one sentence each.
    """

    name: str
    title: str
    sources: tuple[Source, ...]
    scales: Mapping[str, Scale]
    plan: Callable[[Setting], Sequence[RunPlan]]
    sections: Callable[[Results], Sequence[Section]]
    differences: tuple[str, ...] = ()
