"""PNG: its size, orientation, checksums, and whether it is animated."""

from __future__ import annotations

import os
import zlib
from typing import BinaryIO

from openau.read.header import DamagedFileError, Header, unpack
from openau.read.tiff import exif_orientation

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Only what makes the picture goes to the decoder: profiles and texts are often malformed in good pictures,
# and libpng complains about them on the error stream.
_PICTURE = frozenset([b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"])


def png_moves(file: BinaryIO) -> bool:
    """Tell an animated PNG by the few bytes before its picture.

    Args:
        file: An open PNG, anywhere.

    Returns:
        Whether it says that it has more than one frame.
    """
    file.seek(len(SIGNATURE))
    while len(chunk := file.read(8)) == 8 and chunk[4:] not in (b"IDAT", b"IEND"):
        if chunk[4:] == b"acTL":
            return int.from_bytes(file.read(4), "big") > 1
        file.seek(int.from_bytes(chunk[:4], "big") + 4, os.SEEK_CUR)
    return False


def read_png(data: bytes) -> Header:
    """Read the header of a PNG and check every part of the picture against its checksum.

    Args:
        data: The whole file.

    Returns:
        The header; of an animated PNG the body is its still picture.

    Raises:
        DamagedFileError: A checksum is wrong, or the file ends before the picture does.
    """
    width, height = unpack(">II", data, 16)
    body = [SIGNATURE]
    frames = orientation = 1
    at, kind, pixels_seen = len(SIGNATURE), b"", False
    while kind != b"IEND":
        length, kind = unpack(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise DamagedFileError("it breaks off in the middle of the picture")
        if kind in _PICTURE:
            if zlib.crc32(data[at + 4 : end - 4]) != unpack(">I", data, end - 4)[0]:
                raise DamagedFileError("a part of the picture has a wrong checksum")
            body.append(data[at:end])
            pixels_seen |= kind == b"IDAT"
        elif kind == b"acTL" and not pixels_seen:
            frames = max(1, unpack(">I", data, at + 8)[0])
        elif kind == b"eXIf":
            orientation = exif_orientation(data[at + 8 : end - 4])
        at = end
    return Header("PNG", width, height, b"".join(body), frames=frames, orientation=orientation)
