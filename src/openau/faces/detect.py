"""Picture → faces: the registry of detectors, and what they share.

Every detector returns boxes in one convention, the *house box*: the upright square that the frontal Haar
cascade puts around a frontal face, from the middle of the forehead to the hollow of the chin. AU networks
are trained on it, so a detector can be exchanged without the crop changing. `house_box` builds it from
eyes and mouth, for detectors that find points.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.records import Box, Face, Pixels

DETECTORS: dict[str, str] = {
    "haar": "openau.faces.haar:HaarDetector",
    "mediapipe": "openau.faces.mediapipe:MediaPipeDetector",
    "openau": "openau.faces.heads:HeadDetector",
    "yunet": "openau.faces.yunet:YuNetDetector",
}
Point = tuple[float, float]
Grey = NDArray[Any]  # (H, W) uint8

_NEED_FILE = frozenset({"yunet"})

# The house box from two eyes and a mouth, fitted to the Haar boxes of 102 frontal photographs (51 people,
# neutral and smiling, the Face Research Lab London Set). The side is a multiple of the distance between the
# eyes plus that from their middle to the mouth: the sum fits better than either (spread of the ratio 6.3 %
# against 7.1 % and 7.7 %), and a head turned aside shortens only one of them.
HOUSE_SIDE = 1.30
HOUSE_DOWN = 0.10  # of the side, from the eyes' middle towards the mouth to the box's centre; spread 0.010

_THINNEST = 16  # pixels; a picture thinner than this holds no face worth reading


class Detector(Protocol):
    """Anything that finds faces in one picture, on its own: no memory from picture to picture."""

    def __call__(self, rgb: Pixels) -> list[Face]:
        """Return the faces in an (H, W, 3) RGB uint8 picture, surest first, in house boxes."""
        ...


@runtime_checkable
class StopsEarly(Protocol):
    """A detector that can end its search when the faces found are enough: large ones are found first."""

    def until(self, rgb: Pixels, is_enough: Callable[[list[Face]], bool]) -> list[Face]:
        """Search from large faces to small ones; return the faces found until it was enough, surest first.

        Args:
            rgb: (H, W, 3) RGB uint8.
            is_enough: Is asked now and then with the sure faces found so far; a larger one does not follow.
        """
        ...


def build_detector(
    name: str = "openau", *, file: Path | None = None, min_score: float | None = None, thorough: bool = False
) -> Detector:
    """Build a detector by its name in `DETECTORS`.

    Args:
        name: Its name.
        file: Its model file, for a detector that needs one (`yunet`).
        min_score: Faces below this score (0–1) are dropped; None takes the detector's own default.
        thorough: Whether to spend more time on a picture: for photographs, not for video.

    Raises:
        SettingError: No detector has this name, or it is given a file that it does not take, or none that it
            needs, or `min_score` is outside 0–1.
        MissingExtraError: Its library is not installed.
    """
    if name not in DETECTORS:
        raise SettingError(f"There is no detector {name!r}; choose one of {', '.join(sorted(DETECTORS))}.")
    module, kind = DETECTORS[name].split(":")
    build = getattr(importlib.import_module(module), kind)
    if name in _NEED_FILE:
        detector: Detector = build(file, min_score, thorough=thorough)
        return detector
    if file is not None:
        raise SettingError(f"The detector {name!r} takes no model file, but {file} was given.")
    detector = build(min_score, thorough=thorough)
    return detector


def house_box(eye_a: Point, eye_b: Point, mouth: Point) -> Box:
    """Return the house box of a face whose eyes and mouth are known.

    Args:
        eye_a: x, y in pixels of one pupil's centre.
        eye_b: x, y in pixels of the other's.
        mouth: x, y in pixels of the middle between the corners of the mouth.

    Raises:
        SettingError: The points coincide, or are not finite.
    """
    middle = ((eye_a[0] + eye_b[0]) / 2, (eye_a[1] + eye_b[1]) / 2)
    down = math.dist(middle, mouth)
    side = HOUSE_SIDE * (math.dist(eye_a, eye_b) + down)
    if not (math.isfinite(side) and down > 0):
        raise SettingError(f"No face has its eyes at {eye_a} and {eye_b} and its mouth at {mouth}.")
    # Points are measured at pixel centres, boxes at pixel edges: half a pixel apart.
    x, y = (m + HOUSE_DOWN * side * (n - m) / down + 0.5 for m, n in zip(middle, mouth, strict=True))
    return square_box(x, y, side)


def square_box(x: float, y: float, side: float) -> Box:
    """Return a square as a box of plain numbers.

    Args:
        x: Of its centre, in pixels at their edges.
        y: The same.
        side: In pixels.
    """
    half = float(side) / 2
    return float(x) - half, float(y) - half, float(x) + half, float(y) + half


def without_overlaps(faces: Sequence[Face], most: float = 0.3) -> list[Face]:
    """Drop each face that overlaps a surer one, and return the rest, surest first.

    Args:
        faces: Faces of one picture, in any order.
        most: Largest allowed overlap, as the share of the smaller box that the larger covers.
    """
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: (-f.score, f.box_px)):
        if all(_covered(face.box_px, other.box_px) <= most for other in kept):
            kept.append(face)
    return kept


def _covered(a: Box, b: Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


def checked_min_score(min_score: float | None, *, default: float) -> float:
    """Return the score to use, or refuse one outside 0–1.

    Raises:
        SettingError: It is outside 0–1.
    """
    if min_score is None:
        return default
    if not 0.0 <= min_score <= 1.0 or math.isnan(min_score):
        raise SettingError(f"min_score is {min_score}; it must be between 0 and 1.")
    return min_score


def searchable(rgb: Pixels) -> Grey | None:
    """Return a picture in grey, or None of one that is too thin for a face worth reading.

    Raises:
        SettingError: It is not a non-empty (H, W, 3) uint8 array.
    """
    grey = grey_picture(rgb)
    return None if min(grey.shape) < _THINNEST else grey


def grey_picture(rgb: Pixels) -> Grey:
    """Return a picture in grey.

    Raises:
        SettingError: It is not a non-empty (H, W, 3) uint8 array.
    """
    return cv2.cvtColor(np.ascontiguousarray(checked_picture(rgb)), cv2.COLOR_RGB2GRAY)


def checked_picture(rgb: Pixels) -> Pixels:
    """Return the picture, or refuse what is none.

    Raises:
        SettingError: It is not a non-empty (H, W, 3) uint8 array.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise SettingError(f"Faces are sought in an (H, W, 3) uint8 picture, not in {rgb.shape} {rgb.dtype}.")
    return rgb
