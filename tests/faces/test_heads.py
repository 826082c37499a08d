"""Our own detector on a real face: every scale, place, tilt and light, and nothing where nothing is."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from openau.errors import ModelError, SettingError
from openau.faces import LooksAgain, StopsEarly, house_box
from openau.faces.answers import peaks
from openau.faces.closeup import patch
from openau.faces.heads import HeadDetector, finder_path
from openau.records import Box, Face, Pixels
from openau.runtime import default_model_path

QUICK, THOROUGH = HeadDetector(), HeadDetector(thorough=True)
BOTH = pytest.mark.parametrize("detector", [QUICK, THOROUGH], ids=["quick", "thorough"])
# The astronaut's pupils and the middle between the corners of her mouth, marked by hand to about a pixel.
HOUSE = house_box((203.3, 101.2), (246.7, 103.3), (224.0, 142.5))


def centre_and_side(box_px: Box) -> tuple[float, float, float]:
    x1, y1, x2, y2 = box_px
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1


def placed(
    rgb: Pixels, side: float, x: float, y: float, size: tuple[int, int], turn_deg: float = 0.0
) -> Pixels:
    """Draw the astronaut's face, as large as `side`, centred on x, y in a grey picture of width x height."""
    true_x, true_y, true_side = centre_and_side(HOUSE)
    matrix = np.array(cv2.getRotationMatrix2D((true_x, true_y), turn_deg, side / true_side), np.float64)
    matrix[:, 2] += (x - true_x, y - true_y)
    blur = max(0.0, 0.45 * true_side / side - 0.3)
    soft = cv2.GaussianBlur(rgb, (0, 0), blur) if blur > 0.2 else rgb
    picture: Pixels = np.asarray(
        cv2.warpAffine(soft, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(120, 120, 120)), np.uint8
    )
    return picture


def assert_is(face: Face, x: float, y: float, side: float, slack: float = 0.12) -> None:
    found_x, found_y, found_side = centre_and_side(face.box_px)
    assert math.dist((found_x, found_y), (x, y)) < slack * side
    assert abs(found_side / side - 1) < 1.5 * slack


@BOTH
def test_the_astronaut_is_found_once_and_surely(detector: HeadDetector, astronaut: Pixels) -> None:
    [face] = detector(astronaut)
    assert face.score > 0.85
    assert_is(face, *centre_and_side(HOUSE))


@BOTH
@pytest.mark.parametrize("side", [34, 44, 60, 90, 150, 250, 400])
def test_a_face_is_found_at_every_size_where_it_is(
    detector: HeadDetector, astronaut: Pixels, side: float
) -> None:
    x, y = max(170.3, 0.55 * side), max(140.6, 0.55 * side)
    [face] = detector(placed(astronaut, side, x, y, (640, 480)))
    assert_is(face, x, y, side)


def test_a_photograph_is_searched_for_faces_of_26_pixels(astronaut: Pixels) -> None:
    [face] = THOROUGH(placed(astronaut, 26, 170.3, 140.6, (640, 480)))
    assert_is(face, 170.3, 140.6, 26)


def test_a_face_is_found_in_a_picture_of_24_megapixels(astronaut: Pixels) -> None:
    for side in (300, 3600):
        [face] = THOROUGH(placed(astronaut, side, 2500, 2000, (6000, 4000)))
        assert_is(face, 2500, 2000, side)


@BOTH
@pytest.mark.parametrize(("side", "cut"), [(48, 0.95), (100, 0.9), (1000, 1.0)])
def test_a_face_that_fills_its_picture_is_found(
    detector: HeadDetector, astronaut: Pixels, side: int, cut: float
) -> None:
    face_side = side / cut
    [face] = detector(placed(astronaut, face_side, side / 2, side / 2, (side, side)))
    assert_is(face, side / 2, side / 2, face_side, slack=0.16)


@BOTH
@pytest.mark.parametrize("turn_deg", [-40, -25, 25, 40])
def test_a_tilted_head_is_found(detector: HeadDetector, astronaut: Pixels, turn_deg: float) -> None:
    [face] = detector(placed(astronaut, 150, 300, 220, (640, 480), turn_deg))
    assert_is(face, 300, 220, 150)


