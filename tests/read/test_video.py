"""Videos are read frame by frame, upright and with true times; every fault names the last good frame."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from openau.errors import SettingError
from openau.read import VideoInfo, read_video, video_info
from openau.records import Pixels
from tests.fake.media import number_in, numbered_frames, write_video
from tests.read.pictures import encode, scene

CODECS = {
    ".mp4": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".ts": "libx264",
    ".avi": "mpeg4",
    ".webm": "libvpx-vp9",
    ".mpg": "mpeg2video",
    ".flv": "libx264",
    ".gif": "gif",
}
WITH_B_FRAMES = {"preset": "veryfast", "crf": "15"}


@pytest.mark.parametrize("suffix", CODECS)
def test_every_frame_comes_once_in_order_with_its_time(tmp_path: Path, suffix: str) -> None:
    options = {"deadline": "realtime"} if suffix == ".webm" else None
    path = write_video(
        tmp_path / f"a{suffix}", numbered_frames(20), 25, codec=CODECS[suffix], options=options
    )
    frames = list(read_video(path))
    assert [number_in(frame.rgb) for frame in frames] == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(20)], abs=0.0011)
    assert frames[0].source == str(path)
    assert frames[0].rgb.dtype == np.uint8
    assert frames[0].rgb.flags.c_contiguous


def test_frames_that_are_stored_out_of_order_come_in_the_order_shown(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(40), options=WITH_B_FRAMES)
    assert [number_in(frame.rgb) for frame in read_video(path)] == list(range(40))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif"])
def test_a_variable_frame_rate_and_a_late_start_are_honoured(tmp_path: Path, suffix: str) -> None:
    times = [3.0, 3.1, 3.15, 4.0, 4.04, 6.5]
    if suffix == ".gif":
        times = [time - 3 for time in times]  # a GIF starts at once
    path = write_video(tmp_path / f"a{suffix}", numbered_frames(6), vfr=times, codec=CODECS[suffix])
    found = [frame.time_s for frame in read_video(path)]
    assert found == pytest.approx([time - times[0] for time in times], abs=0.001)


def test_a_stream_without_times_is_timed_by_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.h264"
    write_video(path, numbered_frames(6), 25)
    times = [frame.time_s for frame in read_video(path)]
    assert times == pytest.approx([i / 25 for i in range(6)], abs=1e-6)


@pytest.mark.parametrize("rotation", [90, 180, -90, 270])
def test_rotation_is_applied(tmp_path: Path, rotation: int) -> None:
    path = write_video(tmp_path / "a.mp4", [scene()] * 3, rotation=rotation)
    for frame in read_video(path):
        expected = np.rot90(scene(), rotation // 90)
        assert frame.rgb.shape == expected.shape
        assert np.abs(frame.rgb.astype(int) - expected).mean() < 6
        assert frame.rgb.flags.c_contiguous


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda a: np.transpose(a, (1, 0, 2))),
        ((0, -1, -1, 0), lambda a: np.rot90(np.transpose(a, (1, 0, 2)), 2)),
        ((0, 1, -1, 0), lambda a: np.rot90(a, -1)),
    ],
)
def test_mirroring_is_applied(
    tmp_path: Path, matrix: tuple[int, int, int, int], turn: Callable[[Pixels], Pixels]
) -> None:
    a, b, c, d = (value << 16 for value in matrix)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(), format="rgb24")))
        container.mux(stream.encode(None))
    frame = next(read_video(path))
    assert np.abs(frame.rgb.astype(int) - turn(scene())).mean() < 6


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    for aspect, shape in (
        (Fraction(16, 11), (48, 93)),
        (Fraction(10, 11), (53, 64)),
        (Fraction(100, 99), (48, 64)),
    ):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.sample_aspect_ratio = aspect
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(), format="rgb24")))
            container.mux(stream.encode(None))
        assert next(read_video(path)).rgb.shape == (*shape, 3)
        assert video_info(path).width == shape[1]


@pytest.mark.parametrize(("every", "start"), [(1, 0), (3, 0), (1, 13), (4, 9), (7, 39), (1, 40), (50, 1)])
def test_every_and_start_choose_frames_of_the_uninterrupted_run(
    tmp_path: Path, every: int, start: int
) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(40), options=WITH_B_FRAMES)
    whole = list(read_video(path))
    chosen = list(read_video(path, every=every, start=start))
    assert [frame.index for frame in chosen] == [i for i in range(40) if i >= start and i % every == 0]
    for frame in chosen:
        assert frame.time_s == whole[frame.index].time_s
        np.testing.assert_array_equal(frame.rgb, whole[frame.index].rgb)


@pytest.mark.parametrize(("every", "start"), [(0, 0), (-1, 0), (1, -1)])
def test_senseless_settings_are_refused_before_anything_is_read(every: int, start: int) -> None:
    with pytest.raises(SettingError, match="must be"):
        read_video(Path("does not matter"), every=every, start=start)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("transparent", [False, True])
def test_animated_pictures_are_videos_with_their_own_times(
    tmp_path: Path, kind: str, transparent: bool
) -> None:
    pictures = [Image.fromarray(rgb).convert("RGBA") for rgb in numbered_frames(5)]
    if transparent:
        for picture in pictures:
            picture.paste((9, 9, 9, 0), (0, 40, 64, 48))
    path = tmp_path / "a"
    durations = [100, 200, 40, 500, 100]
    options = {"save_all": True, "append_images": pictures[1:], "duration": durations, "lossless": True}
    path.write_bytes(encode(pictures[0], kind, **options))
    frames = list(read_video(path))
    assert [number_in(frame.rgb) for frame in frames] == list(range(5))
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.3, 0.34, 0.84], abs=1e-6)
    corner = [255, 255, 255] if transparent else [220, 30, 30]
    np.testing.assert_allclose(frames[-1].rgb[44, 5], corner, atol=25)
    assert (video_info(path).width, video_info(path).height) == (64, 48)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_in_patches_is_put_together_as_pillow_does(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    picture = Image.new("RGBA", (60, 40), (200, 60, 60, 255))
    pictures = []
    for i in range(6):
        picture = picture.copy()
        picture.paste((*rng.integers(0, 255, 3).tolist(), (255, 0)[i % 2]), (i * 8, 4, i * 8 + 13, 30))
        pictures.append(picture)
    path = tmp_path / "a"
    path.write_bytes(
        encode(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=80, lossless=True)
    )
    frames = list(read_video(path))
    assert len(frames) == 6
    with Image.open(path) as reference:
        white = Image.new("RGBA", reference.size, "white")
        for i, frame in enumerate(frames):
            reference.seek(i)
            expected = Image.alpha_composite(white, reference.convert("RGBA")).convert("RGB")
            assert np.abs(frame.rgb.astype(int) - np.asarray(expected)).max() <= 1


def test_an_animated_gif_without_times_shows_each_picture_for_a_tenth_of_a_second(tmp_path: Path) -> None:
    pictures = [Image.fromarray(rgb) for rgb in numbered_frames(4)]
    path = tmp_path / "a.gif"
    path.write_bytes(encode(pictures[0], "GIF", save_all=True, append_images=pictures[1:]))
    frames = list(read_video(path))
    assert [number_in(frame.rgb) for frame in frames] == [0, 1, 2, 3]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert video_info(path).frame_count == 4


@pytest.mark.parametrize(
    ("suffix", "count", "duration_s"),
    [(".mp4", 20, 0.8), (".avi", 20, 0.8), (".mkv", None, 0.8), (".ts", None, 0.8), (".gif", 20, 0.8)],
)
def test_video_info_says_what_the_container_claims(
    tmp_path: Path, suffix: str, count: int | None, duration_s: float
) -> None:
    path = write_video(tmp_path / f"a{suffix}", numbered_frames(20), 25, codec=CODECS[suffix])
    info = video_info(path)
    assert info.duration_s == pytest.approx(duration_s, abs=0.05)
    assert info.frames_per_s == pytest.approx(25, rel=0.06)
    assert (info.frame_count, info.width, info.height) == (count, 64, 48)


def test_video_info_gives_the_size_after_rotation_and_none_for_what_is_unknown(tmp_path: Path) -> None:
    info = video_info(write_video(tmp_path / "a.mp4", numbered_frames(3), rotation=90))
    assert (info.width, info.height) == (48, 64)
    raw = write_video(tmp_path / "a.h264", numbered_frames(3))
    assert video_info(raw) == VideoInfo(None, 25.0, None, 64, 48)


def test_an_animated_webp_has_a_length(tmp_path: Path) -> None:
    pictures = [Image.fromarray(rgb) for rgb in numbered_frames(4)]
    path = tmp_path / "a.webp"
    path.write_bytes(encode(pictures[0], "WEBP", save_all=True, append_images=pictures[1:], duration=50))
    assert video_info(path) == VideoInfo(4, 20.0, 0.2, 64, 48)


@pytest.mark.parametrize("name", ["größe 1.mp4", "видео.mp4", "a%03d.mp4", "-i.mp4", "concat:a.mp4"])
def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(2)).rename(tmp_path / name)
    assert len(list(read_video(path))) == 2


def test_closing_the_iterator_closes_the_file(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(9))
    frames = read_video(path)
    next(frames)
    frames.close()  # type: ignore[attr-defined]  # it is a generator
    psutil = pytest.importorskip("psutil")
    assert str(path) not in [file.path for file in psutil.Process().open_files()]


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(250, 240, 320))
    frame_bytes = 240 * 320 * 3
    tracemalloc.start()
    try:
        for _ in read_video(path):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * frame_bytes
