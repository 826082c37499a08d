"""Landmarks of consecutive frames → steadier ones: the frame of a face no longer trembles with their errors.

What is steadied is the turned box (see `openau.faces.align`): its place, size and angle each go through a
One-Euro filter, which holds a face that rests and lets go of one that moves. The landmarks are then moved,
turned and scaled together, so that they fit the steadied box; what they say of the face's expression stays.

Only the frames before count, and the state can be written down and taken up again.

Source: G. Casiez, N. Roussel, D. Vogel, 1€ filter, CHI 2012.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from openau.errors import SettingError
from openau.faces.align import TurnedBox, turned_box
from openau.records import Face

REST_HZ = 1.5
"""Cut-off frequency for a face at rest."""

SPEED_GAIN = (12.0, 12.0, 6.0, 0.07)
"""By how much the cut-off rises, Hz: per side and second across and down, per doubling of the size and
second, per degree and second."""

_SPEED_HZ = 1.0  # cut-off of the speed itself
_FORGET_S = 0.5  # after so long without the face, it is met anew
_FRAME_S = 1 / 30  # where frames have no time
_LEAST_S, _MOST_S = 1e-3, _FORGET_S


@dataclass(frozen=True, slots=True)
class _Held:
    """One face: when it was last seen, and its steadied values with their speeds."""

    time_s: float
    values: tuple[float, ...]  # x, y in pixels, log2 of the side, angle in degrees
    speeds: tuple[float, ...]  # per second; x and y in sides


class Steady:
    """Steadies the landmarks of faces that have an identity."""

    def __init__(self) -> None:
        """Start with no face known."""
        self._held: dict[int, _Held] = {}
        self._frames = 0

    def __call__(self, faces: Sequence[Face], time_s: float | None) -> list[Face]:
        """Return the faces of the next frame with steadied landmarks; those without landmarks as they are.

        Args:
            faces: With `face_id`, as the tracker returns them.
            time_s: Of the frame, seconds; None for 30 frames a second.
        """
        now = self._frames * _FRAME_S if time_s is None else time_s
        self._frames += 1
        self._held = {number: one for number, one in self._held.items() if 0 <= now - one.time_s <= _FORGET_S}
        return [self._steadied(face, now) for face in faces]

    def _steadied(self, face: Face, now: float) -> Face:
        if face.points is None or face.face_id is None:
            return face
        try:
            box = turned_box(face.points)
        except SettingError:
            return face  # landmarks that are no face have no frame; whoever cuts by them will say so
        before = self._held.get(face.face_id)
        raw = (box.x, box.y, math.log2(box.side), box.angle_deg)
        if before is None:
            self._held[face.face_id] = _Held(now, raw, (0.0,) * 4)
            return face
        held = _filtered(before, raw, box.side, now)
        self._held[face.face_id] = held
        return replace(face, points=_moved(face, box, held.values))

    def state(self) -> dict[str, Any]:
        """Return all it knows, as plain values that JSON keeps exactly."""
        return {
            "frames": self._frames,
            "faces": [{"face_id": number, **asdict(one)} for number, one in self._held.items()],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Steady:
        """Take up where `state` was written down.

        Raises:
            KeyError: It is not such a state.
            TypeError: The same.
            ValueError: The same.
        """
        steady = cls()
        steady._frames = int(state["frames"])
        for row in state["faces"]:
            values, speeds = (tuple(float(v) for v in row[name]) for name in ("values", "speeds"))
            steady._held[int(row["face_id"])] = _Held(float(row["time_s"]), values, speeds)
        return steady


def _filtered(before: _Held, raw: tuple[float, ...], side: float, now: float) -> _Held:
    """Return the next state of one face's filters."""
    step_s = min(max(now - before.time_s, _LEAST_S), _MOST_S)
    units = (side, side, 1.0, 1.0)
    values, speeds = [], []
    for axis, (new, old, unit) in enumerate(zip(raw, before.values, units, strict=True)):
        way = new - old
        if axis == 3:  # the shorter way round
            way = (way + 180.0) % 360.0 - 180.0
        speed = before.speeds[axis]
        speed += _share(_SPEED_HZ, step_s) * (way / unit / step_s - speed)
        values.append(old + _share(REST_HZ + SPEED_GAIN[axis] * abs(speed), step_s) * way)
        speeds.append(speed)
    return _Held(now, tuple(values), tuple(speeds))


def _share(cut_off_hz: float, step_s: float) -> float:
    """Return how much of the newest value a low-pass filter takes in."""
    turn = 2 * math.pi * cut_off_hz * step_s
    return turn / (turn + 1)


def _moved(face: Face, box: TurnedBox, values: tuple[float, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the landmarks moved from their own turned box to another."""
    x, y, size, angle_deg = values
    turn = 2**size / box.side * cmath.exp(1j * math.radians(angle_deg - box.angle_deg))
    assert face.points is not None
    # The boxes are measured at pixel edges, the landmarks at pixel centres: half a pixel apart.
    around = face.points.astype(np.float64) @ (1, 1j) - complex(box.x - 0.5, box.y - 0.5)
    placed = turn * around + complex(x - 0.5, y - 0.5)
    return np.stack([placed.real, placed.imag], axis=1).astype(np.float32)
