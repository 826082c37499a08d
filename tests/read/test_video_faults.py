"""A broken video gives its good frames, then one sentence that names the file and the last of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from openau.errors import InputError
from openau.read import read_video, video_info
from tests.fake.media import number_in, numbered_frames, write_video
from tests.read.pictures import encode, scene

CODECS = {".mp4": "libx264", ".mkv": "libx264", ".avi": "mpeg4", ".webm": "libvpx-vp9"}


def frames_until_fault(path: Path) -> tuple[list[int], str]:
    """Read until the InputError that must come; return the frames' numbers before it, and its sentence."""
    numbers: list[int] = []
    with pytest.raises(InputError) as caught:
        numbers.extend(number_in(frame.rgb) for frame in read_video(path))
    sentence = str(caught.value)
    assert str(path) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return numbers, sentence


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".webm"])
def test_a_truncated_video_gives_its_frames_and_then_says_where_it_breaks_off(
    tmp_path: Path, suffix: str
) -> None:
    options = {"deadline": "realtime"} if suffix == ".webm" else None
    path = write_video(
        tmp_path / f"a{suffix}", numbered_frames(60, 192, 256), codec=CODECS[suffix], options=options
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    numbers, sentence = frames_until_fault(path)
    assert numbers == list(range(len(numbers)))
    assert 15 < len(numbers) < 58
    assert f"frame {len(numbers) - 1} at" in sentence


def test_a_truncated_mp4_with_its_index_in_front_gives_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    source = write_video(tmp_path / "whole.mp4", numbered_frames(60))
    with av.open(str(source)) as whole, av.open(str(path), "w", options={"movflags": "faststart"}) as copy:
        stream = copy.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    assert [number_in(frame.rgb) for frame in read_video(path)] == list(range(60))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    numbers, sentence = frames_until_fault(path)
    assert numbers == list(range(len(numbers)))
    assert 15 < len(numbers) < 55
    assert f"frame {len(numbers) - 1} at" in sentence


def test_a_truncated_mp4_without_its_index_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(30))
    path.write_bytes(path.read_bytes()[:-400])
    numbers, sentence = frames_until_fault(path)
    assert numbers == []
    assert "its index" in sentence


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_a_truncated_animation_ends_in_a_sentence(tmp_path: Path, kind: str) -> None:
    pictures = [Image.fromarray(rgb) for rgb in numbered_frames(20)]
    whole = encode(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=50, lossless=True)
    path = tmp_path / "a"
    path.write_bytes(whole[: len(whole) * 7 // 10])
    numbers, sentence = frames_until_fault(path)
    assert numbers == list(range(len(numbers)))
    assert "damaged" in sentence


@pytest.mark.parametrize(("suffix", "seed"), [(".mp4", 1), (".mp4", 2), (".avi", 1), (".webm", 1)])
def test_a_corrupt_video_gives_the_frames_before_the_fault(tmp_path: Path, suffix: str, seed: int) -> None:
    options = {"deadline": "realtime"} if suffix == ".webm" else None
    path = write_video(tmp_path / f"a{suffix}", numbered_frames(100), codec=CODECS[suffix], options=options)
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    start, size = packets[50]
    assert start is not None
    raw = bytearray(path.read_bytes())
    skip = min(8, size // 2)
    raw[start + skip : start + size] = np.random.default_rng(seed).bytes(size - skip)
    path.write_bytes(raw)
    numbers, sentence = frames_until_fault(path)
    assert numbers == list(range(len(numbers)))
    assert 40 < len(numbers) <= 51
    assert f"frame {len(numbers) - 1} at" in sentence
    assert "last good" in sentence


def test_a_clip_that_begins_within_a_longer_recording_is_read(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.ts", numbered_frames(60), options={"preset": "veryfast", "g": "20"})
    packet = 188
    path.write_bytes(path.read_bytes()[packet * (path.stat().st_size // packet // 4) :])
    numbers = [number_in(frame.rgb) for frame in read_video(path)]
    assert len(numbers) >= 20
    assert numbers[-1] == 59
    assert all(b == a + 1 for a, b in pairwise(numbers))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.touch()
    assert "empty" in frames_until_fault(path)[1]


@pytest.mark.parametrize(
    "content",
    [b"no video, but a text of some length\n" * 50, b"#EXTM3U\nhttp://127.0.0.1/a.ts\n", bytes(5000)],
)
def test_text_and_rubbish_with_a_video_suffix_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert "neither a picture nor a video" in frames_until_fault(path)[1]
    assert capfd.readouterr() == ("", "")


def test_a_picture_is_refused_as_a_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(encode(scene(), "BMP"))
    assert "is a picture" in frames_until_fault(path)[1]


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    write_video(tmp_path / "a.ts", numbered_frames(3))
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n")
    assert "neither" in frames_until_fault(path)[1]


def write_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        assert isinstance(stream, av.AudioStream)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    return path


def test_a_file_without_a_video_stream_is_refused(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.mp4")
    assert "holds no video" in frames_until_fault(path)[1]


def test_a_video_without_a_frame_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    assert "frames are missing" in frames_until_fault(path)[1]


def test_a_missing_video_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in frames_until_fault(tmp_path / "none.mp4")[1]
    assert "folder" in frames_until_fault(tmp_path)[1]
    with pytest.raises(InputError, match="does not exist"):
        video_info(tmp_path / "none.mp4")


def test_frames_above_the_limit_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(2))
    monkeypatch.setattr("openau.read.image.MAX_PIXELS", 1000)
    assert "64 × 48" in frames_until_fault(path)[1]
