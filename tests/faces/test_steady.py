"""Landmarks of a face that rests stop trembling, those of one that moves follow at once."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from openau.errors import SettingError
from openau.faces import TEMPLATE, Tracker, turned_box
from openau.faces.steady import Steady
from openau.records import Face, Floats


def face(
    x: float = 200.0, y: float = 150.0, side: float = 100.0, angle_deg: float = 0.0, number: int | None = 0
) -> Face:
    turn = math.radians(angle_deg)
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    points: Floats = ((TEMPLATE - 0.5) @ matrix.T * side + (x - 0.5, y - 0.5)).astype(np.float32)
    box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return Face(box, 1.0, points, face_id=number)


def trembling(count: int, seed: int = 0) -> list[Face]:
    random = np.random.default_rng(seed)
    return [
        face(200 + dx, 150 + dy, 100 * math.exp(ds), da)
        for dx, dy, ds, da in random.normal(0, 1, (count, 4)) * (1.0, 1.0, 0.01, 1.0)
    ]


def run(faces: list[Face], rate: float = 25.0) -> list[Face]:
    steady = Steady()
    return [steady([one], number / rate)[0] for number, one in enumerate(faces)]


def values(faces: list[Face]) -> np.ndarray:
    boxes = [turned_box(one.points) for one in faces]
    return np.array([(box.x, box.y, box.side, box.angle_deg) for box in boxes])


def test_a_resting_face_trembles_about_half_as_much() -> None:
    raw = trembling(200)
    before, after = (values(faces)[25:].std(axis=0) for faces in (raw, run(raw)))
    assert (after < 0.55 * before).all()
    assert np.abs(values(run(raw))[25:].mean(axis=0) - (200, 150, 100, 0)).max() < 0.4


def test_a_moving_face_is_followed_closely() -> None:
    walked = [face(200 + 6 * n, 150, 100 * 1.01**n, n) for n in range(60)]  # 1.5 sides a second
    late = values(walked)[-30:] - values(run(walked))[-30:]
    assert np.abs(late[:, 0] / 6).max() < 1.5  # frames
    assert np.abs(late[:, 3]).max() < 3
    assert np.abs(late[:, 2] / values(walked)[-30:, 2]).max() < 0.03


def test_the_expression_of_the_landmarks_is_left_as_it_is() -> None:
    raw = trembling(20)
    for one, other in zip(raw, run(raw), strict=True):
        assert one.points is not None
        assert other.points is not None
        ours, theirs = (points.astype(float) @ (1, 1j) for points in (one.points, other.points))
        ours, theirs = ours - ours.mean(), theirs - theirs.mean()
        turn = (np.conj(ours) @ theirs) / (np.abs(ours) ** 2).sum()
        assert np.abs(turn * ours - theirs).max() < 1e-3


def test_the_first_frame_and_a_face_met_again_after_a_while_are_not_moved() -> None:
    steady = Steady()
    first = face()
    assert steady([first], 3.0) == [first]
    away = face(400, 300)
    assert steady([away], 4.0) == [away]
    assert steady([face(402, 300)], 4.04) != [face(402, 300)]


def test_turning_through_half_a_circle_goes_the_shorter_way() -> None:
    faces = run([face(angle_deg=angle) for angle in (176.0, 178.0, -180.0, -178.0, -176.0)])
    found = [abs(turned_box(one.points).angle_deg) for one in faces]
    assert min(found) > 170


def test_faces_do_not_disturb_each_other_and_those_without_landmarks_are_left() -> None:
    one, two = trembling(30, 1), [face(600 + n, 90, 60, n % 7, 1) for n in range(30)]
    bare = Face((0.0, 0.0, 9.0, 9.0), 1.0, face_id=2)
    steady = Steady()
    together = [steady([a, b, bare], n / 25) for n, (a, b) in enumerate(zip(one, two, strict=True))]
    np.testing.assert_array_equal(values([faces[0] for faces in together]), values(run(one)))
    assert all(faces[2] is bare for faces in together)


def test_a_tracker_written_down_and_taken_up_goes_on_exactly() -> None:
    faces = [Face(one.box_px, 1.0, one.points) for one in trembling(40)]
    whole, broken = Tracker(), Tracker()
    for number, one in enumerate(faces):
        [wanted] = whole.update([one], number / 25)
        if number == 20:
            broken = Tracker.from_state(json.loads(json.dumps(broken.state())))
        [found] = broken.update([one], number / 25)
        assert found.points is not None
        np.testing.assert_array_equal(found.points, wanted.points)


def test_a_state_without_what_was_steadied_is_refused() -> None:
    state = Tracker().state()
    del state["steady"]
    with pytest.raises(SettingError, match="start this video anew"):
        Tracker.from_state(state)
