"""Whether a video file is as long as it says, by the outermost lengths written in it.

FFmpeg plays a file that breaks off as if it ended there, so what is missing would go unnoticed.
"""

from __future__ import annotations

import os
from typing import BinaryIO

_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def looks_like_video(head: bytes) -> bool:
    """Tell a usual video container by its first bytes.

    Args:
        head: The first 64 bytes of a file.

    Returns:
        True where they are a container's; False says nothing, for FFmpeg knows more.
    """
    return (
        head[4:8] in _BOXES
        or head.startswith((_EBML, b"FLV\x01", b"OggS", b"\0\0\x01\xba", b"\0\0\x01\xb3", _ASF))
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
    )


def breaks_off(file: BinaryIO) -> bool:
    """Tell whether a video file is shorter than its own lengths say.

    Args:
        file: An open file; it is left at its start.

    Returns:
        True for MP4, MOV, Matroska, WebM and AVI files that are cut short; False for whole ones, for streams
        whose length was never written, and for containers that carry no length.
    """
    total = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if head[4:8] in _BOXES:
        end = _last_box_end(file, total)
    elif head.startswith(_EBML):
        end = _segment_end(file)
    elif head[:4] == b"RIFF" and head[8:] == b"AVI ":
        end = int.from_bytes(head[4:8], "little") + 8
    else:
        end = 0
    file.seek(0)
    return end > total


def _last_box_end(file: BinaryIO, total: int) -> int:
    """Where the last of the outermost ISO media boxes should end."""
    at = 0
    while at + 8 <= total:
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:], "big")
        if size < 8 or not head[4:8].isascii():  # 0 means up to the end of the file; the rest is padding
            break
        at += size
    return at


def _segment_end(file: BinaryIO) -> int:
    """Where the Matroska segment should end; 0 where its length was not written."""
    file.seek(4)
    header = _ebml_length(file)
    file.seek(header or 0, os.SEEK_CUR)
    if header is None or file.read(4) != _SEGMENT:
        return 0
    length = _ebml_length(file)
    return 0 if length is None else file.tell() + length


def _ebml_length(file: BinaryIO) -> int | None:
    """Read a length of 1–8 bytes, whose first bit set says how many; None where unknown or broken."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    count = 9 - first[0].bit_length()
    raw = int.from_bytes(first + file.read(count - 1), "big")
    largest = (1 << 7 * count) - 1
    length = raw & largest
    return None if length == largest else length
