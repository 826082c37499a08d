"""From light to pixels: exposure within bounds, and every flaw does what it is called."""

from __future__ import annotations

import numpy as np
import pytest

from openau.records import Floats
from openau.synth.lens import develop
from openau.synth.scene import Flaws
from openau.synth.texture import blur, float32

SIZE = 96


@pytest.fixture(scope="module")
def light() -> Floats:
    """A bright disc with an edge and some texture before a darker ground."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    disc = (np.hypot(rows - 48, columns - 48) < 26).astype(np.float32)
    grain = blur(np.random.default_rng(0).standard_normal((SIZE, SIZE)).astype(np.float32), 0.8)
    level = 0.08 + disc * (0.25 + 0.05 * grain)
    return float32(level[..., None] * float32([1.0, 0.8, 0.7]))


@pytest.fixture(scope="module")
def face() -> Floats:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return float32(np.hypot(rows - 48, columns - 48) < 24)


def shown(light: Floats, face: Floats, flaws: Flaws, seed: int = 0) -> Floats:
    return develop(light, face, flaws, 0.3, np.random.default_rng(seed))


def edges(picture: Floats) -> float:
    return float(np.abs(np.diff(picture, axis=1)).mean())


def test_a_plain_camera_shows_the_faces_median_at_its_target(light: Floats, face: Floats) -> None:
    picture = shown(light, face, Flaws())
    luminance = (picture**2.2) @ float32([0.2126, 0.7152, 0.0722])
    assert np.median(luminance[face > 0.5]) == pytest.approx(0.3, rel=0.03)


@pytest.mark.parametrize("gain", [0.02, 1.0, 30.0])
def test_exposure_does_not_depend_on_how_much_light_there_is(
    light: Floats, face: Floats, gain: float
) -> None:
    flaws = Flaws(metering=0.5)
    np.testing.assert_allclose(
        shown(light * np.float32(gain), face, flaws), shown(light, face, flaws), atol=0.01
    )


def test_a_bright_frame_darkens_the_face_by_less_than_a_stop(light: Floats, face: Floats) -> None:
    bright = np.where(face[..., None] > 0, light, np.float32(8.0))
    levels = [
        float((shown(bright, face, Flaws(metering=m))[face > 0.5] ** 2.2).mean()) for m in (0.0, 0.6, 1.0)
    ]
    assert levels[0] > levels[1] >= levels[2] > 0.45 * levels[0]


def test_the_brightest_skin_is_not_burnt_out_even_when_over_exposed(light: Floats, face: Floats) -> None:
    picture = shown(light, face, Flaws(exposure_stops=2.0))
    assert (picture[face > 0.5].min(axis=1) > 250 / 255).mean() < 0.01


def test_stops_darken_and_brighten(light: Floats, face: Floats) -> None:
    dark, plain, bright = (float(shown(light, face, Flaws(exposure_stops=s)).mean()) for s in (-1, 0, 0.6))
    assert dark < plain < bright


@pytest.mark.parametrize("flaws", [Flaws(blur_px=3), Flaws(motion_px=8), Flaws(detail=0.4)])
def test_blur_motion_and_few_pixels_soften_edges(light: Floats, face: Floats, flaws: Flaws) -> None:
    assert edges(shown(light, face, flaws)) < 0.85 * edges(shown(light, face, Flaws()))
    assert shown(light, face, flaws).mean() == pytest.approx(shown(light, face, Flaws()).mean(), rel=0.03)


def test_motion_blurs_along_its_direction_only(light: Floats, face: Floats) -> None:
    across = shown(light, face, Flaws(motion_px=10, motion_deg=0))
    upright = shown(light, face, Flaws(motion_px=10, motion_deg=90))
    plain = shown(light, face, Flaws())
    inside = (slice(38, 58), slice(38, 58))  # the grain, away from the disc's edge
    assert edges(across[inside]) < 0.5 * edges(plain[inside])
    assert edges(across[inside]) < 0.7 * edges(upright[inside])
    turned = (across[inside].transpose(1, 0, 2), upright[inside].transpose(1, 0, 2))
    assert edges(turned[1]) < 0.7 * edges(turned[0])


def test_sharpening_leaves_a_halo(light: Floats, face: Floats) -> None:
    plain, sharp = shown(light, face, Flaws()), shown(light, face, Flaws(sharpening=0.8))
    assert edges(sharp) > 1.1 * edges(plain)
    assert sharp[48, 14:26].min() < plain[48, 14:26].min() - 0.01  # darker just outside the disc


def test_noise_has_its_deviation_on_middle_grey_and_more_in_the_shadows() -> None:
    face = np.ones((SIZE, SIZE), np.float32)
    light = np.full((SIZE, SIZE, 3), 0.2176, np.float32)
    light[:20] = 0.02
    face[:24] = 0
    picture = develop(light, face, Flaws(noise=0.02), 0.2176, np.random.default_rng(1))
    assert picture[30:].std() == pytest.approx(0.02, rel=0.1)
    assert picture[:18].std() > 1.4 * 0.02


def test_noise_follows_its_seed(light: Floats, face: Floats) -> None:
    first, again, other = (shown(light, face, Flaws(noise=0.02), seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_colour_flaws_shift_the_balance(light: Floats, face: Floats) -> None:
    plain = shown(light, face, Flaws()).mean(axis=(0, 1))
    warm = shown(light, face, Flaws(warmth=0.2)).mean(axis=(0, 1)) - plain
    magenta = shown(light, face, Flaws(tint=0.1)).mean(axis=(0, 1)) - plain
    assert warm[0] > 0 > warm[2]
    assert magenta[1] < -0.01
    assert np.ptp(shown(light, face, Flaws(grey=True)), axis=2).max() < 1e-6
    pale, rich = (np.ptp(shown(light, face, Flaws(saturation=s)), axis=2).mean() for s in (0.6, 1.2))
    assert pale < 0.7 * rich


def test_the_vignette_darkens_the_corners_and_not_the_middle(light: Floats, face: Floats) -> None:
    flat = np.full_like(light, 0.2)
    picture = shown(flat, face, Flaws(vignette=0.4))
    assert picture[0, 0].mean() < 0.85 * picture[48, 48].mean()
    assert picture[48, 48].mean() == pytest.approx(shown(flat, face, Flaws())[48, 48].mean(), abs=0.01)


def test_contrast_spreads_tones_and_haze_lifts_black(light: Floats, face: Floats) -> None:
    assert shown(light, face, Flaws(contrast=0.5)).std() > 1.05 * shown(light, face, Flaws()).std()
    assert shown(light * np.where(face > 0, 1, 0)[..., None], face, Flaws(haze=0.06)).min() >= 0.059


def test_compression_leaves_blocks_and_loses_colour_resolution(light: Floats, face: Floats) -> None:
    plain = shown(light, face, Flaws())
    good, bad = (np.abs(shown(light, face, Flaws(jpeg_quality=q)) - plain).mean() for q in (92, 30))
    assert 0 < good < bad < 0.05
    checks = np.where(np.indices((SIZE, SIZE)).sum(0)[..., None] % 2, [0.4, 0.2, 0.1], [0.1, 0.2, 0.4])
    whole, halved = (
        np.abs(np.diff(shown(float32(checks), face, Flaws(jpeg_quality=92, jpeg_halved=h))[..., 0], axis=1))
        for h in (False, True)
    )
    assert halved.mean() < 0.8 * whole.mean()


def test_a_picture_without_a_face_is_left_at_its_own_level(light: Floats) -> None:
    picture = shown(light, np.zeros((SIZE, SIZE), np.float32), Flaws())
    assert 0.2 < picture.mean() < 0.6
