"""YuNet, run by OpenCV, from a model file that the user gives.

Finds small, turned and tilted faces better than the cascade does. The file is not part of this package
and is never downloaded.

Reference: Wu, Peng and Yu, YuNet: a tiny millisecond-level face detector (2023).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import ModelError
from openau.faces.detect import checked_min_score, checked_picture, house_box, without_overlaps
from openau.records import Face, Pixels

_WHERE = (
    "download face_detection_yunet_2023mar.onnx from github.com/opencv/opencv_zoo "
    "(models/face_detection_yunet) and give its path"
)
_QUICK_SIDE, _THOROUGH_SIDE = 640, 1280  # longer side of the searched picture, in pixels
_OVERLAP, _MOST = 0.3, 5000  # of the detector's own overlap suppression


class YuNetDetector:
    """Finds faces by YuNet's five points, and returns house boxes built from them."""

    def __init__(self, file: Path | None, min_score: float | None = None, *, thorough: bool = False) -> None:
        """Load YuNet's ONNX file.

        Raises:
            ModelError: No file is given, or it is missing or not YuNet.
            SettingError: `min_score` is outside 0–1.
        """
        self.min_score = checked_min_score(min_score, default=0.7)
        if file is None:
            raise ModelError(f"The detector 'yunet' needs its model file: {_WHERE}.")
        if not file.is_file():
            raise ModelError(f"The detector file {file} does not exist, or is a folder: {_WHERE}.")
        self._longest = _THOROUGH_SIDE if thorough else _QUICK_SIDE
        try:
            with _quiet_opencv():  # the sentence below says it once
                self._network = cv2.FaceDetectorYN.create(
                    str(file), "", (64, 64), max(self.min_score, 1e-3), _OVERLAP, _MOST
                )
                self._network.detect(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            raise ModelError(f"The detector file {file} is not YuNet: {_WHERE}.") from error

    def __call__(self, rgb: Pixels) -> list[Face]:
        """Return the faces in a picture, surest first.

        Args:
            rgb: (H, W, 3) RGB uint8.

        Raises:
            SettingError: It is not such an array.
        """
        height, width = checked_picture(rgb).shape[:2]
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        scale = min(1.0, self._longest / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if scale < 1:
            bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
        self._network.setInputSize(size)
        _, rows = self._network.detect(bgr)
        if rows is None:
            return []
        ratio = np.array([width / size[0], height / size[1]])
        return without_overlaps([_face(np.asarray(row, np.float64), ratio) for row in rows])


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV's own log off the screen for a while."""
    log: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV has moved these functions between versions
    level = log.getLogLevel()
    log.setLogLevel(0)
    try:
        yield
    finally:
        log.setLogLevel(level)


def _face(row: NDArray[np.float64], ratio: NDArray[np.float64]) -> Face:
    """Read one row: box, x and y of right eye, left eye, nose tip and right and left mouth corner, score."""
    right_eye, left_eye, _, right_corner, left_corner = row[4:14].reshape(5, 2) * ratio - 0.5
    mouth = (right_corner + left_corner) / 2
    points = ((float(x), float(y)) for x, y in (right_eye, left_eye, mouth))
    return Face(house_box(*points), float(row[14]))
