"""YuNet: OpenCV's own decoder reads a network of ours that has YuNet's outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openau.errors import ModelError, SettingError
from openau.faces import build_detector, house_box
from openau.faces.detect import HOUSE_SIDE, Point
from openau.records import Pixels
from tests.faces.yunet_model import POINTS, STRIDE, write_yunet
from tests.fake.tiny_model import write_tiny_model


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_yunet(tmp_path / "yunet.onnx")
    return tmp_path / "yunet.onnx"


def red_square(
    height: int, width: int, row: int, column: int, *, red: int = 255, cell: int = STRIDE
) -> Pixels:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell, 0] = red
    return rgb


def expected_points(row: int, column: int, cell: float = STRIDE) -> list[Point]:
    """The eyes and the middle of the mouth, at pixel centres."""
    eye_a, eye_b, _, corner_a, corner_b = np.array(POINTS).reshape(5, 2)
    corner = np.array([column, row])
    points = ((corner + p) * cell - 0.5 for p in (eye_a, eye_b, (corner_a + corner_b) / 2))
    return [(float(x), float(y)) for x, y in points]


def test_a_face_is_returned_in_the_house_box_of_its_points(file: Path) -> None:
    [face] = build_detector("yunet", file=file)(red_square(160, 200, 7, 12))
    np.testing.assert_allclose(face.box_px, house_box(*expected_points(7, 12)), atol=1e-3)
    assert face.score == pytest.approx(1.0, abs=1e-3)
    assert face.box_px[2] - face.box_px[0] == pytest.approx(HOUSE_SIDE * (4 + 3.5) * STRIDE, abs=1e-2)


def test_a_large_picture_is_searched_small_and_answered_large(file: Path) -> None:
    cell = 4 * STRIDE
    rgb = red_square(1920, 2560, 20, 31, cell=cell)
    [face] = build_detector("yunet", file=file)(rgb)
    np.testing.assert_allclose(face.box_px, house_box(*expected_points(20, 31, cell)), atol=1e-2)


def test_a_face_below_the_score_is_dropped(file: Path) -> None:
    rgb = red_square(160, 200, 7, 12, red=128)
    assert build_detector("yunet", file=file, min_score=0.6)(rgb) == []
    [face] = build_detector("yunet", file=file, min_score=0.4)(rgb)
    assert face.score == pytest.approx(128 / 255, abs=1e-3)


def test_of_two_faces_in_one_place_the_surer_remains(file: Path) -> None:
    rgb = red_square(160, 200, 7, 12) + red_square(160, 200, 7, 13, red=200)
    assert [round(face.score, 2) for face in build_detector("yunet", file=file)(rgb)] == [1.0]


@pytest.mark.parametrize("shape", [(1, 1, 3), (8, 500, 3), (37, 53, 3)])
def test_a_picture_of_any_shape_without_a_face_gives_none(file: Path, shape: tuple[int, int, int]) -> None:
    assert build_detector("yunet", file=file)(np.zeros(shape, np.uint8)) == []


def test_without_a_file_the_error_says_where_to_get_it() -> None:
    with pytest.raises(ModelError, match=r"needs its model file: download .*opencv_zoo"):
        build_detector("yunet")


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.onnx does not exist, or is a folder: download"):
        build_detector("yunet", file=tmp_path / "nowhere.onnx")


def test_a_file_that_is_not_yunet_is_refused_quietly(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_tiny_model(tmp_path / "tiny.onnx")
    write_yunet(tmp_path / "lame.onnx", omit="kps_32")
    (tmp_path / "text.onnx").write_text("this is no network")
    (tmp_path / "empty.onnx").touch()
    for name in ("tiny", "lame", "text", "empty"):
        with pytest.raises(ModelError, match=rf"{name}\.onnx is not YuNet: download"):
            build_detector("yunet", file=tmp_path / f"{name}.onnx")
    assert capfd.readouterr().err == ""


def test_a_score_outside_its_range_is_refused(file: Path) -> None:
    with pytest.raises(SettingError, match="between 0 and 1"):
        build_detector("yunet", file=file, min_score=1.5)
