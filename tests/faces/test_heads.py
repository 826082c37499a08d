"""Our own detector, besides what every detector promises of real faces: small ones, early ends, its file."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from openau.errors import ModelError
from openau.faces import StopsEarly
from openau.faces.answers import peaks
from openau.faces.closeup import patch
from openau.faces.heads import HeadDetector, finder_path
from openau.records import Face, Pixels
from openau.runtime import default_model_path
from tests.faces.astronaut import assert_is, centre_and_side, placed

QUICK, THOROUGH = HeadDetector(), HeadDetector(thorough=True)


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
    assert_is(face, *places[0], off=0.12, other=0.18)
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
        assert_is(early, *centre_and_side(whole.box_px), off=0.06, other=0.09)
    assert QUICK.until(np.full((480, 640, 3), 120, np.uint8), lambda faces: True) == []
    assert QUICK.until(np.full((9, 640, 3), 120, np.uint8), lambda faces: True) == []


def test_many_threads_find_what_one_finds(astronaut: Pixels) -> None:
    with ThreadPoolExecutor(4) as pool:
        boxes = {tuple(face.box_px for face in faces) for faces in pool.map(QUICK, [astronaut] * 8)}
    assert boxes == {tuple(face.box_px for face in QUICK(astronaut))}


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
