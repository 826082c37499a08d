"""Which pictures an epoch shows, in which order, and to which process.

A *draw* turns a random generator into the items of one epoch. `EpochBatches` parts them into batches; with
several processes each gets its own, all different, and nobody gets one twice to fill up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from openau.errors import SettingError
from openau.records import Floats

Items = NDArray[np.int64]


class Draw(Protocol):
    """What decides the items of an epoch."""

    @property
    def count(self) -> int:
        """Items in every epoch."""
        ...

    def __call__(self, random: np.random.Generator) -> Items:
        """Return the (count,) items of one epoch in their order."""
        ...


@dataclass(frozen=True)
class Shuffled:
    """Every picture once.

    Attributes:
        count: Number of pictures.
    """

    count: int

    def __call__(self, random: np.random.Generator) -> Items:
        """Return the (count,) items of one epoch in their order."""
        return random.permutation(self.count)


@dataclass(frozen=True, eq=False)
class Balanced:
    """For every item an AU by chance, then by chance a picture with it or one known to be without it.

    So each AU that has both is present in about half of the pictures drawn for it, however rare it is.
    Pictures of one AU and side take turns: none comes twice before all came once.

    Attributes:
        target: (N, A) in 0–1, NaN unknown.
        count: Items in every epoch.
    """

    target: Floats
    count: int

    def __post_init__(self) -> None:
        """Refuse labels without anything to balance."""
        if not self._pools():
            raise SettingError(
                "No AU both occurs and is absent in the training pictures: nothing to balance."
            )

    def __call__(self, random: np.random.Generator) -> Items:
        """Return the (count,) items of one epoch in their order."""
        pools = self._pools()
        each = random.multinomial(self.count, np.full(len(pools), 1 / len(pools)))
        drawn = [_in_turn(pool, number, random) for pool, number in zip(pools, each, strict=True)]
        return random.permutation(np.concatenate(drawn))

    def _pools(self) -> list[Items]:
        """Return the pictures with and those without each AU that has both."""
        pools: list[Items] = []
        for column in self.target.T:
            sides = [np.flatnonzero(column >= 0.5), np.flatnonzero(column < 0.5)]
            if all(len(side) for side in sides):
                pools += sides
        return pools


@dataclass(frozen=True, eq=False)
class Repeated:
    """Every picture at least about once, those with a rare AU more often: repeat factor sampling.

    An AU of base rate f below t asks for sqrt(t / f) repeats; a picture gets the most that any of its AUs
    asks for.

    Attributes:
        target: (N, A) in 0–1, NaN unknown.
        rate: t, 0–1: from this base rate on nothing is repeated.

    Reference:
        Gupta, Dollár, Girshick (2019), LVIS, section 5.
    """

    target: Floats
    rate: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a rate that is none."""
        if not 0 < self.rate <= 1:
            raise SettingError(f"A base rate of {self.rate} is none; give one above 0, at most 1.")

    @property
    def factors(self) -> NDArray[np.float64]:
        """How often each picture comes, (N,), at least 1."""
        known = (~np.isnan(self.target)).sum(0)
        positive = self.target >= 0.5
        rates = positive.sum(0) / np.maximum(known, 1)
        asked = np.maximum(1.0, np.sqrt(self.rate / np.maximum(rates, 1e-12)))
        return np.asarray(np.where(positive, asked, 1.0).max(1), np.float64)

    @property
    def count(self) -> int:
        """Items in every epoch."""
        return round(float(self.factors.sum()))

    def __call__(self, random: np.random.Generator) -> Items:
        """Return the (count,) items of one epoch in their order."""
        # Systematic sampling: the fractions are rounded up or down by chance, their sum never changes.
        order = random.permutation(len(self.target))
        ends = np.cumsum(self.factors[order])
        marks = (np.arange(self.count) + random.random()) * ends[-1] / self.count
        return random.permutation(order[np.searchsorted(ends, marks, side="right")])


@dataclass(frozen=True, eq=False)
class Ratio:
    """All pictures with one AU, and so many without it, drawn anew in every epoch: N:P.

    Attributes:
        target: (N, A) in 0–1, NaN unknown.
        column: The AU's column.
        ratio: Pictures without it per picture with it.

    Reference:
        Wang et al. (2019), section 4.2: N:P of 5, 10, 20 and 30.
    """

    target: Floats
    column: int
    ratio: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if not self.ratio > 0:
            raise SettingError(
                f"A ratio of {self.ratio} negatives per positive cannot be drawn; give one above 0."
            )
        if not (self.target[:, self.column] >= 0.5).any():
            raise SettingError("The AU whose N:P is to be set never occurs in the training pictures.")

    @property
    def count(self) -> int:
        """Items in every epoch."""
        value = self.target[:, self.column]
        positive, negative = int((value >= 0.5).sum()), int((value < 0.5).sum())
        return positive + min(negative, round(self.ratio * positive))

    def __call__(self, random: np.random.Generator) -> Items:
        """Return the (count,) items of one epoch in their order."""
        value = self.target[:, self.column]
        positive = np.flatnonzero(value >= 0.5)
        negative = random.permutation(np.flatnonzero(value < 0.5))[: self.count - len(positive)]
        return random.permutation(np.concatenate([positive, negative]))


