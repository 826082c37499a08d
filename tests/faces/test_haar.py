"""The default detector on real faces: every scale, place and light, and nothing where nothing is."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from openau.errors import SettingError
from openau.faces import build_detector, house_box
from openau.faces.haar import HaarDetector
from openau.read import read_image
from openau.records import Box, Face, Pixels

QUICK, THOROUGH = HaarDetector(), HaarDetector(thorough=True)
BOTH = pytest.mark.parametrize("detector", [QUICK, THOROUGH], ids=["quick", "thorough"])
# The astronaut's pupils and the middle between the corners of her mouth, marked by hand to about a pixel.
RIGHT_PUPIL, LEFT_PUPIL, MOUTH = (203.3, 101.2), (246.7, 103.3), (224.0, 142.5)


def centre_and_side(box_px: Box) -> tuple[float, float, float]:
    x1, y1, x2, y2 = box_px
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1


def placed(
    rgb: Pixels, side: float, x: float, y: float, size: tuple[int, int], turn_deg: float = 0.0
) -> Pixels:
    """Draw the astronaut's face, as large as `side`, centred on x, y in a grey picture of width x height."""
    found_x, found_y, found_side = centre_and_side(QUICK(rgb)[0].box_px)
    matrix = np.array(cv2.getRotationMatrix2D((found_x, found_y), turn_deg, side / found_side), np.float64)
    matrix[:, 2] += (x - found_x, y - found_y)
    blur = max(0.0, 0.45 * found_side / side - 0.3)
    soft = cv2.GaussianBlur(rgb, (0, 0), blur) if blur > 0.2 else rgb
    picture: Pixels = np.asarray(
        cv2.warpAffine(soft, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(120, 120, 120)), np.uint8
    )
    return picture


def assert_is(face: Face, x: float, y: float, side: float) -> None:
    found_x, found_y, found_side = centre_and_side(face.box_px)
    assert math.dist((found_x, found_y), (x, y)) < 0.08 * side
    assert abs(found_side / side - 1) < 0.12


@BOTH
def test_the_astronaut_is_found_once_and_surely(detector: HaarDetector, astronaut: Pixels) -> None:
    [face] = detector(astronaut)
    assert face.score > 0.85
    assert_is(face, 224, 114, 100)
    assert_is(face, *centre_and_side(house_box(RIGHT_PUPIL, LEFT_PUPIL, MOUTH)))


@BOTH
@pytest.mark.parametrize("side", [44, 60, 90, 150, 250, 400])
def test_a_face_is_found_at_every_size_where_it_is(
    detector: HaarDetector, astronaut: Pixels, side: float
) -> None:
    x, y = max(170.3, 0.55 * side), max(140.6, 0.55 * side)
    [face] = detector(placed(astronaut, side, x, y, (640, 480)))
    assert_is(face, x, y, side)


@pytest.mark.parametrize("side", [300, 1500, 3600])
def test_a_face_is_found_in_a_picture_of_24_megapixels(astronaut: Pixels, side: float) -> None:
    rgb = placed(astronaut, side, 2500, 2000, (6000, 4000))
    [face] = THOROUGH(rgb)
    assert_is(face, 2500, 2000, side)


@BOTH
@pytest.mark.parametrize(("side", "cut"), [(48, 0.95), (48, 1.1), (100, 0.9), (300, 1.0), (1000, 1.0)])
def test_a_face_that_fills_its_picture_is_found(
    detector: HaarDetector, astronaut: Pixels, side: int, cut: float
) -> None:
    face_side = side / cut
    [face] = detector(placed(astronaut, face_side, side / 2, side / 2, (side, side)))
    assert_is(face, side / 2, side / 2, face_side)


@pytest.mark.parametrize("turn_deg", [-45, -30, -20, 20, 30, 45])
def test_a_tilted_head_is_found_in_a_photograph(astronaut: Pixels, turn_deg: float) -> None:
    [face] = THOROUGH(placed(astronaut, 150, 300, 220, (640, 480), turn_deg))
    assert_is(face, 300, 220, 150)


@BOTH
def test_a_face_in_the_dark_is_found(detector: HaarDetector, astronaut: Pixels) -> None:
    noise = np.random.default_rng(0).normal(0, 1.5, astronaut.shape)
    dark = np.clip(np.rint(astronaut * 0.1 + noise), 0, 255).astype(np.uint8)
    [face] = detector(dark)
    assert_is(face, 224, 114, 100)