@BOTH
def test_a_face_in_the_dark_is_found(detector: HeadDetector, astronaut: Pixels) -> None:
    noise = np.random.default_rng(0).normal(0, 1.5, astronaut.shape)
    dark = np.clip(np.rint(astronaut * 0.1 + noise), 0, 255).astype(np.uint8)
    [face] = detector(dark)
    assert_is(face, *centre_and_side(HOUSE))


def group_photograph(astronaut: Pixels) -> tuple[Pixels, list[tuple[float, float, float]]]:
    """Return one large face with thirty of 24 pixels on either side of it, and their places."""
    picture = placed(astronaut, 420, 960, 640, (1920, 1280))
    places = [(960.0, 640.0, 420.0)]
    for number in range(30):
        x, y = 120.5 + 160 * (number % 3) + 1360 * (number // 15), 70.3 + 240 * (number // 3 % 5)
        small = placed(astronaut, 24, 40 + x % 1, 40 + y % 1, (80, 80))
        left, top = int(x) - 40, int(y) - 40
        picture[top : top + 80, left : left + 80] = small
        places.append((x, y, 24.0))
    return picture, places


def test_a_photograph_is_searched_for_small_faces_beside_a_large_one(astronaut: Pixels) -> None:
    picture, places = group_photograph(astronaut)
    faces = THOROUGH(picture)
    assert len(faces) == len(places)
    for x, y, side in places:
        assert any(
            math.dist(centre_and_side(face.box_px)[:2], (x, y)) < 0.15 * side
            and abs(centre_and_side(face.box_px)[2] / side - 1) < 0.25
            for face in faces
        )


def test_a_search_may_end_with_the_largest_face(astronaut: Pixels) -> None:
    assert isinstance(THOROUGH, StopsEarly)
    picture, places = group_photograph(astronaut)
    [face] = THOROUGH.until(picture, lambda faces: True)
    assert_is(face, *places[0])
    told: list[int] = []

    def never(faces: list[Face]) -> bool:
        told.append(len(faces))
        return False

    assert len(THOROUGH.until(picture, never)) == len(places)
    assert told == sorted(told)


def test_a_search_that_may_end_early_finds_the_face_that_a_whole_one_finds(astronaut: Pixels) -> None:
    for side in (34, 60, 110, 200, 400):
        picture = placed(astronaut, side, max(170.3, 0.55 * side), max(140.6, 0.55 * side), (640, 480))
        [early], [whole] = QUICK.until(picture, lambda faces: True), QUICK(picture)
        assert_is(early, *centre_and_side(whole.box_px), slack=0.06)
    assert QUICK.until(np.full((480, 640, 3), 120, np.uint8), lambda faces: True) == []
    assert QUICK.until(np.full((9, 640, 3), 120, np.uint8), lambda faces: True) == []


def test_two_faces_are_two(astronaut: Pixels) -> None:
    left = placed(astronaut, 120, 160, 240, (320, 480))
    faces = QUICK(np.asarray(np.hstack([left, left]), np.uint8))
    assert sorted(face.box_px[0] > 320 for face in faces) == [False, True]


def test_a_steady_face_has_a_steady_box(astronaut: Pixels) -> None:
    sides, offsets = [], []
    for step in range(12):
        x, y = 300 + 0.37 * step, 220 + 0.53 * step
        [face] = QUICK(placed(astronaut, 130, x, y, (640, 480)))
        found_x, found_y, side = centre_and_side(face.box_px)
        sides.append(side)
        offsets.append((found_x - x, found_y - y))
    assert np.std(sides) < 0.015 * 130
    assert np.std(offsets, axis=0).max() < 0.015 * 130


def test_a_face_that_moved_is_found_again_and_one_that_left_is_not(astronaut: Pixels) -> None:
    assert isinstance(QUICK, LooksAgain)
    known = QUICK(placed(astronaut, 130, 300, 220, (640, 480)))
    moved = QUICK.again(placed(astronaut, 136, 320, 235, (640, 480)), known)
    assert moved is not None
    assert_is(moved[0], 320, 235, 136)
    assert QUICK.again(np.full((480, 640, 3), 120, np.uint8), known) is None
    assert QUICK.again(astronaut, []) == []


def test_what_was_followed_lies_where_a_search_finds_it(astronaut: Pixels) -> None:
    picture = placed(astronaut, 130, 320, 235, (640, 480))
    [searched] = QUICK(picture)
    again = QUICK.again(picture, QUICK(placed(astronaut, 130, 310, 230, (640, 480))))
    assert again is not None
    assert np.abs(np.subtract(again[0].box_px, searched.box_px)).max() < 0.02 * 130


def test_things_have_no_faces() -> None:
    from skimage import data

    for name in ("brick", "coffee", "grass", "gravel", "moon", "rocket"):
        rgb = np.asarray(getattr(data, name)(), np.uint8)
        rgb = np.dstack([rgb] * 3) if rgb.ndim == 2 else np.ascontiguousarray(rgb[..., :3])
        assert THOROUGH(rgb) == [], name


def test_many_threads_find_what_one_finds(astronaut: Pixels) -> None:
    with ThreadPoolExecutor(4) as pool:
        boxes = {tuple(face.box_px for face in faces) for faces in pool.map(QUICK, [astronaut] * 8)}
    assert boxes == {tuple(face.box_px for face in QUICK(astronaut))}


def test_a_higher_threshold_drops_less_likely_faces(astronaut: Pixels) -> None:
    [face] = QUICK(astronaut)
    assert HeadDetector(min(1.0, face.score + 1e-6))(astronaut) == []
    with pytest.raises(SettingError, match="between 0 and 1"):
        HeadDetector(1.2)


def test_a_missing_or_damaged_network_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="install openau again"):
        HeadDetector(network=tmp_path / "none.onnx")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(finder_path().read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"damaged\.onnx"):
        HeadDetector(network=damaged)
    with pytest.raises(ModelError, match="no face detector"):
        HeadDetector(network=default_model_path())


