"""What every detector of the registry promises."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from openau.errors import MissingExtraError, ModelError, SettingError
from openau.faces import DETECTORS, Detector, build_detector, house_box
from openau.faces.detect import HOUSE_DOWN, HOUSE_SIDE, without_overlaps
from openau.records import Face, Pixels
from tests.faces.yunet_model import STRIDE, write_yunet

Seen = tuple[Detector, Pixels]


@pytest.fixture(params=sorted(DETECTORS))
def seen(request: pytest.FixtureRequest, tmp_path: Path, astronaut: Pixels) -> Seen:
    """A detector, and a picture with one thing that is a face to it."""
    if request.param == "mediapipe":
        pytest.importorskip("mediapipe", reason="the extra `mediapipe` is not installed")
    if request.param != "yunet":
        return build_detector(request.param), astronaut
    write_yunet(tmp_path / "yunet.onnx")
    picture = np.zeros((160, 200, 3), np.uint8)
    picture[7 * STRIDE : 8 * STRIDE, 12 * STRIDE : 13 * STRIDE, 0] = 255
    return build_detector("yunet", file=tmp_path / "yunet.onnx"), picture


def test_a_face_has_a_square_box_of_plain_numbers_and_a_score_from_0_to_1(seen: Seen) -> None:
    detector, picture = seen
    [face] = detector(picture)
    assert [type(value) for value in (*face.box_px, face.score)] == [float] * 5
    assert face.box_px[2] - face.box_px[0] == pytest.approx(face.box_px[3] - face.box_px[1])
    assert 0 <= face.score <= 1
    assert face.face_id is None
    assert face.points is None or face.points.shape == (68, 2)


def test_a_picture_gives_the_same_faces_whatever_came_before(seen: Seen) -> None:
    detector, picture = seen
    [first] = detector(picture)
    detector(np.ascontiguousarray(picture[::-1]))
    [second] = detector(picture)
    assert (first.box_px, first.score) == (second.box_px, second.score)


def test_an_empty_scene_has_no_face_and_the_picture_stays_as_it_was(seen: Seen) -> None:
    detector, picture = seen
    before = picture.copy()
    detector(picture)
    np.testing.assert_array_equal(picture, before)
    assert detector(np.full((120, 90, 3), 90, np.uint8)) == []


def test_a_part_of_a_picture_that_is_not_contiguous_is_read_too(seen: Seen) -> None:
    detector, picture = seen
    wide = np.repeat(picture, 2, axis=1)[:, ::2]
    assert not wide.flags.c_contiguous
    assert [face.box_px for face in detector(wide)] == [face.box_px for face in detector(picture)]


@pytest.mark.parametrize("spoil", [lambda p: p[..., 0], lambda p: p[:0], lambda p: p.astype(np.float32)])
def test_what_is_no_picture_is_refused(seen: Seen, spoil: Callable[[Pixels], Pixels]) -> None:
    detector, picture = seen
    with pytest.raises(SettingError, match="uint8 picture"):
        detector(spoil(picture))


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_the_registry_leads_to_a_documented_class(name: str) -> None:
    module, kind = DETECTORS[name].split(":")
    assert (getattr(importlib.import_module(module), kind).__doc__ or "").strip()


def test_an_unknown_name_is_refused_with_those_that_exist() -> None:
    with pytest.raises(SettingError, match="'dlib'; choose one of haar, mediapipe, openau, yunet"):
        build_detector("dlib")


@pytest.mark.parametrize("name", ["haar", "mediapipe", "openau"])
def test_a_file_for_a_detector_without_one_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match=r"takes no model file, but x\.onnx"):
        build_detector(name, file=Path("x.onnx"))


def test_yunet_without_its_file_is_refused() -> None:
    with pytest.raises(ModelError, match="download"):
        build_detector("yunet")


def test_mediapipe_where_it_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    monkeypatch.setitem(sys.modules, "mediapipe.python", None)
    monkeypatch.setitem(sys.modules, "mediapipe.python.solutions", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'openau\[mediapipe\]'"):
        build_detector("mediapipe")


def test_a_house_box_is_a_square_below_the_eyes() -> None:
    x1, y1, x2, y2 = house_box((100.0, 100.0), (160.0, 100.0), (130.0, 160.0))
    side = HOUSE_SIDE * 120
    assert (x2 - x1, y2 - y1) == pytest.approx((side, side))
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((130.5, 100.5 + HOUSE_DOWN * side))


def test_a_house_box_turns_about_the_eyes_with_the_head() -> None:
    box = house_box((100.0, 100.0), (100.0, 160.0), (40.0, 130.0))
    assert (box[0] + box[2]) / 2 == pytest.approx(100.5 - HOUSE_DOWN * HOUSE_SIDE * 120)
    assert (box[1] + box[3]) / 2 == pytest.approx(130.5)


@pytest.mark.parametrize("mouth", [(50.0, 50.0), (float("nan"), 3.0), (float("inf"), 3.0)])
def test_points_that_make_no_face_are_refused(mouth: tuple[float, float]) -> None:
    with pytest.raises(SettingError, match="No face has"):
        house_box((40.0, 50.0), (60.0, 50.0), mouth)


def test_of_overlapping_faces_the_surer_is_kept_and_neighbours_stay() -> None:
    faces = [
        Face((0.0, 0.0, 100.0, 100.0), 0.6),
        Face((5.0, 5.0, 105.0, 105.0), 0.9),
        Face((40.0, 40.0, 60.0, 60.0), 0.7),  # within the surer one
        Face((104.0, 0.0, 204.0, 100.0), 0.8),
        Face((110.0, 200.0, 150.0, 240.0), 0.65),
    ]
    assert [face.score for face in without_overlaps(faces)] == [0.9, 0.8, 0.65]
