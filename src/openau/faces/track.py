"""Faces → the same faces with an identity that lasts through a video.

A face keeps its `face_id` while its box overlaps the place where it was expected: its last box, moved on
at its last speed. A face that is not seen keeps its place for a while, its speed dying away, so that a
hand or another head in front of it does not cost it its identity. Identities count up from 0 and are
never used again.

It also steadies the landmarks of a face from frame to frame (see `openau.faces.steady`).

The tracker looks only at boxes and only at the past, so what it says of a frame depends on nothing but
the frames before; its `state` can be written down and taken up again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from openau.errors import SettingError
from openau.faces.steady import Steady
from openau.records import Box, Face

_LEAST_OVERLAP = 0.2  # intersection over union of expected and found box
_FARTHEST = 0.8  # else: distance of the centres, in sides of the larger box
_LARGEST_GROWTH = 1.6  # and ratio of the sides
_NEW_SPEED = 0.5  # weight of the newest displacement in the speed
_SPEED_KEPT = 0.7  # of the speed, from one unseen frame to the next


@dataclass(frozen=True, slots=True)
class _Track:
    face_id: int
    box_px: Box
    speed_px: tuple[float, float]  # of the centre, per frame
    unseen: int  # frames since it was last seen


class Tracker:
    """Gives faces their `face_id`.

    Attributes:
        memory: Frames for which an unseen face keeps its identity.
    """

    def __init__(self, memory: int = 30) -> None:
        """Start with no face known.

        Args:
            memory: Analysed frames; 30 are one second of an ordinary video.

        Raises:
            SettingError: `memory` is negative.
        """
        if memory < 0:
            raise SettingError(f"The tracker's memory is {memory} frames; it must be at least 0.")
        self.memory = memory
        self._next_id = 0
        self._tracks: list[_Track] = []
        self._steady = Steady()

    def update(self, faces: Sequence[Face], time_s: float | None = None) -> list[Face]:
        """Take the faces of the next frame, and return them with their identities, sorted by them.

        Args:
            faces: The faces found in one frame, in any order; none is a frame too.
            time_s: Of the frame, in seconds; None where it has none, which is taken for 30 frames a second.
        """
        matched = dict(_match(self._tracks, faces))
        followed = [_follow(track, faces, matched) for track in self._tracks]
        self._tracks = [track for track in followed if track.unseen <= self.memory]
        named = [replace(faces[index], face_id=track_id) for track_id, index in matched.items()]
        taken = set(matched.values())
        # Newcomers are numbered from left to right, not in the order the detector happened to give.
        newcomers = [face for index, face in enumerate(faces) if index not in taken]
        for face in sorted(newcomers, key=lambda face: face.box_px):
            self._tracks.append(_Track(self._next_id, _plain(face.box_px), (0.0, 0.0), 0))
            named.append(replace(face, face_id=self._next_id))
            self._next_id += 1
        ordered = sorted(named, key=lambda face: -1 if face.face_id is None else face.face_id)
        return self._steady(ordered, time_s)

    def state(self) -> dict[str, Any]:
        """Return all it knows, as plain values that JSON keeps exactly."""
        return {
            "memory": self.memory,
            "next_id": self._next_id,
            "tracks": [asdict(track) for track in self._tracks],
            "steady": self._steady.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Tracker:
        """Take up where `state` was written down.

        Raises:
            SettingError: It is not the state of a tracker.
        """
        try:
            tracker = cls(int(state["memory"]))
            tracker._next_id = int(state["next_id"])
            tracker._tracks = [_track(row) for row in state["tracks"]]
            tracker._steady = Steady.from_state(state["steady"])
        except (KeyError, TypeError, ValueError) as error:
            raise SettingError("The saved tracker state cannot be read; start this video anew.") from error
        return tracker


def _track(row: Mapping[str, Any]) -> _Track:
    x1, y1, x2, y2 = (float(value) for value in row["box_px"])
    across, down = (float(value) for value in row["speed_px"])
    return _Track(int(row["face_id"]), (x1, y1, x2, y2), (across, down), int(row["unseen"]))


def _match(tracks: Sequence[_Track], faces: Sequence[Face]) -> Iterator[tuple[int, int]]:
    """Yield pairs (face_id, index of face): best overlap first, then nearest; ties go to the older face."""
    expected = {track.face_id: _expected(track) for track in tracks}
    pairs = []
    for track in tracks:
        for index, face in enumerate(faces):
            overlap = _overlap(expected[track.face_id], face.box_px)
            distance = _distance(expected[track.face_id], face.box_px)
            if overlap >= _LEAST_OVERLAP:
                pairs.append((0, -overlap, track.face_id, face.box_px, index))
            elif distance <= _FARTHEST:
                pairs.append((1, distance, track.face_id, face.box_px, index))
    free_tracks, free_faces = set(expected), set(range(len(faces)))
    for _, _, track_id, _, index in sorted(pairs):
        if track_id in free_tracks and index in free_faces:
            free_tracks.remove(track_id)
            free_faces.remove(index)
            yield track_id, index


def _follow(track: _Track, faces: Sequence[Face], matched: Mapping[int, int]) -> _Track:
    if track.face_id not in matched:
        return replace(track, unseen=track.unseen + 1)
    box = _plain(faces[matched[track.face_id]].box_px)
    frames = track.unseen + 1
    (x, y), (last_x, last_y) = _centre(box), _centre(track.box_px)
    speed = (
        _NEW_SPEED * (x - last_x) / frames + (1 - _NEW_SPEED) * track.speed_px[0],
        _NEW_SPEED * (y - last_y) / frames + (1 - _NEW_SPEED) * track.speed_px[1],
    )
    return _Track(track.face_id, box, speed, 0)


def _expected(track: _Track) -> Box:
    """Return the last box, moved on at the last speed, which dies away while the face is not seen."""
    frames = (1 - _SPEED_KEPT ** (track.unseen + 1)) / (1 - _SPEED_KEPT)
    across, down = track.speed_px[0] * frames, track.speed_px[1] * frames
    x1, y1, x2, y2 = track.box_px
    return x1 + across, y1 + down, x2 + across, y2 + down


def _overlap(a: Box, b: Box) -> float:
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - wide * high
    return wide * high / both if both > 0 else 0.0


def _distance(a: Box, b: Box) -> float:
    """Return the distance of the centres in sides of the larger box; infinite where the sizes differ much."""
    side_a, side_b = max(a[2] - a[0], a[3] - a[1]), max(b[2] - b[0], b[3] - b[1])
    if min(side_a, side_b) <= 0 or max(side_a, side_b) / min(side_a, side_b) > _LARGEST_GROWTH:
        return math.inf
    return math.dist(_centre(a), _centre(b)) / max(side_a, side_b)


def _centre(box_px: Box) -> tuple[float, float]:
    return (box_px[0] + box_px[2]) / 2, (box_px[1] + box_px[3]) / 2


def _plain(box_px: Box) -> Box:
    """Return the box in Python's own floats: JSON keeps them to the last bit."""
    x1, y1, x2, y2 = (float(value) for value in box_px)
    return x1, y1, x2, y2
