"""What goes in: sources as feeds of frames, and frames with their faces gathered into batches.

The batches are the same in every run over the same input, wherever the run was cut off and resumed: they are
made by counting frames and pixels, never by what happens to be ready.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from openau.analyze.threads import in_order
from openau.errors import InputError, NoInputError
from openau.faces import Follower, stretch_of
from openau.read import Source, find_sources, read_camera, read_image, read_video, video_info
from openau.records import Face, Frame, Pixels

MAX_FRAMES = 16  # of a batch, reached with whole stretches of a video
MAX_PIXELS = 5_000_000  # of a batch before its last picture or stretch, so that memory stays small


class Detect(Protocol):
    """Finds the faces of one picture."""

    def __call__(
        self, rgb: Pixels, known: Sequence[Face] = (), *, is_photo: bool = False
    ) -> tuple[Face, ...]:
        """Return the faces of (H, W, 3) RGB uint8 pixels, those of the frame before being known."""
        ...


class Position(NamedTuple):
    """The next frame to analyse: number of its source, and frame number within it."""

    source: int
    frame: int


class Failure(NamedTuple):
    """A source that could not be read, or not to its end."""

    source: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Feed:
    """One source, ready to be read.

    Attributes:
        name: As the user named it.
        kind: What it is.
        open: Returns its frames from a frame number on.
        identity: Changes when the file changes; empty for a camera.
        count_frames: Returns how many frames will come, or None where that is not known.
    """

    name: str
    kind: Literal["image", "video", "camera"]
    open: Callable[[int], Iterator[Frame]]
    identity: str = ""
    count_frames: Callable[[], int | None] = lambda: None


class Entry(NamedTuple):
    """One frame, the number of its source, and the faces in it."""

    source: int
    frame: Frame
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Consecutive frames that the network sees at once.

    Attributes:
        entries: The frames; none where every source of the batch failed.
        failures: Sources that failed between them.
        ended: Numbers of the sources that are finished with this batch.
        next: What follows this batch.
    """

    entries: tuple[Entry, ...]
    failures: tuple[Failure, ...]
    ended: tuple[int, ...]
    next: Position


def file_feeds(paths: Sequence[Path], *, every: int = 1, without: Sequence[Path] = ()) -> list[Feed]:
    """Return a feed for every picture and video under the paths, each file once.

    Args:
        paths: Files and folders.
        every: Of a video, only every so-many-th frame.
        without: Folders whose files are left out: a run may write its pictures among its inputs.

    Raises:
        InputError: A path does not exist.
        NoInputError: There is no picture and no video.
    """
    once = {source.path.resolve(): source for source in reversed(find_sources(paths))}
    made = {folder.resolve() for folder in without}
    wanted = [source for path, source in once.items() if made.isdisjoint(path.parents)]
    if not wanted:
        raise NoInputError(f"There is nothing to analyse but the pictures this run makes, in {without[0]}.")
    return [_file_feed(source, every) for source in reversed(wanted)]


def camera_feed(number: int, *, every: int = 1) -> Feed:
    """Return the feed of a camera, which cannot be read again.

    Args:
        number: The camera's number, from 0.
        every: Only every so-many-th frame.
    """
    frames = read_camera(number)  # refuses a number that no camera has, and opens none before it is read
    return Feed(f"camera:{number}", "camera", lambda _: islice(frames, 0, None, every))


