"""From what the user names to a list of pictures and videos."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from openau.errors import InputError, NoInputError
from openau.read.bmff import is_heic
from openau.read.containers import looks_like_video
from openau.read.files import open_file
from openau.read.formats import find_reader
from openau.read.header import DamagedFileError
from openau.read.png import png_moves
from openau.read.webp import webp_may_move

Kind = Literal["image", "video"]

# fmt: off
# HEIC is not read; it is listed so that it is named to the user rather than passed over in silence.
IMAGE_SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".avif",
    ".jp2", ".j2k", ".pgm", ".ppm", ".pbm", ".pnm", ".heic", ".heif",
))
VIDEO_SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".flv", ".mpg", ".mpeg", ".m2v",
    ".vob", ".ts", ".mts", ".m2ts", ".3gp", ".3g2", ".ogv", ".mxf", ".apng", ".dv", ".h264", ".264",
    ".h265", ".265", ".hevc", ".ivf", ".nut", ".mjpeg", ".mjpg",
))
# fmt: on

_HEAD = 64
_LARGEST_ANIMATION = 1 << 30


@dataclass(frozen=True, slots=True)
class Source:
    """One file to analyse.

    Attributes:
        path: As the user named it, or below the folder that the user named.
        kind: `video` for everything with a time axis, animated pictures included.
    """

    path: Path
    kind: Kind


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """List the pictures and videos that the user names.

    A file named by itself is always listed; what it is decides its content, whatever its suffix, and a file
    that is neither is found out when it is read. Folders are searched with all folders below them, for the
    known suffixes, in natural order (`2.jpg` before `10.jpg`), files before folders. Hidden files and folders
    (and the `._x` files of macOS) are left out, links to folders are followed once. A path is listed once,
    however often it is named.

    Args:
        paths: Files and folders.

    Returns:
        At least one source, in the order of `paths`.

    Raises:
        InputError: A path does not exist, or a folder may not be read.
        NoInputError: The folders hold no picture and no video.
    """
    found: dict[str, Source] = {}
    for path in map(Path, paths):
        if not _exists(path):
            open_file(path).close()  # raises the sentence that fits
        for file in _files_in(path) if path.is_dir() else [path]:
            found.setdefault(os.path.abspath(file), Source(file, find_kind(file)))  # noqa: PTH100  # resolve() would follow links
    if not found:
        where = ", ".join(map(str, paths)) or "the list of paths, which is empty"
        raise NoInputError(
            f"There is no picture and no video in {where}; name a file, or a folder with .jpg, .png, .mp4 or "
            "similar files."
        )
    return list(found.values())


def find_kind(path: Path) -> Kind:
    """Tell a picture from a video by content, and by suffix where the content says nothing.

    Args:
        path: Any file.

    Returns:
        `video` for anything that is neither: FFmpeg knows more formats than their first bytes tell, and
        refuses the rest by name.
    """
    guess: Kind = "image" if path.suffix.lower() in IMAGE_SUFFIXES else "video"
    try:
        with open_file(path) as file:
            head = file.read(_HEAD)
            if find_reader(head) is None:
                return "video" if looks_like_video(head) and not is_heic(head) else guess
            return "video" if _moves(file, head) else "image"
    except (InputError, OSError):
        return guess  # reading it will say what is wrong
    except DamagedFileError:
        return "image"


def _moves(file: BinaryIO, head: bytes) -> bool:
    """Tell whether a picture is animated, reading no more of it than is needed."""
    if head.startswith(b"\x89PNG"):
        return png_moves(file)
    if head.startswith(b"GIF8") or webp_may_move(head):
        reader = find_reader(head)
        return reader is not None and reader(head + file.read(_LARGEST_ANIMATION)).frames > 1
    return head[8:12] == b"avis"


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield the files with known suffixes below a folder, every real folder once."""
    seen: set[str] = set()
    suffixes = IMAGE_SUFFIXES | VIDEO_SUFFIXES

    def stop(error: OSError) -> None:
        raise InputError(
            f"The folder {error.filename} cannot be read ({error.strerror}); change its permissions."
        ) from error

    for place, folders, files in os.walk(folder, followlinks=True, onerror=stop):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted((name for name in folders if not _hidden(name)), key=_natural)
        for name in sorted(files, key=_natural):
            path = Path(place, name)
            if not _hidden(name) and path.suffix.lower() in suffixes and _is_file_or_broken_link(path):
                yield path


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_file_or_broken_link(path: Path) -> bool:
    """Leave out pipes and devices, but not a link to nothing: the user believes that file to be there."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Sort numbers within names by value, whatever their zeros; equal names by their characters."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)], name
