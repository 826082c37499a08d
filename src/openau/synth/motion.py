"""How a face moves in time: events with onset, apex and offset, blinks, glances and a swaying head.

Everything is drawn from a seed before the first frame, as plain records, and then only evaluated: a frame
depends on its time alone, so clips of any length need the memory of one frame.

Durations: onsets of spontaneous smiles last 0.4-0.8 s, posed ones less (Schmidt, Cohn and Tian, 2003); people
blink about 17 times a minute at rest and one blink lasts 0.2-0.4 s, closing faster than it opens (Bentivoglio
et al., 1997; Caffier, Erdmann and Ullsperger, 2003).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from openau.errors import SettingError
from openau.synth.expression import Expression
from openau.synth.sample import draw_expression

ONSET_S: Final = (0.3, 0.8)
"""Range of drawn onsets."""

APEX_S: Final = (0.4, 1.6)
"""Range of drawn apexes."""

OFFSET_S: Final = (0.4, 1.2)
"""Range of drawn offsets."""

PAUSE_S: Final = (0.3, 1.2)
"""Range of drawn pauses before an expression."""

BLINKS_PER_MINUTE: Final = 17.0
"""How often people blink at rest."""

_LAG_S: Final = 0.08
_SACCADE_S: Final = 0.06
_BLINK_S: Final = (0.09, 0.05, 0.18)
_STILL: Final = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Event:
    """Action units that rise, hold and fall together.

    Attributes:
        intensity: Intensity 0-5 at the apex, by AU; on the left only, where `right` is given.
        start_s: When the onset begins.
        onset_s: How long it rises.
        apex_s: How long it holds.
        offset_s: How long it falls.
        right: The same on the subject's right; None for both sides alike.
    """

    intensity: Mapping[int, float]
    start_s: float
    onset_s: float = 0.5
    apex_s: float = 0.7
    offset_s: float = 0.5
    right: Mapping[int, float] | None = None

    @property
    def end_s(self) -> float:
        """When the offset is over."""
        return self.start_s + self.onset_s + self.apex_s + self.offset_s

    def level(self, time_s: float) -> float:
        """Return the share of the apex, 0-1, at a time; it starts and stops smoothly.

        Args:
            time_s: Seconds from the clip's start.
        """
        rising = (time_s - self.start_s) / self.onset_s
        falling = (self.end_s - time_s) / self.offset_s
        return _smooth(min(rising, falling))

    def aus(self) -> set[int]:
        """Return the AUs of both sides."""
        return set(self.intensity) | set(self.right or {})


@dataclass(frozen=True, slots=True)
class Motion:
    """What one face does from a clip's first frame to its last.

    Attributes:
        events: Events, blinks included; where they overlap they add up, to 5 at most.
        glances: Time in s, gaze left and gaze up (-1 to 1) of every change of gaze, in order.
        sway: Pitch, yaw and roll in degrees by which the head sways.
        phase: Where the sway of each angle starts, radians.
        wrinkle_gain: See `Expression`.
    """

    events: tuple[Event, ...]
    glances: tuple[tuple[float, float, float], ...] = ()
    sway: tuple[float, float, float] = _STILL
    phase: tuple[float, float, float] = (1.0, 0.0, 2.0)
    wrinkle_gain: float = 1.0

    def expression(self, time_s: float) -> Expression:
        """Return what the face does at a time.

        Args:
            time_s: Seconds from the clip's start.
        """
        left: dict[int, float] = {}
        right: dict[int, float] = {}
        for event in self.events:
            level = event.level(time_s)
            for total, apex in (
                (left, event.intensity),
                (right, event.intensity if event.right is None else event.right),
            ):
                for au, intensity in apex.items():
                    total[au] = min(total.get(au, 0.0) + intensity * level, 5.0)
        return Expression(left, right, self.gaze(time_s), wrinkle_gain=self.wrinkle_gain)

    def gaze(self, time_s: float) -> tuple[float, float]:
        """Return where the eyes look at a time, left and up, -1 to 1.

        Args:
            time_s: Seconds from the clip's start.
        """
        across, up = 0.0, 0.0
        for start, to_left, to_up in self.glances:
            share = _smooth((time_s - start) / _SACCADE_S)
            across, up = across + share * (to_left - across), up + share * (to_up - up)
        return across, up

    def head_deg(self, time_s: float) -> tuple[float, float, float]:
        """Return how far the head has swayed at a time: pitch, yaw and roll in degrees.

        Args:
            time_s: Seconds from the clip's start.
        """
        pitch, yaw, roll = (
            span
            * (0.75 * math.sin(speed * time_s + phase) + 0.25 * math.sin(2.7 * speed * time_s + 2 * phase))
            for span, speed, phase in zip(self.sway, (0.9, 0.6, 0.75), self.phase, strict=True)
        )
        return pitch, yaw, roll


def draw_motion(
    rng: np.random.Generator,
    duration_s: float,
    expressions: Sequence[Expression] | None = None,
    sway_deg: float = 3.0,
) -> Motion:
    """Draw a natural course of expressions with blinks, glances and a swaying head.

    Args:
        rng: The source of chance.
        duration_s: How long the motion lasts.
        expressions: What the face does in turn, each a whole onset, apex and offset; None to draw what comes.
            Their gaze and extras are not used.
        sway_deg: How far the head sways.

    Raises:
        SettingError: The expressions take longer than the duration, with the timing this seed gives them.
    """
    spans = []
    if expressions is None:
        left_s = duration_s
        while (span := _draw_span(rng, draw_expression(rng))).length_s <= left_s:
            spans.append(span)
            left_s -= span.length_s
    else:
        spans = [_draw_span(rng, expression) for expression in expressions]
    spare = duration_s - sum(span.length_s for span in spans)
    if spare < 0:
        raise SettingError(
            f"The expressions take {duration_s - spare:.1f} s but the clip lasts {duration_s:.1f} s: make it "
            "longer, show fewer, or choose another seed."
        )
    shares = rng.dirichlet(np.ones(len(spans) + 1)) * spare
    events: list[Event] = []
    start = 0.0
    for span, rest in zip(spans, shares, strict=False):
        events += span.events(rng, start + float(rest))
        start += float(rest) + span.length_s
    pitch, yaw, roll = (float(v) for v in rng.uniform(0.6, 1.0, 3) * sway_deg * (0.5, 1.0, 0.4))
    phase = tuple(float(v) for v in rng.uniform(0, 2 * math.pi, 3))
    return Motion(
        events=(*events, *draw_blinks(rng, duration_s, events)),
        glances=_draw_glances(rng, duration_s),
        sway=(pitch, yaw, roll),
        phase=(phase[0], phase[1], phase[2]),
        wrinkle_gain=float(rng.gamma(2.2, 0.42)),
    )


def draw_blinks(rng: np.random.Generator, duration_s: float, events: Iterable[Event] = ()) -> list[Event]:
    """Draw blinks, one every few seconds, none while an event closes the eyes.

    Args:
        rng: The source of chance.
        duration_s: How long to go on.
        events: What the face does otherwise.
    """
    closing = [event for event in events if 43 in event.aus()]
    blinks: list[Event] = []
    time_s = float(rng.uniform(0.3, 60 / BLINKS_PER_MINUTE))
    while time_s < duration_s:
        pace = float(rng.uniform(0.8, 1.25))
        onset, apex, offset = (pace * length for length in _BLINK_S)
        blink = Event({43: 5.0}, time_s, onset, apex, offset)
        if all(blink.end_s < e.start_s or blink.start_s > e.end_s for e in closing):
            blinks.append(blink)
        # Intervals between blinks are irregular: a short dead time, then chance.
        time_s = blink.end_s + 0.4 + float(rng.exponential(60 / BLINKS_PER_MINUTE - 0.7))
    return blinks


@dataclass(frozen=True, slots=True)
class _Span:
    """The timing of one expression: a pause, then onset, apex and offset."""

    expression: Expression
    pause_s: float
    onset_s: float
    apex_s: float
    offset_s: float

    @property
    def length_s(self) -> float:
        """From the pause's start to the end of the slowest offset."""
        return self.pause_s + self.onset_s + self.apex_s + self.offset_s + 2 * _LAG_S

    def events(self, rng: np.random.Generator, start_s: float) -> list[Event]:
        """Return one event for each AU: muscles of one expression start nearly together."""
        begin = start_s + self.pause_s + _LAG_S
        left, right = self.expression.left, self.expression.right
        return [
            Event(
                {au: left.get(au, 0.0)},
                begin + float(rng.uniform(-_LAG_S, _LAG_S)),
                self.onset_s,
                self.apex_s,
                self.offset_s,
                right={au: right.get(au, 0.0)},
            )
            for au in sorted(left.keys() | right.keys())
        ]


