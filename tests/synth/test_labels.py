"""Labels never contradict the picture: one test per rule, on invented measures and on posed faces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.synth.expression import Expression, pose_face
from openau.synth.identity import Stage, Subject, draw_subject
from openau.synth.labels import (
    JAW_DROP_LEVELS_CM,
    LIP_GAP_LEVELS_CM,
    MOUTH_STRETCH_LEVELS_CM,
    Evidence,
    Shown,
    close_eyes,
    drop_jaw,
    face_truth,
    lips_part_intensity,
    lower_corners,
    measure,
    measured_truth,
    part_lips,
    press_lips,
    raise_upper_lid,
)

REST = Shown(lip_gap_cm=0.07, lid_gap_cm=0.8, upper_lid_cm=0.5, corner_cm=-2.3, jaw_cm=-4.0)


def seen(gaze_up: float = 0.0, **measures: float) -> Evidence:
    return Evidence(replace(REST, **measures), REST, gaze_up)


@pytest.fixture(scope="module")
def crowd(stage: Stage) -> list[Subject]:
    rng = np.random.default_rng(21)
    return [draw_subject(stage, rng) for _ in range(6)]


def test_au25_is_the_lip_gap_whoever_opened_the_lips() -> None:
    labels = {25: 4.0}
    part_lips(labels, seen(lip_gap_cm=0.0))
    assert labels[25] == 0
    labels = {10: 3.0}
    part_lips(labels, seen(lip_gap_cm=0.42))
    assert labels[25] == 2


def test_closed_lips_are_no_au25_and_each_level_begins_at_its_gap() -> None:
    assert [lips_part_intensity(gap) for gap in LIP_GAP_LEVELS_CM] == [0, 1, 2, 3, 4, 5]
    assert lips_part_intensity(0.0) == 0
    assert lips_part_intensity(9.0) == 5


@given(st.floats(0, 5), st.floats(0, 5))
def test_a_wider_gap_is_never_less_au25(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert lips_part_intensity(low) <= lips_part_intensity(high)


def test_a_jaw_that_did_not_fall_is_no_au26() -> None:
    labels = {26: 4.0}
    drop_jaw(labels, seen())
    assert labels[26] == 0


def test_a_jaw_that_falls_for_other_reasons_is_not_labelled() -> None:
    labels = {12: 3.0}
    drop_jaw(labels, seen(jaw_cm=-5.0))
    assert labels == {12: 3.0}


def test_a_stretched_mouth_within_a_relaxed_jaws_reach_is_au26_and_beyond_it_au27() -> None:
    labels = {27: 1.0}
    drop_jaw(labels, seen(jaw_cm=REST.jaw_cm - JAW_DROP_LEVELS_CM[2]))
    assert labels == pytest.approx({26: 2.0})
    labels = {27: 4.0}
    drop_jaw(labels, seen(jaw_cm=REST.jaw_cm - MOUTH_STRETCH_LEVELS_CM[3]))
    assert labels == pytest.approx({27: 3.0})


def test_an_open_eye_denies_au43() -> None:
    labels = {43: 4.0}
    close_eyes(labels, seen())
    assert labels[43] == 0


def test_a_narrow_eye_alone_is_no_au43() -> None:
    labels = {6: 5.0, 7: 5.0, 12: 4.0}
    close_eyes(labels, seen(lid_gap_cm=0.2))
    assert 43 not in labels


@pytest.mark.parametrize("asked", [{}, {43: 2.0}, {7: 5.0}])
def test_a_shut_eye_is_au43_whatever_shut_it(asked: dict[int, float]) -> None:
    labels = dict(asked)
    close_eyes(labels, seen(lid_gap_cm=0.03))
    assert labels[43] == 5


def test_au5_is_no_more_than_the_upper_lids_rise() -> None:
    labels = {5: 5.0}
    raise_upper_lid(labels, seen(upper_lid_cm=0.655))
    assert labels[5] == pytest.approx(3, abs=0.01)
    labels = {5: 5.0}
    raise_upper_lid(labels, seen())
    assert labels[5] == 0


def test_lowered_or_closing_eyes_show_no_au5() -> None:
    labels = {5: 3.0}
    raise_upper_lid(labels, seen(gaze_up=-0.5, upper_lid_cm=0.9))
    assert labels[5] == 0
    labels = {5: 3.0, 43: 2.0}
    raise_upper_lid(labels, seen(upper_lid_cm=0.9))
    assert labels[5] == 0


def test_parted_lips_are_not_pressed_tightened_or_sucked_in() -> None:
    labels = {23: 3.0, 24: 3.0, 28: 3.0, 12: 2.0}
    press_lips(labels, seen(lip_gap_cm=0.5))
    assert labels == {12: 2.0}
    labels = {23: 3.0, 24: 3.0, 28: 3.0}
    press_lips(labels, seen())
    assert labels == {23: 3.0, 24: 3.0, 28: 3.0}


def test_corners_pulled_high_are_not_labelled_au15() -> None:
    labels = {12: 5.0, 15: 3.0}
    lower_corners(labels, seen(corner_cm=-1.7))
    assert labels == {12: 5.0}
    labels = {12: 1.0, 15: 3.0}
    lower_corners(labels, seen(corner_cm=-2.4))
    assert labels == {12: 1.0, 15: 3.0}


def test_truth_keeps_the_sides_apart_and_leaves_out_what_is_not_there() -> None:
    expression = Expression({12: 3.0, 4: 0.0, 43: 5.0}, {12: 1.0, 4: 0.0})
    winking = (replace(REST, lid_gap_cm=0.0), REST)
    assert measured_truth(expression, winking, (REST, REST)) == ({12: 3.0, 43: 5.0}, {12: 1.0})


@pytest.mark.parametrize("au", [1, 2, 4, 5, 6, 7, 9, 12, 14, 15, 17, 18, 20, 23, 24, 26, 27, 28, 43])
def test_an_au_alone_is_labelled_as_it_was_asked(stage: Stage, crowd: list[Subject], au: int) -> None:
    for someone in crowd:
        for intensity in (1.0, 3.0, 5.0):
            left, right = face_truth(stage.rig, someone.vertices, Expression.both({au: intensity}))
            assert left[au] == pytest.approx(intensity, abs=0.25)
            assert right[au] == pytest.approx(intensity, abs=0.25)


@pytest.mark.parametrize("gaze_up", [0.0, -1.0])
def test_neither_a_squinting_smile_nor_lowered_eyes_are_labelled_au43(
    stage: Stage, crowd: list[Subject], gaze_up: float
) -> None:
    strong = {6: 5.0, 7: 5.0, 12: 5.0, 9: 5.0}
    for someone in crowd:
        face = Expression(strong, strong, gaze=(0.0, gaze_up))
        assert all(43 not in side for side in face_truth(stage.rig, someone.vertices, face))


def test_au43_at_its_maximum_shuts_every_eye_and_passes_no_lid_through_the_other(
    stage: Stage, crowd: list[Subject]
) -> None:
    for someone in crowd:
        for others in ({}, {7: 5.0}, {6: 5.0, 7: 4.0, 12: 5.0}):
            shut = Expression.both({43: 5.0, **others})
            for half in measure(pose_face(stage.rig, someone.vertices, shut), stage.rig):
                assert abs(half.lid_gap_cm) < 0.03
