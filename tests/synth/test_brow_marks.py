"""Landmarks of the brows lie on the brows that are drawn, and move with the skin they are drawn on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from openau.records import Floats
from openau.synth.brow_marks import BROWS, BrowMarks, find_brow_zone, mark_brows
from openau.synth.brows import middle_line, paint_brows
from openau.synth.expression import Expression
from openau.synth.identity import Stage, Subject, draw_subject
from openau.synth.render import Picture, View, render
from openau.synth.rig import Rig
from openau.synth.scene import Camera, Flaws, studio_lamp
from openau.synth.texture import blur, float32
from openau.synth.traits import Brow

PLAIN = Brow(density=0.9, thickness=1, arch=0.1, lift=-0.2, tail=-0.1, inner=1, outer=5.4, bushiness=0.3)
BROWS_OF_PEOPLE = (
    PLAIN,
    replace(PLAIN, lift=-0.8, arch=-0.1, thickness=1.5, inner=0.7, outer=6.0, bushiness=1.0),
    replace(PLAIN, lift=0.2, arch=0.3, tail=0.3, thickness=0.6, inner=1.5, outer=4.9, bushiness=0.1),
)
RIDGE = np.arange(17, 27)
"""The rig's own landmarks that are named after the brows."""


def shoot(stage: Stage, subject: Subject, expression: Expression) -> Picture:
    view = View(Camera(span_cm=24), studio_lamp(), Flaws(), np.full((64, 64, 3), 0.2, np.float32))
    return render(stage, subject, expression, view, np.random.default_rng(0))


def painted(stage: Stage, brow: Brow, seed: int) -> tuple[Floats, BrowMarks]:
    """Return how much hair covers each texel, a few texels smoothed, and the marks of these brows."""
    maps = stage.skin_maps
    cover, brows = paint_brows(np.random.default_rng(seed), brow, maps.x, maps.y, maps.brow_fits)
    return blur(cover, 2.0), mark_brows(stage.brow_zone, *brows)


def cover_at(stage: Stage, cover: Floats, places: Floats) -> Floats:
    """Return how much hair there is at places of the mean face, seen from the front."""
    surface = stage.surface
    ahead = (surface.inside > 0) & (surface.position[..., 2] > 0)
    texels = surface.position[ahead]
    nearest = ((texels[None, :, :2] - places[:, None, :2]) ** 2).sum(axis=2).argmin(axis=1)
    return float32(cover[ahead][nearest])


@pytest.mark.parametrize("brow", BROWS_OF_PEOPLE)
def test_marks_lie_on_the_hair_and_the_rigs_own_landmarks_mostly_above_it(stage: Stage, brow: Brow) -> None:
    mean_face = stage.rig.vertices
    cover, marks = painted(stage, brow, 3)
    on_hair = cover_at(stage, cover, marks.on(mean_face))
    inner_four = np.r_[1:9]  # all but the tips of the tails, which are a hair wide
    assert on_hair[inner_four].min() > 0.3 * cover.max()
    assert on_hair.min() > 0.03
    vertices = cover_at(stage, cover, mean_face[stage.rig.landmarks[RIDGE]])
    assert on_hair.mean() > 1.3 * vertices.mean()


@pytest.mark.parametrize("brow", BROWS_OF_PEOPLE)
def test_hair_ends_a_little_beyond_the_outermost_marks(stage: Stage, brow: Brow) -> None:
    cover, marks = painted(stage, brow, 5)
    places = marks.on(stage.rig.vertices)
    for end, away in ((0, -0.9), (4, 0.6), (5, -0.6), (9, 0.9)):
        beyond = places[end] + float32([away, 0, 0])
        assert cover_at(stage, cover, beyond[None])[0] < 0.05


def test_five_marks_go_evenly_from_the_outer_end_to_the_inner_in_the_upper_half(plane: Rig) -> None:
    places = mark_brows(find_brow_zone(plane), PLAIN, PLAIN).on(plane.vertices)[:, :2]
    np.testing.assert_allclose(places[::-1] * (-1, 1), places, atol=1e-5)  # both brows are alike
    left = places[5:]
    assert left[[0, 4], 0] == pytest.approx([PLAIN.inner, PLAIN.outer], abs=0.15)
    steps = np.hypot(*np.diff(left, axis=0).T)
    assert steps.max() < 1.05 * steps.min()
    above = left[:, 1] - middle_line(PLAIN, left[:, 0])
    assert (above > 0).all()
    assert (above < 0.25).all()


def test_a_brow_that_is_higher_on_one_side_has_its_marks_higher_there(plane: Rig) -> None:
    zone = find_brow_zone(plane)
    even = mark_brows(zone, PLAIN, PLAIN).on(plane.vertices)
    lopsided = mark_brows(zone, PLAIN, replace(PLAIN, lift=PLAIN.lift + 0.3)).on(plane.vertices)
    np.testing.assert_array_equal(lopsided[:5], even[:5])
    np.testing.assert_allclose(lopsided[5:] - even[5:], np.tile([0, 0.3, 0], (5, 1)), atol=1e-4)


def test_marks_go_wherever_the_surface_goes(plane: Rig) -> None:
    marks = mark_brows(find_brow_zone(plane), PLAIN, PLAIN)
    turn = float32(np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]]))
    moved = marks.on(float32(plane.vertices @ turn + 2))
    np.testing.assert_allclose(moved, marks.on(plane.vertices) @ turn + 2, atol=1e-4)
    assert ((marks.weights > -1e-5) & (marks.weights < 1 + 1e-5)).all()


def test_brows_rise_with_au1_and_au2_and_fall_with_au4(stage: Stage) -> None:
    for seed in (1, 2, 3):
        someone = draw_subject(stage, np.random.default_rng(seed))
        shown: tuple[dict[int, float], ...] = ({}, {1: 5.0}, {2: 5.0}, {4: 5.0})
        rest, inner, outer, frown = (
            shoot(stage, someone, Expression.both(aus)).points[BROWS] for aus in shown
        )
        assert (rest[[3, 4, 5, 6], 1] - inner[[3, 4, 5, 6], 1]).min() > 0.5  # pixels, up
        assert (rest[[0, 1, 8, 9], 1] - outer[[0, 1, 8, 9], 1]).min() > 0.2
        assert (frown[2:8, 1] - rest[2:8, 1]).min() > 0.2
        assert frown[5, 0] - frown[4, 0] < rest[5, 0] - rest[4, 0]  # and together


def test_nothing_but_the_ten_landmarks_depends_on_the_marks(stage: Stage, subject: Subject) -> None:
    other = replace(subject, brow_marks=mark_brows(stage.brow_zone, *BROWS_OF_PEOPLE[1:]))
    one, two = (shoot(stage, someone, Expression.both({1: 3.0})) for someone in (subject, other))
    np.testing.assert_array_equal(one.rgb, two.rgb)
    assert one.box_px == two.box_px
    same = (one.points == two.points).all(axis=1)
    assert not same[BROWS].any()
    assert np.delete(same, np.r_[BROWS]).all()
