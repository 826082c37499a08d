"""Camera, light and backdrop: within their ranges, plausible together, the same for the same seed."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from openau.synth.backdrop import KINDS, Backdrop, paint_backdrop
from openau.synth.light import Beam, Lamp, aim, toward
from openau.synth.scene import (
    Scene,
    draw_backdrop,
    draw_camera,
    draw_flaws,
    draw_lamp,
    draw_scene,
    studio_lamp,
)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(np.random.default_rng((7, number))) for number in range(1500)]


def test_poses_stay_inside_the_range_and_most_look_ahead() -> None:
    rng = np.random.default_rng(3)
    cameras = [draw_camera(rng) for _ in range(4000)]
    yaw, pitch, roll = (
        np.abs([getattr(c, f"{name}_deg") for c in cameras]) for name in ("yaw", "pitch", "roll")
    )
    assert yaw.max() == 45
    assert pitch.max() == 20
    assert roll.max() == 20
    assert np.median(yaw) < 12  # most look about at the camera
    assert 0.08 < (yaw > 25).mean() < 0.2  # and some do not


def test_the_same_seed_draws_the_same_scene_and_its_record_is_plain(scenes: list[Scene]) -> None:
    assert draw_scene(np.random.default_rng((7, 0))) == scenes[0]
    assert len({json.dumps(scene.record()) for scene in scenes}) == len(scenes)


def test_every_kind_of_light_and_place_occurs(scenes: list[Scene]) -> None:
    lamps, places = Counter(s.lamp.kind for s in scenes), Counter(s.backdrop.kind for s in scenes)
    assert {"room", "window", "overcast", "sun", "studio", "flash", "backlit", "dim", "coloured"} == set(
        lamps
    )
    assert set(places) == set(KINDS)
    assert lamps["coloured"] < 0.05 * len(scenes)  # as rare as in life


def test_key_lights_come_mostly_from_above_and_ahead() -> None:
    rng = np.random.default_rng(3)
    directions = np.array([aim(draw_lamp(rng)).direction for _ in range(500)])
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-5)
    assert (directions[:, 1] > 0).mean() > 0.8
    assert (directions[:, 2] > 0).mean() > 0.8


def test_a_light_shines_from_where_its_angles_say() -> None:
    np.testing.assert_allclose(toward(0, 0), [0, 0, 1], atol=1e-6)  # from the camera
    np.testing.assert_allclose(toward(90, 0), [1, 0, 0], atol=1e-6)  # from the picture's right
    np.testing.assert_allclose(toward(0, 90), [0, 1, 0], atol=1e-6)  # from above
    lamp = Lamp("test", 0, 0, (1, 1, 1), (0, 0, 0), ((0, 0, 0),) * 3, (Beam(90, 0, (0.1, 0.2, 0.3)),))
    np.testing.assert_allclose(aim(lamp).beams, [[1, 0, 0, 0.1, 0.2, 0.3]], atol=1e-6)
    assert aim(studio_lamp()).beams.shape == (1, 6)


def test_surroundings_are_lit_by_the_same_light(scenes: list[Scene]) -> None:
    def level(kind: str) -> float:
        return float(np.median([sum(s.backdrop.light) for s in scenes if s.lamp.kind == kind]))

    assert level("dim") < level("room") < level("sun")
    warm = [(s.lamp.key[0] - s.lamp.key[2], s.backdrop.light[0] - s.backdrop.light[2]) for s in scenes]
    assert np.corrcoef(np.array(warm).T)[0, 1] > 0.4


def test_dim_pictures_are_darker_and_noisier(scenes: list[Scene]) -> None:
    dim, other = ([s.flaws for s in scenes if (s.lamp.kind == "dim") == wanted] for wanted in (True, False))
    assert np.median([f.noise for f in dim]) > 2 * np.median([f.noise for f in other])
    assert np.mean([f.exposure_stops for f in dim]) < np.mean([f.exposure_stops for f in other]) - 0.3


def test_flaws_stay_in_their_ranges() -> None:
    rng = np.random.default_rng(5)
    flaws = [draw_flaws(rng) for _ in range(2000)]
    assert max(abs(f.exposure_stops) for f in flaws) <= 1.2
    assert max(f.motion_px for f in flaws) <= 6
    assert {0 < f.contrast < 1 for f in flaws} == {True, False}
    assert min(f.contrast for f in flaws) > -1
    assert all(f.jpeg_quality == 0 or 45 <= f.jpeg_quality <= 92 for f in flaws)
    assert 0.05 < np.mean([f.grey for f in flaws]) < 0.11
    assert 0.03 < np.mean([f.motion_px > 0 for f in flaws]) < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_backdrops_are_muted_and_smooth_and_repeat_with_their_seed(kind: str) -> None:
    for seed in range(12):
        backdrop = Backdrop(kind, seed, (0.7, 0.7, 0.7), blur=0.4)
        picture = paint_backdrop(backdrop, 64, 80)
        assert np.array_equal(picture, paint_backdrop(backdrop, 64, 80))
        assert picture.shape == (64, 80, 3)
        assert picture.min() > 0
        shown = np.clip(picture, 0, 1) ** (1 / 2.2)
        chroma = np.ptp(shown, axis=2)
        assert np.percentile(chroma, 95) < 0.32
        assert chroma.mean() < 0.2


def test_more_blur_leaves_less_detail() -> None:
    def detail(amount: float) -> float:
        pictures = [paint_backdrop(Backdrop("room", seed, blur=amount), 64, 64) for seed in range(6)]
        return float(np.mean([np.abs(np.diff(p, axis=1)).mean() for p in pictures]))

    assert detail(0.0) > 1.5 * detail(1.0)


def test_a_drawn_backdrop_has_the_size_asked_for() -> None:
    assert draw_backdrop(np.random.default_rng(0), 40, 60).shape == (40, 60, 3)
