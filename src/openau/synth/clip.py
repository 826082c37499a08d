"""Clips of one subject whose action units rise and fall at known times: truth for every frame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openau.errors import SettingError
from openau.synth.expression import Expression
from openau.synth.identity import build_stage, draw_subject
from openau.synth.motion import Event, Motion, draw_motion
from openau.synth.movements import MOVEMENTS
from openau.synth.render import Picture, View, render
from openau.synth.rig import load_rig
from openau.synth.scene import Camera, Flaws, studio_lamp

_TIMING = 1_000_003
"""Keeps the timing's chance apart from that of the subject and of every frame."""


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
        seed: Decides who is seen, the sensor noise, and all that `sequence` draws.
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
    _check(settings, {au for event in events for au in event.aus()})
    half, less = settings.sway_deg * 0.5, settings.sway_deg * 0.4
    return _frames(Motion(tuple(events), sway=(half, settings.sway_deg, less)), settings, rig)


def sequence(
    settings: ClipSettings, expressions: Sequence[Expression] | None = None, rig: Path | None = None
) -> Iterator[ClipFrame]:
    """Render one subject living through expressions with natural timing, blinks, glances and a swaying head.

    Frames come one at a time; a clip of any length needs the memory of one. A blink is AU43 in the truth of
    the frames in which the lids are measured to be down.

    Args:
        settings: Size, length and seed; the seed decides the timing too.
        expressions: What the face does in turn, `Expression.both({12: 4})` for instance; None to draw what
            comes, as `openau.synth.sample` does.
        rig: The rig's file or folder; None to look where the environment says.

    Yields:
        The frames in order.

    Raises:
        SettingError: An expression names an AU that the renderer does not have, the clip has no frame, or the
            expressions take longer than the clip.
        RigError: The rig is absent or not the one expected.
    """
    _check(settings, {au for e in expressions or () for au in (*e.left, *e.right)})
    rng = np.random.default_rng((settings.seed, _TIMING))
    return _frames(draw_motion(rng, settings.duration_s, expressions, settings.sway_deg), settings, rig)


def _check(settings: ClipSettings, aus: set[int]) -> None:
    """Refuse what cannot be rendered."""
    unknown = sorted(aus - MOVEMENTS.keys())
    if unknown:
        raise SettingError(f"The renderer has no AU {unknown[0]}; it has {', '.join(map(str, MOVEMENTS))}.")
    if round(settings.duration_s * settings.frames_per_s) < 1 or min(settings.width, settings.height) < 32:
        raise SettingError("A clip needs at least one frame of at least 32 × 32 pixels.")


def _frames(motion: Motion, settings: ClipSettings, rig: Path | None) -> Iterator[ClipFrame]:
    """Render frame by frame."""
    stage = build_stage(load_rig(rig))
    subject = draw_subject(stage, np.random.default_rng(settings.seed))
    rows = np.linspace(0.30, 0.20, settings.height, dtype=np.float32)[:, None, None]
    backdrop = np.broadcast_to(
        rows * np.array([0.9, 1.0, 1.12], np.float32), (settings.height, settings.width, 3)
    )
    for index in range(round(settings.duration_s * settings.frames_per_s)):
        time_s = index / settings.frames_per_s
        rng = np.random.default_rng((settings.seed, index))
        view = View(_camera(motion, settings, time_s), studio_lamp(), Flaws(noise=0.004), backdrop)
        yield ClipFrame(index, time_s, render(stage, subject, motion.expression(time_s), view, rng))


def _camera(motion: Motion, settings: ClipSettings, time_s: float) -> Camera:
    """Return the camera with the head's slow sway."""
    pitch, yaw, roll = motion.head_deg(time_s)
    across = 0.1 * settings.sway_deg * math.sin(time_s * 0.5)
    return Camera(pitch, yaw, roll, distance_cm=90, span_cm=settings.span_cm, shift_cm=(across, 1.5))
