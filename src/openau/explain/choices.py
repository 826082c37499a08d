"""What is asked of a run of `openau explain`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from openau.errors import SettingError
from openau.explain.methods import METHODS, Method

Regions = Literal["none", "masks", "landmarks"]


@dataclass(frozen=True, slots=True)
class Choices:
    """How maps are made, and what is computed from them.

    Attributes:
        methods: How the maps are made, see `METHODS`; where empty, what the networks' cards recommend, or
            Grad-CAM where they differ.
        aus: Action units; all that the networks share where empty.
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

    methods: tuple[Method, ...] = ()
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
        if self.regions not in ("none", "masks", "landmarks"):
            raise SettingError(f"Maps are scored by masks, landmarks or none, not by {self.regions!r}.")
        for name in ("panels", "curves", "sanity", "resamples"):
            if getattr(self, name) < 0:
                raise SettingError(f"{name} is {getattr(self, name)}; it must be at least 0.")
        if self.batch < 1:
            raise SettingError(f"batch is {self.batch}; it must be at least 1.")

    def shared(self, known: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
        """Return the AUs to explain: the chosen ones, or those that all networks know.

        Args:
            known: Name of each network to its AUs, in output order.

        Raises:
            SettingError: A network does not know a chosen AU, or the networks share none.
        """
        for au in self.aus:
            for name, aus in known.items():
                if au not in aus:
                    raise SettingError(
                        f"The network {name} has no AU {au}; it knows {', '.join(map(str, aus))}."
                    )
        first = next(iter(known.values()))
        common = tuple(au for au in first if all(au in aus for aus in known.values()))
        if not common:
            raise SettingError(f"The networks {', '.join(known)} have no AU in common.")
        return self.aus or common