def detected_batches(
    feeds: Sequence[Feed], detect: Detect, start: Position, *, workers: int = 1
) -> Generator[Batch]:
    """Read frames, find their faces and gather them; an unreadable source is reported and the next one read.

    A batch holds photographs, or frames of one video, or one frame of a camera.

    Args:
        feeds: All sources of the run.
        detect: Finds faces; called from several threads at once where there are several workers.
        start: Where to begin: the start of a source, or where an earlier batch of a video ended.
        workers: How many photographs, or stretches of a video, are searched for faces at the same time.
    """
    live = Follower(detect)

    def find(item: _Stretch | _End) -> _Searched | _End:
        if isinstance(item, _End):
            return item
        kind = feeds[item.source].kind
        follower = live if kind == "camera" else Follower(detect)
        faces = (detect(f.rgb, is_photo=True) if kind == "image" else follower(f) for f in item.frames)
        return _Searched(
            item.source, [Entry(item.source, *pair) for pair in zip(item.frames, faces, strict=True)]
        )

    # A camera is live: its frames must not wait for the next one.
    is_live = any(feed.kind == "camera" for feed in feeds)
    gather = _Gather()
    for item in in_order(find, _stretches(feeds, start), workers=0 if is_live else workers):
        kind = feeds[item.source].kind
        if isinstance(item, _End):
            gather.end(item)
            if kind != "image" or gather.is_full:
                yield from gather.rest(Position(item.source + 1, 0))
            continue
        # A full batch of a video waits for the next stretch: only then is it known where to go on, and the
        # last batch always carries the video's end. Photographs before a video go on their own.
        if kind != "image" and (gather.is_full or not gather.is_of(item.source)):
            yield from gather.rest(Position(item.source, item.entries[0].frame.index))
        gather.add(item.entries)
        if kind == "camera":
            yield from gather.rest(Position(item.source, item.entries[-1].frame.index + 1))
    yield from gather.rest(Position(len(feeds), 0))


class _Stretch(NamedTuple):
    """Consecutive frames of a video, in which faces are followed, or one other picture."""

    source: int
    frames: list[Frame]


class _Searched(NamedTuple):
    """The same with its faces."""

    source: int
    entries: list[Entry]


class _End(NamedTuple):
    """The end of a source."""

    source: int
    failure: Failure | None


def _stretches(feeds: Sequence[Feed], start: Position) -> Iterator[_Stretch | _End]:
    """Yield every frame from the start on, those of a video in stretches, and after each source its end."""
    first = start.frame
    for number in range(start.source, len(feeds)):
        failure, held = None, list[Frame]()
        try:
            for frame in feeds[number].open(first):
                if held and stretch_of(frame) != stretch_of(held[0]):
                    yield _Stretch(number, held)
                    held = []
                held.append(frame)
                if feeds[number].kind != "video":
                    yield _Stretch(number, held)
                    held = []
        except InputError as error:
            failure = Failure(feeds[number].name, str(error))
        if held:
            yield _Stretch(number, held)
        yield _End(number, failure)
        first = 0


class _Gather:
    """Collects entries until a batch is full."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._failures: list[Failure] = []
        self._ended: list[int] = []

    @property
    def is_full(self) -> bool:
        count = max(len(self._entries), len(self._ended))
        pixels = sum(entry.frame.rgb.shape[0] * entry.frame.rgb.shape[1] for entry in self._entries)
        return count >= MAX_FRAMES or pixels >= MAX_PIXELS

    def add(self, entries: Sequence[Entry]) -> None:
        self._entries += entries

    def is_of(self, source: int) -> bool:
        """Tell whether nothing is held but frames of this source."""
        return not self._ended and all(entry.source == source for entry in self._entries)

    def end(self, end: _End) -> None:
        self._ended.append(end.source)
        if end.failure is not None:
            self._failures.append(end.failure)

    def rest(self, following: Position) -> Iterator[Batch]:
        """Yield what was collected, if anything was, and begin anew."""
        if self._entries or self._ended:
            yield Batch(tuple(self._entries), tuple(self._failures), tuple(self._ended), following)
            self._entries, self._failures, self._ended = [], [], []


def _file_feed(source: Source, every: int) -> Feed:
    path, facts = source.path, ""
    try:
        stat = path.stat()
        facts = f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}"
    except OSError:
        facts = str(path)  # reading it will say what is wrong
    if source.kind == "image":
        return Feed(str(path), "image", lambda _: (read_image(p) for p in (path,)), facts, lambda: 1)
    return Feed(
        str(path),
        "video",
        lambda first: read_video(path, every=every, start=first),
        facts,
        lambda: _video_frames(path, every),
    )


def _video_frames(path: Path, every: int) -> int | None:
    try:
        count = video_info(path).frame_count
    except InputError:
        return 0  # reading it will say what is wrong
    return None if count is None else -(-count // every)
