"""JPEG: its size, its orientation, and whether all of the picture is there."""

from __future__ import annotations

import re

import av

from openau.read.header import DamagedFileError, Header, unpack
from openau.read.tiff import exif_orientation

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset(range(0xD0, 0xD8)) | {0x01, _START}  # markers without a length
_EXIF = 0xE1
# JFIF and Adobe's segment say how colours are coded; all other notes are left out for the decoder.
_NOTES = (frozenset(range(0xE0, 0xF0)) | {0xFE}) - {0xE0, 0xEE}
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SIDES_AT = 3  # after the length and the bits per sample


def read_jpeg(data: bytes) -> Header:
    """Read the header of a JPEG and walk to its end.

    Args:
        data: The whole file; what follows the first picture (a second picture, padding) is ignored.

    Returns:
        The header, its body without notes, thumbnails and colour profiles.

    Raises:
        DamagedFileError: The file ends before the picture does, or has no size.
    """
    body = [b"\xff\xd8"]
    width = height = 0
    orientation = 1
    at = 2
    while True:
        marker, at = _next_marker(data, at)
        if marker == _END:
            break
        if marker in _BARE:
            continue
        start, (length,) = at, unpack(">H", data, at)
        at += length
        if at > len(data) or length < 2:
            raise DamagedFileError("it breaks off in the middle")
        if marker in _FRAMES:
            height, width = unpack(">HH", data, start + _SIDES_AT)
        elif marker == _EXIF and data[start + 2 : start + 8] == b"Exif\0\0":
            orientation = exif_orientation(data[start + 8 : at])
        elif marker == _SCAN:
            following = _AFTER_SCAN.search(data, at)
            if following is None:
                raise DamagedFileError("it breaks off in the middle of the picture")
            at = following.start()
        if marker not in _NOTES:
            body.append(b"\xff" + bytes([marker]) + data[start:at])
    return Header("JPEG", width, height, b"".join([*body, b"\xff\xd9"]), orientation=orientation)


def check_scan(body: bytes) -> None:
    """Refuse a JPEG of which a part is missing.

    OpenCV's decoder paints what is missing grey and returns the picture as if all were well. FFmpeg reads the
    entropy-coded data again, without computing pixels, and says where it breaks.

    Args:
        body: `Header.body` of a JPEG.

    Raises:
        DamagedFileError: The coded picture is incomplete or broken.
    """
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.thread_count = 1
    decoder.options = {"err_detect": "explode", "skip_idct": "all"}
    try:
        decoder.decode(av.Packet(body))
        decoder.decode(None)
    except av.InvalidDataError as fault:
        raise DamagedFileError("a part of the picture is missing or broken") from fault
    except av.FFmpegError:
        return  # a kind of JPEG that FFmpeg does not know (arithmetic coding, odd sampling): no verdict


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    """Return the next marker and the offset behind it, skipping fill bytes as decoders do."""
    at = data.find(b"\xff", at)
    while at >= 0 and data[at + 1 : at + 2] in (b"\xff", b"\x00"):
        at = data.find(b"\xff", at + 1)
    if at < 0 or at + 2 > len(data):
        raise DamagedFileError("it breaks off in the middle")
    return data[at + 1], at + 2
