"""A face's landmarks fix a square that is turned with the head, and crops are cut in its frame."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.faces import FITTED, MIRRORED_POINTS, TEMPLATE, crop_face, crop_matrix, house_box, turned_box
from openau.faces.align import WEIGHTS
from openau.records import CropSpec, Face, Floats, Pixels


def placed(x: float, y: float, side: float, angle_deg: float) -> Floats:
    """Return the template's landmarks as those of a face whose turned box is known."""
    angle = math.radians(angle_deg)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points: Floats = ((TEMPLATE - 0.5) @ turn.T * side + (x - 0.5, y - 0.5)).astype(np.float32)
    return points


def smooth_noise(height: int, width: int, sigma: float, seed: int = 0) -> Pixels:
    raw = np.random.default_rng(seed).normal(size=(height, width, 3))
    soft = cv2.GaussianBlur(raw, (0, 0), sigma)
    return np.asarray(np.clip(128 + soft / soft.std() * 45, 0, 255), np.uint8)


def turned_mean(rgb: Pixels, matrix: NDArray[np.float64], size: int, fine: int = 24) -> NDArray[np.float64]:
    """The oracle: the mean of flat pixels over each turned cell, by very many samples."""
    back = np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))[:2]
    steps = (np.arange(size * fine) + 0.5) / fine - 0.5
    u, v = np.meshgrid(steps, steps)
    x, y = (np.rint(row[0] * u + row[1] * v + row[2]).astype(int) for row in back)
    found = rgb[y.clip(0, rgb.shape[0] - 1), x.clip(0, rgb.shape[1] - 1)].astype(np.float64)
    return np.asarray(found.reshape(size, fine, size, fine, 3).mean(axis=(1, 3)))


def test_the_template_is_a_symmetric_face_in_its_own_house_box() -> None:
    mirrored = TEMPLATE[list(MIRRORED_POINTS)] * (-1, 1) + (1, 0)
    assert np.abs(mirrored - TEMPLATE).max() <= 2e-4
    eyes = [TEMPLATE[36:42].mean(axis=0), TEMPLATE[42:48].mean(axis=0)]
    mouth = (TEMPLATE[48] + TEMPLATE[54]) / 2
    box = house_box(*((float(x), float(y)) for x, y in (*eyes, mouth)))
    np.testing.assert_allclose(np.array(box) - 0.5, (0, 0, 1, 1), atol=2e-4)


def test_mirroring_twice_gives_every_landmark_back() -> None:
    assert [MIRRORED_POINTS[point] for point in MIRRORED_POINTS] == list(range(68))


@given(
    x=st.floats(-100, 3000),
    y=st.floats(-100, 3000),
    side=st.floats(10, 2000),
    angle=st.floats(-179, 179),
)
def test_the_turned_box_of_a_moved_template_is_where_it_was_moved(
    x: float, y: float, side: float, angle: float
) -> None:
    box = turned_box(placed(x, y, side, angle))
    np.testing.assert_allclose((box.x, box.y, box.side), (x, y, side), atol=2e-3)
    assert abs(box.angle_deg - angle) < 0.05


def test_the_fit_is_the_weighted_least_squares_one() -> None:
    rng = np.random.default_rng(3)
    points = placed(80, 90, 60, 20) + rng.normal(0, 3, (68, 2)).astype(np.float32)
    rows, wanted = [], []
    for number, weight in WEIGHTS.items():  # the unknowns: real and imaginary part of the turn, the shift
        (a, b), root = TEMPLATE[number], math.sqrt(weight)
        rows += [[root * a, -root * b, root, 0], [root * b, root * a, 0, root]]
        wanted += [root * points[number, 0], root * points[number, 1]]
    real, imaginary, right, down = np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)[0]
    box = turned_box(points)
    assert math.hypot(real, imaginary) == pytest.approx(box.side, rel=1e-6)
    assert math.degrees(math.atan2(imaginary, real)) == pytest.approx(box.angle_deg, abs=1e-5)
    assert right + (real - imaginary) / 2 + 0.5 == pytest.approx(box.x, abs=1e-5)
    assert down + (real + imaginary) / 2 + 0.5 == pytest.approx(box.y, abs=1e-5)


