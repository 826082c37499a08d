"""WebP: its header, and the frames of an animation.

FFmpeg does not play animated WebP, and OpenCV holds all frames of one in memory at once. An animation is a
list of small WebP pictures with a place and a duration, so each is decoded alone and painted on the canvas.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from openau.read.decode import decode
from openau.read.header import DamagedFileError, Header, unpack
from openau.read.tiff import exif_orientation

_ANIMATED, _ALPHA = 0x02, 0x10
_SHORTEST_MS, _USUAL_MS = 11, 100  # browsers show a frame with 10 ms or less for 100 ms


def webp_may_move(head: bytes) -> bool:
    """Tell whether a WebP that starts with these bytes says that it is animated."""
    return head[:4] == b"RIFF" and head[12:16] == b"VP8X" and bool(head[20:21] and head[20] & _ANIMATED)


def read_webp(data: bytes) -> Header:
    """Read the header of a WebP.

    Args:
        data: The whole file.

    Returns:
        The header; `frames` counts those of an animation.

    Raises:
        DamagedFileError: The file is shorter than it says, or holds no picture.
    """
    (length,) = unpack("<I", data, 4)
    if length + 8 > len(data):
        raise DamagedFileError("it breaks off in the middle")
    width = height = 0
    frames, orientation = 0, 1
    for kind, start, end in _chunks(data, 12, length + 8):
        if kind == b"VP8X":
            width, height = _three_bytes(data, start + 4) + 1, _three_bytes(data, start + 7) + 1
        elif kind in (b"VP8 ", b"VP8L"):
            wide, high = _bitstream_size(kind, data, start)
            width, height = max(width, wide), max(height, high)
        elif kind == b"ANMF":
            frames += 1
        elif kind == b"EXIF":
            exif = data[start:end]
            orientation = exif_orientation(exif.removeprefix(b"Exif\0\0"))
    return Header("WebP", width, height, data, frames=max(frames, 1), orientation=orientation)


def webp_frames(data: bytes) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Decode an animated WebP.

    Args:
        data: The whole file, checked by `read_webp`.

    Yields:
        The canvas after each frame, (H, W, 4) BGRA uint8 (a fresh copy), and its time in seconds.

    Raises:
        DamagedFileError: A frame cannot be decoded or lies outside the canvas.
    """
    header = read_webp(data)
    canvas = np.zeros((header.height, header.width, 4), np.uint8)
    time_ms = 0
    pieces = (piece for piece in _chunks(data, 12, len(data)) if piece[0] == b"ANMF")
    for (_, start, end), duration_ms in zip(pieces, webp_durations_ms(data), strict=True):
        left, top = 2 * _three_bytes(data, start), 2 * _three_bytes(data, start + 3)
        width, height = _three_bytes(data, start + 6) + 1, _three_bytes(data, start + 9) + 1
        flags = unpack("<B", data, start + 15)[0]
        place = canvas[top : top + height, left : left + width]
        piece = _decode_piece(data[start + 16 : end], width, height)
        if place.shape != piece.shape:
            raise DamagedFileError("a frame of it lies outside the canvas")
        place[:] = piece if flags & 2 else _blend(piece, place)
        yield canvas.copy(), time_ms / 1000
        if flags & 1:
            place[:] = 0
        time_ms += duration_ms


def webp_durations_ms(data: bytes) -> list[int]:
    """Return how long each frame of an animated WebP is shown.

    Args:
        data: The whole file, checked by `read_webp`.

    Returns:
        Milliseconds, as browsers show the frames; empty for a still.

    Raises:
        DamagedFileError: A frame is incomplete.
    """
    stated = [
        _three_bytes(data, start + 12) for kind, start, _ in _chunks(data, 12, len(data)) if kind == b"ANMF"
    ]
    return [ms if ms >= _SHORTEST_MS else _USUAL_MS for ms in stated]


def _blend(over: NDArray[np.uint8], under: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Paint one BGRA picture over another, neither multiplied by its alpha."""
    alpha, beneath = over[..., 3:].astype(np.float32) / 255, under[..., 3:].astype(np.float32) / 255
    beneath *= 1 - alpha
    total = alpha + beneath
    colour = (over[..., :3] * alpha + under[..., :3] * beneath) / np.maximum(total, 1e-6)
    return np.concatenate([colour, total * 255], axis=2).round().astype(np.uint8)


def _decode_piece(chunks: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """Decode one frame of an animation, wrapped as a file of its own, to (h, w, 4) BGRA."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    whole = b"WEBPVP8X\x0a\0\0\0" + bytes([_ALPHA, 0, 0, 0]) + canvas + chunks
    pixels = decode(b"RIFF" + len(whole).to_bytes(4, "little") + whole)
    if pixels is None or pixels.shape[:2] != (height, width):
        raise DamagedFileError("a frame of it cannot be decoded")
    if pixels.shape[2] == 3:
        pixels = np.dstack([pixels, np.full((height, width), 255, np.uint8)])
    return pixels


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Walk the chunks from `at` to `end`: kind, first byte of the content, end of the content."""
    while at + 8 <= end:
        kind, length = unpack("<4sI", data, at)
        if at + 8 + length > end:
            raise DamagedFileError("it breaks off in the middle")
        yield kind, at + 8, at + 8 + length
        at += 8 + length + length % 2


def _bitstream_size(kind: bytes, data: bytes, at: int) -> tuple[int, int]:
    """Return width and height as the compressed picture itself gives them."""
    if kind == b"VP8L":
        (bits,) = unpack("<I", data, at + 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = unpack("<HH", data, at + 6)
    return width & 0x3FFF, height & 0x3FFF


def _three_bytes(data: bytes, at: int) -> int:
    low, high = unpack("<HB", data, at)
    return int(low | high << 16)
