"""Crops are exact: where they are cut, what their pixels are, and what happens at the edge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.faces import crop_face, crop_matrix
from openau.records import Box, CropSpec, Face, Pixels


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def area_mean(rgb: Pixels, box_px: Box, spec: CropSpec) -> NDArray[np.float64]:
    """The oracle: each crop pixel is the overlap-weighted mean of every picture pixel (edge replicated)."""
    longer = max(box_px[2] - box_px[0], box_px[3] - box_px[1])
    side = longer * spec.scale
    centre = ((box_px[0] + box_px[2]) / 2, (box_px[1] + box_px[3]) / 2 + spec.shift_y * longer)
    weights = []
    for axis, count in ((0, rgb.shape[1]), (1, rgb.shape[0])):
        edges = centre[axis] - side / 2 + np.arange(spec.size + 1) * side / spec.size
        weight = np.zeros((spec.size, count))
        for pixel in range(-200, 1600):
            overlap = np.minimum(edges[1:], pixel + 1) - np.maximum(edges[:-1], pixel)
            weight[:, min(max(pixel, 0), count - 1)] += np.maximum(overlap, 0)
        weights.append(weight / (side / spec.size))
    across, down = weights
    mean: NDArray[np.float64] = np.einsum(
        "ui,ijc,vj->uvc", down, rgb.astype(np.float64), across, optimize=True
    )
    return mean


@pytest.mark.parametrize(
    ("box_px", "spec"),
    [
        ((10.0, 20.0, 90.0, 100.0), CropSpec(16)),
        ((10.3, 20.7, 91.1, 99.2), CropSpec(24, scale=1.3, shift_y=0.1)),
        ((-30.5, -12.0, 60.0, 70.0), CropSpec(20, scale=1.5, shift_y=-0.2)),
        ((80.0, 60.0, 300.0, 310.0), CropSpec(48)),
        ((0.0, 0.0, 130.0, 110.0), CropSpec(33)),
        ((120.0, 100.0, 135.0, 125.0), CropSpec(8, scale=0.9)),
    ],
)
def test_a_shrunk_crop_is_the_exact_area_mean(box_px: Box, spec: CropSpec) -> None:
    rgb = noise(110, 130)
    found = crop_face(rgb, Face(box_px, 1.0), spec).pixels
    assert np.abs(found - area_mean(rgb, box_px, spec)).max() <= 0.51


def test_a_large_face_is_cut_in_bands_with_the_same_result() -> None:
    rgb = noise(1500, 1400)
    box = (33.25, 41.5, 1380.0, 1490.75)
    found = crop_face(rgb, Face(box, 1.0), CropSpec(16)).pixels
    assert np.abs(found - area_mean(rgb, box, CropSpec(16))).max() <= 0.51


def test_an_enlarged_crop_is_linear_between_pixel_centres() -> None:
    ramp = np.broadcast_to((np.arange(40) * 6).astype(np.uint8)[None, :, None], (40, 40, 3))
    crop = crop_face(ramp, Face((10.0, 10.0, 20.0, 20.0), 1.0), CropSpec(50))
    x = (np.arange(50) - crop.matrix[0, 2]) / crop.matrix[0, 0]
    assert np.abs(crop.pixels[25, :, 0] - 6 * x).max() <= 0.51


def test_enlarging_and_shrinking_meet_at_equal_size() -> None:
    rgb = noise(100, 100)
    shrunk, enlarged = (
        crop_face(rgb, Face((20.4, 20.4, 20.4 + side, 20.4 + side), 1.0), CropSpec(40)).pixels.astype(int)
        for side in (40.0001, 39.9999)
    )
    assert np.abs(shrunk - enlarged).max() <= 1


def test_a_whole_pixel_box_of_the_crops_size_copies_the_pixels() -> None:
    rgb = noise(60, 70)
    crop = crop_face(rgb, Face((11.0, 7.0, 43.0, 39.0), 1.0), CropSpec(32))
    np.testing.assert_array_equal(crop.pixels, rgb[7:39, 11:43])
    np.testing.assert_allclose(crop.matrix, [[1, 0, -11], [0, 1, -7]], atol=1e-12)


@given(
    x=st.integers(-20, 60),
    y=st.integers(-20, 60),
    side=st.floats(20, 80),
    size=st.sampled_from([12, 48]),
)
def test_moving_the_picture_and_the_box_leaves_the_crop_as_it_is(
    x: int, y: int, side: float, size: int
) -> None:
    rgb = noise(90, 90)
    moved = np.pad(rgb, ((5, 0), (9, 0), (0, 0)), mode="edge")
    here = crop_face(rgb, Face((x + 20.0, y + 20.0, x + 20.0 + side, y + 20.0 + side), 1.0), CropSpec(size))
    there = crop_face(
        moved, Face((x + 29.0, y + 25.0, x + 29.0 + side, y + 25.0 + side), 1.0), CropSpec(size)
    )
    assert np.abs(here.pixels.astype(int) - there.pixels).max() <= 1


@given(
    left=st.floats(-50, 500),
    top=st.floats(-50, 500),
    width=st.floats(5, 400),
    ratio=st.floats(0.5, 2),
    scale=st.floats(0.5, 3),
    shift_y=st.floats(-0.5, 0.5),
    size=st.integers(8, 256),
)
def test_a_point_taken_into_the_crop_and_back_returns(
    left: float, top: float, width: float, ratio: float, scale: float, shift_y: float, size: int
) -> None:
    spec = CropSpec(size, scale, shift_y)
    matrix = crop_matrix(Face((left, top, left + width, top + width * ratio), 1.0), spec)
    whole = np.vstack([matrix, [0, 0, 1]])
    points = np.array([[left, top, 1], [left + width, top + width * ratio, 1], [3, 4, 1]]).T
    back = np.linalg.inv(whole) @ (whole @ points)
    assert np.abs(back - points).max() < 1e-6
    # The crop's outer corners are the cut's corners.
    longer = width * max(1, ratio)
    corner = whole @ (
        left + width / 2 - longer * scale / 2 - 0.5,
        top + width * ratio / 2 + shift_y * longer - longer * scale / 2 - 0.5,
        1,
    )
    np.testing.assert_allclose(corner[:2], -0.5, atol=1e-6)


@pytest.mark.parametrize(("side", "size"), [(150, 48), (40, 96)])
def test_a_dot_in_the_picture_lands_where_the_matrix_says(side: int, size: int) -> None:
    y, x = np.mgrid[:200, :200]
    dot = np.exp(-((x - 107.3) ** 2 + (y - 92.8) ** 2) / (2 * (side / 15) ** 2))
    rgb = np.repeat((255 * dot).astype(np.uint8)[..., None], 3, axis=2)
    crop = crop_face(
        rgb, Face((107.0 - side / 2, 93.0 - side / 2, 107.5 + side / 2, 93.5 + side / 2), 1.0), CropSpec(size)
    )
    v, u = np.mgrid[:size, :size]
    weight = crop.pixels[..., 0].astype(float)
    centre = np.array([(u * weight).sum(), (v * weight).sum()]) / weight.sum()
    expected = crop.matrix @ (107.3, 92.8, 1)
    assert np.abs(centre - expected).max() < 0.05 * size / side + 0.02


def test_a_crop_reaching_past_the_edge_goes_on_with_the_outermost_pixels() -> None:
    rgb = np.zeros((40, 40, 3), np.uint8)
    rgb[:, 0] = (10, 200, 30)
    crop = crop_face(rgb, Face((-40.0, 10.0, 1.0, 51.0), 1.0), CropSpec(41))
    assert (crop.pixels[:, :41] == (10, 200, 30)).all()


@pytest.mark.parametrize("side", [1e-6, 1e5])
def test_any_real_box_that_touches_the_picture_is_cut(side: float) -> None:
    rgb = noise(30, 20)
    crop = crop_face(rgb, Face((10.0, 10.0, 10.0 + side, 10.0 + side), 1.0), CropSpec(16))
    assert crop.pixels.shape == (16, 16, 3)
    assert crop.pixels.dtype == np.uint8


def test_one_pixel_is_a_picture() -> None:
    crop = crop_face(np.full((1, 1, 3), 7, np.uint8), Face((0.0, 0.0, 1.0, 1.0), 1.0), CropSpec(8))
    assert (crop.pixels == 7).all()


@pytest.mark.parametrize(
    "box_px",
    [
        (5.0, 5.0, 5.0, 9.0),
        (5.0, 5.0, 4.0, 9.0),
        (float("nan"), 0.0, 4.0, 9.0),
        (0.0, 0.0, float("inf"), 9.0),
        (0.0, 0.0, 1e9, 1e9),
    ],
)
def test_what_is_no_box_is_refused(box_px: Box) -> None:
    with pytest.raises(SettingError, match="is not a box"):
        crop_face(noise(10, 10), Face(box_px, 1.0), CropSpec(8))


@pytest.mark.parametrize(
    "box_px", [(-9.0, 0.0, 0.0, 9.0), (10.0, 0.0, 19.0, 9.0), (0.0, -9.0, 9.0, 0.0), (0.0, 10.0, 9.0, 19.0)]
)
def test_a_box_outside_the_picture_is_refused_with_its_numbers(box_px: Box) -> None:
    with pytest.raises(SettingError, match=rf"\({box_px[0]:g}, .* outside the 10x10 picture"):
        crop_face(noise(10, 10), Face(box_px, 1.0), CropSpec(8))


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((0, 10, 3), np.uint8),
        np.zeros((9, 9, 3)),
    ],
)
def test_what_is_no_picture_is_refused(rgb: Pixels) -> None:
    with pytest.raises(SettingError, match="uint8 picture"):
        crop_face(rgb, Face((0.0, 0.0, 5.0, 5.0), 1.0), CropSpec(8))