def test_landmarks_that_faces_move_do_not_move_the_box() -> None:
    points = placed(100, 100, 70, -12)
    moved = points.copy()
    others = [number for number in range(68) if number not in FITTED]
    moved[others] += np.random.default_rng(0).normal(0, 8, (len(others), 2)).astype(np.float32)
    assert turned_box(moved) == turned_box(points)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (None, "aligned by 68 landmarks, and this face has none"),
        (np.zeros((5, 2), np.float32), r"not by \(5, 2\)"),
        (np.zeros((68, 2), np.float32), "they are no face"),
        (np.full((68, 2), np.nan, np.float32), "they are no face"),
    ],
)
def test_a_face_that_cannot_be_aligned_is_refused_in_a_sentence(points: Floats | None, why: str) -> None:
    rgb = np.zeros((50, 50, 3), np.uint8)
    with pytest.raises(SettingError, match=why):
        crop_face(rgb, Face((0.0, 0.0, 40.0, 40.0), 1.0, points), CropSpec(16, align="points"))


def test_a_turned_box_outside_the_picture_is_refused() -> None:
    face = Face((0.0, 0.0, 40.0, 40.0), 1.0, placed(-60, 25, 40, 30))
    with pytest.raises(SettingError, match="lies outside the 50x50 picture"):
        crop_face(np.zeros((50, 50, 3), np.uint8), face, CropSpec(16, align="points"))


@pytest.mark.parametrize(
    "spec", [CropSpec(48), CropSpec(31, scale=1.3, shift_y=0.1), CropSpec(20, 1.8, -0.2)]
)
@pytest.mark.parametrize("side", [20.0, 47.0, 133.0])
def test_an_upright_face_is_cut_as_by_its_box(spec: CropSpec, side: float) -> None:
    rgb = smooth_noise(200, 220, 3.0)
    x, y = 103.3, 97.8
    face = Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), 1.0, placed(x, y, side, 0))
    by_box = crop_face(rgb, face, spec)
    by_points = crop_face(rgb, face, CropSpec(spec.size, spec.scale, spec.shift_y, "points"))
    np.testing.assert_allclose(by_points.matrix, by_box.matrix, atol=2e-3)
    assert np.abs(by_points.pixels.astype(int) - by_box.pixels).max() <= 4
    assert np.abs(by_points.pixels.astype(int) - by_box.pixels).mean() <= 0.6


@given(
    angle=st.floats(-180, 180),
    side=st.floats(20, 300),
    scale=st.floats(0.5, 3),
    shift_y=st.floats(-0.5, 0.5),
    size=st.integers(8, 256),
)
def test_scale_and_shift_apply_in_the_turned_frame(
    angle: float, side: float, scale: float, shift_y: float, size: int
) -> None:
    face = Face((0.0, 0.0, 1.0, 1.0), 1.0, placed(400, 300, side, angle))
    matrix = crop_matrix(face, CropSpec(size, scale, shift_y, "points"))
    # In the turned frame the cut's corners lie at 1/2 -+ scale/2, moved down by shift_y.
    for u in (0, 1):
        for v in (0, 1):
            frame = np.array([0.5 + (u - 0.5) * scale, 0.5 + (v - 0.5) * scale + shift_y])
            turn = math.radians(angle)
            across, down = (frame - 0.5) * side
            x = 400 - 0.5 + across * math.cos(turn) - down * math.sin(turn)
            y = 300 - 0.5 + across * math.sin(turn) + down * math.cos(turn)
            np.testing.assert_allclose(
                matrix @ (x, y, 1), (u * size - 0.5, v * size - 0.5), atol=0.003 * size + 0.01
            )