@BOTH
def test_a_grey_face_is_found_in_the_same_place(detector: HaarDetector, astronaut: Pixels) -> None:
    grey = np.repeat(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    [face], [grey_face] = detector(astronaut), detector(np.asarray(grey, np.uint8))
    assert grey_face.box_px == face.box_px


def test_two_faces_are_two_and_the_surer_comes_first(astronaut: Pixels) -> None:
    left = placed(astronaut, 120, 160, 240, (320, 480))
    blurred = cv2.GaussianBlur(left, (0, 0), 6)
    faces = QUICK(np.asarray(np.hstack([blurred, left]), np.uint8))
    assert [face.box_px[0] > 320 for face in faces] == [True, False]
    assert faces[0].score > faces[1].score


def test_a_steady_face_has_a_steady_box(astronaut: Pixels) -> None:
    sides, offsets = [], []
    for step in range(12):
        x, y = 300 + 0.37 * step, 220 + 0.53 * step
        [face] = QUICK(placed(astronaut, 130, x, y, (640, 480)))
        found_x, found_y, side = centre_and_side(face.box_px)
        sides.append(side / 130)
        offsets.append(((found_x - x) / 130, (found_y - y) / 130))
    assert np.std(sides) < 0.025
    assert np.std(offsets, axis=0).max() < 0.01


def test_the_same_picture_gives_the_same_faces_from_any_thread_count(astronaut: Pixels) -> None:
    threads = cv2.getNumThreads()
    found = []
    try:
        for count in (1, 2, 4, 2):
            cv2.setNumThreads(count)
            found.append([(face.box_px, face.score) for face in HaarDetector(thorough=True)(astronaut)])
    finally:
        cv2.setNumThreads(threads)
    assert found == [found[0]] * 4


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "camera", "page", "hubble_deep_field"])
def test_a_picture_without_a_face_gives_none(name: str) -> None:
    from skimage import data

    rgb = np.asarray(getattr(data, name)())
    rgb = rgb if rgb.ndim == 3 else np.repeat(rgb[..., None], 3, axis=2)
    if name != "camera":  # a man from afar, in profile: the thorough search may take his head for a face
        assert THOROUGH(np.ascontiguousarray(rgb)) == []
    assert QUICK(np.ascontiguousarray(rgb)) == []


@BOTH
@pytest.mark.parametrize("shape", [(1, 1), (15, 900), (900, 16), (48, 48), (17, 19), (3, 5000)])
def test_any_size_of_picture_is_searched(detector: HaarDetector, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert detector(noise) == []
    assert detector(np.zeros((*shape, 3), np.uint8)) == []


def test_a_score_keeps_the_surer_of_two_faces(astronaut: Pixels) -> None:
    sharp = placed(astronaut, 120, 160, 240, (320, 480))
    both = np.asarray(np.hstack([cv2.GaussianBlur(sharp, (0, 0), 6), sharp]), np.uint8)
    sure, unsure = QUICK(both)
    [kept] = HaarDetector((sure.score + unsure.score) / 2)(both)
    assert kept.box_px == sure.box_px
    assert HaarDetector(1.0)(both) == []


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_a_score_outside_its_range_is_refused(score: float) -> None:
    with pytest.raises(SettingError, match="between 0 and 1"):
        build_detector("haar", min_score=score)


def test_a_missing_cascade_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cv2.data.haarcascades", str(tmp_path))
    with pytest.raises(SettingError, match=r"alt2\.xml is missing"):
        HaarDetector()


@BOTH
def test_the_london_photographs_have_one_face_each(detector: HaarDetector, shared: Path) -> None:
    folder = shared / "faces" / "london"
    pupils: dict[str, list[tuple[float, float]]] = {}
    with (folder / "points189.csv").open() as file:
        for row in csv.DictReader(file):
            if row["point"] in ("0", "1"):
                pupils.setdefault(row["file"], []).append((float(row["x"]), float(row["y"])))
    counts, places = [], []
    for path in sorted(folder.glob("*.jpg")):
        faces = detector(read_image(path).rgb)
        counts.append(len(faces))
        if faces and path.name in pupils:
            x, y, side = centre_and_side(faces[0].box_px)
            (ax, ay), (bx, by) = pupils[path.name]
            between = math.dist((ax, ay), (bx, by))
            places.append((side / between, (x - (ax + bx) / 2) / between, (y - (ay + by) / 2) / between))
    assert counts == [1] * 102
    # What every other detector's boxes are calibrated against.
    np.testing.assert_allclose(np.mean(places, axis=0), (2.70, -0.015, 0.285), atol=0.03)
    assert (np.std(places, axis=0) < (0.22, 0.02, 0.04)).all()
