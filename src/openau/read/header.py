"""What a picture file says about itself, read without decoding it.

Every format's reader takes the bytes of the file and returns a `Header`, or raises `DamagedFileError`. The
size is known before a decoder allocates anything, so that a decompression bomb costs nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any


class DamagedFileError(ValueError):
    """The bytes contradict their own format; the message says how, the caller adds the file's name."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known about a picture before it is decoded.

    Attributes:
        format: The format's usual name, for instance `JPEG`.
        width: Pixels, as stored (before `orientation`).
        height: Pixels, as stored.
        frames: Number of pictures in an animation, else 1; of a GIF no more than 2 are counted.
        depth: Bits of one channel, where the decoder leaves values in a wider type than that.
        orientation: EXIF orientation 1–8 that the decoder leaves for us to apply.
        premultiplied: Whether the decoder returns colours already multiplied by alpha.
        body: What to hand to the decoder: the file, or only the parts of it that make the picture.
    """

    format: str
    width: int
    height: int
    body: bytes
    frames: int = 1
    depth: int | None = None
    orientation: int = 1
    premultiplied: bool = False


def unpack(layout: str, data: bytes, at: int) -> tuple[Any, ...]:
    """Read packed numbers.

    Args:
        layout: As for `struct.unpack`.
        data: The file.
        at: Offset of the first byte.

    Returns:
        The numbers.

    Raises:
        DamagedFileError: The file ends before them.
    """
    if at < 0 or at + struct.calcsize(layout) > len(data):
        raise DamagedFileError("it breaks off in the middle")
    return struct.unpack_from(layout, data, at)
