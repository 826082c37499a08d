"""Landmarks of the lids at the thirds of the fissure."""

import numpy as np
import pytest

from openau.faces.align import TEMPLATE
from openau.synth.eyelids import even_lids

LIDS = (37, 38, 40, 41, 43, 44, 46, 47)


def face_with(upper: tuple[float, float]) -> np.ndarray:
    """Return landmarks: the right upper lid is the parabola y = x (1 - x), known at two places."""
    points = TEMPLATE.astype(np.float32) * 100
    points[36], points[39] = (0, 0), (1, 0)
    points[41], points[40] = (0.3, 0.2), (0.7, 0.2)
    for number, x in zip((37, 38), upper, strict=True):
        points[number] = (x, -x * (1 - x))
    return points


@pytest.mark.parametrize("upper", [(0.2, 0.6), (1 / 3, 2 / 3), (0.4, 0.9)])
def test_lids_are_marked_at_the_thirds_wherever_their_curve_was_known(upper: tuple[float, float]) -> None:
    placed = even_lids(face_with(upper))
    assert placed[37] == pytest.approx((1 / 3, -2 / 9), abs=1e-5)
    assert placed[38] == pytest.approx((2 / 3, -2 / 9), abs=1e-5)


def test_corners_and_all_other_landmarks_stay() -> None:
    points = TEMPLATE.astype(np.float32)
    others = [number for number in range(68) if number not in LIDS]
    np.testing.assert_array_equal(even_lids(points)[others], points[others])


def test_a_turned_enlarged_face_has_turned_enlarged_landmarks() -> None:
    points, turn = TEMPLATE.astype(np.float32) * 80, np.array([[0.6, -0.8], [0.8, 0.6]], np.float32) * 1.7
    np.testing.assert_allclose(even_lids(points @ turn + 5), even_lids(points) @ turn + 5, atol=1e-4)


def test_faces_side_by_side_are_placed_as_one_by_one() -> None:
    several = np.stack([face_with((0.2, 0.6)), TEMPLATE.astype(np.float32) * 50])
    np.testing.assert_array_equal(even_lids(several), np.stack([even_lids(face) for face in several]))


def test_an_eye_seen_from_the_side_keeps_its_landmarks() -> None:
    points = face_with((0.01, 0.02))
    np.testing.assert_array_equal(even_lids(points)[[37, 38]], points[[37, 38]])
