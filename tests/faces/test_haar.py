"""The Haar detector, besides what every detector promises of real faces: order, threads, its cascade."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from openau.errors import SettingError
from openau.faces.haar import HaarDetector
from openau.read import read_image
from openau.records import Pixels
from tests.faces.astronaut import centre_and_side, placed

QUICK, THOROUGH = HaarDetector(), HaarDetector(thorough=True)
BOTH = pytest.mark.parametrize("detector", [QUICK, THOROUGH], ids=["quick", "thorough"])


def test_two_faces_are_two_and_the_surer_comes_first(astronaut: Pixels) -> None:
    left = placed(astronaut, 120, 160, 240, (320, 480))
    blurred = cv2.GaussianBlur(left, (0, 0), 6)
    faces = QUICK(np.asarray(np.hstack([blurred, left]), np.uint8))
    assert [face.box_px[0] > 320 for face in faces] == [True, False]
    assert faces[0].score > faces[1].score


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


def test_a_man_from_afar_in_profile_is_no_face_in_a_video() -> None:
    from skimage import data

    rgb = np.repeat(data.camera()[..., None], 3, axis=2)  # type: ignore[no-untyped-call]  # has no types
    assert QUICK(rgb) == []


def test_a_score_keeps_the_surer_of_two_faces(astronaut: Pixels) -> None:
    sharp = placed(astronaut, 120, 160, 240, (320, 480))
    both = np.asarray(np.hstack([cv2.GaussianBlur(sharp, (0, 0), 6), sharp]), np.uint8)
    sure, unsure = QUICK(both)
    [kept] = HaarDetector((sure.score + unsure.score) / 2)(both)
    assert kept.box_px == sure.box_px
    assert HaarDetector(1.0)(both) == []


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
