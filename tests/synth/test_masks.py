"""Masks: each lies where its action unit changes the picture, on its side, behind what covers it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from openau.synth.expression import Expression
from openau.synth.identity import Stage, Subject
from openau.synth.masks import PLANES, pack, planes
from openau.synth.movements import MOVEMENTS
from openau.synth.render import Picture, View, render
from openau.synth.sample import ONE_SIDED
from openau.synth.scene import Camera, Flaws, studio_lamp

SIZE = 128
Mask = NDArray[np.bool_]


def shoot(stage: Stage, subject: Subject, expression: Expression, **camera: float) -> Picture:
    backdrop = np.full((SIZE, SIZE, 3), 0.2, np.float32)
    view = View(Camera(span_cm=24, **camera), studio_lamp(), Flaws(), backdrop)  # type: ignore[arg-type]
    return render(stage, subject, expression, view, np.random.default_rng(0), masks=True)


def found(picture: Picture) -> dict[str, Mask]:
    assert picture.masks is not None
    return dict(planes(picture.masks))


def test_every_action_unit_has_a_plane_of_a_24_bit_picture() -> None:
    assert PLANES[:-1] == tuple(f"AU{au:02d}" for au in sorted(MOVEMENTS))
    assert len(PLANES) <= 24


def test_packed_planes_come_back_from_the_channels() -> None:
    masks = np.random.default_rng(0).integers(0, 1 << 24, (5, 7)).astype(np.uint32)
    red, green, blue = (pack(masks)[..., k].astype(np.uint32) for k in range(3))
    assert np.array_equal(red | green << 8 | blue << 16, masks)


def test_a_neutral_face_has_only_the_plane_of_its_skin(stage: Stage, subject: Subject) -> None:
    masks = found(shoot(stage, subject, Expression()))
    assert set(masks) <= {"face", "AU25"}  # resting lips may stand a little apart
    assert 0.2 < masks["face"].mean() < 0.7


def test_no_masks_are_drawn_unless_wanted(stage: Stage, subject: Subject) -> None:
    backdrop = np.full((48, 48, 3), 0.2, np.float32)
    view = View(Camera(), studio_lamp(), Flaws(), backdrop)
    assert render(stage, subject, Expression(), view, np.random.default_rng(0)).masks is None


@pytest.mark.parametrize("au", MOVEMENTS)
def test_a_mask_covers_what_its_action_unit_changed(stage: Stage, subject: Subject, au: int) -> None:
    other = {} if au in (4, 9) else {4: 2.0}
    without = shoot(stage, subject, Expression.both(other))
    with_it = shoot(stage, subject, Expression.both(other | {au: 4.0}))
    mask = found(with_it)[f"AU{au:02d}"]
    change = np.abs(with_it.rgb.astype(np.float32) - without.rgb).max(axis=2)
    large = cv2.resize(mask.astype(np.uint8), (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
    near = cv2.dilate(large, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))) > 0
    # Exposure follows the face's brightness and moves every pixel a little: only strong changes count.
    strong = change > 0.35 * np.percentile(change, 99.5)
    assert (strong & near).sum() / strong.sum() > 0.75
    assert change[large > 0].mean() > 2 * change[~near].mean()


@pytest.mark.parametrize("au", sorted(ONE_SIDED))
def test_swapping_sides_mirrors_the_mask(stage: Stage, subject: Subject, au: int) -> None:
    even = replace(subject, vertices=stage.rig.vertices.copy())
    name = f"AU{au:02d}"
    left = found(shoot(stage, even, Expression(left={au: 3.0}), yaw_deg=12, roll_deg=5))[name]
    right = found(shoot(stage, even, Expression(right={au: 3.0}), yaw_deg=-12, roll_deg=-5))[name][:, ::-1]
    assert (left & right).sum() / (left | right).sum() > 0.85
