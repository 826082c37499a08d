"""MediaPipe's answers become house boxes and 68 points; a stand-in answers where it is not installed."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from openau.faces import build_detector, house_box
from openau.faces.mediapipe import DLIB68_TO_MEDIAPIPE478
from openau.records import Pixels

# A drawn face of a 400 x 300 picture, at pixel centres: both eyes, nose tip, mouth, both ears.
KEYPOINTS = ((180.0, 120.0), (220.0, 120.0), (200.0, 140.0), (200.0, 160.0), (165.0, 130.0), (235.0, 130.0))
SHAPE = (300, 400, 3)


class StandIn:
    """MediaPipe's two networks, answering as told."""

    def __init__(self, patch: pytest.MonkeyPatch, *, mesh_fits: bool, scores: tuple[float, ...]) -> None:
        self.seen: list[Pixels] = []
        self.settings: list[dict[str, Any]] = []
        self._mesh_fits, self._scores = mesh_fits, scores
        solutions = ModuleType("mediapipe.python.solutions")
        detector = SimpleNamespace(FaceDetection=self._network(self._detect))
        mesh = SimpleNamespace(FaceMesh=self._network(self._fit))
        solutions.__dict__.update(face_detection=detector, face_mesh=mesh)
        for name in ("mediapipe", "mediapipe.python"):
            patch.setitem(sys.modules, name, ModuleType(name))
        patch.setitem(sys.modules, "mediapipe.python.solutions", solutions)

    def _network(self, process: Any) -> Any:
        def build(**settings: Any) -> SimpleNamespace:
            self.settings.append(settings)
            return SimpleNamespace(process=process)

        return build

    def _detect(self, rgb: Pixels) -> SimpleNamespace:
        height, width = rgb.shape[:2]
        points = [SimpleNamespace(x=(x + 0.5) / width, y=(y + 0.5) / height) for x, y in KEYPOINTS]
        place = SimpleNamespace(relative_keypoints=points)
        found = [SimpleNamespace(location_data=place, score=[score]) for score in self._scores]
        return SimpleNamespace(detections=found or None)

    def _fit(self, rgb: Pixels) -> SimpleNamespace:
        """Return a mesh whose every vertex k lies at k/1000 of the part, but for pupils and mouth corners."""
        self.seen.append(rgb)
        place = {k: (k / 1000, k / 2000) for k in range(478)}
        place |= {468: (0.4, 0.4), 473: (0.6, 0.4), 61: (0.45, 0.6), 291: (0.55, 0.6)}
        points = [SimpleNamespace(x=place[k][0], y=place[k][1]) for k in range(478)]
        return SimpleNamespace(
            multi_face_landmarks=[SimpleNamespace(landmark=points)] if self._mesh_fits else None
        )


def test_the_map_from_68_points_names_68_different_vertices() -> None:
    assert len(set(DLIB68_TO_MEDIAPIPE478)) == len(DLIB68_TO_MEDIAPIPE478) == 68
    assert max(DLIB68_TO_MEDIAPIPE478) < 468


def test_the_mesh_is_fitted_to_the_face_alone_and_answered_in_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in = StandIn(monkeypatch, mesh_fits=True, scores=(0.9,))
    [face] = build_detector("mediapipe")(np.zeros(SHAPE, np.uint8))
    rough = house_box(*(KEYPOINTS[k] for k in (0, 1, 3)))
    [part] = stand_in.seen
    side = rough[2] - rough[0]
    assert part.shape[0] == pytest.approx(2 * side, abs=2)
    left, top = np.floor([rough[0] - side / 2, rough[1] - side / 2])
    width, height = part.shape[1], part.shape[0]
    assert face.points is not None
    expected = [
        (left + width * k / 1000 - 0.5, top + height * k / 2000 - 0.5) for k in DLIB68_TO_MEDIAPIPE478[:36]
    ]
    np.testing.assert_allclose(face.points[:36], expected, atol=1e-3)
    eyes_and_mouth = [
        (left + u * width - 0.5, top + v * height - 0.5) for u, v in ((0.4, 0.4), (0.6, 0.4), (0.5, 0.6))
    ]
    np.testing.assert_allclose(face.box_px, house_box(*eyes_and_mouth), atol=1e-3)
    assert face.score == 0.9


def test_without_a_mesh_the_box_comes_from_the_detectors_own_points(monkeypatch: pytest.MonkeyPatch) -> None:
    StandIn(monkeypatch, mesh_fits=False, scores=(0.9,))
    [face] = build_detector("mediapipe")(np.zeros(SHAPE, np.uint8))
    np.testing.assert_allclose(face.box_px, house_box(*(KEYPOINTS[k] for k in (0, 1, 3))), atol=1e-9)
    assert face.points is None


def test_one_face_seen_twice_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    StandIn(monkeypatch, mesh_fits=False, scores=(0.6, 0.9))
    assert [face.score for face in build_detector("mediapipe")(np.zeros(SHAPE, np.uint8))] == [0.9]


def test_no_face_is_no_face(monkeypatch: pytest.MonkeyPatch) -> None:
    StandIn(monkeypatch, mesh_fits=True, scores=())
    assert build_detector("mediapipe")(np.zeros(SHAPE, np.uint8)) == []


def test_the_settings_reach_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn(monkeypatch, mesh_fits=True, scores=())
    build_detector("mediapipe", min_score=0.3)
    build_detector("mediapipe", thorough=True)
    asked = [settings["min_detection_confidence"] for settings in stand_in.settings]
    assert asked == [0.3, 0.5, 0.5, 0.2]
    assert [s["static_image_mode"] for s in stand_in.settings[1::2]] == [True, True]


def test_the_real_one_puts_its_points_on_the_astronauts_face(astronaut: Pixels) -> None:
    pytest.importorskip("mediapipe", reason="the extra `mediapipe` is not installed")
    [face] = build_detector("mediapipe")(astronaut)
    [haar] = build_detector("haar")(astronaut)
    assert face.points is not None
    eyes = face.points[36:42].mean(axis=0), face.points[42:48].mean(axis=0)
    np.testing.assert_allclose(eyes, [(203.3, 101.2), (246.7, 103.3)], atol=4)
    np.testing.assert_allclose(face.box_px, haar.box_px, atol=12)
