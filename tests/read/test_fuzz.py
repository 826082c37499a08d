"""Whatever bytes a file holds, reading it ends in frames or in an InputError, never in another exception."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from openau.errors import InputError
from openau.read import find_sources, read_image, read_video, video_info
from openau.records import Frame
from tests.fake.media import numbered_frames, write_video
from tests.read.pictures import encode, encode_16_bit, exif, scene

STILLS = (
    "JPEG",
    "progressive",
    "CMYK",
    "PNG",
    "16-bit",
    "GIF",
    "WEBP",
    "BMP",
    "TIFF",
    "LZW",
    "JPEG2000",
    "AVIF",
    "PPM",
)
ANIMATIONS = ("GIF", "WEBP", "PNG")
VIDEOS = {".mp4": "libx264", ".mkv": "libx264", ".avi": "mpeg4", ".webm": "libvpx-vp9", ".ts": "libx264"}


@cache
def still(kind: str) -> bytes:
    """A small valid picture of a kind."""
    rgb = scene(24, 32)
    if kind == "progressive":
        return encode(rgb, "JPEG", progressive=True, exif=exif(6))
    if kind == "CMYK":
        return encode(Image.fromarray(rgb).convert("CMYK"), "JPEG")
    if kind == "16-bit":
        return encode_16_bit(rgb, ".png")
    if kind == "LZW":
        return encode(rgb, "TIFF", compression="tiff_lzw", exif=exif(3))
    return encode(rgb, kind, exif=exif(8)) if kind in ("JPEG", "PNG", "WEBP") else encode(rgb, kind)


@cache
def animation(kind: str) -> bytes:
    """A small valid animation of a kind."""
    pictures = [Image.fromarray(rgb).convert("RGBA") for rgb in numbered_frames(4, 24, 32)]
    return encode(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=50, lossless=True)


@cache
def video(suffix: str) -> bytes:
    """A small valid video in a container."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        options = {"deadline": "realtime"} if suffix == ".webm" else None
        return write_video(
            path, numbered_frames(8, 32, 32), codec=VIDEOS[suffix], options=options
        ).read_bytes()


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "a")


def spoil(data: bytes, seed: int) -> bytes:
    """Change some bytes, cut a piece out, double one, or cut the end off; most of it in the first part."""
    rng = random.Random(seed)
    raw = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        reach = rng.choice((64, 256, len(raw)))
        at = rng.randrange(max(1, min(reach, len(raw))))
        match rng.randrange(6):
            case 0 | 1:
                raw[at : at + 1] = bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))])
            case 2:
                raw[at : at + 4] = rng.randbytes(4)
            case 3:
                del raw[at : at + rng.randrange(1, 16)]
            case 4:
                raw[at:at] = raw[at : at + rng.randrange(1, 64)]
            case _:
                del raw[max(at, len(raw) // 2) :]
    return bytes(raw)


def outcome(path: Path, data: bytes) -> list[Frame] | str:
    """Find and read a file with these bytes: its frames, or the sentence with which it is refused."""
    path.write_bytes(data)
    (source,) = find_sources([path])
    try:
        if source.kind == "image":
            return [read_image(path)]
        video_info(path)
        return list(read_video(path))
    except InputError as refusal:
        return str(refusal)


def check(path: Path, data: bytes) -> None:
    """Whatever the outcome is, it must be good frames or a good sentence."""
    result = outcome(path, data)
    if isinstance(result, str):
        assert str(path) in result
        assert result.endswith(".")
        assert "\n" not in result
        return
    for frame in result:
        assert frame.rgb.dtype == np.uint8
        assert frame.rgb.ndim == 3
        assert frame.rgb.shape[2] == 3
        assert frame.rgb.size > 0


def examples(usual: int) -> int:
    """How many examples to try: `OPENAU_FUZZ` multiplies the usual number, for a long run."""
    return usual * int(os.environ.get("OPENAU_FUZZ", "1"))


@settings(max_examples=examples(250))
@given(kind=st.sampled_from(STILLS), seed=st.integers(0, 2**32 - 1))
def test_a_spoiled_picture_is_read_or_refused(file: Path, kind: str, seed: int) -> None:
    check(file, spoil(still(kind), seed))


@settings(max_examples=examples(60))
@given(kind=st.sampled_from(ANIMATIONS), seed=st.integers(0, 2**32 - 1))
def test_a_spoiled_animation_is_read_or_refused(file: Path, kind: str, seed: int) -> None:
    check(file, spoil(animation(kind), seed))


@settings(max_examples=examples(60))
@given(suffix=st.sampled_from(sorted(VIDEOS)), seed=st.integers(0, 2**32 - 1))
def test_a_spoiled_video_is_read_or_refused(file: Path, suffix: str, seed: int) -> None:
    check(file, spoil(video(suffix), seed))


@settings(max_examples=examples(150))
@given(
    head=st.sampled_from(
        [b"", *(still(kind)[:12] for kind in STILLS), *(video(suffix)[:12] for suffix in VIDEOS)]
    ),
    rest=st.binary(min_size=1, max_size=400),
)
@example(head=b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", rest=b"VP8X")
@example(head=b"RIFF\x00\x00\x00\x00WEBP", rest=b"VP8X")
def test_random_bytes_behind_a_known_beginning_are_read_or_refused(
    file: Path, head: bytes, rest: bytes
) -> None:
    check(file, head + rest)


@pytest.mark.parametrize("kind", STILLS)
def test_the_unspoiled_pictures_are_read(file: Path, kind: str) -> None:
    assert isinstance(outcome(file, still(kind)), list)


@pytest.mark.parametrize("suffix", VIDEOS)
def test_the_unspoiled_videos_are_read(file: Path, suffix: str) -> None:
    assert isinstance(outcome(file, video(suffix)), list)
