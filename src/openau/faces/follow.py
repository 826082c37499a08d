"""Consecutive frames of one video → faces: searched for now and then, looked for again in between.

A video is cut into stretches of up to `FRAMES` frames. The first frame of a stretch is searched as a whole;
in the others the faces are looked for where they were in the frame before, which takes a third of the time.
Where one of them is lost, or none was there, the whole frame is searched after all. A face that comes into
a picture with other faces is therefore seen at most `FRAMES` frames late, one that comes into an empty
picture at once.

Where a stretch begins depends on nothing but a frame's number and size, so stretches may be searched side by
side, and a run that is resumed at the beginning of one finds the same faces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from openau.records import Face, Frame, Pixels

FRAMES = 8
"""Longest stretch: a quarter of a second of an ordinary video."""

PIXELS = 8_000_000
"""Most pixels of a stretch, which is held in memory as a whole: stretches of large frames are shorter."""

Search = Callable[[Pixels, Sequence[Face]], tuple[Face, ...]]


@runtime_checkable
class LooksAgain(Protocol):
    """A detector that can look for known faces faster than for any."""

    def again(self, rgb: Pixels, known: Sequence[Face]) -> list[Face] | None:
        """Return known faces as they are now, or None where not all of them were found.

        Args:
            rgb: (H, W, 3) RGB uint8.
            known: The faces of a picture shortly before.
        """
        ...


class Follower:
    """Finds the faces of consecutive frames."""

    def __init__(self, search: Search) -> None:
        """Start with no face known.

        Args:
            search: Finds the faces of a picture, given those of the frame before; without them, any.
        """
        self._search = search
        self._stretch = -1
        self._known: tuple[Face, ...] = ()

    def __call__(self, frame: Frame) -> tuple[Face, ...]:
        """Return the faces of the next frame.

        Args:
            frame: The frame, later than the one before.
        """
        stretch = stretch_of(frame)
        self._known = self._search(frame.rgb, self._known if stretch == self._stretch else ())
        self._stretch = stretch
        return self._known


def stretch_of(frame: Frame) -> int:
    """Return the number of the stretch in which a frame of a video lies.

    Args:
        frame: The frame; its number counts all frames of the video, analysed or not.
    """
    height, width, _ = frame.rgb.shape
    length = max(1, min(FRAMES, PIXELS // int(height * width)))
    return frame.index // length
