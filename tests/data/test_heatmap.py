"""Heat map targets: bells at the AUs' points, as high as the AU is intense."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openau.data.heatmap import AU_POINTS, au_points, opposite_points, point_counts, render_heatmaps
from openau.errors import SettingError
from openau.records import Floats
from tests.reference.fan import heatmap

DISFA = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
BP4D = (6, 10, 12, 14, 17)


def face() -> Floats:
    """A rough upright face of 68 landmarks in 256 pixels: a circle for the jaw, the rest by hand."""
    points = np.zeros((68, 2))
    angle = np.linspace(0, np.pi, 17)
    points[:17] = np.stack([128 - 96 * np.cos(angle), 90 + 140 * np.sin(angle)], axis=1)
    brow = np.linspace(0, 1, 5)
    points[17:22] = np.stack([50 + 55 * brow, 68 - 12 * np.sin(np.pi * brow)], axis=1)
    points[22:27] = points[21:16:-1] * (-1, 1) + (256, 0)
    points[27:31] = [(128, y) for y in (85, 100, 115, 130)]
    points[31:36] = [(x, 140) for x in (112, 120, 128, 136, 144)]
    points[36:42] = [(66, 90), (76, 84), (90, 84), (100, 90), (90, 95), (76, 95)]
    points[42:48] = [(156, 90), (166, 84), (180, 84), (190, 90), (180, 95), (166, 95)]
    turn = np.linspace(np.pi, -np.pi, 12, endpoint=False)
    points[48:60] = np.stack([128 + 42 * np.cos(turn), 172 - 16 * np.sin(turn)], axis=1)
    turn = np.linspace(np.pi, -np.pi, 8, endpoint=False)
    points[60:68] = np.stack([128 + 32 * np.cos(turn), 172 - 5 * np.sin(turn)], axis=1)
    return points.astype(np.float32)


def test_the_specifications_example_value_by_value() -> None:
    drawn = render_heatmaps(
        np.array([[30, 61]], np.float32), np.array([3], np.float32), size=96, map_size=24
    )[0]
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (15, 8)
    assert drawn[15, 8] == 765
    assert drawn[15, 9] == pytest.approx(675.110, abs=5e-4)
    assert drawn.sum(dtype=np.float64) == pytest.approx(19226.209, abs=5e-3)


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(-20, 120, width=32),
    y=st.floats(-20, 120, width=32),
    intensity=st.floats(0, 5, width=32),
    map_size=st.sampled_from([3, 24, 64]),
)
def test_a_bell_is_the_formula_pixel_by_pixel(x: float, y: float, intensity: float, map_size: int) -> None:
    drawn = render_heatmaps(
        np.array([[x, y]], np.float32), np.array([intensity], np.float32), size=96, map_size=map_size
    )
    wanted = heatmap(x, y, intensity, size=96, map_size=map_size)
    np.testing.assert_allclose(drawn[0], wanted, rtol=1e-6, atol=1e-30)


def test_a_batch_is_drawn_as_its_rows_are() -> None:
    generator = np.random.default_rng(0)
    points = generator.uniform(0, 96, (4, 10, 2)).astype(np.float32)
    intensity = generator.uniform(0, 5, (4, 10)).astype(np.float32)
    together = render_heatmaps(points, intensity, size=96, map_size=24)
    assert together.shape == (4, 10, 24, 24)
    assert together.dtype == np.float32
    for row in range(4):
        alone = render_heatmaps(points[row], intensity[row], size=96, map_size=24)
        np.testing.assert_array_equal(together[row], alone)


def test_what_is_unknown_makes_a_map_of_nothing_known_and_no_other() -> None:
    points = np.array([[10, 10], [np.nan, 5], [20, 20]], np.float32)
    intensity = np.array([1, 1, np.nan], np.float32)
    drawn = render_heatmaps(points, intensity, size=96, map_size=24)
    assert np.isfinite(drawn[0]).all()
    assert np.isnan(drawn[1:]).all()


def test_an_absent_au_is_a_map_of_zeros() -> None:
    drawn = render_heatmaps(np.full((1, 2), 40, np.float32), np.zeros(1, np.float32), size=96, map_size=24)
    assert not drawn.any()


def test_there_are_as_many_points_as_the_released_lists_have() -> None:
    assert point_counts(BP4D) == (2, 2, 2, 2, 2)
    assert point_counts(DISFA) == (2, 2, 1, 2, 2, 3, 2, 2, 2, 2, 2, 2)
    assert sum(point_counts(DISFA)) == 24


def test_points_are_where_the_released_annotation_has_them() -> None:
    landmarks = face()
    found = dict(zip(BP4D, au_points(landmarks, BP4D).reshape(5, 2, 2), strict=True))
    np.testing.assert_allclose(found[12], landmarks[[48, 54]])
    np.testing.assert_allclose(found[17][0], landmarks[57])
    np.testing.assert_allclose(found[17][1], (landmarks[57] + landmarks[8]) / 2)
    np.testing.assert_allclose(found[14][0], (landmarks[48] + landmarks[3]) / 2)
    np.testing.assert_allclose(found[6][1], ((landmarks[46] + landmarks[47]) / 2 + landmarks[14]) / 2)


def test_the_ruler_is_the_distance_between_the_inner_corners_of_the_eyes() -> None:
    landmarks = face()
    ruler = 56.0
    inner, _, outer, _, brow = au_points(landmarks, (1, 2, 4))
    np.testing.assert_allclose(inner, landmarks[21] - (0, ruler / 2), rtol=1e-6)
    np.testing.assert_allclose(outer, landmarks[17] - (0, ruler / 3), rtol=1e-6)
    np.testing.assert_allclose(brow, (landmarks[21] + landmarks[22]) / 2 + (0, ruler / 3), rtol=1e-6)


@pytest.mark.parametrize("au", sorted(AU_POINTS))
def test_a_mirrored_face_has_mirrored_points(au: int) -> None:
    landmarks = face()
    np.testing.assert_allclose(landmarks[16::-1, 0], 256 - landmarks[:17, 0], atol=1e-4)  # it is symmetric
    points = au_points(landmarks, (au,))
    mirrored = points * (-1, 1) + (256, 0)
    if au in (23, 24, 25):
        np.testing.assert_allclose(points, mirrored, atol=1e-3)  # on the midline
    elif au == 17:
        np.testing.assert_allclose(points[:, 0], 128, atol=1e-3)
    else:
        np.testing.assert_allclose(points, mirrored[::-1], atol=1e-3)


def test_points_move_and_grow_with_the_face() -> None:
    landmarks = face()
    every = tuple(sorted(AU_POINTS))
    moved = au_points(landmarks * 1.5 + np.array([30, -7], np.float32), every)
    np.testing.assert_allclose(moved, au_points(landmarks, every) * 1.5 + (30, -7), atol=1e-3)
    many = au_points(np.stack([landmarks, landmarks + 1]), every)
    np.testing.assert_allclose(many[1], au_points(landmarks + 1, every), atol=1e-4)


def test_a_missing_landmark_makes_only_its_own_points_unknown() -> None:
    landmarks = face()
    landmarks[48] = np.nan
    unknown = np.isnan(au_points(landmarks, (12, 25))).any(1)
    assert unknown.tolist() == [True, False, False, False]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(SettingError, match="AU 43"):
        point_counts((12, 43))
    with pytest.raises(SettingError, match="68"):
        au_points(np.zeros((5, 2), np.float32), (12,))
    with pytest.raises(SettingError, match="belong together"):
        render_heatmaps(np.zeros((3, 2), np.float32), np.zeros(2, np.float32), size=96, map_size=24)
    with pytest.raises(SettingError, match="positive"):
        render_heatmaps(np.zeros((1, 2), np.float32), np.zeros(1, np.float32), size=96, map_size=0)


def test_a_mirrored_face_has_its_points_where_the_opposite_ones_are() -> None:
    random = np.random.default_rng(0)
    aus = tuple(AU_POINTS)
    face = random.uniform(10, 90, (68, 2)).astype(np.float32)
    mirror = np.array(_IBUG_MIRROR)
    turned = face[mirror] * [-1, 1] + [100, 0]
    opposite = opposite_points(aus)
    assert [opposite[k] for k in opposite] == list(range(len(opposite)))
    wanted = au_points(face, aus)[opposite] * [-1, 1] + [100, 0]
    np.testing.assert_allclose(au_points(turned.astype(np.float32), aus), wanted, atol=1e-3)


_IBUG_MIRROR = [
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
]
"""The 68 landmarks as the mirror image has them, written out from the iBUG figure."""
