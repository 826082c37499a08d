"""The rig: where it is looked for, and what is said when it is not there or not the one expected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openau.errors import RigError
from openau.synth.movements import GAZE, MOVEMENTS
from openau.synth.own_shapes import own_shapes
from openau.synth.rig import EYE, HAIR, LASH, LOWER_LASH, find_rig, load_rig

OBTAIN = "github.com/ICT-VGL/ICT-FaceKit (commit da5f95a607f5, MIT licence)"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAU_RIG", raising=False)
    monkeypatch.delenv("OPENAU_SHARED", raising=False)


def refusal(path: Path | None = None) -> str:
    with pytest.raises(RigError) as caught:
        load_rig(path)
    message = str(caught.value)
    assert OBTAIN in message
    assert "\n" not in message
    return message


@pytest.mark.usefixtures("nowhere")
def test_without_a_rig_the_message_says_how_to_obtain_it() -> None:
    assert refusal().startswith("No face rig was named")


@pytest.mark.usefixtures("nowhere")
def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / 'rig.npz'} does not exist" in refusal(tmp_path / "rig.npz")


@pytest.mark.usefixtures("nowhere")
def test_a_folder_stands_for_the_file_inside_it(tmp_path: Path) -> None:
    assert "neither ict_facekit.npz nor generic_neutral_mesh.obj" in refusal(tmp_path)
    (tmp_path / "ict_facekit.npz").touch()
    assert find_rig(tmp_path) == tmp_path / "ict_facekit.npz"


def test_the_environment_names_the_rig_and_its_own_variable_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rig").mkdir()
    shared, own = tmp_path / "rig" / "ict_facekit.npz", tmp_path / "own.npz"
    shared.touch()
    own.touch()
    monkeypatch.delenv("OPENAU_RIG", raising=False)
    monkeypatch.setenv("OPENAU_SHARED", str(tmp_path))
    assert find_rig() == shared
    monkeypatch.setenv("OPENAU_RIG", str(own))
    assert find_rig() == own


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 truncated", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_rig_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "rig.npz"
    file.write_bytes(content)
    assert f"{file} cannot be read" in refusal(file)
    assert "pickle" not in refusal(file)


def test_a_rig_with_pickled_objects_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "rig.npz"
    np.savez(file, vertices=np.array([{"a": 1}], dtype=object))
    assert "cannot be read" in refusal(file)


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rig.npz"
    np.savez(file, vertices=np.zeros((26719, 3), np.float32))
    assert "has no array 'faces'" in refusal(file)


def test_an_array_of_another_shape_is_named_with_both_shapes(tmp_path: Path) -> None:
    file = tmp_path / "rig.npz"
    np.savez(file, vertices=np.zeros((5, 3), np.float32))
    assert "'vertices' of shape (5, 3) where (26719, 3) is expected" in refusal(file)


def test_the_rig_has_every_shape_that_the_table_names(rig_file: Path) -> None:
    rig = load_rig(rig_file)
    sided = {name for movement in MOVEMENTS.values() for name in movement.sided}
    middle = {name for movement in MOVEMENTS.values() for name in movement.middle} | GAZE.keys()
    there = rig.expression.keys() | own_shapes(rig).keys()
    assert {name + end for name in sided for end in ("_L", "_R")} | middle <= there


def test_the_rig_is_renumbered_whole(rig_file: Path) -> None:
    rig = load_rig(rig_file)
    assert np.array_equal(np.unique(rig.triangles), np.arange(len(rig.vertices)))
    assert rig.uv_triangles.shape == rig.triangles.shape
    assert {EYE, LASH, LOWER_LASH} < set(np.unique(rig.part).tolist())
    assert HAIR not in rig.part
    assert len(rig.checksum) == 64


def test_landmarks_lie_where_a_face_has_them(rig_file: Path) -> None:
    rig = load_rig(rig_file)
    points = rig.vertices[rig.landmarks]
    assert points[30, 2] == points[:, 2].max()  # the tip of the nose is foremost
    assert points[8, 1] == points[:, 1].min()  # the chin is lowest
    assert (points[42:48, 0] > 0).all()  # the subject's left eye is at positive x
    mirror = np.array([*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1)])
    np.testing.assert_allclose(points[mirror, 0], -points[:36, 0], atol=1e-3)
