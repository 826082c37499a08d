"""Counts: of frames and faces per source, and of each action unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.report.packing import pack_array, unpack_array
from openau.report.timeline import EMOTION_SLOTS


@dataclass(slots=True)
class SourceCount:
    """What was seen in one video, or in all photographs together.

    Attributes:
        name: The source as the user named it.
        frames: Pictures analysed.
        with_face: Of these, how many had a face.
        faces: Readings: faces, counted in every picture.
        start_s: Time of the first frame; None for photographs.
        end_s: Time of the last frame.
        width: Of the first picture, in pixels.
        height: Of the first picture, in pixels.
    """

    name: str
    frames: int = 0
    with_face: int = 0
    faces: int = 0
    start_s: float | None = None
    end_s: float | None = None
    width: int = 0
    height: int = 0

    @property
    def without_face(self) -> int:
        """Return how many pictures had no face."""
        return self.frames - self.with_face

    def add(self, faces: int, time_s: float | None, size: tuple[int, int]) -> None:
        """Count one picture of `size` (height, width) with so many faces."""
        if self.frames == 0:
            self.height, self.width = size
            self.start_s = time_s
        self.frames += 1
        self.with_face += faces > 0
        self.faces += faces
        self.end_s = time_s

    def state(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        return asdict(self)


@dataclass(slots=True)
class AUTally:
    """Running figures of each AU over a set of readings.

    Attributes:
        known: (A,) readings with a known probability.
        total: (A,) sum of probabilities.
        active: (A,) readings at or above the threshold.
        strength: (A,) sum of intensities over active readings, where the model gives intensity.
        best: (A,) largest probability; minus infinite before the first reading.
        where: Per AU the source, frame and time of the largest probability.
        emotion: (E,) readings per emotion slot.
    """

    known: NDArray[np.float64]
    total: NDArray[np.float64]
    active: NDArray[np.float64]
    strength: NDArray[np.float64]
    best: NDArray[np.float64]
    where: list[tuple[str, int, float | None] | None]
    emotion: NDArray[np.float64] = field(default_factory=lambda: np.zeros(EMOTION_SLOTS))

    @classmethod
    def empty(cls, au_count: int) -> AUTally:
        """Return a tally that has seen nothing."""
        return cls(
            known=np.zeros(au_count),
            total=np.zeros(au_count),
            active=np.zeros(au_count),
            strength=np.zeros(au_count),
            best=np.full(au_count, -np.inf),
            where=[None] * au_count,
        )

    @property
    def readings(self) -> int:
        """Return how many readings were counted, by the AU that was known most often."""
        return int(self.known.max(initial=0))

    def add(
        self,
        probability: Floats,
        active: NDArray[np.bool_],
        where: tuple[str, int, float | None],
        emotion: int | None = None,
        intensity: Floats | None = None,
    ) -> None:
        """Count one reading."""
        known = np.isfinite(probability)
        self.known += known
        self.total += np.where(known, probability, 0.0)
        self.active += active
        if intensity is not None:
            self.strength += np.where(active, intensity, 0.0)
        for row in np.flatnonzero(probability > self.best):
            self.best[row] = probability[row]
            self.where[row] = where
        if emotion is not None:
            self.emotion[emotion] += 1

    def state(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        names = ("known", "total", "active", "strength", "best", "emotion")
        return {**{name: pack_array(getattr(self, name)) for name in names}, "where": self.where}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> AUTally:
        """Return the tally that `state` describes."""
        arrays = {name: unpack_array(record) for name, record in state.items() if name != "where"}
        return cls(**arrays, where=[None if w is None else (w[0], w[1], w[2]) for w in state["where"]])
