"""A rendered face and its truth: what moves, what is labelled, what is seen, what is exposed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from openau.records import Floats, Pixels
from openau.synth.brow_marks import BROWS
from openau.synth.expression import Expression, pose_face
from openau.synth.eyelids import even_lids
from openau.synth.identity import Stage, Subject, draw_subject
from openau.synth.labels import lips_part_intensity, measure
from openau.synth.movements import MOVEMENTS
from openau.synth.raster import empty_buffer, rasterize
from openau.synth.render import (
    Picture,
    View,
    face_box,
    head_rotation,
    project,
    render,
)
from openau.synth.rig import EYE, LEFT_EYE_LIDS, MOUTH, RIGHT_EYE_LIDS, TEETH
from openau.synth.sample import ONE_SIDED, draw_expression
from openau.synth.scene import Camera, Flaws, draw_backdrop, draw_camera, draw_flaws, draw_lamp, studio_lamp
from openau.synth.texture import float32

SIZE = 64
MIRROR = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1)),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65),
    ]
)


def frontal(size: int = SIZE, **camera: float) -> View:
    backdrop = np.full((size, size, 3), 0.2, np.float32)
    return View(Camera(span_cm=24, **camera), studio_lamp(), Flaws(), backdrop)  # type: ignore[arg-type]  # floats


def shoot(stage: Stage, subject: Subject, expression: Expression, view: View | None = None) -> Picture:
    return render(stage, subject, expression, view or frontal(), np.random.default_rng(0))


def posed(stage: Stage, vertices: Floats, expression: Expression) -> Floats:
    return pose_face(stage.rig, vertices, expression)


def aperture(stage: Stage, subject: Subject, expression: Expression) -> tuple[float, float]:
    points = posed(stage, subject.vertices, expression)[stage.rig.landmarks]
    return tuple(  # type: ignore[return-value]  # two eyes
        float(np.mean(points[list(lids[:2]), 1] - points[list(lids[2:]), 1]))
        for lids in (LEFT_EYE_LIDS, RIGHT_EYE_LIDS)
    )


@pytest.fixture(scope="module")
def crowd(stage: Stage) -> list[Subject]:
    rng = np.random.default_rng(8)
    return [draw_subject(stage, rng) for _ in range(4)]


@pytest.fixture(scope="module")
def pictures(stage: Stage, crowd: list[Subject]) -> list[tuple[Picture, Expression]]:
    """A few pictures drawn as the dataset draws them."""
    found = []
    for number in range(24):
        rng = np.random.default_rng((1, number))
        view = View(draw_camera(rng), draw_lamp(rng), draw_flaws(rng), draw_backdrop(rng, 96, 96))
        expression = draw_expression(rng)
        found.append((render(stage, crowd[number % 4], expression, view, rng), expression))
    return found


@pytest.mark.parametrize("au", MOVEMENTS)
def test_more_intensity_moves_the_face_farther(stage: Stage, au: int) -> None:
    base = stage.rig.vertices
    rest = posed(stage, base, Expression())  # eyes turned to the camera
    far = [
        float(np.linalg.norm(posed(stage, base, Expression.both({au: level})) - rest, axis=1).max())
        for level in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    ]
    assert far[0] == 0
    assert all(b > a for a, b in pairwise(far))
    assert far[5] > 0.2


@pytest.mark.parametrize("au", sorted(ONE_SIDED))
def test_swapping_the_sides_of_an_au_mirrors_the_face(stage: Stage, au: int) -> None:
    base = stage.rig.vertices
    flip = float32([-1, 1, 1])
    there = posed(stage, base, Expression(left={au: 4.0}))[stage.rig.landmarks]
    back = posed(stage, base, Expression(right={au: 4.0}))[stage.rig.landmarks]
    np.testing.assert_allclose(there[MIRROR] * flip, back, atol=0.02)


@pytest.mark.parametrize("au", sorted(ONE_SIDED))
def test_a_one_sided_au_leaves_the_other_half_nearly_still(stage: Stage, au: int) -> None:
    base = stage.rig.vertices
    rest = posed(stage, base, Expression())
    moved = np.linalg.norm(posed(stage, base, Expression(left={au: 5.0})) - rest, axis=1)
    assert moved[base[:, 0] < -1.5].max() < 0.25 * moved[base[:, 0] > 0].max()


@pytest.mark.parametrize("au", [10, 16, 22, 26, 27])
def test_whatever_parts_the_lips_is_labelled_au25(stage: Stage, subject: Subject, au: int) -> None:
    assert shoot(stage, subject, Expression.both({au: 4.0})).left[25] >= 1


@pytest.mark.parametrize("au", [1, 4, 6, 12, 14, 15, 17, 18, 20, 23, 24, 43])
def test_what_leaves_the_lips_closed_is_not_labelled_au25(stage: Stage, subject: Subject, au: int) -> None:
    assert shoot(stage, subject, Expression.both({au: 4.0})).left.get(25, 0.0) < 1


def test_au25_agrees_with_the_teeth_and_mouth_that_can_be_seen(stage: Stage, crowd: list[Subject]) -> None:
    rng, rig, camera = np.random.default_rng(4), stage.rig, Camera(span_cm=22)
    seen: dict[str, list[int]] = {"closed": [], "apart": []}
    for number in range(60):
        vertices = posed(stage, crowd[number % 4].vertices, draw_expression(rng))
        label = lips_part_intensity(measure(vertices, rig)[0].lip_gap_cm)
        turned = float32((vertices - float32([0, 0, 1])) @ head_rotation(camera).T)
        buffer = empty_buffer(240, 240)
        depth = stage.surface.sunken_cm - turned[:, 2]
        whole = np.ones(len(rig.part), np.float32)
        rasterize(project(turned, camera, (240, 240)), depth, rig.triangles, whole, buffer)
        part = rig.part[buffer.triangle[buffer.triangle >= 0]]
        if label == 0 or label >= 2:
            seen["apart" if label else "closed"].append(int(np.isin(part, (MOUTH, TEETH)).sum()))
    assert len(seen["closed"]) >= 10
    assert len(seen["apart"]) >= 10
    assert max(seen["closed"]) < 80 < min(seen["apart"])


def test_a_dropped_jaw_is_never_labelled_without_parted_lips(
    pictures: list[tuple[Picture, Expression]],
) -> None:
    dropped = [p for p, _ in pictures if max(p.left.get(26, 0.0), p.left.get(27, 0.0)) >= 2]
    assert dropped
    assert all(p.left.get(25, 0.0) >= 1 for p in dropped)


def test_lids_close_for_au43_narrow_for_au7_and_open_for_au5(stage: Stage, crowd: list[Subject]) -> None:
    for someone in crowd:
        rest = aperture(stage, someone, Expression())
        for eye in (0, 1):
            assert aperture(stage, someone, Expression.both({43: 5.0}))[eye] < 0.2 * rest[eye]
            assert (
                0.3 * rest[eye] < aperture(stage, someone, Expression.both({7: 5.0}))[eye] < 0.75 * rest[eye]
            )
            assert aperture(stage, someone, Expression.both({5: 5.0}))[eye] > 1.2 * rest[eye]


def test_au7_raises_the_lower_lid_more_than_it_lowers_the_upper_one(stage: Stage) -> None:
    base, marks = stage.rig.vertices, stage.rig.landmarks
    moved = (posed(stage, base, Expression.both({7: 5.0})) - base)[marks, 1]
    upper, lower = moved[list(LEFT_EYE_LIDS[:2])], moved[list(LEFT_EYE_LIDS[2:])]
    assert lower.min() > 0.15
    assert -0.15 < upper.mean() < -0.02


def test_lowered_eyes_take_the_lid_along_but_stay_open_and_unlabelled(
    stage: Stage, crowd: list[Subject]
) -> None:
    for someone in crowd:
        down = Expression(gaze=(0.0, -0.8))
        rest, lowered = aperture(stage, someone, Expression())[0], aperture(stage, someone, down)[0]
        assert 0.25 * rest < lowered < 0.85 * rest
    assert 43 not in shoot(stage, crowd[0], Expression(gaze=(0.0, -1.0))).left


@pytest.mark.parametrize(
    ("gaze", "axis", "sign"), [((0.8, 0.0), 0, 1), ((0.0, 0.7), 1, 1), ((0.0, -0.7), 1, -1)]
)
def test_the_eyeballs_turn_to_where_the_eyes_look(
    stage: Stage, crowd: list[Subject], gaze: tuple[float, float], axis: int, sign: int
) -> None:
    eyes = np.unique(stage.rig.triangles[stage.rig.part == EYE])
    for someone in crowd:
        rest = someone.vertices
        turned = posed(stage, rest, Expression(gaze=gaze))
        for side in (1, -1):
            eyeball = eyes[rest[eyes, 0] * side > 0]
            cornea = eyeball[rest[eyeball, 2].argmax()]
            assert sign * (turned[cornea, axis] - rest[cornea, axis]) > 0.2
            size = np.ptp(rest[eyeball], axis=0)
            assert np.abs(np.ptp(turned[eyeball], axis=0) - size).max() < 0.35  # turned, not moved away
            assert np.abs(turned[eyeball].mean(axis=0) - rest[eyeball].mean(axis=0)).max() < 0.4


def test_landmarks_are_the_projected_vertices_and_those_of_the_brows_its_marks(
    stage: Stage, subject: Subject
) -> None:
    view = frontal(yaw_deg=25, pitch_deg=-8, roll_deg=6)
    expression = Expression.both({1: 4.0, 12: 4.0, 26: 3.0})
    points = shoot(stage, subject, expression, view).points
    vertices = posed(stage, subject.vertices, expression)
    places = vertices[stage.rig.landmarks]
    places[BROWS] = subject.brow_marks.on(vertices)
    turned = float32((places - float32([0, 0, 1])) @ head_rotation(view.camera).T)
    assert np.abs(points - even_lids(project(turned, view.camera, (SIZE, SIZE)))).max() < 0.01


def test_a_turned_head_points_where_the_angles_say() -> None:
    ahead = float32([0, 0, 1])
    assert head_rotation(Camera(yaw_deg=20)) @ ahead @ float32([1, 0, 0]) > 0.3  # the picture's right
    assert head_rotation(Camera(pitch_deg=20)) @ ahead @ float32([0, 1, 0]) > 0.3  # up
    left = head_rotation(Camera(roll_deg=20)) @ float32([1, 0, 0])
    assert left[1] > 0.3  # the subject's left ear rises


def test_the_image_of_a_near_point_is_larger() -> None:
    turned = float32([[5, 0, 0], [5, 0, 10]])
    x = project(turned, Camera(distance_cm=50, span_cm=20), (100, 100))[:, 0] - 50
    np.testing.assert_allclose(x, [25, 25 * 50 / 40], rtol=1e-5)


def test_landmarks_lie_in_the_picture_and_the_box_covers_brows_to_mouth(
    pictures: list[tuple[Picture, Expression]],
) -> None:
    for picture, _ in pictures:
        x1, y1, x2, y2 = picture.box_px
        inner = picture.points[17:]
        assert (inner >= 0).all()
        assert (inner < 96).all()
        assert x2 - x1 == pytest.approx(y2 - y1)
        # The tip of a brow or nose may lie just beside the box of a head turned aside.
        assert (inner[:, 0] > x1 - 0.03 * (x2 - x1)).all()
        assert (inner[:, 0] < x2 + 0.03 * (x2 - x1)).all()
        assert (inner[:, 1] > y1).all()
        # An open mouth of a tilted head may hang out of the box, as it does with the cascade's own.
        assert (inner[:, 1] < y2 + 0.18 * (y2 - y1)).all()


def test_the_face_box_moves_and_grows_with_the_landmarks(stage: Stage) -> None:
    points = stage.rig.vertices[stage.rig.landmarks][:, :2] * float32([1, -1])
    box = np.array(face_box(points))
    np.testing.assert_allclose(face_box(points * 3 + float32([7, 9])), box * 3 + [7, 9, 7, 9], rtol=1e-4)


def test_no_picture_is_burnt_out_or_black(pictures: list[tuple[Picture, Expression]]) -> None:
    for picture, _ in pictures:
        x1, y1, x2, y2 = (int(v) for v in picture.box_px)
        face = picture.rgb[max(y1, 0) : y2, max(x1, 0) : x2].astype(float)
        middle = face[face.shape[0] // 5 : -face.shape[0] // 8, face.shape[1] // 5 : -face.shape[1] // 5]
        assert (middle.min(axis=2) > 250).mean() < 0.01
        assert 35 < middle.mean() < 215


def test_exposure_brings_dark_and_light_skin_closer_than_their_reflectance(
    stage: Stage, crowd: list[Subject]
) -> None:
    skin = [float(s.traits.skin.mean()) for s in crowd]
    shown = [float(shoot(stage, s, Expression()).rgb[24:44, 24:40].mean()) / 255 for s in crowd]
    linear = [level**2.2 for level in shown]
    assert max(linear) / min(linear) < max(skin) / min(skin)
    assert np.argmin(linear) == np.argmin(skin)


def test_the_same_chance_gives_the_same_pixels(stage: Stage, subject: Subject) -> None:
    view = View(Camera(), studio_lamp(), Flaws(noise=0.02), np.full((SIZE, SIZE, 3), 0.2, np.float32))
    first, second = (shoot(stage, subject, Expression.both({4: 3.0}), view).rgb for _ in range(2))
    assert np.array_equal(first, second)


def test_wrinkles_show_only_with_their_gain_and_only_on_their_side(stage: Stage, subject: Subject) -> None:
    def brow(gain: float, left: float) -> Pixels:
        face = Expression({12: left}, {12: 0.0}, wrinkle_gain=gain)
        return shoot(stage, subject, face, frontal(128)).rgb

    change = np.abs(brow(3.0, 5.0).astype(int) - brow(0.0, 5.0))
    difference = np.where(change > 4, change, 0).sum(axis=(0, 2))  # exposure shifts every pixel by a rounding
    assert difference[64:].sum() > 4 * difference[:60].sum() > 0 or difference[:60].sum() == 0
    assert difference.sum() > 0
    assert np.array_equal(brow(3.0, 0.0), brow(0.0, 0.0))


def test_flaws_do_what_they_are_called(stage: Stage, subject: Subject) -> None:
    backdrop = np.full((SIZE, SIZE, 3), 0.2, np.float32)

    def shown(flaws: Flaws) -> Floats:
        view = View(Camera(), studio_lamp(), flaws, backdrop)
        return shoot(stage, subject, Expression(), view).rgb.astype(np.float32)

    plain = shown(Flaws())
    assert shown(Flaws(exposure_stops=-1)).mean() < plain.mean() - 10
    assert np.ptp(shown(Flaws(grey=True)), axis=2).max() <= 1
    assert np.abs(np.diff(shown(Flaws(blur_px=3)), axis=0)).mean() < np.abs(np.diff(plain, axis=0)).mean()
    assert np.abs(np.diff(shown(Flaws(detail=0.4)), axis=0)).mean() < np.abs(np.diff(plain, axis=0)).mean()
    assert (shown(Flaws(warmth=0.2)) - plain)[..., 0].mean() > (shown(Flaws(warmth=0.2)) - plain)[
        ..., 2
    ].mean()
    assert (shown(Flaws(noise=0.05)) - plain).std() > 5
