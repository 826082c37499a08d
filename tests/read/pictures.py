"""Odd pictures made with Pillow, an encoder that shares no code with the reader under test."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
from PIL import Image

from openau.records import Pixels


def scene(height: int = 48, width: int = 64) -> Pixels:
    """A smooth coloured picture without symmetry, (H, W, 3) RGB uint8: lossy coders change it little."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    red, green, blue = 255 * x / width, 255 * y / height, 120 + 100 * np.sin(x / 9) * np.cos(y / 7)
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def encode(picture: Image.Image | Pixels, kind: str, **options: Any) -> bytes:
    """Encode a Pillow picture or an array."""
    stream = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(stream, kind, **options)
    return stream.getvalue()


def encode_16_bit(rgb: Pixels, suffix: str) -> bytes:
    """Encode with 16 bits per channel, every value v as 257 v, so that full scale stays full scale."""
    return cv2.imencode(suffix, rgb[:, :, ::-1].astype(np.uint16) * 257)[1].tobytes()


def exif(orientation: int) -> Image.Exif:
    """EXIF data with nothing but an orientation."""
    data = Image.Exif()
    data[274] = orientation
    return data


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is enormous."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(*chunk) for chunk in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )


def enlarge(data: bytes, kind: str, side: int) -> bytes:
    """Rewrite the size in the header of a valid small file, as a decompression bomb does."""
    if kind == "PPM":
        return data.replace(b"64 48", b"%d %d" % (side, side), 1)
    if kind == "TIFF":
        return _enlarge_tiff(data, side)
    # Where the size stands: after which bytes, how many bytes further, and how it is written.
    mark, further, layout = {
        "JPEG": (b"\xff\xc0", 5, ">HH"),
        "GIF": (b"GIF", 6, "<HH"),
        "BMP": (b"BM", 18, "<ii"),
        "JPEG2000": (b"\xff\x4f\xff\x51", 8, ">II"),
        "AVIF": (b"ispe", 8, ">II"),
        "WEBP": (b"VP8L", 9, "<I"),
    }[kind]
    raw = bytearray(data)
    at = raw.index(mark) + further
    limited = min(side, 1 << 14) - 1  # WebP has 14 bits for each side, less one
    struct.pack_into(layout, raw, at, *([limited | limited << 14] if kind == "WEBP" else [side, side]))
    return bytes(raw)


def _enlarge_tiff(data: bytes, side: int) -> bytes:
    raw = bytearray(data)
    (start,) = struct.unpack_from("<I", raw, 4)
    (count,) = struct.unpack_from("<H", raw, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", raw, entry)[0] in (256, 257):
            struct.pack_into("<HII", raw, entry + 2, 4, 1, side)
    return bytes(raw)
