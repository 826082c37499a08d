"""The one face of a labelled picture: which detection it is, found with as little searching as possible."""

from __future__ import annotations

from collections.abc import Callable

from openau.faces import Detector, StopsEarly, build_detector
from openau.records import Box, Face, Pixels

MIN_OVERLAP = 0.3
"""A detection is the labelled face where it covers at least this much of its true box (over the union)."""

DetectorSource = str | Callable[[], Detector]
"""Name of a detector, or a function that builds one."""

_BUILT: dict[tuple[DetectorSource, bool], Detector] = {}


def find_face(rgb: Pixels, source: DetectorSource, truth: Box | None) -> Face | None:
    """Return the face of a picture that belongs to its label.

    The search ends as soon as it is found. Where a quick search, made for video, finds none, a detector known
    by its name searches as thoroughly as it does in photographs.

    Args:
        rgb: (H, W, 3) RGB uint8.
        source: The detector.
        truth: The labelled face's true box, where known.

    Returns:
        See `choose_face`.
    """
    face = choose_face(_faces(build_once(source), rgb, truth), truth)
    if face is None and isinstance(source, str):
        face = choose_face(_faces(build_once(source, thorough=True), rgb, truth), truth)
    return face


def _faces(find: Detector, rgb: Pixels, truth: Box | None) -> list[Face]:
    """Return the faces of a picture, or as many as are needed to choose among them."""
    if isinstance(find, StopsEarly):
        return find.until(rgb, lambda faces: choose_face(faces, truth) is not None)
    return find(rgb)


def build_once(source: DetectorSource, *, thorough: bool = False) -> Detector:
    """Build a detector once per process.

    Args:
        source: The detector.
        thorough: Whether one that is known by its name is to search as it does in photographs.
    """
    key = source, thorough
    if key not in _BUILT:
        _BUILT[key] = build_detector(source, thorough=thorough) if isinstance(source, str) else source()
    return _BUILT[key]


def choose_face(faces: list[Face], truth: Box | None) -> Face | None:
    """Return the detection that belongs to the label.

    Args:
        faces: What the detector found.
        truth: The labelled face's true box, where known.

    Returns:
        The face with the best overlap if it reaches `MIN_OVERLAP`; the largest where no true box is known;
        None where there is no such face.
    """
    if not faces:
        return None
    if truth is None:
        return max(faces, key=lambda face: _area(face.box_px))
    best = max(faces, key=lambda face: overlap(face.box_px, truth))
    return best if overlap(best.box_px, truth) >= MIN_OVERLAP else None


def overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes over their union.

    Args:
        one: `x1, y1, x2, y2` in pixels.
        other: The same.

    Returns:
        0–1; 0 where neither has an area.
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = _area(one) + _area(other) - shared
    return shared / union if union > 0 else 0.0


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)
