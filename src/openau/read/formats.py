"""Which picture format a file is, by its first bytes, and what its header says."""

from __future__ import annotations

import re
from collections.abc import Callable

from openau.read import bmff, webp
from openau.read.gif import read_gif
from openau.read.header import DamagedFileError, Header, unpack
from openau.read.jpeg import read_jpeg
from openau.read.png import SIGNATURE, read_png
from openau.read.tiff import read_tiff

MAX_PIXELS = 200_000_000
"""Pictures and video frames above this are refused: 0.6 GB of RGB, and more than any phone camera takes."""

FORMAT_NAMES = "JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, JPEG 2000, PGM and PPM"

_CODESTREAM = b"\xff\x4f\xff\x51"
_PNM = re.compile(rb"P[1-6](?:\s+|#[^\n]*\n)+(\d{1,9})(?:\s+|#[^\n]*\n)+(\d{1,9})\s")


def read_header(data: bytes) -> Header | None:
    """Read what a picture file says about itself, without decoding it.

    Args:
        data: The whole file.

    Returns:
        The header, or None where the bytes are in no picture format that OpenAU reads.

    Raises:
        DamagedFileError: The format is known, and the bytes contradict it.
    """
    reader = find_reader(data)
    header = None if reader is None else reader(data)
    if header is not None and (header.width < 1 or header.height < 1):
        raise DamagedFileError("it says that it is 0 pixels large")
    return header


def find_reader(head: bytes) -> Callable[[bytes], Header] | None:
    """Return the header reader of the picture format that starts with these bytes, or None.

    Args:
        head: The first bytes of a file, 64 or more where it has them.

    Returns:
        A function from the whole file to its `Header`.
    """
    for start, reader in _STARTS.items():
        if head.startswith(start):
            return reader
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return webp.read_webp
    if bmff.is_avif(head):
        return bmff.read_avif
    return _read_pnm if re.match(rb"P[1-6][\s#]", head) else None


def _read_bmp(data: bytes) -> Header:
    """Windows and OS/2 bitmaps; a negative height means that the rows run downwards."""
    (length,) = unpack("<I", data, 14)
    width, height = unpack("<HH" if length == 12 else "<ii", data, 18)
    return Header("BMP", abs(width), abs(height), data)


def _read_jpeg_2000(data: bytes) -> Header:
    """JPEG 2000, bare or in a JP2 file: the size that its codestream gives."""
    at = data.find(_CODESTREAM)
    if at < 0:
        raise DamagedFileError("it holds no picture")
    right, bottom, left, top = unpack(">IIII", data, at + 8)
    depth = (unpack(">B", data, at + 42)[0] & 0x7F) + 1
    return Header("JPEG 2000", right - left, bottom - top, data, depth=depth)


def _read_pnm(data: bytes) -> Header:
    """Portable bit, grey and colour maps."""
    sides = _PNM.match(data)
    if sides is None:
        raise DamagedFileError("its header is incomplete")
    return Header("PPM", int(sides[1]), int(sides[2]), data)


_STARTS: dict[bytes, Callable[[bytes], Header]] = {
    b"\xff\xd8\xff": read_jpeg,
    SIGNATURE: read_png,
    b"GIF87a": read_gif,
    b"GIF89a": read_gif,
    b"BM": _read_bmp,
    b"II*\0": read_tiff,
    b"MM\0*": read_tiff,
    b"II+\0": read_tiff,
    b"MM\0+": read_tiff,
    b"\0\0\0\x0cjP  \r\n\x87\n": _read_jpeg_2000,
    _CODESTREAM: _read_jpeg_2000,
}
