"""Cameras give frames with the time of their arrival, or one clear sentence."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from openau.errors import InputError, SettingError
from openau.read import read_camera
from openau.records import Pixels


class FakeCamera:
    """A camera that follows a script: True gives a frame, False misses one."""

    def __init__(self, script: list[bool], *, there: bool = True) -> None:
        self.script = list(script)
        self.there = there
        self.released = 0
        self.given = 0

    def isOpened(self) -> bool:  # noqa: N802  # OpenCV's name
        return self.there

    def grab(self) -> bool:
        return self.script.pop(0) if self.script else False

    def retrieve(self) -> tuple[bool, Pixels]:
        self.given += 1
        return True, np.full((4, 6, 3), (250, 100, self.given), np.uint8)  # BGR

    def release(self) -> None:
        self.released += 1


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_frames_are_rgb_numbered_and_timed_by_a_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 100.04, 100.5, 107.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    frames = list(islice(read_camera(2, capture=FakeCamera([True] * 4)), 4))
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.04, 0.5, 7])
    assert frames[2].rgb[0, 0].tolist() == [3, 100, 250]
    assert frames[0].rgb.flags.c_contiguous
    assert frames[0].source == "camera 2"


def test_a_missed_frame_is_passed_over_but_its_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    frames = list(islice(read_camera(0, capture=FakeCamera([True, False, True])), 2))
    assert [(frame.index, frame.time_s) for frame in frames] == [(0, 0.0), (1, 2.0)]


def test_a_camera_that_is_unplugged_ends_in_a_sentence_and_is_given_back() -> None:
    camera = FakeCamera([True, True])
    frames = read_camera(1, capture=camera)
    next(frames), next(frames)
    with pytest.raises(InputError, match="Camera 1 gives no more frames after 2"):
        next(frames)
    assert camera.released == 1


def test_closing_the_iterator_gives_the_camera_back() -> None:
    camera = FakeCamera([True] * 9)
    frames = read_camera(0, capture=camera)
    next(frames)
    frames.close()  # type: ignore[attr-defined]  # it is a generator
    assert camera.released == 1


def test_a_camera_that_cannot_be_opened_is_refused() -> None:
    camera = FakeCamera([], there=False)
    with pytest.raises(InputError, match="Camera 3 cannot be opened"):
        next(read_camera(3, capture=camera))
    assert camera.released == 1


def test_a_camera_that_does_not_exist_is_refused_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="Camera 97 cannot be opened"):
        next(read_camera(97))
    assert capfd.readouterr() == ("", "")


def test_a_negative_number_is_refused_at_once() -> None:
    with pytest.raises(SettingError, match="numbered from 0"):
        read_camera(-1)
