"""Still pictures of any kind, as upright RGB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.errors import InputError
from openau.read.bmff import is_heic
from openau.read.decode import decode
from openau.read.files import open_file
from openau.read.formats import FORMAT_NAMES, MAX_PIXELS, find_reader, read_header
from openau.read.header import DamagedFileError, Header
from openau.read.jpeg import check_scan
from openau.records import Frame, Pixels

_HEAD = 64
_MAX_BYTES = 2 << 30


def read_image(path: Path) -> Frame:
    """Read one picture as it is meant to be seen.

    EXIF orientation is applied. 16-bit values are scaled over their full range to 8 bit; grey, palette, 1-bit
    and CMYK pictures become RGB. Transparent pictures are laid on white, so that colours hidden under full
    transparency never show. Of an animation the first frame is read, of a multi-page TIFF the first page.

    Args:
        path: A file in one of the formats of `FORMAT_NAMES`, whatever its suffix.

    Returns:
        The frame, with index 0 and no time.

    Raises:
        InputError: The file is missing, empty, unreadable, truncated, damaged, no picture, or larger than
            `MAX_PIXELS`, which is found out before anything is decoded.
    """
    path = Path(path)
    try:
        header = _header(path)
        pixels = _decode(path, header)
        rgb = orient(to_rgb(pixels, header), header.orientation)
    except DamagedFileError as fault:
        raise InputError(
            f"{path} cannot be read as a picture: {fault}; copy or export it again from its source."
        ) from fault
    except (MemoryError, cv2.error) as error:
        raise InputError(f"{path} needs more memory than there is; make the picture smaller.") from error
    return Frame(rgb=rgb, source=str(path))


def _header(path: Path) -> Header:
    """Read the file and its header, and refuse what must not be decoded."""
    with open_file(path) as file:
        try:
            head = file.read(_HEAD)
            if find_reader(head) is None:
                raise InputError(_not_a_picture(path, head))
            rest = file.read(_MAX_BYTES)
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}); check the disk.") from error
    header = read_header(head + rest) if len(rest) < _MAX_BYTES else None
    if header is None:
        raise InputError(f"{path} is larger than 2 GiB; export the picture smaller.")
    check_size(path, header.width, header.height)
    return header


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse a picture or video frame that is too large, before it is decoded.

    Args:
        path: For the sentence.
        width: Pixels.
        height: Pixels.

    Raises:
        InputError: It has more than `MAX_PIXELS`.
    """
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{path} has {width} × {height} pixels, more than the limit of {MAX_PIXELS // 10**6} million; "
            "make it smaller."
        )


def _not_a_picture(path: Path, head: bytes) -> str:
    if is_heic(head):
        return f"{path} is a HEIC picture, which OpenAU does not read; export it as JPEG or PNG."
    return f"{path} is not a picture that OpenAU reads ({FORMAT_NAMES}); export it in one of these formats."


def _decode(path: Path, header: Header) -> NDArray[Any]:
    """Decode the picture, and refuse what the decoder would quietly fill up."""
    if header.format == "JPEG":
        check_scan(header.body)
    pixels = decode(header.body)
    if pixels is None:
        raise InputError(
            f"{path} is a {header.format} file that cannot be decoded (damaged, or a rare variant); "
            "export it again as PNG or JPEG."
        )
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{path} holds {pixels.dtype} values, whose black and white are not known; "
            "save it with 8 or 16 bits per channel."
        )
    return pixels


def to_rgb(pixels: NDArray[Any], header: Header) -> Pixels:
    """Bring decoded pixels of any depth and number of channels to RGB uint8.

    Args:
        pixels: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16.
        header: Where the picture comes from: its bits per channel, and whether alpha is multiplied in.

    Returns:
        (H, W, 3) RGB uint8; transparency laid on white.

    Raises:
        DamagedFileError: The number of channels is none of a picture's.
    """
    depth = header.depth or pixels.dtype.itemsize * 8
    if depth != 8:
        pixels = cv2.convertScaleAbs(pixels, alpha=255 / (2**depth - 1))
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 4:
        return on_white(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA), premultiplied=header.premultiplied)
    if channels not in (1, 3):
        raise DamagedFileError(f"it has {channels} channels")
    rgb: Any = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB if channels == 1 else cv2.COLOR_BGR2RGB)
    return rgb  # type: ignore[no-any-return]  # OpenCV's stubs do not know the dtype


def on_white(rgba: NDArray[Any], *, premultiplied: bool = False) -> Pixels:
    """Lay a transparent picture on white, as a page shows it.

    Args:
        rgba: (H, W, 4) RGBA uint8.
        premultiplied: Whether the colours are already multiplied by alpha.

    Returns:
        (H, W, 3) RGB uint8; where alpha is 0 it is white, whatever the colours were.
    """
    alpha = rgba[..., 3:]
    if (alpha == 255).all():
        return np.ascontiguousarray(rgba[..., :3])
    rgb = rgba[..., :3].astype(np.uint16)
    if not premultiplied:
        rgb *= alpha
        rgb += 127
        rgb //= 255
    rgb += 255 - alpha
    return np.minimum(rgb, 255).astype(np.uint8)


def orient(rgb: Pixels, orientation: int) -> Pixels:
    """Turn and mirror a stored picture until it is upright.

    Args:
        rgb: (H, W, 3) uint8 as stored.
        orientation: As EXIF numbers it, 1–8; 1 changes nothing.

    Returns:
        (H, W, 3) or (W, H, 3) uint8, contiguous.
    """
    if orientation >= 5:
        rgb = rgb.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        rgb = rgb[::-1]
    if orientation in (2, 3, 6, 7):
        rgb = rgb[:, ::-1]
    return np.ascontiguousarray(rgb)
