"""Action units become movements: the table, its sides, and the labels that pixels dictate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.facs import ACTION_UNITS, au_set
from openau.synth.expression import Expression, add_shapes, movement_share, shape_weights
from openau.synth.movements import LOWER, LOWERED, MOVEMENTS, PINCH, TIGHT
from openau.synth.rig import Rig

INTENSITY = st.floats(0, 5)


def test_the_table_holds_every_au_that_openau_reads_and_the_distractors() -> None:
    assert set(au_set("openau-18")) | {16, 18, 22, 27, 28} == set(MOVEMENTS)
    assert set(MOVEMENTS) <= set(ACTION_UNITS)


@pytest.mark.parametrize("au", MOVEMENTS)
def test_every_movement_moves_something_and_says_what_was_chosen(au: int) -> None:
    assert MOVEMENTS[au].sided or MOVEMENTS[au].middle
    assert MOVEMENTS[au].remark.endswith((".", "`."))


@given(INTENSITY, INTENSITY)
def test_more_intensity_is_never_less_movement(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 0 <= movement_share(low) <= movement_share(high) <= 1


def test_a_one_sided_au_moves_only_shapes_of_its_side() -> None:
    names = shape_weights(Expression(left={12: 3.0}, right={}))
    assert {name[-2:] for name in names} == {"_L"}


@pytest.mark.parametrize("au", MOVEMENTS)
def test_swapping_the_sides_swaps_the_shapes(au: int) -> None:
    there = shape_weights(Expression(left={au: 4.0}, right={au: 1.0}))
    back = shape_weights(Expression(left={au: 1.0}, right={au: 4.0}))
    swap = {"_L": "_R", "_R": "_L"}
    assert {n[:-2] + swap.get(n[-2:], n[-2:]): w for n, w in there.items()} == pytest.approx(back)


def test_a_neutral_face_looking_ahead_moves_nothing() -> None:
    assert shape_weights(Expression()) == {}


def test_the_gaze_turns_both_eyes_the_same_way() -> None:
    weights = shape_weights(Expression(gaze=(0.5, -0.4)))
    assert weights == {
        "eyeLookOut_L": 0.5,
        "eyeLookIn_R": 0.5,
        "eyeLookDown_L": 0.4,
        "eyeLookDown_R": 0.4,
        f"{LOWERED}_L": 0.4,
        f"{LOWERED}_R": 0.4,
    }


def test_shapes_add_up_at_the_vertices_they_name(plane: Rig) -> None:
    vertices = plane.vertices.copy()
    add_shapes(vertices, plane, {"jawOpen": 0.5, "browDown_L": 2.0})
    expected = plane.vertices + 2.0
    expected[0] += (0, -0.5, 0)
    expected[5] += (0, -1.0, 0)
    np.testing.assert_allclose(vertices, expected, atol=1e-6)


def test_the_pinch_draws_both_inner_brows_down_and_together(plane: Rig) -> None:
    inner = plane.landmarks[22]
    vertices = plane.vertices.copy()
    add_shapes(vertices, plane, {PINCH + "_L": 1.0, LOWER + "_L": 1.0})
    moved = vertices[inner] - plane.vertices[inner]
    assert moved[1] < -0.2
    assert moved[0] * np.sign(plane.vertices[inner, 0]) < -0.1


def test_the_tight_lid_raises_the_lower_lid(plane: Rig) -> None:
    vertices = plane.vertices.copy()
    add_shapes(vertices, plane, {TIGHT + "_L": 1.0})
    moved = vertices - plane.vertices
    assert moved[:, 1].max() > 0.1
    assert moved[:, 1].min() >= 0
