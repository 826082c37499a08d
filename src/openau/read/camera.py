"""Cameras, through OpenCV: one interface on every system, where FFmpeg needs a name and a driver for each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Protocol

import cv2
import numpy as np

from openau.errors import InputError, SettingError
from openau.read.decode import quiet_opencv
from openau.records import Frame

_MISSES = 20  # a camera that wakes up, or a cable that shakes, misses a few frames
_PAUSE_S = 0.05


class Capture(Protocol):
    """What a camera must do; `cv2.VideoCapture` does."""

    def isOpened(self) -> bool:  # noqa: N802  # OpenCV's name
        """Tell whether the camera is there."""

    def grab(self) -> bool:
        """Wait for the next frame; False where none came."""

    def retrieve(self) -> tuple[bool, Any]:
        """Return whether there is a frame, and the frame as (H, W, 3) BGR uint8."""

    def release(self) -> None:
        """Give the camera back."""


def read_camera(index: int, *, capture: Capture | None = None) -> Iterator[Frame]:
    """Read a camera until the caller stops.

    Args:
        index: The camera's number on this machine, from 0.
        capture: An open camera to read instead, for instance a `cv2.VideoCapture` with its own settings; it
            is released at the end.

    Returns:
        An iterator over frames, without end; `time_s` is measured on a monotonic clock when the frame
        arrives, the first at 0. Closing the iterator gives the camera back.

    Raises:
        SettingError: `index` is below 0.
        InputError: While iterating: there is no such camera, or it stops giving frames.
    """
    if index < 0:
        raise SettingError(f"The camera is {index}; cameras are numbered from 0.")
    return _read(index, capture)


def _read(index: int, capture: Capture | None) -> Iterator[Frame]:
    if capture is None:
        with quiet_opencv():
            capture = cv2.VideoCapture(index)
    try:
        if not capture.isOpened():
            raise InputError(
                f"Camera {index} cannot be opened; check that it is connected, that no other program uses it "
                "and that this program may use cameras."
            )
        start_s: float | None = None
        count = misses = 0
        while misses < _MISSES:
            arrived = capture.grab()
            now_s = time.monotonic()
            good, bgr = capture.retrieve() if arrived else (False, np.empty(0, np.uint8))
            if not good:
                misses += 1
                time.sleep(_PAUSE_S)
                continue
            misses = 0
            start_s = now_s if start_s is None else start_s
            rgb = np.ascontiguousarray(bgr[:, :, ::-1])
            yield Frame(rgb, f"camera {index}", count, now_s - start_s)
            count += 1
        raise InputError(f"Camera {index} gives no more frames after {count}; check its cable.")
    finally:
        capture.release()
