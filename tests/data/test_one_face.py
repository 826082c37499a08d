"""The face of a labelled picture is found however large it is, and whatever else is in the picture."""

from __future__ import annotations

import cv2
import numpy as np

from openau.data.one_face import find_face
from openau.records import Box, Face, Pixels

HEAD = slice(40, 200), slice(150, 300)  # rows and columns around the astronaut's head
SIDE = 108.0  # of the face in it


def shown(astronaut: Pixels, faces: list[tuple[float, int, int]], size: tuple[int, int]) -> Pixels:
    """Lay heads on grey, each with a face of a given side and the upper left corner at x, y."""
    picture = np.full((size[1], size[0], 3), 120, np.uint8)
    for side, x, y in faces:
        scale = side / SIDE
        head = cv2.resize(astronaut[HEAD], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture[y : y + head.shape[0], x : x + head.shape[1]] = head
    return picture


def side_of(face: Face | None) -> float:
    assert face is not None
    return face.box_px[2] - face.box_px[0]


def test_without_a_true_box_it_is_the_largest(astronaut: Pixels) -> None:
    picture = shown(astronaut, [(60, 20, 20), (110, 300, 200), (40, 60, 300)], (640, 480))
    assert abs(side_of(find_face(picture, "openau", None)) / 110 - 1) < 0.12


def test_with_a_true_box_it_is_the_one_that_lies_there(astronaut: Pixels) -> None:
    picture = shown(astronaut, [(40, 20, 20), (220, 300, 40)], (640, 480))
    small: Box = (32.0, 22.0, 72.0, 62.0)
    face = find_face(picture, "openau", small)
    assert abs(side_of(face) / 40 - 1) < 0.2
    assert face is not None
    assert face.box_px[2] < 100


def test_a_face_too_small_for_a_quick_search_is_found_by_a_thorough_one(astronaut: Pixels) -> None:
    picture = shown(astronaut, [(28, 900, 700)], (1920, 1280))
    assert abs(side_of(find_face(picture, "openau", None)) / 28 - 1) < 0.25


def test_where_no_face_is_there_is_none() -> None:
    assert find_face(np.full((480, 640, 3), 120, np.uint8), "openau", None) is None


def test_a_detector_of_ones_own_is_asked_once() -> None:
    asked: list[int] = []

    def find(rgb: Pixels) -> list[Face]:
        asked.append(1)
        return []

    assert find_face(np.zeros((20, 20, 3), np.uint8), lambda: find, None) is None
    assert asked == [1]
