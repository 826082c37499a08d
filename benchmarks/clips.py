"""Videos to measure on: one real face drifting through a 640×480 picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from skimage import data

from openau.records import Pixels

WIDTH, HEIGHT, RATE = 640, 480, 30
LOOP = 300
"""The drift repeats after so many frames."""


def drifting_face(count: int) -> Iterator[Pixels]:
    """Yield pictures of scikit-image's astronaut, drifting, nearing and tilting a little.

    Args:
        count: How many.

    Yields:
        (480, 640, 3) RGB uint8.
    """
    portrait: Pixels = np.ascontiguousarray(data.astronaut())  # type: ignore[no-untyped-call]  # has no types
    for index in range(count):
        turn = 2 * math.pi * (index % LOOP) / LOOP
        centre = (portrait.shape[1] / 2, portrait.shape[0] / 2)
        matrix = cv2.getRotationMatrix2D(centre, 4 * math.sin(2 * turn), 1.0 + 0.08 * math.sin(turn))
        matrix[0, 2] += (WIDTH - portrait.shape[1]) / 2 + 50 * math.sin(turn)
        matrix[1, 2] += 15 + 25 * math.sin(3 * turn)
        yield cv2.warpAffine(portrait, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT).astype(
            np.uint8
        )


def write_clip(path: Path, count: int) -> None:
    """Write a clip as H.264 in MP4, 30 frames per second.

    The drift is encoded once and its packets are repeated, so that a long clip costs little.

    Args:
        path: Where to.
        count: Number of frames, at least 1.
    """
    if count < 1:
        raise ValueError(f"a clip has at least one frame, not {count}")
    once = min(count, LOOP)
    loop = path.with_suffix(".loop.mp4")
    _encode(loop, once)
    with av.open(str(loop)) as source, av.open(str(path), "w") as target:
        origin = source.streams.video[0]
        stream = target.add_stream_from_template(origin)
        packets = [packet for packet in source.demux(origin) if packet.dts is not None]
        # Without B-frames packets come in the order of display, one frame length apart.
        ticks = round(1 / RATE / (origin.time_base or Fraction(1, RATE)))
        for number in range(count):
            origin_packet = packets[number % once]
            packet = av.Packet(bytes(origin_packet))
            packet.pts = packet.dts = number * ticks
            packet.time_base, packet.stream = origin_packet.time_base, stream
            packet.is_keyframe = origin_packet.is_keyframe
            target.mux(packet)
    loop.unlink()


def _encode(path: Path, count: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=RATE, options={"crf": "20", "preset": "veryfast", "bf": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for rgb in drifting_face(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
