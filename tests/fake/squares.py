"""Pictures whose face is a bright square, and a detector that finds it: fast, and every answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from openau.faces import Detector
from openau.records import Face, Pixels

WIDTH, HEIGHT, SIDE = 96, 64, 24


def picture(*corners: tuple[int, int], shade: int = 220) -> Pixels:
    """Return a dark picture with a bright square at each corner (x, y)."""
    rgb = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    for x, y in corners:
        rgb[y : y + SIDE, x : x + SIDE] = (shade, shade // 2 + x, shade - y)
    return rgb


def find_squares(rgb: Pixels) -> list[Face]:
    """Return the bright squares as faces, the leftmost first."""
    bright = (rgb.max(axis=2) > 120).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(bright)
    boxes = [tuple(float(v) for v in stats[i, :4]) for i in range(1, count) if stats[i, 4] > 50]
    return [Face((x, y, x + w, y + h), score=w * h) for x, y, w, h in sorted(boxes)]


def save(path: Path, rgb: Pixels) -> Path:
    """Write a picture without loss."""
    assert cv2.imwrite(str(path), rgb[:, :, ::-1])
    return path


def moving(count: int, *, empty: Sequence[int] = ()) -> list[Pixels]:
    """Return video frames of a square that moves; frames named in `empty` have none."""
    return [
        picture() if i in empty else picture((4 + i % 40, 8 + i % 7), shade=200 + i % 40)
        for i in range(count)
    ]


def build_square_detector(
    name: str = "openau", *, file: Path | None = None, min_score: float | None = None, thorough: bool = False
) -> Detector:
    """Stand in for `openau.faces.build_detector`."""

    def detect(rgb: Pixels) -> list[Face]:
        return [face for face in find_squares(rgb) if face.score >= (min_score or 0)]

    return detect