@pytest.mark.parametrize(
    ("size", "side", "angle"),
    [(48, 60.0, 17.0), (48, 110.0, -33.0), (32, 150.0, 45.0), (24, 180.0, 80.0), (16, 290.0, 25.0)],
)
def test_a_turned_shrunk_crop_is_the_mean_over_its_turned_cells(size: int, side: float, angle: float) -> None:
    rgb = smooth_noise(430, 450, 2.0)
    crop = crop_face(
        rgb,
        Face((0.0, 0.0, 9.0, 9.0), 1.0, placed(220.3, 210.8, side, angle)),
        CropSpec(size, align="points"),
    )
    wrong = np.abs(crop.pixels - turned_mean(rgb, crop.matrix, size))
    assert wrong.mean() < 1.2  # of a noise whose standard deviation is 45
    assert wrong.max() < 8


def test_white_noise_is_not_aliased_by_turning() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (420, 420, 3), dtype=np.uint8)
    for side in (80.0, 130.0, 200.0, 280.0):
        face = Face((0.0, 0.0, 9.0, 9.0), 1.0, placed(210.0, 210.0, side, 30.0))
        crop = crop_face(rgb, face, CropSpec(32, align="points"))
        exact = turned_mean(rgb, crop.matrix, 32)
        assert crop.pixels.std() == pytest.approx(exact.std(), rel=0.12)
        assert np.corrcoef(crop.pixels.ravel(), exact.ravel())[0, 1] > 0.93


def test_an_enlarged_turned_crop_is_linear_between_pixel_centres() -> None:
    y, x = np.mgrid[:60, :60]
    rgb = np.repeat((2 * x + y + 20).astype(np.uint8)[..., None], 3, axis=2)
    crop = crop_face(
        rgb, Face((0.0, 0.0, 9.0, 9.0), 1.0, placed(30, 31, 20, 33)), CropSpec(50, align="points")
    )
    back = np.linalg.inv(np.vstack([crop.matrix, (0, 0, 1)]))
    v, u = np.mgrid[:50, :50]
    places = back @ np.stack([u.ravel(), v.ravel(), np.ones(2500)])
    assert np.abs(crop.pixels[..., 0].ravel() - (2 * places[0] + places[1] + 20)).max() <= 0.51


def test_growing_through_the_pictures_own_size_does_not_make_the_crop_jump() -> None:
    rgb = smooth_noise(150, 150, 1.0)
    shrunk, enlarged = (
        crop_face(
            rgb, Face((0.0, 0.0, 9.0, 9.0), 1.0, placed(75.2, 74.6, side, 21)), CropSpec(48, align="points")
        )
        for side in (48.01, 47.99)
    )
    assert np.abs(shrunk.pixels.astype(int) - enlarged.pixels).max() <= 6
    assert np.abs(shrunk.pixels.astype(int) - enlarged.pixels).mean() <= 0.7


@pytest.mark.parametrize(("side", "size"), [(150.0, 48), (400.0, 32), (40.0, 96)])
def test_a_dot_lands_where_the_matrix_of_the_turned_crop_says(side: float, size: int) -> None:
    y, x = np.mgrid[:520, :520]
    dot = np.exp(-((x - 257.3) ** 2 + (y - 262.8) ** 2) / (2 * (side / 15) ** 2))
    rgb = np.repeat((255 * dot).astype(np.uint8)[..., None], 3, axis=2)
    crop = crop_face(
        rgb, Face((0.0, 0.0, 9.0, 9.0), 1.0, placed(260, 260, side, -27)), CropSpec(size, align="points")
    )
    v, u = np.mgrid[:size, :size]
    weight = crop.pixels[..., 0].astype(float)
    centre = np.array([(u * weight).sum(), (v * weight).sum()]) / weight.sum()
    assert np.abs(centre - crop.matrix @ (257.3, 262.8, 1)).max() < 0.05 * size / side + 0.02


def test_beyond_the_edge_the_outermost_pixels_go_on() -> None:
    rgb = np.zeros((60, 60, 3), np.uint8)
    rgb[:, 0] = (10, 200, 30)
    for side in (30.0, 90.0, 700.0):
        face = Face((0.0, 0.0, 9.0, 9.0), 1.0, placed(-side * 0.45, 30, side, 0.01))
        crop = crop_face(rgb, face, CropSpec(24, align="points"))
        assert (crop.pixels[:, :12] == (10, 200, 30)).all()
