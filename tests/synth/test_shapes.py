"""What action units do to the mesh: more with intensity, side by side, and mirrored when the sides swap."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.expression import Expression, pose_face, shape_weights
from openau.synth.identity import Stage, Subject, draw_subject
from openau.synth.movements import LEVEL_WEIGHTS, MOVEMENTS, YIELDS
from openau.synth.own_shapes import own_shapes
from openau.synth.rig import EYE, FACE
from openau.synth.sample import ONE_SIDED
from openau.synth.texture import float32

LEVELS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
CELL_CM = 0.05


@pytest.fixture(scope="module")
def crowd(stage: Stage) -> list[Subject]:
    rng = np.random.default_rng(31)
    return [draw_subject(stage, rng) for _ in range(3)]


@pytest.fixture(scope="module")
def mirror(stage: Stage) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Vertices of the face's skin on the left and, for each, its mirror image on the right."""
    skin = np.unique(stage.rig.triangles[stage.rig.part == FACE]).astype(np.int64)
    points = stage.rig.vertices[skin]
    left, right = skin[points[:, 0] > 0.05], skin[points[:, 0] < -0.05]
    left = left[::9]
    image = stage.rig.vertices[left] * float32([-1, 1, 1])
    other = stage.rig.vertices[right]
    nearest = np.array([int(((other - point) ** 2).sum(axis=1).argmin()) for point in image])
    close = np.linalg.norm(other[nearest] - image, axis=1) < CELL_CM
    assert close.mean() > 0.9
    return left[close], right[nearest[close]]


def moved(stage: Stage, resting: Floats, expression: Expression) -> Floats:
    """What an expression adds to a face at rest, whose eyes look into the camera."""
    return pose_face(stage.rig, resting, expression) - pose_face(stage.rig, resting, Expression())


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("au", sorted(ONE_SIDED))
def test_each_side_moves_farther_with_every_level(
    stage: Stage, crowd: list[Subject], au: int, side: str
) -> None:
    sign = 1 if side == "left" else -1
    for someone in crowd:
        half = sign * someone.vertices[:, 0] > 0.3
        far = []
        for level in LEVELS:
            asked = {au: level}
            face = Expression(asked, {}) if side == "left" else Expression({}, asked)
            far.append(float(np.linalg.norm(moved(stage, someone.vertices, face)[half], axis=1).max()))
        assert far[0] < 1e-5
        assert all(b > a + 0.005 for a, b in pairwise(far))


@pytest.mark.parametrize("au", sorted(MOVEMENTS.keys() - ONE_SIDED))
def test_what_has_no_sides_moves_farther_with_every_level(
    stage: Stage, crowd: list[Subject], au: int
) -> None:
    for someone in crowd:
        faces = (moved(stage, someone.vertices, Expression.both({au: level})) for level in LEVELS)
        far = [float(np.linalg.norm(face, axis=1).max()) for face in faces]
        assert far[0] < 1e-5
        assert all(b > a + 0.005 for a, b in pairwise(far))


@pytest.mark.parametrize("au", sorted(MOVEMENTS))
def test_swapping_the_sides_mirrors_every_vertex(
    stage: Stage, mirror: tuple[NDArray[np.int64], NDArray[np.int64]], au: int
) -> None:
    left, right = mirror
    base = stage.rig.vertices
    there = moved(stage, base, Expression({au: 4.0}, {au: 1.0}))
    back = moved(stage, base, Expression({au: 1.0}, {au: 4.0}))
    # Neighbouring vertices differ a little where a shape is steep: the rig's halves are no exact mirror.
    tolerance = 0.02 + 0.06 * np.linalg.norm(there, axis=1).max()
    flip = float32([-1, 1, 1])
    assert np.abs(there[left] * flip - back[right]).max() < tolerance
    assert np.abs(back[left] * flip - there[right]).max() < tolerance


