"""Things before faces: what hides the eyes lies over them, in any pose, and leaves something of the face."""

from __future__ import annotations

import math

import numpy as np
import pytest

from openau.records import Floats
from openau.synth import coverings
from openau.synth.coverings import cover_part

SIDE, SIZE = 96, 60.0
POINTS = np.array([[35, 40], [61, 40], [48, 52], [38, 66], [58, 66]], np.float32)


def turned(points: Floats, degrees: float) -> Floats:
    """Turn points about the middle of the picture."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.array([[cos, -sin], [sin, cos]])
    return np.asarray((points - SIDE / 2) @ matrix.T + SIDE / 2, np.float32)


@pytest.mark.parametrize(
    ("kind", "degrees"), [("bar", 0.0), ("bar", 180.0), ("glasses", 0.0), ("glasses", 40.0)]
)
def test_a_bar_and_dark_glasses_hide_both_eyes_and_not_the_mouth(kind: str, degrees: float) -> None:
    points = turned(POINTS, degrees)
    eyes = []
    for seed in range(30):
        cover = np.zeros((SIDE, SIDE), np.uint8)
        coverings._DRAWN[kind](np.random.default_rng(seed), cover, points, SIZE)
        eyes += [cover[round(float(y)), round(float(x))] > 0 for x, y in points[:2]]
        middle = points[3:].mean(0)
        assert not cover[round(float(middle[1])), round(float(middle[0]))]
    assert np.mean(eyes) > 0.9


def test_fingers_reach_over_the_eyes_from_one_side() -> None:
    shares = []
    for seed in range(40):
        cover = np.zeros((SIDE, SIDE), np.uint8)
        coverings._DRAWN["hand"](np.random.default_rng(seed), cover, POINTS, SIZE)
        left, right = cover[:, 0].any(), cover[:, -1].any()
        shares.append(left != right)
        assert cover[28:56, 30:66].any()
    assert np.mean(shares) > 0.8


def test_what_is_not_covered_stays_as_it_was_and_what_is_says_so() -> None:
    hidden = []
    for seed in range(60):
        picture = np.full((SIDE, SIDE), 77.5, np.float32)
        rng = np.random.default_rng(seed)
        there = cover_part(rng, picture, POINTS, SIZE, lambda: np.full((SIDE, SIDE), 200.25, np.float32))
        assert (picture[~there] == 77.5).all()
        assert (picture[there] != 77.5).all()
        hidden.append(float(there[18:78, 18:78].mean()))
    assert 0.05 < np.mean(hidden) < 0.5
