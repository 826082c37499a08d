"""What a picture says of itself is what it shows: mirrored, projected, exposed, and written down."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from openau.records import Floats
from openau.synth.cells import cell_of
from openau.synth.expression import Expression
from openau.synth.identity import Stage, Subject, draw_subject, dress
from openau.synth.light import Lamp
from openau.synth.masks import planes
from openau.synth.render import Picture, View, render
from openau.synth.sample import draw_expression
from openau.synth.scene import Camera, Flaws, Scene, draw_scene, studio_lamp
from openau.synth.texture import float32
from openau.synth.truth import picture_truth, plain
from openau.synth.wardrobe import NOTHING
from tests.synth.test_render import MIRROR

SIZE = 96


def shoot(stage: Stage, subject: Subject, expression: Expression, camera: Camera) -> Picture:
    view = View(camera, studio_lamp(), Flaws(), np.full((SIZE, SIZE, 3), 0.2, np.float32))
    return render(stage, subject, expression, view, np.random.default_rng(0), masks=True)


def flipped(points: Floats) -> Floats:
    mirrored = points[MIRROR].copy()
    mirrored[:, 0] = SIZE - mirrored[:, 0]
    return float32(mirrored)


@pytest.mark.parametrize("seed", range(6))
def test_swapping_sides_and_turning_the_other_way_mirrors_points_labels_and_masks(
    stage: Stage, subject: Subject, seed: int
) -> None:
    even = replace(subject, vertices=stage.rig.vertices.copy())
    drawn = replace(draw_expression(np.random.default_rng(seed)), extra={})
    other = replace(drawn, left=drawn.right, right=drawn.left, gaze=(-drawn.gaze[0], drawn.gaze[1]))
    camera = Camera(yaw_deg=14, pitch_deg=5, roll_deg=6, shift_cm=(0.5, 0.2))
    back = replace(camera, yaw_deg=-14, roll_deg=-6, shift_cm=(-0.5, 0.2))
    one, two = shoot(stage, even, drawn, camera), shoot(stage, even, other, back)
    assert np.abs(flipped(one.points) - two.points).max() < 0.5
    assert dict(one.left) == pytest.approx(dict(two.right), abs=0.1)
    assert one.masks is not None
    assert two.masks is not None
    there, here = dict(planes(one.masks)), dict(planes(two.masks))
    for name in there.keys() & here.keys():
        mask, twin = there[name], here[name][:, ::-1]
        if mask.sum() > 60 and name != "face":
            assert (mask & twin).sum() / (mask | twin).sum() > 0.8, name


@pytest.fixture(scope="module")
def drawn(stage: Stage) -> list[tuple[Picture, Scene, Expression, Subject]]:
    """Pictures as a dataset has them, of a person each."""
    found = []
    for number in range(24):
        rng = np.random.default_rng((5, number))
        subject = dress(stage, draw_subject(stage, rng, cell_of(number)), rng, NOTHING)
        expression, scene = draw_expression(rng), draw_scene(rng)
        picture = render(stage, subject, expression, View.of(scene, SIZE), rng, masks=True)
        found.append((picture, scene, expression, subject))
    return found


def test_faces_are_neither_burnt_nor_lost_in_the_dark(
    drawn: list[tuple[Picture, Scene, Expression, Subject]],
) -> None:
    levels = []
    for picture, *_ in drawn:
        assert picture.masks is not None
        face = np.kron(dict(planes(picture.masks))["face"], np.ones((2, 2), bool))
        skin = picture.rgb[face]
        assert (skin.min(axis=1) >= 253).mean() < 0.02
        assert (skin.max(axis=1) <= 3).mean() < 0.05
        levels.append(float(np.median(skin.max(axis=1))))
    assert min(levels) > 25
    assert max(levels) < 245
    assert 70 < np.median(levels) < 190


def test_the_row_repeats_what_was_drawn(drawn: list[tuple[Picture, Scene, Expression, Subject]]) -> None:
    for picture, scene, expression, subject in drawn[:6]:
        row = picture_truth(subject, expression, scene, picture)
        told = json.loads(row["parameters"])
        assert told["scene"] == plain(scene)
        assert told["expression"]["gaze"] == pytest.approx(expression.gaze, rel=1e-4)
        for au, value in picture.left.items():
            assert row[f"AU{au:02d}"] == pytest.approx(max(value, picture.right.get(au, 0.0)), abs=1e-3)
        assert (row["skin"], row["gender"]) == (subject.traits.skin_type, subject.traits.gender)
        assert row["light"] == scene.lamp.kind


def test_records_become_plain_json_to_five_digits() -> None:
    lamp = replace(studio_lamp(), azimuth_deg=1.23456789)
    told = plain({"lamp": lamp, "array": np.array([0.5, 2], np.float32), "none": None})
    assert told["lamp"]["azimuth_deg"] == 1.2346
    assert told["array"] == [0.5, 2.0]
    assert told["none"] is None
    assert json.loads(json.dumps(told)) == told
    assert isinstance(lamp, Lamp)
