"""The landmark network that comes with the package finds real faces, jittered, blurred, turned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from openau.errors import CardError, ModelError, SettingError
from openau.faces import (
    MIRRORED_POINTS,
    TEMPLATE,
    LandmarkModel,
    TurnedBox,
    build_detector,
    crop_face,
    default_landmarks,
    landmark_model_path,
    pupil_centres,
    turned_box,
    with_landmarks,
)
from openau.faces.landmarks import read_landmark_card
from openau.records import CropSpec, Face, LandmarkCard, Pixels
from openau.runtime import default_model_path

POINTS = CropSpec(48, align="points")


@pytest.fixture(scope="module")
def astronaut() -> Pixels:
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="module")
def face(astronaut: Pixels) -> Face:
    return build_detector("haar", thorough=True)(astronaut)[0]


def box_of(rgb: Pixels, face: Face) -> TurnedBox:
    return turned_box(default_landmarks()(rgb, [face])[0].points)


def moved(face: Face, across: float, down: float, larger: float) -> Face:
    x1, y1, x2, y2 = face.box_px
    side = x2 - x1
    x, y, half = (x1 + x2) / 2 + across * side, (y1 + y2) / 2 + down * side, side * larger / 2
    return Face((x - half, y - half, x + half, y + half), face.score)


def test_eyes_nose_and_mouth_of_a_photograph_are_found(astronaut: Pixels, face: Face) -> None:
    [found] = default_landmarks()(astronaut, [face])
    assert found.points is not None
    assert found.visible is not None
    assert found.pose_deg is not None
    eyes, mouth = pupil_centres(found.points), found.points[48:60].mean(axis=0)
    # Places that anybody sees in the picture, to a pixel or two; the eyes are 44 pixels apart.
    np.testing.assert_allclose(eyes, [(203, 100), (247, 103)], atol=3)
    np.testing.assert_allclose(mouth, (224, 145), atol=4)
    assert all(abs(angle) < 20 for angle in found.pose_deg)
    assert found.visible.mean() > 0.8


def test_brows_of_a_photograph_are_marked_where_they_are(astronaut: Pixels, face: Face) -> None:
    [found] = default_landmarks()(astronaut, [face])
    assert found.points is not None
    # The line of each thin brow as anybody sees it in the picture; the eyes are 44 pixels apart.
    for brow, line in (
        (slice(17, 22), [(190.0, 90.3), (198.0, 87.7), (212.5, 92.3)]),
        (slice(22, 27), [(238.5, 93.2), (253.5, 92.0), (262.5, 95.3)]),
    ):
        x, y = found.points[brow].T
        height = np.interp(x, *np.array(line).T) - y
        assert abs(height.mean()) < 2.6  # on the forehead above, it would be 5 or 6
        assert np.abs(height).max() < 4.2


def test_a_noisy_box_hardly_moves_the_frame(astronaut: Pixels, face: Face) -> None:
    still = box_of(astronaut, face)
    random = np.random.default_rng(0)
    for across, down, size in random.uniform(-0.08, 0.08, (12, 3)):
        box = box_of(astronaut, moved(face, across, down, 1 + 1.5 * size))
        assert np.hypot(box.x - still.x, box.y - still.y) < 0.05 * still.side
        assert abs(box.side / still.side - 1) < 0.08
        assert abs(box.angle_deg - still.angle_deg) < 5


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_blur_hardly_moves_the_frame(astronaut: Pixels, face: Face, sigma: float) -> None:
    still = box_of(astronaut, face)
    box = box_of(np.asarray(cv2.GaussianBlur(astronaut, (0, 0), sigma), np.uint8), face)
    assert np.hypot(box.x - still.x, box.y - still.y) < 0.05 * still.side
    assert abs(box.side / still.side - 1) < 0.08


@pytest.mark.parametrize("angle", [-35.0, -20.0, 20.0, 35.0])
def test_the_frame_turns_with_the_head_and_so_does_roll(astronaut: Pixels, face: Face, angle: float) -> None:
    x, y = (face.box_px[0] + face.box_px[2]) / 2, (face.box_px[1] + face.box_px[3]) / 2
    matrix = cv2.getRotationMatrix2D((x - 0.5, y - 0.5), angle, 1.0)  # counterclockwise as seen
    turned = np.asarray(cv2.warpAffine(astronaut, matrix, astronaut.shape[1::-1]), np.uint8)
    upright, [found] = default_landmarks()(astronaut, [face])[0], default_landmarks()(turned, [face])
    assert upright.pose_deg is not None
    assert found.pose_deg is not None
    assert found.pose_deg[2] - upright.pose_deg[2] == pytest.approx(angle, abs=8)
    difference = turned_box(upright.points).angle_deg - turned_box(found.points).angle_deg
    assert difference == pytest.approx(angle, abs=7)


def test_a_mirrored_picture_has_mirrored_landmarks_visibility_and_pose(astronaut: Pixels, face: Face) -> None:
    width = astronaut.shape[1]
    x1, y1, x2, y2 = face.box_px
    [seen] = default_landmarks()(astronaut, [face])
    [other] = default_landmarks()(
        np.ascontiguousarray(astronaut[:, ::-1]), [Face((width - x2, y1, width - x1, y2), face.score)]
    )
    assert seen.points is not None
    assert other.points is not None
    assert seen.visible is not None
    assert other.visible is not None
    assert seen.pose_deg is not None
    assert other.pose_deg is not None
    back = other.points[list(MIRRORED_POINTS)] * [-1, 1] + [width - 1, 0]
    # The crop is resampled on a grid of 1/32 pixel, which is not the same from both sides.
    np.testing.assert_allclose(back, seen.points, atol=0.1)
    np.testing.assert_allclose(other.visible[list(MIRRORED_POINTS)], seen.visible, atol=0.02)
    np.testing.assert_allclose(np.array(other.pose_deg) * [1, -1, -1], seen.pose_deg, atol=0.2)


def test_a_second_look_sees_nearly_the_same(astronaut: Pixels, face: Face) -> None:
    once, twice = (LandmarkModel(looks=looks)(astronaut, [face])[0] for looks in (1, 2))
    boxes = [turned_box(one.points) for one in (once, twice)]
    assert np.hypot(boxes[0].x - boxes[1].x, boxes[0].y - boxes[1].y) < 0.04 * boxes[0].side
    assert once.pose_deg is not None
    assert twice.pose_deg is not None
    assert twice.pose_deg[2] == pytest.approx(once.pose_deg[2], abs=5)


def test_faces_of_one_picture_are_looked_at_together_with_the_same_result(
    astronaut: Pixels, face: Face
) -> None:
    other = moved(face, 0.05, -0.03, 1.1)
    model = default_landmarks()
    together = model(astronaut, [face, other])
    for one, alone in zip(together, (face, other), strict=True):
        assert one.box_px == alone.box_px
        [single] = model(astronaut, [alone])
        assert one.points is not None
        assert single.points is not None
        np.testing.assert_allclose(one.points, single.points, atol=1e-2)
    assert model(astronaut, []) == []


def test_landmarks_are_sought_only_where_a_recipe_wants_them_and_none_are_known(
    astronaut: Pixels, face: Face
) -> None:
    own = replace(face, points=(TEMPLATE * 100 + 50).astype(np.float32))
    assert with_landmarks(astronaut, [face, own], CropSpec(48)) == [face, own]
    first, second = with_landmarks(astronaut, [face, own], POINTS)
    assert first.points is not None
    assert second is own
    assert crop_face(astronaut, first, POINTS).pixels.shape == (48, 48, 3)


def test_pupils_turn_and_grow_with_the_face() -> None:
    points = (TEMPLATE * 200).astype(np.float32)
    turned = (np.array([[0.0, -2.0], [2.0, 0.0]]) @ points.T).T.astype(np.float32)
    np.testing.assert_allclose(pupil_centres(turned), pupil_centres(points) @ [[0, 2], [-2, 0]], atol=1e-3)
    eyes = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    assert (pupil_centres(points)[:, 1] < np.array(eyes)[:, 1]).all()


def test_the_file_is_small_and_its_card_is_complete() -> None:
    path = landmark_model_path()
    assert path.stat().st_size <= 3_000_000
    card = read_landmark_card(path)
    assert LandmarkCard.from_json(card.to_json()) == card
    assert "Rendered faces only" in card.training_data
    assert card.licence == "Apache-2.0"
    assert card.limits
    assert card.accuracy
    assert card.recipe


def test_what_is_no_landmark_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no landmark network of openau"):
        LandmarkModel(default_model_path())
    with pytest.raises(ModelError, match="cannot be read"):
        LandmarkModel(tmp_path / "none.onnx")
    with pytest.raises(SettingError, match="looks is 0"):
        LandmarkModel(looks=0)
    with pytest.raises(CardError, match="schema"):
        LandmarkCard.from_json("{}")


def test_pupils_of_photographs_with_points_set_by_hand(shared: Path) -> None:
    from benchmarks.real_landmarks import measure, read_errors

    errors: pd.DataFrame = read_errors(shared / "faces" / "london", LandmarkModel())
    found = {row.name: row.value for row in measure(errors, 50) if not row.group}
    assert found["faces found"] == 1
    assert found["error of the pupils"] < 5.0
    assert found["error of the corners of the eyes"] < 7.5
    assert found["error of the mouth"] < 8.5
    assert found["error of the brows"] < 4.0