def _draw_span(rng: np.random.Generator, expression: Expression) -> _Span:
    """Draw the timing of one expression."""
    pause, onset, apex, offset = (float(rng.uniform(*span)) for span in (PAUSE_S, ONSET_S, APEX_S, OFFSET_S))
    return _Span(expression, pause, onset, apex, offset)


def _draw_glances(rng: np.random.Generator, duration_s: float) -> tuple[tuple[float, float, float], ...]:
    """Draw fixations: mostly on the camera, sometimes elsewhere, now and then down."""
    glances: list[tuple[float, float, float]] = []
    time_s = 0.0
    while time_s < duration_s:
        kind = rng.random()
        if kind < 0.7:
            across, up = rng.normal(0, 0.06), rng.normal(0, 0.05)
        elif kind < 0.93:
            across, up = rng.normal(0, 0.35), rng.normal(0.05, 0.15)
        else:
            across, up = rng.normal(0, 0.15), -rng.uniform(0.35, 0.75)
        glances.append((time_s, float(np.clip(across, -0.8, 0.8)), float(np.clip(up, -0.8, 0.6))))
        time_s += float(rng.uniform(0.5, 2.2))
    return tuple(glances)


def _smooth(share: float) -> float:
    """Return 0 below 0, 1 above 1, and a smooth rise between."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
