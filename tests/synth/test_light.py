"""Light on a face: where it comes from, what it colours, what stands in its way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from openau.records import Floats
from openau.synth import shade as shading
from openau.synth.expression import Expression
from openau.synth.identity import Stage, Subject
from openau.synth.light import Beam, Lamp, Tint
from openau.synth.raster import Buffer
from openau.synth.render import View, render
from openau.synth.scene import Camera, Flaws, draw_scene
from openau.synth.texture import float32

SIZE = 64
DARK: Tint = (0.0, 0.0, 0.0)
EVEN = (DARK, DARK, DARK)


def lamp(**changes: object) -> Lamp:
    plain = Lamp("test", 0.0, 20.0, (0.6, 0.6, 0.6), (0.3, 0.3, 0.3), EVEN, (), 0.8, 0.5)
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields of any type


def seen(stage: Stage, subject: Subject, light: Lamp, size: int = SIZE) -> Floats:
    """Return a frontal face in linear light; its exposure follows the face."""
    view = View(Camera(span_cm=24), light, Flaws(), np.full((size, size, 3), 0.1, np.float32))
    rgb = render(stage, subject, Expression(), view, np.random.default_rng(0)).rgb
    return np.asarray((rgb / np.float32(255)) ** 2.2, np.float32)


def cheeks(picture: Floats) -> tuple[Floats, Floats]:
    """Return the mean colour of the picture's left and right cheek."""
    rows = slice(int(0.5 * SIZE), int(0.62 * SIZE))
    left = picture[rows, int(0.30 * SIZE) : int(0.42 * SIZE)]
    right = picture[rows, int(0.58 * SIZE) : int(0.70 * SIZE)]
    return left.mean(axis=(0, 1)), right.mean(axis=(0, 1))


@pytest.mark.parametrize("side", [-1, 1])
def test_the_cheek_that_faces_the_lamp_is_brighter(stage: Stage, subject: Subject, side: int) -> None:
    left, right = cheeks(seen(stage, subject, lamp(azimuth_deg=60.0 * side)))
    assert side * (right.mean() - left.mean()) > 0.3 * min(left.mean(), right.mean())


def test_a_fill_light_brightens_the_other_side(stage: Stage, subject: Subject) -> None:
    without = seen(stage, subject, lamp(azimuth_deg=60.0))
    fill = (Beam(-60.0, 0.0, (0.5, 0.5, 0.5)),)
    with_fill = seen(stage, subject, lamp(azimuth_deg=60.0, beams=fill))
    ratios = [float(left.mean() / right.mean()) for left, right in map(cheeks, (without, with_fill))]
    assert ratios[1] > 1.2 * ratios[0]


def test_a_coloured_light_colours_its_side(stage: Stage, subject: Subject) -> None:
    left, right = cheeks(seen(stage, subject, lamp(beams=(Beam(70.0, 0.0, (0.0, 0.1, 0.8)),))))
    assert right[2] / right[0] > 1.15 * left[2] / left[0]


def test_a_rim_light_from_behind_leaves_the_middle_of_the_face_alone(stage: Stage, subject: Subject) -> None:
    size = 96
    rim = lamp(beams=(Beam(150.0, 10.0, (2.0, 2.0, 2.0)),))
    plain, rimmed = (seen(stage, subject, light, size) for light in (lamp(), rim))
    brighter = (rimmed - plain).mean(axis=2)
    assert np.abs(brighter[48:60, 40:56]).mean() < 0.1 * brighter.max()
    assert brighter.max() > 0.1


def test_a_low_lamp_throws_the_noses_shadow_and_a_soft_one_fills_it(stage: Stage, subject: Subject) -> None:
    aside = {"azimuth_deg": 55.0, "elevation_deg": 25.0}
    open_light = seen(stage, subject, lamp(hardness=0.0, **aside), 128)
    hard, soft = (seen(stage, subject, lamp(hardness=1.0, softness_cm=s, **aside), 128) for s in (0.2, 1.8))
    shares = [(picture / open_light)[40:90, 30:100].mean(axis=2) for picture in (hard, soft)]
    deep = [int((share < 0.65).sum()) for share in shares]
    assert deep[0] > max(40, 1.5 * deep[1])


def test_pixels_lit_once_look_like_pixels_lit_four_times(
    stage: Stage, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    light = lamp(azimuth_deg=35.0)
    quick = seen(stage, subject, light, 128)

    def every_sample(buffer: Buffer, scene: shading._LitScene, scratch: Floats, out: Floats) -> None:
        # The depth that makes a pixel plain is read from the buffer: a chequered one is never plain.
        rows, columns = np.indices(buffer.depth.shape)
        chequered = buffer._replace(depth=float32(100 * ((rows + columns) % 2)))
        compiled(chequered, scene, scratch, out)

    compiled = shading._shade
    monkeypatch.setattr(shading, "_shade", every_sample)
    slow = seen(stage, subject, light, 128)
    difference = np.abs(quick ** (1 / 2.2) - slow ** (1 / 2.2)).mean(axis=2)
    assert 0 < difference.mean() < 0.006
    assert np.percentile(difference, 99) < 0.05


def test_every_light_exposes_the_face_within_bounds_and_burns_out_little(
    stage: Stage, subject: Subject
) -> None:
    found: dict[str, int] = {}
    for number in range(400):
        rng = np.random.default_rng((12, number))
        scene = draw_scene(rng)
        kind = scene.lamp.kind
        found[kind] = found.get(kind, 0) + 1
        if found[kind] > 3:
            continue
        picture = render(stage, subject, Expression(), View.of(scene, SIZE), rng)
        luminance = picture.rgb @ np.array([0.2126, 0.7152, 0.0722])
        eyes, mouth = picture.points[36:48].mean(axis=0), picture.points[48:60].mean(axis=0)
        row, column = ((eyes + mouth) / 2).astype(int)[::-1]
        middle = np.s_[row - 5 : row + 6, column - 5 : column + 6]
        assert 45 < np.median(luminance[middle]) < 222, scene
        assert (picture.rgb[middle].min(axis=2) >= 250).mean() < 0.01, scene
        assert (picture.rgb.min(axis=2) >= 250).mean() < 0.35, scene
        assert (picture.rgb.max(axis=2) <= 5).mean() < 0.5, scene
    assert len(found) == 9
    assert min(found.values()) >= 3
