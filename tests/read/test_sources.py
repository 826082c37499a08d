"""Folders are searched in a fixed order; what a file is decides its content."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openau.errors import InputError, NoInputError
from openau.read import Source, find_sources
from tests.fake.media import numbered_frames, write_video
from tests.read.pictures import encode, scene

links = pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(scene(8, 8), "PNG"))
    return path


def names(sources: list[Source], folder: Path) -> list[str]:
    return [source.path.relative_to(folder).as_posix() for source in sources]


def test_a_folder_is_searched_with_all_below_it_in_natural_order(tmp_path: Path) -> None:
    wanted = [
        "2.jpg",
        "10.png",
        "B.PNG",
        "c.webp",
        "a/1.bmp",
        "a/02.bmp",
        "a/2.bmp",
        "a/10.bmp",
        "b/x y/ü.tif",
    ]
    for name in reversed(wanted):
        picture(tmp_path / name)
    assert names(find_sources([tmp_path]), tmp_path) == wanted


def test_hidden_files_and_unknown_suffixes_in_a_folder_are_left_out(tmp_path: Path) -> None:
    for name in ("._a.jpg", ".hidden/a.jpg", "__MACOSX/a.jpg", "notes.txt", "table.csv", "png", "good.jpg"):
        picture(tmp_path / name)
    assert names(find_sources([tmp_path]), tmp_path) == ["good.jpg"]


def test_a_hidden_file_named_by_itself_is_listed(tmp_path: Path) -> None:
    path = picture(tmp_path / ".a.jpg")
    assert find_sources([path]) == [Source(path, "image")]


def test_content_decides_what_a_named_file_is(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", numbered_frames(2))
    disguised = video.rename(tmp_path / "video.jpg")
    unnamed = picture(tmp_path / "picture")
    as_video = picture(tmp_path / "picture.mp4")
    rubbish = tmp_path / "rubbish.dat"
    rubbish.write_text("no picture")
    broken = tmp_path / "broken.jpg"
    broken.write_text("no picture")
    kinds = [source.kind for source in find_sources([unnamed, as_video, rubbish, broken])]
    assert kinds == ["image", "image", "video", "image"]
    assert find_sources([disguised])[0].kind == "video"


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animated_pictures_are_videos_and_still_ones_are_not(tmp_path: Path, kind: str) -> None:
    still, moving = tmp_path / "still", tmp_path / "moving"
    first, second = Image.fromarray(scene()), Image.fromarray(255 - scene())
    still.write_bytes(encode(first, kind))
    moving.write_bytes(encode(first, kind, save_all=True, append_images=[second], duration=100))
    assert [source.kind for source in find_sources([still, moving])] == ["image", "video"]


def test_a_path_is_listed_once_however_often_it_is_named(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg")
    assert find_sources([path, tmp_path, tmp_path / "." / "a.jpg"]) == [Source(path, "image")]


def test_paths_keep_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    paths = [picture(tmp_path / name) for name in ("z.jpg", "a.jpg", "m.jpg")]
    assert [source.path for source in find_sources(paths)] == paths


@links
def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    picture(outside / "b.jpg")
    inside = tmp_path / "inside"
    picture(inside / "a.jpg")
    (inside / "loop").symlink_to(inside)
    (inside / "up").symlink_to(tmp_path)
    (inside / "out").symlink_to(outside)
    found = names(find_sources([inside]), inside)
    assert found[0] == "a.jpg"
    assert len(found) == 2
    assert found[1].endswith("b.jpg")


@links
def test_a_link_to_nothing_in_a_folder_is_listed_so_that_it_is_missed(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to(tmp_path / "gone.jpg")
    assert names(find_sources([tmp_path]), tmp_path) == ["a.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipes_and_folders_named_like_pictures_are_left_out_of_a_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    picture(tmp_path / "good.jpg")
    assert names(find_sources([tmp_path]), tmp_path) == ["good.jpg"]
    assert find_sources([tmp_path / "pipe.jpg"])[0].kind == "image"  # and is refused when it is read


@pytest.mark.parametrize("name", ["none.jpg", "x" * 3000])
def test_a_path_that_does_not_exist_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="check the path") as caught:
        find_sources([tmp_path / name])
    assert str(tmp_path / name) in str(caught.value)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(NoInputError, match=r"no picture and no video") as caught:
        find_sources([tmp_path])
    assert str(tmp_path) in str(caught.value)


def test_no_path_at_all_is_refused() -> None:
    with pytest.raises(NoInputError, match="empty"):
        find_sources([])


def test_a_folder_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "sub" / "a.jpg")
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)  # file modes do not hold back root
    with pytest.raises(InputError, match=r"sub cannot be read"):
        find_sources([tmp_path])


def test_a_thousand_files_are_listed_fast_and_in_order(tmp_path: Path) -> None:
    data = encode(np.zeros((1, 1, 3), np.uint8), "BMP")
    for i in range(1000):
        (tmp_path / f"{i}.bmp").write_bytes(data)
    assert names(find_sources([tmp_path]), tmp_path) == [f"{i}.bmp" for i in range(1000)]
