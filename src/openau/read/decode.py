"""OpenCV, silent and without exceptions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_logging: Any = getattr(cv2.utils, "logging", cv2)  # the log level moved within OpenCV 4
_SILENT = 0
_LOCK = threading.Lock()
_quiet: list[int] = []  # the level to go back to, once for every thread that is inside


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from writing to the error stream; the caller raises a better sentence instead."""
    with _LOCK:
        _quiet.append(_quiet[0] if _quiet else _logging.getLogLevel())
        _logging.setLogLevel(_SILENT)
    try:
        yield
    finally:
        with _LOCK:
            level = _quiet.pop()
            if not _quiet:
                _logging.setLogLevel(level)


def decode(body: bytes) -> NDArray[Any] | None:
    """Decode a picture's bytes as they are stored.

    Args:
        body: A whole picture file in memory.

    Returns:
        (H, W), (H, W, 3) BGR or (H, W, 4) BGRA in the file's own depth, not yet turned by EXIF (a TIFF is);
        or None where OpenCV cannot decode it.
    """
    with quiet_opencv():
        try:
            return cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            return None
