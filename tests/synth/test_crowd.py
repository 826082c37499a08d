"""Scenes for the face detector: heads lie where the scene says, and what hides a face is noticed."""

from __future__ import annotations

import numpy as np
import pytest

from openau.synth import crowd
from openau.synth.clutter import KINDS, paint_clutter
from openau.synth.crowd import Cast, build_cast, draw_crowd, five_points
from tests.synth.fake_heads import FIVE, fake_cutouts


@pytest.fixture(scope="module")
def cast() -> Cast:
    """Fake heads before two pictures of clutter."""
    clutter = np.stack([paint_clutter(np.random.default_rng(k), 128) for k in range(2)])
    return build_cast(fake_cutouts(), clutter)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_clutter_is_a_picture_with_something_in_it(kind: str) -> None:
    picture = KINDS[kind][1](np.random.default_rng(0), 96)
    assert picture.shape == (96, 96)
    assert np.isfinite(picture).all()
    assert picture.std() > 0


def test_clutter_is_decided_by_the_seed_and_differs_between_seeds() -> None:
    first, again, other = (paint_clutter(np.random.default_rng(seed), 64) for seed in (3, 3, 4))
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_scene_is_decided_by_the_seed(cast: Cast) -> None:
    first, again = (draw_crowd(np.random.default_rng(5), cast, 96) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_five_points_are_eyes_nose_and_corners_of_the_mouth() -> None:
    points = five_points(fake_cutouts().points)[0]
    np.testing.assert_allclose(points - 0.5, list(FIVE.values()))


def test_a_head_lies_where_the_scene_says(cast: Cast) -> None:
    dark = Cast(cast.levels, cast.box_px, cast.points, cast.away, np.zeros_like(cast.clutter))
    rng = np.random.default_rng(0)
    for size in (20.0, 40.0, 80.0):
        picture = np.zeros((240, 240), np.float32)
        matrix = np.array([[size / 64, 0, 20.3], [0, size / 64, 11.7]])
        cover = crowd._paste(rng, picture, dark, 0, matrix)
        rows, columns = np.nonzero(cover)
        wanted = matrix[:, :2] @ (80.5, 86.5) + matrix[:, 2]
        assert np.allclose((columns.mean() + 0.5, rows.mean() + 0.5), wanted, atol=0.6)
        # The nose tip is the only bright dot in the middle of the face.
        x, y = matrix[:, :2] @ dark.points[0, 2] + matrix[:, 2]
        spot = picture[int(y), int(x)]
        assert spot > picture[cover].mean()


def test_a_head_of_which_only_the_hair_is_in_the_scene_is_drawn(cast: Cast) -> None:
    picture = np.full((96, 96), 50.0, np.float32)
    x1, y1, x2, _ = cast.box_px[0]
    matrix = np.array([[1.0, 0, 40 - (x1 + x2) / 2], [0, 1.0, 96.5 - y1]])
    cover = crowd._paste(np.random.default_rng(0), picture, cast, 0, matrix)
    assert cover.any()
    assert np.isfinite(picture).all()


def test_a_turned_box_keeps_its_middle_and_side(cast: Cast) -> None:
    box = cast.box_px[0]
    matrix = np.array([[0.0, -0.5, 90.0], [0.5, 0.0, 10.0]])
    x1, y1, x2, y2 = crowd._moved(box, matrix)
    assert (x2 - x1, y2 - y1) == pytest.approx([float(box[2] - box[0]) / 2] * 2)
    middle = matrix[:, :2] @ ((box[:2] + box[2:]) / 2) + matrix[:, 2]
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx(tuple(middle))


def test_heads_seen_from_behind_are_no_faces(cast: Cast) -> None:
    away = Cast(cast.levels, cast.box_px, cast.points, np.ones(4, bool), cast.clutter)
    scenes = [draw_crowd(np.random.default_rng(k), away, 96) for k in range(30)]
    assert all(len(scene.box_px) == 0 for scene in scenes)


def test_most_faces_count_and_some_do_not(cast: Cast) -> None:
    counts = np.concatenate([draw_crowd(np.random.default_rng(k), cast, 112).counts for k in range(150)])
    assert len(counts) > 100
    assert 0.5 < counts.mean() < 1


def test_a_face_mostly_outside_the_picture_does_not_count(cast: Cast) -> None:
    for seed in range(150):
        scene = draw_crowd(np.random.default_rng(seed), cast, 112)
        for box, known in zip(scene.box_px, scene.counts, strict=True):
            inside = np.clip(box, 0, 112)
            share = (inside[2] - inside[0]) * (inside[3] - inside[1]) / (box[2] - box[0]) ** 2
            assert share > 0.4 or not known
