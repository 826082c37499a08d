"""What people wear: how often, where it sits, what it covers, and that it moves as it should."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from openau.records import Floats
from openau.synth.beard import grow_beard
from openau.synth.cells import Cell
from openau.synth.expression import Expression, pose_face
from openau.synth.glasses import make_glasses
from openau.synth.identity import Stage, Subject, draw_subject, dress
from openau.synth.lashes import grow_lashes
from openau.synth.occluder import make_occluder
from openau.synth.piece import Piece
from openau.synth.render import View, render
from openau.synth.rig import BEARD, FRAME, HAIR, HAND, HEADWEAR, LASH, LENS, OBJECT
from openau.synth.scene import Camera, Flaws, studio_lamp
from openau.synth.traits import BeardStyle, draw_traits
from openau.synth.wardrobe import (
    NOTHING,
    Glasses,
    Headwear,
    Occluder,
    Wardrobe,
    draw_occluder,
    draw_worn,
)

SHAPES: tuple[Glasses, ...] = ("rectangular", "round", "oval", "half_rim", "aviator", "sunglasses")
MAN, WOMAN = Cell(2, "male"), Cell(4, "female")


def points_of(pieces: tuple[Piece, ...], *parts: int) -> Floats:
    return np.concatenate([piece.points for piece in pieces if piece.part in parts])


def shoot(stage: Stage, subject: Subject, expression: Expression | None = None, yaw_deg: float = 0) -> Floats:
    view = View(
        Camera(yaw_deg=yaw_deg, span_cm=25), studio_lamp(), Flaws(), np.full((72, 72, 3), 0.2, np.float32)
    )
    rgb = render(stage, subject, expression or Expression(), view, np.random.default_rng(0)).rgb
    return rgb.astype(np.float32)


@pytest.fixture(scope="module")
def marks(stage: Stage, subject: Subject) -> Floats:
    """The 68 landmarks of the bare face, cm."""
    return subject.vertices[stage.rig.landmarks]


def test_shares_of_glasses_headwear_and_occluders_are_those_of_the_wardrobe() -> None:
    rng, wardrobe = np.random.default_rng(0), Wardrobe()
    traits = [draw_traits(rng) for _ in range(3000)]
    worn = [draw_worn(rng, t.gender, t.age, wardrobe) for t in traits]
    assert np.mean([w.glasses != "none" for w in worn]) == pytest.approx(wardrobe.glasses, abs=0.03)
    assert np.mean([w.headwear != "none" for w in worn]) == pytest.approx(wardrobe.headwear, abs=0.02)
    hidden = [draw_occluder(rng, wardrobe) != "none" for _ in range(3000)]
    assert np.mean(hidden) == pytest.approx(wardrobe.occluder, abs=0.015)
    dark = Counter(w.glasses for w in worn)
    assert 0 < dark["sunglasses"] < 0.12 * sum(n for shape, n in dark.items() if shape != "none")
    assert set(dark) == {"none", *SHAPES}


def test_an_empty_wardrobe_leaves_every_face_bare(stage: Stage) -> None:
    rng = np.random.default_rng(1)
    for number in range(200):
        assert draw_worn(rng, "female", 18 + number % 60, NOTHING).glasses == "none"
        assert draw_worn(rng, "female", 18 + number % 60, NOTHING).headwear == "none"
        assert draw_occluder(rng, NOTHING) == "none"


def test_the_wardrobe_decides_what_is_worn_and_nothing_else(stage: Stage) -> None:
    bare, dressed = (
        draw_subject(stage, np.random.default_rng(5), WOMAN, wardrobe)
        for wardrobe in (NOTHING, Wardrobe(glasses=9, headwear=0))
    )
    assert bare.worn.glasses == "none" != dressed.worn.glasses
    assert np.array_equal(bare.vertices, dressed.vertices)
    assert bare.traits.age == dressed.traits.age


def test_a_subject_with_glasses_keeps_them_in_most_pictures_and_its_face_in_all(stage: Stage) -> None:
    someone = draw_subject(stage, np.random.default_rng(2), MAN, Wardrobe(glasses=9, headwear=0))
    rng = np.random.default_rng(3)
    pictures = [dress(stage, someone, rng, Wardrobe(occluder=0)) for _ in range(60)]
    kept = [picture.worn.glasses == someone.worn.glasses for picture in pictures]
    assert 0.7 < np.mean(kept) < 0.97
    for picture, has_glasses in zip(pictures, kept, strict=True):
        assert (FRAME in picture.head.mesh.part) == has_glasses
        assert picture.vertices is someone.vertices


def test_a_picture_is_dressed_alike_from_the_same_seed(stage: Stage, subject: Subject) -> None:
    always = Wardrobe(occluder=1)
    a, b = (dress(stage, subject, np.random.default_rng(9), always) for _ in range(2))
    assert a.worn == b.worn
    assert np.array_equal(a.head.points, b.head.points)


@pytest.mark.parametrize("shape", SHAPES)
def test_glasses_sit_before_the_eyes_and_reach_the_ears(
    stage: Stage, subject: Subject, marks: Floats, shape: Glasses
) -> None:
    for seed in range(4):
        pieces = make_glasses(np.random.default_rng(seed), shape, subject.vertices, stage.rig)
        frame = points_of(pieces, FRAME)
        before = frame[frame[:, 2] > marks[[36, 45], 2].max()]
        near_eyes = before[np.abs(before[:, 0]) < 4.5]
        assert near_eyes[:, 2].min() > marks[36:48, 2].max()
        eyes = marks[36:48].reshape(2, 6, 3).mean(axis=1)
        for eye in eyes:
            rim = before[np.sign(before[:, 0]) == np.sign(eye[0])]
            assert rim[:, 1].min() < eye[1] - 0.8
            assert rim[:, 1].max() > eye[1] + 0.8
            assert np.abs(rim[:, 0]).min() < abs(eye[0]) - 1 < abs(eye[0]) + 1 < np.abs(rim[:, 0]).max()
        assert frame[:, 2].min() < marks[[0, 16], 2].mean()
        assert (shape == "sunglasses") <= any(piece.part == LENS for piece in pieces)


def test_glasses_turn_with_the_head_and_stay_when_the_face_moves(stage: Stage) -> None:
    someone = draw_subject(stage, np.random.default_rng(2), MAN, Wardrobe(glasses=9, headwear=0))
    scream = pose_face(stage.rig, someone.vertices, Expression.both({27: 5.0, 4: 5.0}))
    first = points_of(someone.glasses, FRAME)
    moved = someone.head.attach(scream)
    # A rigid piece ends the mesh: its points are where they were.
    found = {tuple(np.round(p, 3)) for p in moved[len(scream) :]}
    assert all(tuple(np.round(p, 3)) in found for p in first)
    bare = draw_subject(stage, np.random.default_rng(2), MAN, NOTHING)
    middle = [
        np.argwhere(np.abs(shoot(stage, someone, yaw_deg=yaw) - shoot(stage, bare, yaw_deg=yaw)).sum(2) > 60)
        for yaw in (-30.0, 30.0)
    ]
    assert middle[0][:, 1].mean() < middle[1][:, 1].mean() - 4


@pytest.mark.parametrize("kind", ["scarf", "beanie", "cap", "hat"])
def test_headwear_covers_the_hair_and_leaves_eyes_and_mouth_free(stage: Stage, kind: Headwear) -> None:
    cell, always = WOMAN if kind == "scarf" else MAN, Wardrobe(headwear=1, glasses=0)
    for seed in range(300):
        rng = np.random.default_rng(seed)
        traits = draw_traits(rng, cell)
        if draw_worn(rng, traits.gender, traits.age, always).headwear == kind:
            break
    someone = draw_subject(stage, np.random.default_rng(seed), cell, always)
    assert someone.worn.headwear == kind
    cover = points_of(someone.body, HEADWEAR)
    face = someone.vertices[stage.rig.landmarks]
    in_front = cover[(cover[:, 2] > 6) & (np.abs(cover[:, 0]) < 4.6)]
    free = in_front[(in_front[:, 1] < face[37, 1] + 1) & (in_front[:, 1] > face[57, 1] - 1)]
    assert len(free) == 0
    hair = [piece for piece in someone.body if piece.part == HAIR]
    if kind == "scarf":
        assert not hair
    for piece in hair:
        assert piece.points[:, 1].max() < cover[:, 1].max()


@pytest.mark.parametrize("kind", ["hand", "phone", "cup", "paper"])
def test_an_occluder_hides_part_of_the_face_but_not_all(
    stage: Stage, subject: Subject, kind: Occluder
) -> None:
    part = HAND if kind == "hand" else OBJECT
    bare = shoot(stage, subject)
    for seed in range(3):
        thing = make_occluder(np.random.default_rng(seed), kind, subject.vertices, stage.rig)
        assert {piece.part for piece in thing} == {part}
        seen = 0
        for number in range(40):
            shown = dress(stage, subject, np.random.default_rng((seed, number)), Wardrobe(occluder=1))
            if shown.worn.occluder == kind:
                seen = int((np.abs(shoot(stage, shown) - bare).sum(axis=2) > 30).sum())
                break
        assert 40 < seen < 0.6 * 72 * 72


@pytest.mark.parametrize("style", ["moustache", "goatee", "short", "full"])
def test_beards_stand_off_the_skin_and_leave_the_lips_free(
    stage: Stage, subject: Subject, style: BeardStyle
) -> None:
    traits = replace(subject.traits, beard_style=style, beard=0.9, beard_length_cm=1.5)
    pieces = grow_beard(np.random.default_rng(0), traits, stage.beard_zone, stage.rig, subject.vertices)
    assert len(pieces) >= 2
    red = stage.rig.vertices[stage.rig.landmarks[48:60], :2]
    for piece in pieces:
        assert piece.part == BEARD
        assert piece.anchor is not None
        grown = np.unique(piece.triangles)
        roots = stage.rig.vertices[piece.anchor[grown], :2]
        inside = np.abs(roots[:, 0]) < 0.7 * red[:, 0].max()
        inside &= (roots[:, 1] < red[2:5, 1].min()) & (roots[:, 1] > red[8:11, 1].max())
        assert not inside.any()
    length = [np.linalg.norm(piece.points[np.unique(piece.triangles)], axis=1).mean() for piece in pieces]
    assert length == sorted(length)
    assert length[-1] > 0.1


def test_a_full_beard_covers_the_chin_and_a_moustache_does_not(stage: Stage) -> None:
    chin = stage.rig.landmarks[8]
    zone = stage.beard_zone
    at_chin = np.linalg.norm(stage.rig.vertices[zone.vertices] - stage.rig.vertices[chin], axis=1) < 0.6
    assert zone.share["full"][at_chin].min() > 0.8
    assert zone.share["goatee"][at_chin].min() > 0.8
    assert zone.share["moustache"][at_chin].max() < 0.01


def test_a_beard_drops_with_the_jaw(stage: Stage) -> None:
    someone = next(
        s
        for s in (draw_subject(stage, np.random.default_rng(k), MAN, NOTHING) for k in range(60))
        if s.traits.beard_style == "full"
    )
    chin = int(stage.rig.landmarks[8])
    beard = np.flatnonzero(
        np.linalg.norm(stage.rig.vertices[someone.head.anchor] - stage.rig.vertices[chin], axis=1) < 1
    )
    count = len(someone.vertices)
    heights = [
        someone.head.attach(pose_face(stage.rig, someone.vertices, face))[count + beard, 1].mean()
        for face in (Expression(), Expression.both({27: 5.0}))
    ]
    assert heights[1] < heights[0] - 1.5


def test_lashes_grow_on_the_lids_and_fall_with_them(stage: Stage, subject: Subject) -> None:
    lashes = grow_lashes(np.random.default_rng(0), subject.traits.lids, stage.lash_lines, stage.rig)
    assert lashes.part == LASH
    assert lashes.anchor is not None
    rest, shut = (
        pose_face(stage.rig, subject.vertices, face)[lashes.anchor] + lashes.points
        for face in (Expression(), Expression.both({43: 5.0}))
    )
    lid = subject.vertices[stage.rig.landmarks[[37, 38, 43, 44]]]
    roots = rest.reshape(-1, 5, 3)[:, :2].mean(axis=1)
    upper = roots[:, 1] > lid[:, 1].mean() - 0.45
    gap = np.abs(roots[upper][:, None] - lid[None]).sum(axis=2).min(axis=1)
    assert np.median(gap) < 1.2
    assert (rest - shut).reshape(-1, 5, 3)[upper][..., 1].mean() > 0.3


def test_longer_and_denser_lashes_are_more(stage: Stage, subject: Subject) -> None:
    lids = subject.traits.lids
    few, many = (
        grow_lashes(
            np.random.default_rng(0),
            replace(lids, lash=lash, lash_length=length),
            stage.lash_lines,
            stage.rig,
        )
        for lash, length in ((0.1, 0.5), (0.9, 1.2))
    )
    assert len(many.triangles) > 1.4 * len(few.triangles)


def test_the_upper_lid_shades_the_top_of_the_eyeball(stage: Stage, subject: Subject) -> None:
    head = subject.head
    wide, closed = (
        head.shade_eyes(pose_face(stage.rig, subject.vertices, face), stage.rig)[head.eyes].mean()
        for face in (Expression(), Expression.both({43: 4.0}))
    )
    assert 0 < wide < closed <= 0.55