def _ratio(target: Floats, aus: Sequence[int], options: Mapping[str, Any]) -> Draw:
    au = options.get("au", aus[0])
    if au not in aus:
        raise SettingError(f"The sampler is to balance AU {au}, which is not among the recipe's AUs.")
    return Ratio(target, list(aus).index(au), float(options.get("ratio", 1.0)))


SAMPLERS: dict[str, tuple[Callable[[Floats, Sequence[int], Mapping[str, Any]], Draw], tuple[str, ...]]] = {
    "shuffled": (lambda target, aus, options: Shuffled(len(target)), ()),
    "balanced": (
        lambda target, aus, options: Balanced(target, options.get("count", len(target))),
        ("count",),
    ),
    "repeated": (lambda target, aus, options: Repeated(target, float(options.get("rate", 0.1))), ("rate",)),
    "ratio": (_ratio, ("au", "ratio")),
}
"""Samplers by name: what builds the draw, and the options it takes."""


def build_draw(name: str, target: Floats, aus: Sequence[int], options: Mapping[str, Any]) -> Draw:
    """Build a draw by its name in `SAMPLERS`.

    Args:
        name: Its name.
        target: (N, A) targets of the training pictures in 0–1, NaN unknown.
        aus: The A action units.
        options: The sampler's own.

    Raises:
        SettingError: No sampler has this name or such an option, or the labels do not allow it.
    """
    if name not in SAMPLERS:
        raise SettingError(f"There is no sampler {name!r}; choose one of {', '.join(SAMPLERS)}.")
    build, known = SAMPLERS[name]
    for option in options:
        if option not in known:
            raise SettingError(
                f"The sampler {name!r} has no option {option!r}; it takes {', '.join(known) or 'none'}."
            )
    return build(target, aus, options)


class EpochBatches(Sampler[list[int]]):
    """Batches of an epoch in an order that seed and epoch alone decide.

    Set `epoch` before iterating, and `start` to the number of this process's batches to leave out: those
    already trained on. All processes have equally many batches of one size, and none shows a picture of
    another's; what does not fill a round of batches is left out until the next epoch's order.

    Args:
        draw: What decides the items; a number stands for so many pictures, each once.
        batch: Pictures per batch; fewer only where there are not enough for one batch per process.
        seed: Of the order.
        process: Number of this process, from 0.
        processes: How many there are.

    Raises:
        SettingError: There are more processes than pictures.
    """

    def __init__(
        self, draw: Draw | int, batch: int, seed: int, *, process: int = 0, processes: int = 1
    ) -> None:
        self.draw = Shuffled(draw) if isinstance(draw, int) else draw
        if self.draw.count < processes:
            raise SettingError(f"{processes} processes cannot share {self.draw.count} pictures; start fewer.")
        self.seed, self.process, self.processes = seed, process, processes
        self.batch = min(batch, self.draw.count // processes)
        self.epoch = 0
        self.start = 0

    def __len__(self) -> int:
        return self.draw.count // (self.batch * self.processes)

    def __iter__(self) -> Iterator[list[int]]:
        order = self.draw(np.random.default_rng((self.seed, self.epoch)))
        for step in range(self.start, len(self)):
            first = (step * self.processes + self.process) * self.batch
            yield order[first : first + self.batch].tolist()


def shard(count: int, process: int, processes: int) -> slice:
    """Return which of so many pictures one process judges: all processes together each exactly once.

    Args:
        count: Number of pictures.
        process: Number of this process, from 0.
        processes: How many there are.

    Returns:
        A slice; two processes' differ in length by one at most, and may be empty.

    Raises:
        SettingError: There is no such process.
    """
    if not 0 <= process < processes:
        raise SettingError(f"There is no process {process} of {processes}; count from 0.")
    return slice(count * process // processes, count * (process + 1) // processes)


def _in_turn(pool: Items, number: int, random: np.random.Generator) -> Items:
    """Draw so many of a pool, none again before all came."""
    rounds = -(-number // len(pool))
    return np.concatenate([random.permutation(pool) for _ in range(rounds)] or [pool[:0]])[:number]
