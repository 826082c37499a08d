"""TIFF: the first picture's size; and EXIF, which is a TIFF without a picture."""

from __future__ import annotations

from openau.read.header import DamagedFileError, Header, unpack

_ORIENTATION = 274
_SIZES = {1: ("B", 1), 3: ("H", 2), 4: ("I", 4), 16: ("Q", 8)}  # type code -> struct letter, bytes
_MOST_ENTRIES = 4096


def read_tiff(data: bytes) -> Header:
    """Read the header of a TIFF or BigTIFF.

    Args:
        data: The whole file.

    Returns:
        The first picture's header; OpenCV applies a TIFF's orientation itself, so none is left to apply.

    Raises:
        DamagedFileError: The directory of the first picture is incomplete.
    """
    tags = _first_values(data)
    width, height = tags.get(256, 0), tags.get(257, 0)
    if tags.get(322, 0) * tags.get(323, 0) > 4 * max(width * height, 1 << 20):
        raise DamagedFileError("its tiles are far larger than the picture")
    if tags.get(277, 1) == 2 and 338 in tags:
        raise DamagedFileError("a grey TIFF with transparency is not supported")
    # libtiff multiplies 8-bit colours by their alpha; it leaves 16-bit values as stored.
    premultiplied = tags.get(258, 1) <= 8 or tags.get(338) == 1
    return Header("TIFF", width, height, data, premultiplied=premultiplied)


def exif_orientation(exif: bytes) -> int:
    """Return the orientation 1–8 that EXIF data asks for; 1 where it is missing or makes no sense.

    Args:
        exif: EXIF data from its byte-order mark on.

    Returns:
        How the stored picture must be turned or mirrored, as the EXIF standard numbers it.
    """
    try:
        orientation = _first_values(exif).get(_ORIENTATION, 1)
    except DamagedFileError:
        return 1  # a picture with broken notes is still a good picture
    return orientation if 1 <= orientation <= 8 else 1


def _first_values(data: bytes) -> dict[int, int]:
    """Return tag -> first value, for the whole-number tags of the first directory."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise DamagedFileError("it has no byte order")
    big = unpack(order + "H", data, 2)[0] == 43
    (at,) = unpack(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = unpack(order + ("Q" if big else "H"), data, at)
    if count > _MOST_ENTRIES:
        raise DamagedFileError("its directory is impossibly long")
    at += 8 if big else 2
    tags: dict[int, int] = {}
    for entry in range(at, at + count * (20 if big else 12), 20 if big else 12):
        tag, kind, number = unpack(order + ("HHQ" if big else "HHI"), data, entry)
        if kind in _SIZES and number:
            letter, size = _SIZES[kind]
            place = entry + (12 if big else 8)
            if number * size > (8 if big else 4):  # the values lie elsewhere
                (place,) = unpack(order + ("Q" if big else "I"), data, place)
            tags.setdefault(tag, unpack(order + letter, data, place)[0])
    return tags
