"""What is asked of a run of `openau explain`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from openau.errors import SettingError
from openau.explain.methods import METHODS, Method

Regions = Literal["none", "masks", "landmarks"]


@dataclass(frozen=True, slots=True)
class Choices:
    """How maps are made, and what is computed from them.

    Attributes:
        methods: How the maps are made, see `METHODS`.
        aus: Action units; all of the network's where empty.
        layer: Where the maps are read; the network's own layer where None.
        regions: What the maps are scored against: `masks`, where rendered faces show each AU; `landmarks`,
            where FACS expects it; `none`.
        panels: How many faces are drawn.
        curves: How many faces get deletion and insertion curves.
        sanity: How many faces are compared with the maps of shuffled weights.
        resamples: Of the subjects, for 95 % intervals.
        seed: Decides resamples, random orders and shuffles.
        batch: Faces at a time.
    """

    methods: tuple[Method, ...] = ("grad_cam",)
    aus: tuple[int, ...] = ()
    layer: str | None = None
    regions: Regions = "none"
    panels: int = 24
    curves: int = 0
    sanity: int = 0
    resamples: int = 1000
    seed: int = 0
    batch: int = 16

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        for method in self.methods:
            if method not in METHODS:
                raise SettingError(f"There is no method {method!r}; choose among {', '.join(METHODS)}.")
        if not self.methods:
            raise SettingError(f"No method was chosen; name at least one of {', '.join(METHODS)}.")
        if self.regions not in ("none", "masks", "landmarks"):
            raise SettingError(f"Maps are scored by masks, landmarks or none, not by {self.regions!r}.")
        for name in ("panels", "curves", "sanity", "resamples"):
            if getattr(self, name) < 0:
                raise SettingError(f"{name} is {getattr(self, name)}; it must be at least 0.")
        if self.batch < 1:
            raise SettingError(f"batch is {self.batch}; it must be at least 1.")

    def rows(self, known: Sequence[int]) -> list[int]:
        """Return the chosen AUs as positions among a network's.

        Args:
            known: The network's AUs, in output order.

        Raises:
            SettingError: The network does not know a chosen AU.
        """
        for au in self.aus:
            if au not in known:
                raise SettingError(f"This network has no AU {au}; it knows {', '.join(map(str, known))}.")
        return [tuple(known).index(au) for au in self.aus] if self.aus else list(range(len(known)))
