"""Faces followed through a video: as if every frame were searched, in less work."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from openau.errors import SettingError
from openau.faces import Follower, LooksAgain, stretch_of
from openau.faces.haar import HaarDetector
from openau.faces.heads import HeadDetector
from openau.records import Face, Frame, Pixels

HAAR, HEADS = HaarDetector(), HeadDetector()
EACH = pytest.mark.parametrize("detector", [HAAR, HEADS], ids=["haar", "openau"])


def frame(index: int, *, width: int = 64, height: int = 48) -> Frame:
    return Frame(np.zeros((height, width, 3), np.uint8), "v", index)


def shifted(rgb: Pixels, x: float, y: float = 0.0) -> Pixels:
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    size = (rgb.shape[1], rgb.shape[0])
    return np.asarray(cv2.warpAffine(rgb, matrix, size, borderMode=cv2.BORDER_REFLECT), np.uint8)


class Searches:
    """A search that finds one face and keeps what it was told."""

    def __init__(self) -> None:
        self.known: list[int] = []

    def __call__(self, rgb: Pixels, known: Sequence[Face]) -> tuple[Face, ...]:
        self.known.append(len(known))
        return (Face((0, 0, 8, 8), 1.0),)


def test_every_eighth_frame_of_a_small_video_is_searched_as_a_whole() -> None:
    search = Searches()
    follow = Follower(search)
    for index in range(20):
        follow(frame(index))
    assert [index for index, known in enumerate(search.known) if not known] == [0, 8, 16]


def test_frames_left_out_count_so_that_a_search_is_never_long_ago() -> None:
    search = Searches()
    follow = Follower(search)
    for index in range(0, 40, 5):
        follow(frame(index))
    assert search.known == [0, 1, 0, 1, 0, 0, 1, 0]  # frames 0 5 | 10 15 | 20 | 25 30 | 35


@pytest.mark.parametrize(
    ("width", "height", "frames"), [(640, 480, 8), (1920, 1080, 3), (3840, 2160, 1), (8000, 6000, 1)]
)
def test_a_stretch_of_large_frames_is_short(width: int, height: int, frames: int) -> None:
    pixels = np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3))
    assert [stretch_of(Frame(pixels, "v", index)) for index in (0, frames - 1, frames)] == [0, 0, 1]


@EACH
def test_a_moved_face_is_found_again_where_a_search_finds_it(
    detector: HaarDetector | HeadDetector, astronaut: Pixels
) -> None:
    assert isinstance(detector, LooksAgain)
    known = detector(astronaut)
    for x, y in ((0, 0), (4, 1), (-20, 6), (12, -15)):
        moved = shifted(astronaut, x, y)
        again, searched = detector.again(moved, known), detector(moved)
        assert again is not None
        assert len(again) == len(searched) == 1
        side = searched[0].box_px[2] - searched[0].box_px[0]
        assert math.dist(again[0].box_px, searched[0].box_px) < 0.05 * side
        assert abs(again[0].score - searched[0].score) < 0.05


@EACH
def test_a_lost_face_is_said(detector: HaarDetector | HeadDetector, astronaut: Pixels) -> None:
    known = detector(astronaut)
    assert detector.again(shifted(astronaut, 160), known) is None
    assert detector.again(np.zeros_like(astronaut), known) is None


@EACH
def test_one_face_is_not_found_twice(detector: HaarDetector | HeadDetector, astronaut: Pixels) -> None:
    [face] = detector(astronaut)
    x1, y1, x2, y2 = face.box_px
    beside = Face((x1 + 10, y1, x2 + 10, y2), face.score)
    assert detector.again(astronaut, [face, beside]) is None


@EACH
def test_only_pictures_are_looked_at_again(detector: HaarDetector | HeadDetector, astronaut: Pixels) -> None:
    with pytest.raises(SettingError, match="uint8"):
        detector.again(astronaut.astype(float), detector(astronaut))