def test_the_network_is_small_and_says_what_it_is() -> None:
    import json

    import onnxruntime

    assert finder_path().stat().st_size <= 1_500_000
    session = onnxruntime.InferenceSession(str(finder_path()), providers=["CPUExecutionProvider"])
    card = json.loads(session.get_modelmeta().custom_metadata_map["openau.detector"])
    assert card["licence"] == "Apache-2.0"
    assert "no photograph" in card["made_from"]
    assert {"found", "false_alarms_per_scene", "reliability"} <= set(card["measured"])


@pytest.mark.parametrize("shape", [(1, 1), (15, 200), (16, 16), (40, 700)])
def test_tiny_and_thin_pictures_are_no_mistake(shape: tuple[int, int]) -> None:
    assert QUICK(np.full((*shape, 3), 100, np.uint8)) == []


@pytest.mark.parametrize("scale", [0.11, 0.45, 0.7, 1.0, 2.3])
def test_a_patch_shows_each_place_where_it_should(scale: float) -> None:
    rows, columns = np.mgrid[:600, :600] + 0.5  # pixel centres, in edges of the picture
    spot, around = (260.3, 310.9), (255.0, 300.4)
    width = 2.0 / min(scale, 1.0)
    bell = 255 * np.exp(-((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / (2 * width**2))
    shown = patch(np.asarray(np.rint(bell), np.uint8), *around, scale).astype(float)
    y, x = np.mgrid[: len(shown), : len(shown)] + 0.5
    found = np.array([(shown * x).sum(), (shown * y).sum()]) / shown.sum()
    wanted = (np.array(spot) - around) * scale + len(shown) / 2
    np.testing.assert_allclose(found, wanted, atol=0.15)


def test_an_answer_is_read_where_the_network_marks_it() -> None:
    said = np.full((14, 6, 8), -9.0, np.float32)
    said[1:, 2, 5] = 0.0
    said[:4, 2, 5] = 4.0, 0.25, -0.5, np.log(2)
    answers = peaks(said, 0.3)
    np.testing.assert_allclose(answers.middle, [[(5 + 0.5 + 0.25) * 8, (2 + 0.5 - 0.5) * 8]])
    np.testing.assert_allclose(answers.side, [64.0])
