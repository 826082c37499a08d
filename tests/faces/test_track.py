"""A face keeps its identity, and a restored tracker goes on as if nothing had happened."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.errors import SettingError
from openau.faces import Tracker
from openau.records import Face


def face(x: float, y: float = 100.0, side: float = 80.0) -> Face:
    return Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), 0.9)


def ids(faces: list[Face]) -> list[int | None]:
    return [one.face_id for one in faces]


def test_identities_count_up_from_the_left() -> None:
    tracker = Tracker()
    assert ids(tracker.update([face(400), face(100)])) == [0, 1]
    named = tracker.update([face(403), face(102), face(250)])
    assert [(one.face_id, one.box_px[0]) for one in named] == [(0, 62.0), (1, 363.0), (2, 210.0)]


def test_all_else_about_a_face_stays_as_it_was() -> None:
    points = np.ones((68, 2), np.float32)
    [named] = Tracker().update([Face((1.0, 2.0, 30.0, 40.0), 0.7, points, (1.0, 2.0, 3.0))])
    assert (named.box_px, named.score, named.pose_deg) == ((1.0, 2.0, 30.0, 40.0), 0.7, (1.0, 2.0, 3.0))
    assert named.points is points


def test_two_faces_that_cross_keep_their_identities() -> None:
    tracker = Tracker()
    for step in range(41):
        left, right = face(100 + 10 * step, 100), face(500 - 10 * step, 112, 90)
        # While they cover each other the detector sees only the nearer one.
        hidden = abs(left.box_px[0] - right.box_px[0]) < 40
        named = tracker.update([right] if hidden else [right, left])
        if not hidden:
            assert [one.box_px for one in named] == [left.box_px, right.box_px], step


def test_a_face_that_is_hidden_for_a_while_returns_as_itself() -> None:
    tracker = Tracker(memory=10)
    tracker.update([face(100), face(400)])
    for _ in range(10):
        assert ids(tracker.update([face(400)])) == [1]
    assert ids(tracker.update([face(110), face(400)])) == [0, 1]


def test_a_face_that_is_gone_for_longer_than_the_memory_is_someone_new() -> None:
    tracker = Tracker(memory=10)
    tracker.update([face(100)])
    for _ in range(11):
        assert tracker.update([]) == []
    assert ids(tracker.update([face(100)])) == [1]


def test_a_fast_face_is_followed_without_any_overlap() -> None:
    tracker = Tracker()
    assert [ids(tracker.update([face(100 + 60 * step)])) for step in range(6)] == [[0]] * 6


def test_a_face_of_quite_another_size_elsewhere_is_someone_new() -> None:
    tracker = Tracker()
    tracker.update([face(100, side=80)])
    assert ids(tracker.update([face(150, side=30)])) == [1]


def test_two_faces_never_share_an_identity() -> None:
    tracker = Tracker()
    tracker.update([face(100)])
    assert ids(tracker.update([face(101), face(99), face(103)])) == [0, 1, 2]


def test_the_order_of_the_detections_does_not_matter() -> None:
    frames = [[face(100 + 5 * t), face(300 - 3 * t), face(500, 90 + 2 * t)] for t in range(8)]
    forwards, backwards = Tracker(), Tracker()
    for faces in frames:
        one, other = forwards.update(faces), backwards.update(faces[::-1])
        assert [(f.face_id, f.box_px) for f in one] == [(f.face_id, f.box_px) for f in other]


faces_of_a_frame = st.lists(
    st.builds(face, st.floats(0, 400), st.floats(0, 300), st.floats(20, 150)), max_size=4
)


@given(frames=st.lists(faces_of_a_frame, max_size=12), data=st.data(), memory=st.integers(0, 4))
def test_a_restored_tracker_goes_on_as_if_it_had_never_stopped(
    frames: list[list[Face]], data: st.DataObject, memory: int
) -> None:
    cut = data.draw(st.integers(0, len(frames)))
    whole, first = Tracker(memory), Tracker(memory)
    expected = [whole.update(faces) for faces in frames]
    found = [first.update(faces) for faces in frames[:cut]]
    second = Tracker.from_state(json.loads(json.dumps(first.state())))
    found += [second.update(faces) for faces in frames[cut:]]
    assert [[(f.face_id, f.box_px) for f in faces] for faces in found] == [
        [(f.face_id, f.box_px) for f in faces] for faces in expected
    ]
    assert second.state() == whole.state()


@given(frames=st.lists(faces_of_a_frame, max_size=12))
def test_every_face_gets_one_identity_and_new_ones_ascend(frames: list[list[Face]]) -> None:
    tracker, highest = Tracker(), -1
    for faces in frames:
        named = tracker.update(faces)
        assert sorted(one.box_px for one in named) == sorted(one.box_px for one in faces)
        found = [one.face_id for one in named if one.face_id is not None]
        assert found == sorted(set(found))
        new = [face_id for face_id in found if face_id > highest]
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)


def test_numpy_numbers_in_a_box_survive_json() -> None:
    tracker = Tracker()
    x1, y1, x2, y2 = np.array([0.1, 0.2, 50.3, 60.4])
    tracker.update([Face((x1, y1, x2, y2), 1.0)])
    assert Tracker.from_state(json.loads(json.dumps(tracker.state()))).state() == tracker.state()


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"memory": 3, "next_id": 0, "tracks": [{}]},
        {"memory": 3, "next_id": "many", "tracks": []},
        {
            "memory": 3,
            "next_id": 1,
            "tracks": [{"face_id": 0, "box_px": [1], "speed_px": [0, 0], "unseen": 0}],
        },
        {"memory": -3, "next_id": 0, "tracks": []},
    ],
)
def test_what_is_no_tracker_state_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(SettingError, match=r"tracker"):
        Tracker.from_state(state)
