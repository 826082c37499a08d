"""Clips of one subject whose action units rise and fall at known times: truth for every frame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openau.errors import SettingError
from openau.synth.expression import Expression
from openau.synth.identity import build_stage, draw_subject
from openau.synth.movements import MOVEMENTS
from openau.synth.render import Picture, View, render
from openau.synth.rig import load_rig
from openau.synth.scene import Camera, Flaws, studio_lamp


@dataclass(frozen=True, slots=True)
class Event:
    """Action units that rise, hold and fall together.

    Attributes:
        intensity: Intensity 0-5 at the apex, by AU.
        start_s: When the onset begins.
        onset_s: How long it rises.
        apex_s: How long it holds.
        offset_s: How long it falls.
    """

    intensity: Mapping[int, float]
    start_s: float
    onset_s: float = 0.5
    apex_s: float = 0.7
    offset_s: float = 0.5

    def level(self, time_s: float) -> float:
        """Return the share of the apex, 0-1, at a time; it starts and stops smoothly.

        Args:
            time_s: Seconds from the clip's start.
        """
        rising = (time_s - self.start_s) / self.onset_s
        falling = (self.start_s + self.onset_s + self.apex_s + self.offset_s - time_s) / self.offset_s
        share = min(max(min(rising, falling), 0.0), 1.0)
        return share * share * (3 - 2 * share)


@dataclass(frozen=True, slots=True, eq=False)
class ClipFrame:
    """One frame of a clip.

    Attributes:
        index: From 0.
        time_s: Seconds from the start.
        picture: The rendered face and its truth.
    """

    index: int
    time_s: float
    picture: Picture

    def intensity(self) -> dict[int, float]:
        """Return the true intensity 0-5 of every AU the renderer knows, the stronger side."""
        left, right = self.picture.left, self.picture.right
        return {au: max(left.get(au, 0.0), right.get(au, 0.0)) for au in sorted(MOVEMENTS)}


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """What a clip looks like.

    Attributes:
        duration_s: Seconds.
        width: Pixels.
        height: Pixels.
        frames_per_s: Frames per second.
        seed: Decides who is seen, and the sensor noise.
        span_cm: Width of the picture at the head.
        sway_deg: How far the head sways.
    """

    duration_s: float
    width: int = 480
    height: int = 360
    frames_per_s: int = 25
    seed: int = 0
    span_cm: float = 36.0
    sway_deg: float = 3.0


def render_clip(
    events: Sequence[Event], settings: ClipSettings, rig: Path | None = None
) -> Iterator[ClipFrame]:
    """Render one subject going through events before a plain backdrop in pleasant light.

    Args:
        events: What the face does; events that overlap add up, to 5 at most.
        settings: Size, length and seed.
        rig: The rig's file or folder; None to look where the environment says.

    Yields:
        The frames in order.

    Raises:
        SettingError: An event names an AU that the renderer does not have, or the clip has no frame.
        RigError: The rig is absent or not the one expected.
    """
    unknown = sorted({au for event in events for au in event.intensity} - MOVEMENTS.keys())
    if unknown:
        raise SettingError(f"The renderer has no AU {unknown[0]}; it has {', '.join(map(str, MOVEMENTS))}.")
    count = round(settings.duration_s * settings.frames_per_s)
    if count < 1 or min(settings.width, settings.height) < 32:
        raise SettingError("A clip needs at least one frame of at least 32 × 32 pixels.")
    return _frames(events, settings, count, rig)


def _frames(
    events: Sequence[Event], settings: ClipSettings, count: int, rig: Path | None
) -> Iterator[ClipFrame]:
    """Render frame by frame."""
    stage = build_stage(load_rig(rig))
    subject = draw_subject(stage, np.random.default_rng(settings.seed))
    rows = np.linspace(0.30, 0.20, settings.height, dtype=np.float32)[:, None, None]
    backdrop = np.broadcast_to(
        rows * np.array([0.9, 1.0, 1.12], np.float32), (settings.height, settings.width, 3)
    )
    for index in range(count):
        time_s = index / settings.frames_per_s
        rng = np.random.default_rng((settings.seed, index))
        view = View(_sway(settings, time_s), studio_lamp(), Flaws(noise=0.004), backdrop)
        yield ClipFrame(index, time_s, render(stage, subject, _expression(events, time_s), view, rng))


def _expression(events: Sequence[Event], time_s: float) -> Expression:
    """Return what the face does at a time."""
    total: dict[int, float] = {}
    for event in events:
        level = event.level(time_s)
        for au, apex in event.intensity.items():
            total[au] = min(total.get(au, 0.0) + apex * level, 5.0)
    return Expression.both(total)


def _sway(settings: ClipSettings, time_s: float) -> Camera:
    """Return the camera with the head's slow sway."""
    return Camera(
        pitch_deg=settings.sway_deg * 0.5 * math.sin(time_s * 0.9 + 1),
        yaw_deg=settings.sway_deg * math.sin(time_s * 0.6),
        roll_deg=settings.sway_deg * 0.4 * math.sin(time_s * 0.75 + 2),
        distance_cm=90,
        span_cm=settings.span_cm,
        shift_cm=(0.3 * math.sin(time_s * 0.5), 1.5),
    )
