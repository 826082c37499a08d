"""GIF: its header, and the timing that old animations lack."""

from __future__ import annotations

from collections.abc import Iterator

from openau.read.header import DamagedFileError, Header, unpack

_PICTURE, _EXTENSION, _CONTROL = 0x2C, 0x21, 0xF9
_END = b"\x3b"
_TENTH_OF_A_SECOND = b"\x21\xf9\x04\x00\x0a\x00\x00\x00"  # a control block: keep the picture, wait 10/100 s


def read_gif(data: bytes) -> Header:
    """Read the header of a GIF, and its blocks as far as the second picture.

    Args:
        data: The whole file.

    Returns:
        The header; `frames` is 2 for any animation.

    Raises:
        DamagedFileError: The file ends within a picture.
    """
    width, height = unpack("<HH", data, 6)
    frames = 0
    for kind, at in _blocks(data):
        if kind == _PICTURE:
            wide, high = unpack("<HH", data, at + 5)
            width, height, frames = max(width, wide), max(height, high), frames + 1
        if frames == 2:
            break
    return Header("GIF", width, height, data, frames=max(frames, 1))


def timed_gif(data: bytes) -> tuple[bytes, bool]:
    """Give every picture of an animation a duration, and leave out one that is incomplete.

    FFmpeg takes pictures without a control block, as the first GIF standard has them, for a single one;
    browsers show each for a tenth of a second.

    Args:
        data: The whole file.

    Returns:
        The file, with a control block before every picture that has none; and whether it was complete.
    """
    parts: list[bytes] = []
    done, timed, whole = 0, False, False
    try:
        for kind, at in _blocks(data):
            parts.append(data[done:at])
            done = at
            if kind == _EXTENSION:
                timed |= unpack("<B", data, at + 1)[0] == _CONTROL
                continue
            if not timed:
                parts.append(_TENTH_OF_A_SECOND)
            timed = False
        whole = True
        parts.append(data[done:])
    except DamagedFileError:
        parts.append(_END)  # the incomplete block is left out
    return b"".join(parts), whole


def _blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Walk the pictures and extensions: their kind and offset.

    A block is known to be complete when the next one comes.
    """
    at = 13 + _colours(unpack("<B", data, 10)[0])
    while at < len(data) and data[at] in (_PICTURE, _EXTENSION):
        kind, start = data[at], at
        yield kind, start
        at += 2 if kind == _EXTENSION else 11 + _colours(unpack("<B", data, at + 9)[0])
        while size := unpack("<B", data, at)[0]:
            at += 1 + size
        at += 1


def _colours(flags: int) -> int:
    """Return the bytes of the colour table that follows these flags."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
