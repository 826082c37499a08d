"""Overlay videos: H.264 in MP4, every frame at its own time, never half a file under the final name."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from openau.errors import OutputError, SettingError
from openau.records import Pixels

_TICKS_PER_S = 90_000
_BT709 = 1  # the H.264 code for primaries, transfer and matrix alike
_LIMITED_RANGE = 1


class OverlayWriter:
    """Write pictures and their times into a video file.

    Use it as a context manager. The file appears under its name when the block ends well; if the block ends
    in an exception, nothing is left behind::

        with OverlayWriter(Path("out.mp4")) as writer:
            for frame, readings in analysed:
                writer.write(draw_readings(frame.rgb, readings, card), frame.time_s)

    The first picture sets the size (one row or column is repeated where it is odd); later pictures of
    another size are fitted into it. Times may be spaced unevenly; each is kept to 1/90,000 s. A time that
    does not come after the one before it is moved to the next tick: a video cannot show two at once.
    """

    def __init__(self, path: Path, *, quality: int = 21) -> None:
        """Prepare to write.

        Args:
            path: The video; an existing file is replaced at the end.
            quality: x264's constant rate factor, 0–51, lower is better and larger.

        Raises:
            SettingError: `quality` is outside 0–51.
        """
        if not 0 <= quality <= 51:
            raise SettingError(f"The overlay's quality is {quality}; it must be between 0 (best) and 51.")
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._quality = quality
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._size = (0, 0)
        self._last_tick: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, rgb: Pixels, time_s: float | None) -> None:
        """Add one picture.

        Args:
            rgb: (H, W, 3) RGB uint8.
            time_s: When it is shown, in seconds from the start of the video; at least 0.

        Raises:
            SettingError: The picture has no time, or one below 0.
            OutputError: The file cannot be written.
        """
        if time_s is None or not time_s >= 0:
            raise SettingError(
                f"A frame of the overlay {self._path} has the time {time_s}; a video needs one >= 0."
            )
        tick = round(time_s * _TICKS_PER_S)
        if self._last_tick is not None:
            tick = max(tick, self._last_tick + 1)
        self._last_tick = tick
        try:
            if self._stream is None or self._container is None:
                self._open(rgb)
            assert self._stream is not None
            assert self._container is not None
            frame = av.VideoFrame.from_ndarray(self._fitted(rgb), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts, frame.time_base = tick, Fraction(1, _TICKS_PER_S)
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            self.abort()
            raise self._output_error(error) from error

    def close(self) -> None:
        """Finish the video and give it its name; without pictures, no file is made.

        Raises:
            OutputError: The file cannot be written.
        """
        if self._container is None or self._stream is None:
            return
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._container = self._stream = None
            self._part.replace(self._path)
        except (av.error.FFmpegError, OSError) as error:
            self.abort()
            raise self._output_error(error) from error

    def abort(self) -> None:
        """Drop what was written; nothing appears under the final name."""
        container, self._container, self._stream = self._container, None, None
        if container is not None:
            # The disk that refused the pictures refuses the trailer too; the part is removed either way.
            with contextlib.suppress(av.error.FFmpegError, OSError):
                container.close()
        self._part.unlink(missing_ok=True)

    def _open(self, rgb: Pixels) -> None:
        height, width = rgb.shape[:2]
        self._size = (width + width % 2, height + height % 2)
        self._container = av.open(str(self._part), "w", format="mp4")
        stream = self._container.add_stream("libx264")
        stream.width, stream.height, stream.pix_fmt = *self._size, "yuv420p"
        stream.options = {"crf": str(self._quality), "preset": "veryfast"}
        context = stream.codec_context
        context.time_base = stream.time_base = Fraction(1, _TICKS_PER_S)
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED_RANGE
        self._stream = stream

    def _fitted(self, rgb: Pixels) -> Pixels:
        """Return the picture at the video's size."""
        width, height = self._size
        rows, columns = height - rgb.shape[0], width - rgb.shape[1]
        if rows == columns == 0:
            return np.ascontiguousarray(rgb)
        if 0 <= rows <= 1 and 0 <= columns <= 1:
            return np.pad(rgb, ((0, rows), (0, columns), (0, 0)), mode="edge")
        scale = min(width / rgb.shape[1], height / rgb.shape[0])
        inner = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
        out = np.zeros((height, width, 3), np.uint8)
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        out[top : top + inner[1], left : left + inner[0]] = cv2.resize(
            rgb, inner, interpolation=cv2.INTER_AREA
        )
        return out

    def _output_error(self, error: Exception) -> OutputError:
        reason = getattr(error, "strerror", None) or error
        return OutputError(
            f"The overlay video {self._path} cannot be written: {reason}; free space or choose another place."
        )
