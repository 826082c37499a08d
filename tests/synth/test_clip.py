"""Clips: action units that rise and fall on time, and a truth for every frame."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import openau
from openau.errors import SettingError
from openau.synth import ClipFrame, ClipSettings, Event, render_clip
from openau.synth.motion import Motion
from openau.synth.movements import MOVEMENTS

SMILE = Event({12: 4.0}, start_s=0.2, onset_s=0.2, apex_s=0.2, offset_s=0.2)


@pytest.fixture(scope="module")
def frames(rig_file: Path) -> list[ClipFrame]:
    settings = ClipSettings(duration_s=1.0, width=64, height=48, frames_per_s=10, seed=3)
    return list(render_clip([SMILE], settings, rig_file))


@given(st.floats(-1, 3))
def test_an_event_is_nothing_outside_its_time_and_never_more_than_its_apex(time_s: float) -> None:
    level = SMILE.level(time_s)
    assert 0 <= level <= 1
    if not 0.2 < time_s < 0.8:
        assert level == pytest.approx(0, abs=1e-9)


def test_an_event_rises_holds_and_falls() -> None:
    levels = [SMILE.level(t) for t in (0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)]
    assert levels[2] == pytest.approx(0.5)
    assert levels[3:6] == pytest.approx([1, 1, 1])
    assert all(b > a for a, b in pairwise(levels[:4]))
    assert all(b < a for a, b in pairwise(levels[5:]))


def test_events_that_overlap_add_up_to_the_maximum_at_most() -> None:
    both = Motion((SMILE, Event({12: 3.0, 4: 2.0}, start_s=0.2))).expression(0.5)
    assert both.left[12] == 5.0
    assert 0 < both.left[4] <= 2


def test_frames_are_numbered_and_timed(frames: list[ClipFrame]) -> None:
    assert [f.index for f in frames] == list(range(10))
    assert [f.time_s for f in frames] == pytest.approx([i / 10 for i in range(10)])
    assert {f.picture.rgb.shape for f in frames} == {(48, 64, 3)}


def test_the_truth_of_each_frame_is_the_event_at_its_time(frames: list[ClipFrame]) -> None:
    for frame in frames:
        assert set(frame.intensity()) == set(MOVEMENTS)
        assert frame.intensity()[12] == pytest.approx(4.0 * SMILE.level(frame.time_s), abs=1e-6)


def test_the_mouth_widens_with_the_smile(frames: list[ClipFrame]) -> None:
    width = [float(np.hypot(*(f.picture.points[54] - f.picture.points[48]))) for f in frames]
    assert width[5] > 1.08 * width[0]
    assert width[9] == pytest.approx(width[0], rel=0.02)


def test_an_au_that_the_renderer_lacks_is_refused_by_name() -> None:
    with pytest.raises(SettingError, match="no AU 13"):
        render_clip([Event({13: 2.0}, 0.0)], ClipSettings(duration_s=1.0))


@pytest.mark.parametrize("settings", [ClipSettings(duration_s=0.0), ClipSettings(duration_s=1.0, height=8)])
def test_an_empty_clip_is_refused(settings: ClipSettings) -> None:
    with pytest.raises(SettingError, match="at least one frame"):
        render_clip([], settings)


def test_the_demo_clip_has_a_truth_for_each_of_its_frames() -> None:
    av = pytest.importorskip("av")
    folder = Path(openau.__file__).parent / "assets" / "demo"
    truth = pd.read_csv(folder / "truth.csv")
    assert (folder / "clip.mp4").stat().st_size < 1_500_000
    with av.open(str(folder / "clip.mp4")) as clip:
        times = [float(frame.time) for frame in clip.decode(video=0)]
    assert truth["frame"].tolist() == list(range(len(times)))
    np.testing.assert_allclose(truth["time_s"], times, atol=0.002)
    assert 10 <= times[-1] <= 13
    peaks = truth[
        ["AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU12", "AU15", "AU26", "AU43"]
    ].max()
    assert (peaks >= 3).all()
    assert (truth.iloc[0, 2:] < 1).all()
