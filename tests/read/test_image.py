"""Every kind of picture is read as it is meant to be seen; every broken one is refused in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from openau.errors import InputError
from openau.read import MAX_PIXELS, read_image, read_video
from openau.records import Pixels
from tests.fake.media import numbered_frames, write_video
from tests.read.pictures import encode, encode_16_bit, enlarge, exif, png_bomb, png_chunk, scene

# EXIF orientation -> how the stored picture becomes the upright one, in numpy's own words.
TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.transpose(a, (1, 0, 2)),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.transpose(a, (1, 0, 2)), 2),
    8: lambda a: np.rot90(a, 1),
}


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def difference(a: Pixels, b: Pixels) -> float:
    """Mean absolute difference; infinite where the shapes differ."""
    return float(np.abs(a.astype(int) - b).mean()) if a.shape == b.shape else float("inf")


def refusal(path: Path) -> str:
    """Read a file that must be refused; return the sentence, which must name the file and be one sentence."""
    with pytest.raises(InputError) as caught:
        read_image(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
        ("PPM", {}),
        ("JPEG2000", {}),
        ("JPEG2000", {"no_jp2": True}),
    ],
)
def test_a_lossless_picture_is_read_exactly(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    frame = read_image(write(tmp_path / "a.any", encode(scene(), kind, **options)))
    np.testing.assert_array_equal(frame.rgb, scene())
    assert frame.rgb.dtype == np.uint8
    assert frame.rgb.flags.c_contiguous
    assert (frame.source, frame.index, frame.time_s) == (str(tmp_path / "a.any"), 0, None)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"subsampling": 0}),
        ("JPEG", {"restart_marker_blocks": 2}),
        ("JPEG", {"comment": b"\xff\xd9 not the end"}),
        ("WEBP", {}),
        ("AVIF", {}),
        ("GIF", {}),
    ],
)
def test_a_lossy_picture_is_read_nearly(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    frame = read_image(write(tmp_path / "a.any", encode(scene(), kind, quality=95, **options)))
    assert difference(frame.rgb, scene()) < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation_is_applied(tmp_path: Path, kind: str, orientation: int) -> None:
    options = {"exif": exif(orientation), "quality": 90, "lossless": kind == "WEBP"}
    frame = read_image(write(tmp_path / "a", encode(scene(), kind, **options)))
    assert difference(frame.rgb, TURNS[orientation](scene())) < 5


@pytest.mark.parametrize("orientation", [1, 6])
def test_orientation_of_a_16_bit_tiff_is_applied_once(tmp_path: Path, orientation: int) -> None:
    grey = Image.fromarray(scene()[:, :, 0].astype(np.uint16) * 257)
    frame = read_image(write(tmp_path / "a.tif", encode(grey, "TIFF", exif=exif(orientation))))
    np.testing.assert_array_equal(frame.rgb, TURNS[orientation](scene()[:, :, :1].repeat(3, axis=2)))


def test_senseless_exif_leaves_the_picture_as_stored(tmp_path: Path) -> None:
    for data in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"):
        frame = read_image(write(tmp_path / "a.jpg", encode(scene(), "JPEG", exif=data)))
        assert frame.rgb.shape == (48, 64, 3)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jp2"])
def test_16_bits_are_scaled_over_their_full_range(tmp_path: Path, suffix: str) -> None:
    rgb = scene()
    rgb[0, 0], rgb[0, 1] = 0, 255
    frame = read_image(write(tmp_path / f"a{suffix}", encode_16_bit(rgb, suffix)))
    assert np.abs(frame.rgb.astype(int) - rgb).max() <= (2 if suffix == ".jp2" else 0)


def test_a_10_bit_avif_keeps_its_brightness(tmp_path: Path) -> None:
    values = (scene()[:, :, ::-1] * (1023 / 255)).astype(np.uint16)
    data = cv2.imencode(".avif", values, [cv2.IMWRITE_AVIF_DEPTH, 10])[1].tobytes()
    assert difference(read_image(write(tmp_path / "a.avif", data)).rgb, scene()) < 5


def test_a_cmyk_jpeg_has_the_right_colours(tmp_path: Path) -> None:
    rgb = np.zeros((32, 64, 3), np.uint8)
    rgb[:, :32], rgb[:, 32:] = (210, 40, 60), (250, 250, 250)
    frame = read_image(write(tmp_path / "a.jpg", encode(Image.fromarray(rgb).convert("CMYK"), "JPEG")))
    assert difference(frame.rgb[:, 4:28], rgb[:, 4:28]) < 4
    assert difference(frame.rgb[:, 36:60], rgb[:, 36:60]) < 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "BMP"])
def test_grey_becomes_rgb(tmp_path: Path, kind: str) -> None:
    grey = Image.fromarray(scene()).convert("L")
    frame = read_image(write(tmp_path / "a", encode(grey, kind, quality=98)))
    assert difference(frame.rgb, np.asarray(grey.convert("RGB"))) < 2
    assert (frame.rgb[..., 0] == frame.rgb[..., 2]).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("mode", ["1", "P"])
def test_1_bit_and_palette_become_rgb(tmp_path: Path, kind: str, mode: str) -> None:
    few = Image.fromarray(scene()).convert(mode)
    frame = read_image(write(tmp_path / "a", encode(few, kind)))
    np.testing.assert_array_equal(frame.rgb, np.asarray(few.convert("RGB")))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "RGBA"),
        ("PNG", "LA"),
        ("WEBP", "RGBA"),
        ("TIFF", "RGBA"),
        ("JPEG2000", "RGBA"),
        ("AVIF", "RGBA"),
    ],
)
def test_transparency_is_laid_on_white_and_hides_what_lies_under_it(
    tmp_path: Path, kind: str, mode: str
) -> None:
    rgba = np.zeros((32, 96, 4), np.uint8)
    rgba[:, :32] = (40, 40, 40, 255)
    rgba[:, 32:64] = (40, 40, 40, 128)
    rgba[:, 64:] = (9, 9, 9, 0)
    exactly = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    rgb = read_image(write(tmp_path / "a", encode(Image.fromarray(rgba).convert(mode), kind, **exactly))).rgb
    tolerance = 4 if kind == "AVIF" else 1
    for x, expected in ((16, 40), (48, 40 * 128 / 255 + 255 * 127 / 255), (80, 255)):
        np.testing.assert_allclose(rgb[16, x], expected, atol=tolerance)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_colour_is_white(tmp_path: Path, kind: str) -> None:
    few = Image.fromarray(scene()).quantize(16)
    index = few.getpixel((40, 20))
    rgb = read_image(write(tmp_path / "a", encode(few, kind, transparency=index))).rgb
    clear = np.asarray(few) == index
    assert (rgb[clear] == 255).all()
    np.testing.assert_array_equal(rgb[~clear], np.asarray(few.convert("RGB"))[~clear])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"])
def test_a_picture_of_one_pixel_is_read(tmp_path: Path, kind: str) -> None:
    frame = read_image(write(tmp_path / "dot", encode(np.full((1, 1, 3), 200, np.uint8), kind)))
    assert frame.rgb.shape == (1, 1, 3)
    assert np.abs(frame.rgb.astype(int) - 200).max() <= 3


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_read(tmp_path: Path, kind: str) -> None:
    frames = [Image.fromarray(scene()), Image.fromarray(255 - scene())]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    assert difference(read_image(write(tmp_path / "a", data)).rgb, scene()) < 8


@pytest.mark.parametrize(
    "name", ["gesicht größe 1.png", "лицо.png", "顔 1.png", "a%03d.png", "-x.png", "http:a.png"]
)
def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    if sys.platform == "win32" and ":" in name:
        pytest.skip("Windows knows no such name")
    np.testing.assert_array_equal(read_image(write(tmp_path / name, encode(scene(), "PNG"))).rgb, scene())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are not text")
def test_a_file_name_that_is_not_text_works(tmp_path: Path) -> None:
    path = write(tmp_path / os.fsdecode(b"\xff\xfe.png"), encode(scene(), "PNG"))
    np.testing.assert_array_equal(read_image(path).rgb, scene())
    video = write_video(tmp_path / "a.mp4", numbered_frames(2)).rename(tmp_path / os.fsdecode(b"\xff.mp4"))
    assert len(list(read_video(video))) == 2


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_image(write(tmp_path / "a.jpg", encode(scene(), "PNG"))).rgb, scene())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "AVIF", "JPEG2000", "PPM"])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.97])
def test_a_truncated_picture_is_refused_with_its_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, part: float
) -> None:
    data = encode(scene(160, 200), kind)
    refusal(write(tmp_path / "cut.jpg", data[: int(len(data) * part)]))
    assert capfd.readouterr() == ("", "")


def test_a_jpeg_that_was_cut_and_closed_again_is_refused(tmp_path: Path) -> None:
    data = encode(scene(160, 200), "JPEG")
    assert "missing" in refusal(write(tmp_path / "cut.jpg", data[: len(data) * 3 // 4] + b"\xff\xd9"))


def test_what_follows_a_whole_picture_does_not_matter(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "GIF", "BMP"):
        frame = read_image(
            write(tmp_path / "a", encode(scene(), kind, quality=98) + b"\xff\xd8 and more \x00" * 9)
        )
        assert difference(frame.rgb, scene()) < 8


def test_a_corrupt_png_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encode(scene(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert "checksum" in refusal(write(tmp_path / "a.png", bytes(data)))
    assert capfd.readouterr() == ("", "")


def test_a_good_png_with_a_malformed_profile_is_read_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = encode(scene(), "PNG")
    data = data[:33] + png_chunk(b"iCCP", b"icc\0\0rubbish") + data[33:]
    np.testing.assert_array_equal(read_image(write(tmp_path / "a.png", data)).rgb, scene())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "GIF", "JPEG2000", "AVIF", "WEBP", "TIFF", "PPM"])
def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path, kind: str) -> None:
    data = enlarge(encode(scene(), kind, lossless=True), kind, 20_000)
    assert "million" in refusal(write(tmp_path / "bomb", data))


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (2**31 - 1, 2**31 - 1), (MAX_PIXELS + 1, 1)])
def test_a_picture_above_the_limit_costs_no_memory(tmp_path: Path, width: int, height: int) -> None:
    psutil = pytest.importorskip("psutil")
    path = write(tmp_path / "bomb.png", png_bomb(width, height))
    before = psutil.Process().memory_info().rss
    assert f"{width} × {height}" in refusal(path)
    assert psutil.Process().memory_info().rss - before < 20e6


@pytest.mark.slow
def test_a_real_picture_of_400_million_pixels_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "big.png", encode(Image.new("1", (20_000, 20_000)), "PNG"))
    assert "20000 × 20000" in refusal(path)


def test_a_limit_set_for_opencv_holds_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", encode(scene(), "PNG"))
    program = (
        "import sys; from pathlib import Path; from openau.read import read_image\n"
        "from openau.errors import InputError\n"
        "try: read_image(Path(sys.argv[1]))\n"
        "except InputError as e: print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={**os.environ, "OPENCV_IO_MAX_IMAGE_PIXELS": "1000"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be decoded" in done.stdout
    assert done.stderr == ""


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "empty" in refusal(write(tmp_path / "a.jpg", b""))


@pytest.mark.parametrize(
    "content", [b"hello, this is a text\n" * 20, b"\x00" * 1000, b"\xff\xd8", b"BM", b"P6 text"]
)
def test_a_text_or_rubbish_with_a_picture_suffix_is_refused(tmp_path: Path, content: bytes) -> None:
    refusal(write(tmp_path / "a.jpg", content))


def test_a_heic_is_refused_with_advice(tmp_path: Path) -> None:
    head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    assert "export it as JPEG" in refusal(write(tmp_path / "IMG_0001.HEIC", head))


def test_values_without_a_known_black_and_white_are_refused(tmp_path: Path) -> None:
    floats = Image.fromarray(scene()[:, :, 0].astype(np.float32))
    assert "float32" in refusal(write(tmp_path / "a.tif", encode(floats, "TIFF")))


def test_a_grey_tiff_with_transparency_is_refused_rather_than_shown_wrong(tmp_path: Path) -> None:
    hidden = Image.fromarray(np.full((8, 8, 2), (9, 0), np.uint8), "LA")
    assert "transparency" in refusal(write(tmp_path / "a.tif", encode(hidden, "TIFF")))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.jpg")


def test_a_folder_named_like_a_picture_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "x.jpg"
    folder.mkdir()
    assert "folder" in refusal(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "x.jpg"
    link.symlink_to(tmp_path / "gone.jpg")
    assert "gone.jpg" in refusal(link)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "x.jpg"
    os.mkfifo(pipe)
    assert "regular file" in refusal(pipe)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.jpg", encode(scene(), "JPEG"))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # file modes do not hold back root
    assert "permissions" in refusal(path)


def test_an_impossible_name_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path / ("x" * 5000))
    with pytest.raises(InputError, match="null"):
        read_image(Path("a\0b.jpg"))