@pytest.mark.parametrize("au", sorted(MOVEMENTS))
def test_levels_begin_at_nothing_rise_and_end_at_the_whole(au: int) -> None:
    levels = MOVEMENTS[au].levels
    assert levels[0] == 0
    assert levels[-1] == 1
    assert all(b > a for a, b in pairwise(levels))
    assert MOVEMENTS[au].share(2.5) == pytest.approx((levels[2] + levels[3]) / 2)


def test_only_the_stretched_mouth_has_levels_of_its_own() -> None:
    assert {au for au, movement in MOVEMENTS.items() if movement.levels != LEVEL_WEIGHTS} == {27}


def test_oblique_brows_give_way_where_the_inner_brow_rises() -> None:
    alone = shape_weights(Expression.both({4: 5.0}))
    oblique = shape_weights(Expression.both({1: 5.0, 4: 5.0}))
    for (yielding, stronger), shapes in YIELDS.items():
        assert {yielding, stronger} <= MOVEMENTS.keys()
        assert shapes.keys() <= MOVEMENTS[yielding].sided.keys()
    assert oblique["lower_L"] < 0.2 * alone["lower_L"]
    assert oblique["pinch_L"] == alone["pinch_L"]


def test_brows_of_au4_come_down_and_together_and_with_au1_the_inner_ends_rise(
    stage: Stage, crowd: list[Subject]
) -> None:
    inner, outer = stage.rig.landmarks[[21, 22]], stage.rig.landmarks[[18, 25]]
    for someone in crowd:
        frown = moved(stage, someone.vertices, Expression.both({4: 4.0}))
        sad = moved(stage, someone.vertices, Expression.both({1: 4.0, 4: 4.0}))
        assert frown[inner, 1].max() < -0.25
        assert frown[inner[0], 0] - frown[inner[1], 0] > 0.3  # the gap between the brows closes
        assert sad[inner, 1].min() > 0.1
        assert sad[inner, 1].min() > sad[outer, 1].max() + 0.2
        assert sad[inner[0], 0] - sad[inner[1], 0] > 0.2


def test_tightened_lips_keep_their_place_and_pressed_lips_move_up(stage: Stage, crowd: list[Subject]) -> None:
    red_top, red_bottom, chin = stage.rig.landmarks[[51, 57, 8]]
    for someone in crowd:
        tight = moved(stage, someone.vertices, Expression.both({23: 4.0}))
        pressed = moved(stage, someone.vertices, Expression.both({24: 4.0}))
        height = someone.vertices[red_top, 1] - someone.vertices[red_bottom, 1]
        assert tight[red_top, 1] - tight[red_bottom, 1] < -0.28 * height  # the red narrows by about a third
        assert abs(tight[chin, 1]) < 0.1
        assert pressed[chin, 1] > 0.2
        assert pressed[red_bottom, 1] > 0.2


def test_our_own_shapes_leave_eyeballs_and_teeth_alone(stage: Stage) -> None:
    inside = np.unique(stage.rig.triangles[np.isin(stage.rig.part, (3, 4))])
    skin = np.unique(stage.rig.triangles[~np.isin(stage.rig.part, (3, 4))])
    alone = np.setdiff1d(inside, skin)
    for name, shape in own_shapes(stage.rig).items():
        if not name.startswith(("pinch", "lower")):
            assert not np.isin(shape.vertices, alone).any(), name


@pytest.mark.parametrize("side", [1, -1])
def test_eyes_at_rest_are_turned_a_little_toward_the_nose(stage: Stage, side: int) -> None:
    rig = stage.rig
    eyes = np.unique(rig.triangles[rig.part == EYE])
    before = rig.vertices[eyes[side * rig.vertices[eyes, 0] > 0]]
    after = pose_face(rig, rig.vertices, Expression())[eyes[side * rig.vertices[eyes, 0] > 0]]
    front = before[:, 2] > before[:, 2].max() - 0.2
    inward = -side * (after[front, 0] - before[front, 0])
    assert 0.08 < inward.mean() < 0.15  # cm
    np.testing.assert_allclose(after.mean(axis=0), before.mean(axis=0), atol=0.06)
