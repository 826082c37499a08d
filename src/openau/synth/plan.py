"""Which action units are on which picture of a dataset that has negatives per positive on demand.

An AU with a ratio N:P is, in each picture, either present (intensity at least 2 on the stronger side) or
absent (below 1), hardly ever between, so that its count is the same for any threshold above 1 and up to 2. Of
M pictures of a split, M·P/(N+P) are positive, rounded up or down. Positives are spread evenly,
at a random place in each stretch of (N+P)/P pictures, so that every beginning of a dataset has the ratio.
An AU that always brings another one along, as 26 parts the lips, has its turns among the other's positives.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np

from openau.errors import SettingError
from openau.facs import au_column
from openau.synth.ratios import Companions


def plan_present(
    ratios: Mapping[int, float], pictures: int, companions: Companions, rng: np.random.Generator
) -> list[frozenset[int]]:
    """Decide which AUs are present on each picture of one split.

    An AU that cannot join those already chosen for a picture waits for the next; the rarest chooses first.

    Args:
        ratios: Negatives per positive by AU.
        pictures: How many.
        companions: What fits together.
        rng: The source of chance; the plan of fewer pictures is the beginning of the plan of more.

    Returns:
        The AUs that are present, of those with a ratio; the others are absent.

    Raises:
        SettingError: An AU would have no positive, or the AUs cannot all have their ratio.
    """
    _check(ratios, pictures, companions)
    schedule = _Schedule(ratios, companions, rng)
    plan = [schedule.next_picture() for _ in range(pictures)]
    late = schedule.latest()
    if late is not None and schedule.turns[late].due > 1 + 0.01 * pictures / (1 + ratios[late]):
        raise SettingError(
            f"{au_column(late)} cannot have {ratios[late]:g} negatives per positive beside the other AUs, "
            "which exclude it or come with it: leave one out, or make it rarer."
        )
    return plan


def even_ratio(aus: Collection[int], companions: Companions) -> float:
    """Return the smallest of a few ratios that AUs can have together in validation and test.

    Args:
        aus: Their numbers.
        companions: What fits together.

    Returns:
        1 for one AU; for several 3 or more negatives per positive.
    """
    tried = (1.0,) if len(aus) == 1 else (3.0, 4.0, 5.0, 6.0, 8.0, 12.0)
    for ratio in tried[:-1]:
        try:
            plan_present(companions.balance(aus, ratio), 1000, companions, np.random.default_rng(0))
        except SettingError:
            continue
        return ratio
    return tried[-1]


def _check(ratios: Mapping[int, float], pictures: int, companions: Companions) -> None:
    """Refuse ratios that leave an AU without positives, or without those that it brings along."""
    for au, ratio in ratios.items():
        if pictures / (1 + ratio) < 1:
            raise SettingError(
                f"{au_column(au)} at {ratio:g} negatives per positive needs {math.ceil(1 + ratio)} pictures "
                f"in a split that has {pictures}: ask for more pictures or a smaller ratio."
            )
        for host in companions.hosts(au, ratios):
            if ratios[host] > ratio:
                raise SettingError(
                    f"A face with {au_column(au)} shows {au_column(host)}, too: give {au_column(host)} "
                    f"at most as many negatives per positive as {au_column(au)}."
                )


class _Schedule:
    """Chooses the AUs of one picture after the other.

    Args:
        ratios: Negatives per positive by AU.
        companions: What fits together.
        rng: The source of chance.

    Attributes:
        turns: When each AU is due: free AUs count pictures, guests count the positives of their rarest host.
    """

    def __init__(self, ratios: Mapping[int, float], companions: Companions, rng: np.random.Generator) -> None:
        rarest_first = sorted(ratios, key=lambda au: (-ratios[au], au))
        self._fit = companions.fit
        self._hosts = {au: companions.hosts(au, ratios) for au in rarest_first}
        self._free = [au for au in rarest_first if not self._hosts[au]]
        self._guests = [au for au in rarest_first if self._hosts[au]]
        self._rarest_host = {
            au: max(self._hosts[au], key=lambda host: (ratios[host], host)) for au in self._guests
        }
        self.turns = {}
        for au, stream in zip(sorted(ratios), rng.spawn(len(ratios)), strict=True):
            base = 1 + ratios[self._rarest_host[au]] if au in self._rarest_host else 1.0
            self.turns[au] = _Turns((1 + ratios[au]) / base, stream)

    def next_picture(self) -> frozenset[int]:
        """Return the AUs that are present on the next picture."""
        chosen: frozenset[int] = frozenset()
        for au in self._free:
            if self.turns[au].come():
                chosen = self._join(chosen, au)
        for au in self._guests:
            if self._rarest_host[au] in chosen and self.turns[au].come() and self._hosts[au] <= chosen:
                chosen = self._join(chosen, au)
        return chosen

    def latest(self) -> int | None:
        """Return the AU that was due most often in vain; None where there is no AU."""
        return max(self.turns, key=lambda au: self.turns[au].due, default=None)

    def _join(self, chosen: frozenset[int], au: int) -> frozenset[int]:
        """Return what is chosen with an AU, or without it where it does not fit."""
        if not self._fit(chosen | {au}):
            return chosen
        self.turns[au].due -= 1
        return chosen | {au}


class _Turns:
    """When an AU is due: once at a random place within each period.

    Args:
        period: At least 1.
        rng: The source of chance.

    Attributes:
        due: How often it came and was not present.
    """

    def __init__(self, period: float, rng: np.random.Generator) -> None:
        self.due = 0
        self._period, self._rng = period, rng
        self._place = self._stretch = 0
        self._next = self._draw()

    def come(self) -> bool:
        """Go one place on; returns whether the AU is due."""
        while self._next <= self._place:
            self.due += 1
            self._next = self._draw()
        self._place += 1
        return self.due > 0

    def _draw(self) -> int:
        self._stretch += 1
        return math.floor((self._stretch - 1 + self._rng.random()) * self._period)
