"""Motion: natural timing, blinks and glances, drawn once and then only evaluated."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from openau.errors import SettingError
from openau.synth import ClipSettings, Event, Expression, sequence
from openau.synth.motion import APEX_S, OFFSET_S, ONSET_S, Motion, draw_blinks, draw_motion

FACES = [Expression.both({6: 3.0, 12: 4.0}), Expression({14: 3.0}, {})]


def drawn(seed: int = 0, duration_s: float = 20.0, faces: list[Expression] | None = None) -> Motion:
    return draw_motion(np.random.default_rng(seed), duration_s, FACES if faces is None else faces)


def course(motion: Motion, au: int, duration_s: float = 20.0) -> list[float]:
    """The AU's intensity on the left, a hundred times a second."""
    return [motion.expression(t / 100).left.get(au, 0.0) for t in range(round(100 * duration_s))]


def test_the_same_seed_moves_the_same_way_and_another_does_not() -> None:
    assert drawn(4) == drawn(4)
    assert drawn(4) != drawn(5)


def test_every_expression_reaches_its_apex_in_its_turn_and_ends_at_rest() -> None:
    motion = drawn()
    smile, dimple = course(motion, 12), course(motion, 14)
    assert max(smile) == pytest.approx(4.0)
    assert max(dimple) == pytest.approx(3.0)
    assert np.argmax(smile) < np.argmax(dimple)
    assert smile[0] == smile[-1] == dimple[-1] == 0


def test_sides_keep_their_own_intensities() -> None:
    motion = drawn()
    assert max(motion.expression(t / 50).right.get(14, 0.0) for t in range(1000)) == 0


def test_movement_is_smooth() -> None:
    smile = course(drawn(), 12)
    assert max(abs(b - a) for a, b in pairwise(smile)) < 4.0 * 1.5 / (100 * ONSET_S[0]) * 1.01


@pytest.mark.parametrize("seed", range(6))
def test_onset_apex_and_offset_last_as_long_as_in_life(seed: int) -> None:
    events = [event for event in drawn(seed).events if 43 not in event.aus()]
    assert len(events) == 3
    for event in events:
        assert ONSET_S[0] <= event.onset_s <= ONSET_S[1]
        assert APEX_S[0] <= event.apex_s <= APEX_S[1]
        assert OFFSET_S[0] <= event.offset_s <= OFFSET_S[1]
        assert 0 <= event.start_s < event.end_s <= 20


def test_people_blink_every_few_seconds_and_briefly() -> None:
    blinks = draw_blinks(np.random.default_rng(2), 600.0)
    assert 120 <= len(blinks) <= 220
    assert all(0.2 < blink.end_s - blink.start_s < 0.45 for blink in blinks)
    assert all(b.start_s - a.end_s >= 0.4 for a, b in pairwise(blinks))
    assert np.std([b.start_s - a.start_s for a, b in pairwise(blinks)]) > 1


def test_nobody_blinks_while_the_eyes_are_closed_anyway() -> None:
    shut = Event({43: 5.0}, 5.0, apex_s=30.0)
    blinks = draw_blinks(np.random.default_rng(2), 60.0, [shut])
    assert blinks
    assert all(blink.end_s < shut.start_s or blink.start_s > shut.end_s for blink in blinks)


def test_eyes_rest_on_the_camera_mostly_and_jump_elsewhere() -> None:
    motion = drawn(duration_s=120.0)
    gaze = np.array([motion.gaze(t / 20) for t in range(2400)])
    assert (np.hypot(*gaze.T) < 0.25).mean() > 0.5
    assert np.abs(gaze).max() > 0.3
    assert np.abs(gaze).max() <= 0.8


def test_the_head_sways_slowly_and_little() -> None:
    motion = drawn()
    head = np.array([motion.head_deg(t / 25) for t in range(500)])
    assert 0.5 < np.abs(head).max() <= 3.0
    assert np.abs(np.diff(head, axis=0)).max() < 0.2


def test_what_does_not_fit_is_refused_with_the_time_it_needs() -> None:
    with pytest.raises(SettingError, match=r"take \d+\.\d s but the clip lasts 2\.0 s"):
        drawn(duration_s=2.0)


def test_without_expressions_the_face_does_what_comes() -> None:
    motion = draw_motion(np.random.default_rng(1), 30.0)
    assert len({au for event in motion.events for au in event.aus()}) > 4


def test_frames_of_a_sequence_stream_with_the_truth_of_their_moment(rig_file: Path) -> None:
    settings = ClipSettings(duration_s=6.0, width=64, height=48, frames_per_s=5, seed=3)
    frames = sequence(settings, [Expression.both({1: 4.0, 2: 4.0, 26: 4.0})], rig_file)
    first = next(frames)
    rest = list(frames)
    assert len(rest) == 29
    assert first.intensity()[26] < 0.5
    assert max(frame.intensity()[26] for frame in rest) == pytest.approx(4.0, abs=0.2)
    again = next(sequence(settings, [Expression.both({1: 4.0, 2: 4.0, 26: 4.0})], rig_file))
    assert np.array_equal(first.picture.rgb, again.picture.rgb)


def test_a_sequence_refuses_an_au_that_the_renderer_lacks_before_the_first_frame() -> None:
    with pytest.raises(SettingError, match="no AU 13"):
        sequence(ClipSettings(duration_s=5.0), [Expression.both({13: 2.0})])
