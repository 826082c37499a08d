from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.analyze import feed as room
from openau.analyze.feed import Batch, Feed, Position, detected_batches, file_feeds
from openau.errors import InputError, NoInputError
from openau.records import Face, Frame, Pixels
from tests.fake.squares import picture, save

START = Position(0, 0)


def no_faces(rgb: Pixels, known: Sequence[Face] = (), *, is_photo: bool = False) -> tuple[Face, ...]:
    return ()


def counting(rgb: Pixels, known: Sequence[Face] = (), *, is_photo: bool = False) -> tuple[Face, ...]:
    """Find a face whose score says in how many frames on end it was known."""
    return (Face((0, 0, 8, 8), known[0].score + 1 if known else 0.0),)


def photo(name: str, *, side: int = 8, broken: bool = False) -> Feed:
    def read(first: int) -> Iterator[Frame]:
        if broken:
            raise InputError(f"{name} is broken.")
        yield Frame(np.zeros((side, side, 3), np.uint8), name)

    return Feed(name, "image", read)


def video(name: str, count: int, *, every: int = 1, breaks_at: int | None = None) -> Feed:
    def read(first: int) -> Iterator[Frame]:
        for i in range(0, count, every):
            if i == breaks_at:
                raise InputError(f"{name} breaks off.")
            if i >= first:
                yield Frame(np.zeros((8, 8, 3), np.uint8), name, i, i / 25)

    return Feed(name, "video", read)


def seen(batch: Batch) -> list[tuple[int, int]]:
    return [(entry.source, entry.frame.index) for entry in batch.entries]


def shape(batch: Batch) -> tuple[object, ...]:
    scores = [face.score for entry in batch.entries for face in entry.faces]
    return (seen(batch), scores, batch.failures, batch.ended, batch.next)


feeds_of_all_kinds = st.lists(
    st.one_of(
        st.builds(photo, st.just("p"), broken=st.booleans()),
        st.builds(video, st.just("v"), st.integers(0, 40), every=st.integers(1, 3)),
        st.builds(video, st.just("w"), st.integers(0, 40), breaks_at=st.integers(0, 50)),
    ),
    max_size=8,
)


@given(feeds_of_all_kinds)
def test_every_frame_comes_once_in_order_and_every_source_ends(feeds: list[Feed]) -> None:
    batches = list(detected_batches(feeds, no_faces, START))
    wanted = []
    for number, feed in enumerate(feeds):
        try:
            for frame in feed.open(0):
                wanted.append((number, frame.index))
        except InputError:
            continue
    assert [place for batch in batches for place in seen(batch)] == wanted
    assert [number for batch in batches for number in batch.ended] == list(range(len(feeds)))


@given(feeds_of_all_kinds, st.integers(0, 3))
def test_going_on_after_any_batch_gives_the_same_batches(feeds: list[Feed], workers: int) -> None:
    batches = [shape(batch) for batch in detected_batches(feeds, counting, START)]
    assert [shape(batch) for batch in detected_batches(feeds, counting, START, workers=workers)] == batches
    for done, batch in enumerate(batches):
        following = batch[-1]
        assert isinstance(following, Position)
        rest = [shape(b) for b in detected_batches(feeds, counting, following)]
        assert rest == batches[done + 1 :]


def test_photographs_share_a_batch_and_a_video_does_not_join_them() -> None:
    feeds = [photo("a"), photo("b"), video("v", 3), photo("c")]
    batches = list(detected_batches(feeds, no_faces, START))
    assert [seen(batch) for batch in batches] == [[(0, 0), (1, 0)], [(2, 0), (2, 1), (2, 2)], [(3, 0)]]


def test_only_photographs_are_searched_thoroughly() -> None:
    asked: list[bool] = []

    def detect(rgb: Pixels, known: Sequence[Face] = (), *, is_photo: bool = False) -> tuple[Face, ...]:
        asked.append(is_photo)
        return ()

    list(detected_batches([photo("a"), video("v", 2)], detect, START))
    assert asked == [True, False, False]


def test_a_video_is_searched_in_stretches_and_a_photograph_on_its_own() -> None:
    feeds = [photo("a"), video("v", 11), video("w", 12, every=3), photo("b")]
    scores = [e.faces[0].score for batch in detected_batches(feeds, counting, START) for e in batch.entries]
    assert scores == [0, *range(8), *range(3), 0, 1, 2, 0, 0]


def test_a_camera_s_faces_are_followed_from_frame_to_frame() -> None:
    camera = Feed("camera:0", "camera", video("camera:0", 10).open)
    scores = [
        e.faces[0].score for batch in detected_batches([camera], counting, START) for e in batch.entries
    ]
    assert scores == [*range(8), 0, 1]


def test_a_batch_holds_no_more_frames_than_its_limit() -> None:
    sizes = [len(b.entries) for b in detected_batches([video("v", 40)], no_faces, START)]
    assert sizes == [16, 16, 8]


def test_large_photographs_are_not_held_together() -> None:
    feeds = [photo(str(i), side=3000) for i in range(3)]
    assert [len(b.entries) for b in detected_batches(feeds, no_faces, START)] == [1, 1, 1]


def test_a_failure_is_named_and_the_next_source_read() -> None:
    feeds = [photo("a", broken=True), video("v", 20, breaks_at=3), photo("b")]
    batches = list(detected_batches(feeds, no_faces, START))
    failures = [failure for batch in batches for failure in batch.failures]
    assert failures == [("a", "a is broken."), ("v", "v breaks off.")]
    assert seen(batches[1]) == [(1, 0), (1, 1), (1, 2)]
    assert seen(batches[2]) == [(2, 0)]


def test_many_broken_files_do_not_gather_in_one_batch() -> None:
    feeds = [photo(str(i), broken=True) for i in range(40)]
    batches = list(detected_batches(feeds, no_faces, START))
    assert [len(batch.failures) for batch in batches] == [16, 16, 8]


def test_frames_of_a_camera_are_not_held_back() -> None:
    camera = Feed("camera:0", "camera", video("camera:0", 3).open)
    batches = list(detected_batches([camera], no_faces, START))
    assert [len(b.entries) for b in batches] == [1, 1, 1, 0]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", picture())
    assert [feed.name for feed in file_feeds([path, tmp_path])] == [str(path)]


def test_a_changed_file_has_another_identity(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", picture())
    (before,) = file_feeds([path])
    save(path, picture((3, 3), (50, 20)))
    (after,) = file_feeds([path])
    assert before.identity != after.identity


def test_an_empty_folder_is_nothing_to_analyse(tmp_path: Path) -> None:
    with pytest.raises(NoInputError):
        file_feeds([tmp_path])


def test_the_frames_to_come_are_counted(clip: Path) -> None:
    assert file_feeds([clip])[0].count_frames() == 70
    assert file_feeds([clip], every=3)[0].count_frames() == 24
    assert len(list(file_feeds([clip], every=3)[0].open(0))) == 24


def test_a_broken_video_counts_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"\0" * 100)
    assert [feed.count_frames() for feed in file_feeds([path])] == [0]


def test_a_camera_is_read_through_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = Frame(picture(), "camera:2")
    monkeypatch.setattr(room, "read_camera", lambda number: iter([frame] * number))
    assert list(room.camera_feed(2).open(0)) == [frame, frame]
