"""Faces are laid on one template by their landmarks, and their maps with them."""

from __future__ import annotations

import numpy as np
import pytest

from openau.errors import SettingError
from openau.explain.averages import Averages
from openau.explain.portraits import Portrait
from openau.explain.template import SIDE, TEMPLATE, crop_square, lay_face, lay_maps, onto_template, outlined
from openau.records import Crop, CropSpec, Face, Floats, Pixels

KEY = ("net", "grad_cam")


def turned(degrees: float, scale: float, shift: tuple[float, float]) -> Floats:
    """Return the template's landmarks on another place of a picture."""
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return ((TEMPLATE - SIDE / 2) @ turn.T + shift).astype(np.float32)


def portrait(points: Floats | None, at: int = 0) -> tuple[Portrait, Crop]:
    """Return a face whose picture is bright at one landmark, and its crop."""
    rgb: Pixels = np.zeros((200, 200, 3), np.uint8)
    if points is not None:
        x, y = np.rint(points[at]).astype(int)
        rgb[y - 1 : y + 2, x - 1 : x + 2] = 255
    face = Portrait("one.png", 0, "one", rgb, Face((20, 20, 180, 180), 1.0), points)
    return face, face.cut(CropSpec(64))


@pytest.mark.parametrize("degrees", [0.0, 25.0, -40.0])
def test_landmarks_meet_those_of_the_template(degrees: float) -> None:
    points = turned(degrees, 0.5, (100, 90))
    matrix = onto_template(points)
    np.testing.assert_allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-3)


def test_a_place_of_the_photograph_and_of_its_map_come_to_the_same_place() -> None:
    points = turned(15, 0.6, (100, 95))
    face, crop = portrait(points, at=54)
    matrix = onto_template(points)
    bright = lay_face(face.rgb, matrix)[..., 0]
    assert np.argwhere(bright > 200).mean(0)[::-1] == pytest.approx(TEMPLATE[54], abs=1.5)
    maps = crop.pixels[None, ..., 0].astype(np.float32)
    laid = lay_maps(maps, crop, matrix)[0]
    rows, columns = np.indices(laid.shape)
    centre = ((columns * laid).sum() / laid.sum(), (rows * laid).sum() / laid.sum())
    assert centre == pytest.approx(tuple(TEMPLATE[54]), abs=2.5)


def test_the_mean_of_turned_faces_stays_sharp_where_they_have_landmarks() -> None:
    averages = Averages([KEY], (12, 25))
    for degrees in (-20, 0, 20):
        face, crop = portrait(turned(degrees, 0.6, (100, 95)), at=48)
        spot = crop.pixels[..., 0].astype(np.float32)
        averages.take(face, [(KEY, crop, np.stack([spot, spot]))], [np.array([True, False])])
    mean = averages._maps[KEY][0] / 3
    assert mean.sum() == pytest.approx(1)
    assert np.unravel_index(mean.argmax(), mean.shape)[::-1] == pytest.approx(TEMPLATE[48], abs=4)
    assert averages._shown[KEY].tolist() == [3, 0]
    assert not averages._maps[KEY][1].any()


def test_without_landmarks_crops_lie_upon_each_other() -> None:
    _, crop = portrait(None)
    values = np.zeros((1, 64, 64), np.float32)
    values[0, 16, 48] = 1
    laid = lay_maps(values, crop, crop_square(crop))[0]
    rows, columns = np.indices(laid.shape)
    centre = ((columns * laid).sum() / laid.sum(), (rows * laid).sum() / laid.sum())
    wanted = (48.5 * SIDE / 64 - 0.5, 16.5 * SIDE / 64 - 0.5)
    assert centre == pytest.approx(wanted, abs=0.5)


def test_what_is_no_face_is_refused() -> None:
    for bad in (np.zeros((5, 2), np.float32), np.full((68, 2), np.nan, np.float32)):
        with pytest.raises(SettingError, match="68"):
            onto_template(bad)
    with pytest.raises(SettingError, match="one line"):
        onto_template(np.zeros((68, 2), np.float32))


def test_the_template_is_symmetric_and_its_lines_are_drawn_on_a_copy() -> None:
    jaw = TEMPLATE[:17]
    np.testing.assert_allclose(jaw[:, 0] + jaw[::-1, 0], SIDE, atol=0.5)
    face = np.zeros((SIDE, SIDE, 3), np.uint8)
    assert outlined(face).any()
    assert not face.any()
