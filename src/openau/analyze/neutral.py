"""A person's neutral face as the zero of their readings.

Faces at rest differ: with one the corners of the mouth hang, with another the brows lie low, and a network
takes some of that for movement. What a person's neutral face reads is therefore moved to what neutral faces
usually read (the card's `neutral`), and everything else of this person with it: probabilities by the same
step on the logit scale, intensities so that the neutral one becomes 0 and 5 stays 5.

The emotion that is read from the AUs follows them. An emotion that the network tells itself stays as it is:
it is not read from AU probabilities, and no card says what neutral faces make a network tell.

The neutral face is either given as a photograph, or learned from a video as it goes: of each face and AU the
30th percentile of all frames so far, trusted the more the more frames there were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.records import AUOutput, ModelCard

_DOWN, _UP = 4.0, 2.0  # the largest steps, in logits: a reading near 0 or 1 says little about how near
_QUANTILE = 0.3  # most people rest for more than a third of the time
_TRUST = 15  # frames after which half of what was learned is believed
_BINS = 160
_REACH = 8.0  # logits that the bins span, either way


class Neutral(Protocol):
    """Corrects the readings of one recording."""

    def correct(self, face_id: int, output: AUOutput) -> AUOutput:
        """Return a reading with this face's neutral as its zero.

        Args:
            face_id: Whose face.
            output: What the network says.
        """

    def state(self) -> dict[str, Any]:
        """Return all that was learned, as plain values for JSON."""


class GivenNeutral:
    """One neutral face, given beforehand, for every face of a run.

    Args:
        output: What the network says of the neutral face.
        card: The model's card.

    Raises:
        SettingError: The card does not say what neutral faces usually read.
    """

    def __init__(self, output: AUOutput, card: ModelCard) -> None:
        checked_card(card)
        self._output, self._usual = output, _logit(np.array(card.neutral))

    def correct(self, face_id: int, output: AUOutput) -> AUOutput:
        """Return the corrected reading, see `Neutral`."""
        return _corrected(output, _logit(self._output.probability), self._output.intensity, self._usual, 1.0)

    def state(self) -> dict[str, Any]:
        """Return nothing: what is given is not learned."""
        return {}


class LearnedNeutral:
    """The neutral of each face of a video, learned as it goes.

    A frame is corrected by the frames before it and itself, so that results do not depend on what comes, and
    a run that is resumed goes on as it would have.

    Args:
        card: The model's card.
        state: What `state` returned; None begins anew.

    Raises:
        SettingError: The card does not say what neutral faces usually read.
    """

    def __init__(self, card: ModelCard, state: Mapping[str, Any] | None = None) -> None:
        checked_card(card)
        self._usual = _logit(np.array(card.neutral))
        self._counts: dict[int, NDArray[np.int64]] = {}
        for face_id, rows in (state or {}).items():
            self._counts[int(face_id)] = _unpacked(rows, len(card.aus))

    def correct(self, face_id: int, output: AUOutput) -> AUOutput:
        """Return the corrected reading, see `Neutral`."""
        kinds = 1 if output.intensity is None else 2
        counts = self._counts.setdefault(face_id, np.zeros((kinds, len(output.probability), _BINS), np.int64))
        rows = np.arange(len(output.probability))
        counts[0, rows, _bin(_logit(output.probability), -_REACH, _REACH)] += 1
        if output.intensity is not None:
            counts[1, rows, _bin(output.intensity, 0.0, 5.0)] += 1
        frames = int(counts[0, 0].sum())
        intensity = None if output.intensity is None else _quantile(counts[1], 0.0, 5.0)
        own = _quantile(counts[0], -_REACH, _REACH)
        return _corrected(output, own, intensity, self._usual, frames / (frames + _TRUST))

    def state(self) -> dict[str, Any]:
        """Return all counts, the empty ones left out."""
        return {str(face_id): _packed(counts) for face_id, counts in self._counts.items()}


@dataclass(frozen=True, slots=True)
class Zero:
    """What a run takes for neutral: nothing, a given face, or what it learns.

    Attributes:
        given: The face that was given.
        learns: The model's card, where each video is to teach its own.
    """

    given: GivenNeutral | None = None
    learns: ModelCard | None = None

    def recording(self, state: Mapping[str, Any] | None = None) -> Neutral | None:
        """Return what corrects a video or camera from its start, or from where it was cut off.

        Args:
            state: What `Neutral.state` returned then.
        """
        return self.given if self.learns is None else LearnedNeutral(self.learns, state)


NO_ZERO = Zero()
"""Nothing is taken for neutral."""


def checked_card(card: ModelCard) -> ModelCard:
    """Return the card of a model that knows what neutral faces usually read, or refuse it.

    Args:
        card: The model's card.

    Raises:
        SettingError: Its `neutral` is empty.
    """
    if not card.neutral:
        raise SettingError(
            f"The model {card.name} does not say what it reads on neutral faces; leave out --neutral, or "
            "export the model again from a run whose validation part has faces without any AU."
        )
    return card


def _corrected(
    output: AUOutput,
    own: NDArray[np.float64],
    intensity: NDArray[Any] | None,
    usual: NDArray[np.float64],
    trust: float,
) -> AUOutput:
    step = np.clip(usual - own, -_DOWN, _UP) * trust
    probability = 1 / (1 + np.exp(-(_logit(output.probability) + step)))
    moved = replace(output, probability=probability.astype(np.float32))
    if output.intensity is None or intensity is None:
        return moved
    zero = np.clip(intensity, 0.0, 4.0) * trust
    strength = np.clip((output.intensity - zero) * 5 / (5 - zero), 0.0, 5.0)
    return replace(moved, intensity=strength.astype(np.float32))


def _logit(probability: NDArray[Any]) -> NDArray[np.float64]:
    inside = np.clip(np.asarray(probability, np.float64), 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside))


def _bin(values: NDArray[Any], low: float, high: float) -> NDArray[np.intp]:
    places = (np.asarray(values, np.float64) - low) / (high - low) * _BINS
    return np.clip(places, 0, _BINS - 1).astype(np.intp)


def _quantile(counts: NDArray[np.int64], low: float, high: float) -> NDArray[np.float64]:
    """Return per AU the middle of the bin that the quantile lies in."""
    total = counts.cumsum(1)
    reached = (total >= _QUANTILE * total[:, -1:]).argmax(1)
    middle: NDArray[np.float64] = low + (reached + 0.5) * (high - low) / _BINS
    return middle


def _packed(counts: NDArray[np.int64]) -> list[list[int]]:
    """Return kind, AU, bin and count of every bin that has any."""
    places = np.argwhere(counts)
    return [[*map(int, place), int(counts[tuple(place)])] for place in places]


def _unpacked(rows: list[list[int]], aus: int) -> NDArray[np.int64]:
    kinds = 1 + max((row[0] for row in rows), default=0)
    counts = np.zeros((kinds, aus, _BINS), np.int64)
    for kind, au, place, count in rows:
        counts[kind, au, place] = count
    return counts
