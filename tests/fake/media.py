"""Small videos and pictures made on the spot, whose right answer is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from openau.records import Pixels

_TICKS_PER_S = 90_000
_BITS = 8


def write_video(
    path: Path,
    frames: Iterable[Pixels],
    fps: float = 25.0,
    *,
    rotation: int = 0,
    vfr: Sequence[float] | None = None,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
) -> Path:
    """Encode frames as a video; the suffix chooses the container (.mp4, .mov, .mkv, .avi, .webm, .ts, .gif).

    Args:
        path: File to write.
        frames: (H, W, 3) RGB uint8 each, all of one size, both sides even.
        fps: Frames per second, where `vfr` gives no times.
        rotation: Degrees (a multiple of 90) that a player must turn the stored frames counter-clockwise; the
            frames are stored as given, so a reader that honours it returns `np.rot90(frame, rotation // 90)`.
        vfr: Presentation time of every frame in seconds, rising: a variable frame rate or a late start.
        codec: Name of FFmpeg's encoder.
        options: The encoder's own options instead of a fast, good H.264.

    Returns:
        `path`.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = {"gif": "rgb8", "libx264rgb": "rgb24", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        fast = {"preset": "ultrafast", "crf": "15"} if codec == "libx264" else {}
        stream.options = dict(fast if options is None else options)
        ticks = 100 if codec == "gif" else _TICKS_PER_S
        exact = codec in ("libx264", "libx264rgb", "gif") and path.suffix != ".avi"
        if exact:  # a fine clock; the other encoders and AVI count whole frames
            stream.codec_context.time_base = Fraction(1, ticks)
        if rotation:
            stream.set_display_rotation(rotation)
        for i, rgb in enumerate(frames):
            if i == 0:
                stream.height, stream.width = rgb.shape[:2]
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            if exact:
                picture.time_base = Fraction(1, ticks)
                picture.pts = round((vfr[i] if vfr is not None else i / fps) * ticks)
            else:
                picture.pts = i
                picture.time_base = 1 / Fraction(fps).limit_denominator(1001)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def numbered_frames(count: int, height: int = 48, width: int = 64) -> Iterator[Pixels]:
    """Yield frames that carry their own number in black and white bars, readable after lossy coding.

    The top half shows the number, lowest bit at the left; the bottom half is red at the left, blue at the
    right, so that turned or mirrored pictures and swapped colours show.
    """
    for number in range(count):
        rgb = np.zeros((height, width, 3), np.uint8)
        for bit in range(_BITS):
            if number >> bit & 1:
                rgb[: height // 2, bit * width // _BITS : (bit + 1) * width // _BITS] = 255
        rgb[height // 2 :, : width // 2] = (220, 30, 30)
        rgb[height // 2 :, width // 2 :] = (30, 30, 220)
        yield rgb


def number_in(rgb: Pixels) -> int:
    """Read the number back from an upright frame of `numbered_frames`."""
    height, width = rgb.shape[:2]
    row = rgb[height // 4].mean(axis=1)
    centres = [(2 * bit + 1) * width // (2 * _BITS) for bit in range(_BITS)]
    return sum(1 << bit for bit, x in enumerate(centres) if row[x] > 127)
