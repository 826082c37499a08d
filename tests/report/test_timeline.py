"""Time series in bounded memory lose neither peaks nor gaps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openau.report import chart
from openau.report.timeline import (
    CAPACITY,
    EMOTION_SLOTS,
    Clock,
    VideoTimeline,
    emotion_slot,
    strongest_emotion,
)


def filled(values: list[float | None], frames_per_s: float = 30.0) -> VideoTimeline:
    """A timeline of one face with one AU; None is a frame without the face."""
    timeline = VideoTimeline()
    for index, value in enumerate(values):
        bucket = timeline.tick(index / frames_per_s, index)
        if value is not None:
            timeline.add(0, bucket, np.array([value], np.float32), index % 3)
    return timeline


def test_a_short_video_is_kept_frame_by_frame() -> None:
    values = [0.1, 0.9, None, 0.4]
    clock, buckets = filled(values).shown(0, 100)
    assert clock.used == 4
    assert clock.step == 1
    assert buckets.mean()[:, 0] == pytest.approx([0.1, 0.9, np.nan, 0.4], nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5 * CAPACITY), st.integers(10, 300), st.integers(0, 2**31))
def test_counts_sums_and_extremes_are_those_of_all_frames_however_many(
    length: int, limit: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    raw = random.random(length).astype(np.float32)
    values = [None if random.random() < 0.2 else float(v) for v in raw]
    known = np.array([v for v in values if v is not None])
    if not len(known):
        return
    clock, buckets = filled(values).shown(0, limit)
    assert clock.used <= limit
    assert int(clock.frames[: clock.used].sum()) == length
    assert int(buckets.count.sum()) == len(known)
    assert buckets.total.sum() == pytest.approx(known.sum(), rel=1e-5)
    assert float(buckets.low.min()) == pytest.approx(known.min())
    assert float(buckets.high.max()) == pytest.approx(known.max())
    assert int(buckets.emotion.sum()) == len(known)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4 * CAPACITY), st.integers(1, 500))
def test_buckets_follow_each_other_without_hole_or_overlap(length: int, limit: int) -> None:
    clock, _ = filled([0.5] * length).shown(0, limit)
    used = clock.used
    assert clock.first[0] == 0
    assert clock.last[used - 1] == length - 1
    assert (clock.first[1:used] == clock.last[: used - 1] + 1).all()
    assert (clock.start_s[1:used] > clock.end_s[: used - 1]).all()
    assert clock.start_s[0] == 0
    assert clock.end_s[used - 1] == pytest.approx((length - 1) / 30)


def test_a_gap_as_long_as_a_bucket_stays_a_gap() -> None:
    length = 6 * CAPACITY
    values: list[float | None] = [0.5] * length
    values[2000:2400] = [None] * 400
    clock, buckets = filled(values).shown(0, CAPACITY)
    mean = buckets.mean()[:, 0]
    missing = np.isnan(mean)
    assert missing.any()
    inside = (clock.first[: clock.used] >= 2000) & (clock.last[: clock.used] < 2400)
    assert (missing == inside).all()


def test_a_single_frame_peak_survives_any_pairing() -> None:
    values: list[float | None] = [0.1] * 20_000
    values[12_345] = 0.99
    clock, buckets = filled(values).shown(0, 200)
    place = int(buckets.high[:, 0].argmax())
    assert clock.first[place] <= 12_345 <= clock.last[place]
    assert float(buckets.high[place, 0]) == pytest.approx(0.99)


def test_a_face_that_comes_late_is_unknown_before() -> None:
    timeline = VideoTimeline()
    for index in range(3000):
        bucket = timeline.tick(index / 30, index)
        timeline.add(0, bucket, np.array([0.2], np.float32), None)
        if index >= 1500:
            timeline.add(7, bucket, np.array([0.8], np.float32), None)
    clock, buckets = timeline.shown(7, CAPACITY)
    mean = buckets.mean()[:, 0]
    assert np.isnan(mean[clock.last[: clock.used] < 1500]).all()
    assert mean[clock.first[: clock.used] >= 1500] == pytest.approx(0.8)


def test_a_nan_probability_is_unknown_and_the_other_aus_are_not() -> None:
    timeline = VideoTimeline()
    timeline.add(0, timeline.tick(0.0, 0), np.array([np.nan, 0.3], np.float32), None)
    mean = timeline.shown(0, 10)[1].mean()
    assert np.isnan(mean[0, 0])
    assert mean[0, 1] == pytest.approx(0.3)


def test_a_saved_timeline_goes_on_as_if_never_interrupted() -> None:
    whole = filled([0.3, None, 0.7] * 900)
    half = VideoTimeline.from_state(json.loads(json.dumps(filled(([0.3, None, 0.7] * 900)[:1700]).state())))
    for index in range(1700, 2700):
        bucket = half.tick(index / 30, index)
        value = [0.3, None, 0.7][index % 3]
        if value is not None:
            half.add(0, bucket, np.array([value], np.float32), index % 3)
    assert json.dumps(half.state()) == json.dumps(whole.state())


def test_emotions_beyond_the_slots_share_the_last_one() -> None:
    names: list[str] = []
    slots = [emotion_slot(names, f"emotion {i}") for i in range(EMOTION_SLOTS + 3)]
    assert slots[:EMOTION_SLOTS] == list(range(EMOTION_SLOTS))
    assert slots[EMOTION_SLOTS:] == [EMOTION_SLOTS - 1] * 3
    assert emotion_slot([], None) == 0
    counts = np.zeros((2, EMOTION_SLOTS), np.int32)
    counts[1, 4] = 2
    assert strongest_emotion(counts) == [-1, 4]


# --- the drawing of it


def test_a_curve_breaks_where_the_value_is_not_known() -> None:
    x = np.array([0, 10, 20, 30, 40])
    path = chart.line_path(x, np.array([0.0, 1.0, np.nan, 0.5, np.nan]))
    assert path == "M0 100l10-100M30 50l0 0"


def test_nothing_known_draws_nothing() -> None:
    x = np.array([0, 10])
    nothing = np.full(2, np.nan)
    assert chart.line_path(x, nothing) == ""
    assert chart.band_path(x, nothing, nothing, np.array([False, False])) == ""


def test_a_band_goes_out_along_the_top_and_back_along_the_bottom() -> None:
    x = np.array([0, 10])
    path = chart.band_path(x, np.array([0.2, 0.2]), np.array([0.8, 0.6]), np.array([True, True]))
    assert path == "M0 20l10 20 0 40-10 0z"


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0.0, "0.00 s"), (7.254, "7.25 s"), (59.999, "1:00.00"), (127.25, "2:07.25"), (3727.5, "1:02:07.50")],
)
def test_times_are_written_for_reading(time_s: float, text: str) -> None:
    assert chart.clock_time(time_s) == text


@settings(deadline=None)
@given(st.floats(0, 1e5), st.floats(0.01, 1e5))
def test_a_time_axis_has_few_round_ticks_within_the_span(start: float, length: float) -> None:
    marks = chart.ticks((start, start + length))
    assert len(marks) <= 8
    assert all(-0.01 <= at <= 100.01 for at, _ in marks)
    assert not any(label.startswith("-") for _, label in marks)


def test_stretches_of_one_emotion_join_and_gaps_stay_empty() -> None:
    clock = Clock()
    for index in range(6):
        clock.tick(float(index), index)
    parts = chart.segments(clock, (0.0, 5.0), [0, 0, -1, 1, 1, 1])
    assert [(slot, start, end) for slot, _, _, start, end in parts] == [(0, 0.0, 2.0), (1, 3.0, 5.0)]
    assert [(x, width) for _, x, width, _, _ in parts] == [(0, 800), (1200, 800)]
