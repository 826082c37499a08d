"""AVIF (and HEIC, to refuse it with advice): pictures in ISO media boxes."""

from __future__ import annotations

from collections.abc import Iterator

from openau.read.header import DamagedFileError, Header, unpack

_HEIC = frozenset([b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"])
_AVIF = frozenset([b"avif", b"avis"])
# (quarter turns counter-clockwise, then mirror: None, 0 top to bottom, 1 left to right) -> EXIF orientation
_ORIENTATION = {
    (0, None): 1, (1, None): 8, (2, None): 3, (3, None): 6,
    (0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7,
    (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5,
}  # fmt: skip


def is_avif(head: bytes) -> bool:
    """Tell whether a file that starts with these bytes is AVIF."""
    return bool(_brands(head) & _AVIF)


def is_heic(head: bytes) -> bool:
    """Tell whether a file that starts with these bytes is HEIC, the format of Apple's cameras."""
    return bool(_brands(head) & _HEIC) and not is_avif(head)


def read_avif(data: bytes) -> Header:
    """Read the header of an AVIF.

    Args:
        data: The whole file.

    Returns:
        The header, with the largest of the sizes named in the file; `frames` is 2 for a sequence.

    Raises:
        DamagedFileError: The boxes are incomplete.
    """
    boxes = list(_boxes(data, 0, len(data)))
    meta = _inside(data, [box for box in boxes if box[0] == b"meta"], skip=4)
    properties = _inside(data, _inside(data, meta, b"iprp"), b"ipco")
    width = height = turns = 0
    depth, mirror = 8, None
    for kind, start, _ in properties:
        if kind == b"ispe":
            size = unpack(">II", data, start + 4)
            width, height = max((width, height), size, key=lambda sides: sides[0] * sides[1])
        elif kind == b"pixi":
            depth = max(depth, unpack(">B", data, start + 5)[0])
        elif kind == b"irot":
            turns = unpack(">B", data, start)[0] & 3
        elif kind == b"imir":
            mirror = unpack(">B", data, start)[0] & 1
    frames = 2 if data[8:12] == b"avis" else 1
    orientation = _ORIENTATION[turns, mirror]
    return Header("AVIF", width, height, data, frames=frames, depth=depth, orientation=orientation)


def _brands(head: bytes) -> frozenset[bytes]:
    """Return the brands that the file claims; none where it does not start with a file type box."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset([head[8:12], *(head[i : i + 4] for i in range(16, end, 4))])


Box = tuple[bytes, int, int]  # kind, first byte of the content, end


def _inside(data: bytes, boxes: list[Box], kind: bytes | None = None, skip: int = 0) -> list[Box]:
    """Return the boxes within all boxes of a kind (all kinds where None)."""
    chosen = [box for box in boxes if kind is None or box[0] == kind]
    return [inner for _, start, end in chosen for inner in _boxes(data, start + skip, end)]


def _boxes(data: bytes, at: int, end: int) -> Iterator[Box]:
    """Walk the boxes that lie side by side from `at` to `end`."""
    while at + 8 <= end:
        size, kind = unpack(">I4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = unpack(">Q", data, start)
            start += 8
        stop = end if size == 0 else at + size
        if stop < start or stop > end:
            raise DamagedFileError("it breaks off in the middle")
        yield kind, start, stop
        at = stop
