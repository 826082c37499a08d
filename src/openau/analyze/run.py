"""One streaming run: rows go to disk as they come, and a run that was cut off goes on where it stopped.

Threads share the work, with a few batches between them: one decodes, one per CPU finds faces, the main one
crops, runs the network and writes rows, and one draws. Nothing else is kept, so memory does not grow with the
input.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from openau.analyze.feed import Batch, Failure, Feed, detected_batches
from openau.analyze.instrument import FaceCrops, Instrument
from openau.analyze.pictures import Drawing, Page, Pictures
from openau.analyze.replay import known_pages
from openau.analyze.resume import Counts, Progress, RunFile
from openau.analyze.threads import Ahead, Behind
from openau.faces import Tracker
from openau.records import Reading
from openau.table import TableWriter, partial_path, read_readings

CHECKPOINT_S = 1.0  # about this much work is done twice after a run was cut off
_DEPTH = 2


class Listener:
    """What a run tells while it goes on; every method may be left as it is.

    Attributes:
        wants_total: Whether the frames to come are to be counted first, which opens every video.
    """

    wants_total = False

    def noted(self, sentence: str) -> None:
        """Hear what should be known of all readings, before the first of them.

        Args:
            sentence: What it is.
        """

    def failed(self, failure: Failure) -> None:
        """Hear that a source could not be read, or not to its end.

        Args:
            failure: Which, and why.
        """

    def no_face(self, source: str) -> None:
        """Hear that a photograph or a whole video shows no face.

        Args:
            source: Its name.
        """

    def advanced(self, frames: int, total: int | None) -> None:
        """Hear how far the run is.

        Args:
            frames: Frames in the table so far.
            total: Frames that will be there, where that is known.
        """


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run has done.

    Attributes:
        table: The AU table, or None where no source could be read and nothing was written.
        counts: What was seen, over all parts of a resumed run.
        failures: The sources that could not be read.
        was_complete: Whether there was nothing left to do.
        seconds: How long this part took.
        frames_now: How many frames this part analysed.
    """

    table: Path | None
    counts: Counts
    failures: tuple[Failure, ...]
    was_complete: bool = False
    seconds: float = 0.0
    frames_now: int = 0


class Run:
    """One run from its start, or from where it was cut off, to its end."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        instrument: Instrument,
        pictures: Pictures,
        table: Path,
        run_file: RunFile,
        listener: Listener,
        *,
        workers: int,
    ) -> None:
        """Put a run together.

        Args:
            feeds: All sources.
            instrument: Reads faces.
            pictures: Draws what is wanted.
            table: The finished table's path.
            run_file: Keeps how far the run is.
            listener: Hears what happens.
            workers: How many pictures are searched for faces at the same time.
        """
        self._workers = workers
        self._zero = instrument.zero
        self._neutral = instrument.zero.recording()
        self._feeds = feeds
        self._instrument = instrument
        self._pictures = pictures
        self._table = table
        self._run_file = run_file
        self._listener = listener
        self._total = _total(feeds) if listener.wants_total else None
        self._progress = Progress()
        self._tracker = Tracker()
        self._pages = 0
        # Progress that may be saved once so many pages are drawn, oldest first.
        self._unsaved: deque[tuple[int, Progress]] = deque()
        self._saved_at = -CHECKPOINT_S

    def go(self, resumed: Progress | None) -> Summary:
        """Do the work.

        Args:
            resumed: How far an interrupted run came; None begins anew.

        Raises:
            OutputError: The disk is full; the partial table and the run file stay for a resumed run.
        """
        started = time.monotonic()
        with ExitStack() as stack:
            offset = resumed.offset if resumed else None
            writer = stack.enter_context(
                TableWriter(
                    self._table,
                    self._instrument.card,
                    landmarks=self._instrument.landmarks,
                    resume_at=offset,
                )
            )
            stack.callback(self._pictures.abort)
            drawing = stack.enter_context(Behind(self._pictures.draw, depth=_DEPTH))
            if resumed is None:
                self._progress = replace(self._progress, offset=writer.flush())
                self._run_file.save(self._progress)
            else:
                self._take_up(resumed, drawing)
            self._work_through(writer, drawing)
            drawing.wait()
            table = self._finish(writer)
        counts = self._progress.counts
        return Summary(
            table,
            counts,
            self._progress.failures,
            seconds=time.monotonic() - started,
            frames_now=counts.frames - (resumed.counts.frames if resumed else 0),
        )

    def _take_up(self, resumed: Progress, drawing: Behind[Page]) -> None:
        """Go back to where the run was cut off; draw again what needs every frame since the start."""
        self._progress = resumed
        if resumed.tracker is not None:
            self._tracker = Tracker.from_state(resumed.tracker)
            self._neutral = self._zero.recording(resumed.neutral)
        first = self._pictures.first_needed(resumed.next)
        if first is None:
            return
        rows = read_readings(partial_path(self._table), self._instrument.card)
        for page in known_pages(self._feeds, rows, resumed.next, first=first):
            self._hand_over(page, drawing)

    def _work_through(self, writer: TableWriter, drawing: Behind[Page]) -> None:
        batches = detected_batches(
            self._feeds, self._instrument.detect, self._progress.next, workers=self._workers
        )
        try:
            with Ahead(batches, depth=_DEPTH) as incoming:
                for batch in incoming:
                    self._take(batch, writer, drawing)
                    self._checkpoint(writer, drawing)
        except KeyboardInterrupt:
            if any(feed.kind == "camera" for feed in self._feeds):
                return  # that is how a recording ends
            drawing.wait()
            self._checkpoint(writer, drawing, now=True)
            raise

    def _take(self, batch: Batch, writer: TableWriter, drawing: Behind[Page]) -> None:
        """Analyse one batch, write its rows, and hand its pictures on."""
        cut: list[FaceCrops] = []
        for entry in batch.entries:
            if self._feeds[entry.source].kind == "image":
                self._tracker = Tracker()
            cut.append(self._instrument.crop(entry.frame, entry.faces, self._tracker))
        # A batch is photographs, or frames of one video.
        photos = any(self._feeds[entry.source].kind == "image" for entry in batch.entries)
        readings = self._instrument.read(cut, self._zero.given if photos else self._neutral)
        writer.write(row for rows in readings for row in rows)
        offset = writer.flush()
        drawings = (
            Drawing(entry.source, entry.frame, rows, face_crops.crops)
            for entry, rows, face_crops in zip(batch.entries, readings, cut, strict=True)
        )
        self._hand_over(Page(tuple(drawings), batch.ended), drawing)
        self._tell(batch, readings)
        progress = advance(self._progress, batch, readings, [feed.kind for feed in self._feeds])
        if any(self._feeds[number].kind != "image" for number in batch.ended):
            self._tracker, self._neutral = Tracker(), self._zero.recording()
        learned = None if self._neutral is None else self._neutral.state()
        self._progress = replace(progress, offset=offset, tracker=self._tracker.state(), neutral=learned)
        self._unsaved.append((self._pages, self._progress))
        self._listener.advanced(self._progress.counts.frames, self._total)

    def _hand_over(self, page: Page, drawing: Behind[Page]) -> None:
        if self._pictures.are_wanted:
            drawing.put(page)
            self._pages += 1

    def _tell(self, batch: Batch, readings: Sequence[tuple[Reading, ...]]) -> None:
        """Tell the listener what failed and what shows no face."""
        for failure in batch.failures:
            self._listener.failed(failure)
        found = self._progress.faces_in_video
        for entry, rows in zip(batch.entries, readings, strict=True):
            found += sum(row.face is not None for row in rows)
            if self._feeds[entry.source].kind == "image" and rows[0].face is None:
                self._listener.no_face(entry.frame.source)
        failed = {failure.source for failure in batch.failures}
        for number in batch.ended:
            feed = self._feeds[number]
            if feed.kind != "image" and found == 0 and feed.name not in failed:
                self._listener.no_face(feed.name)

    def _checkpoint(self, writer: TableWriter, drawing: Behind[Page], *, now: bool = False) -> None:
        """Save the latest progress whose pictures are drawn, at most every so often."""
        while len(self._unsaved) > 1 and self._unsaved[1][0] <= drawing.done:
            self._unsaved.popleft()
        is_due = now or time.monotonic() - self._saved_at >= CHECKPOINT_S
        if is_due and self._unsaved and self._unsaved[0][0] <= drawing.done:
            writer.sync()
            self._run_file.save(self._unsaved.popleft()[1])
            self._saved_at = time.monotonic()

    def _finish(self, writer: TableWriter) -> Path | None:
        """Complete the table, or leave nothing behind where nothing could be read."""
        if self._progress.failures and not self._progress.counts.frames:
            writer.close()
            writer.partial.unlink(missing_ok=True)
            self._run_file.remove()
            return None
        writer.sync()
        self._run_file.save(self._progress)
        self._pictures.finish()
        table = writer.finish()
        self._run_file.save(self._progress, complete=True)
        return table


def _total(feeds: Sequence[Feed]) -> int | None:
    total = 0
    for feed in feeds:
        count = feed.count_frames()
        if count is None:
            return None
        total += count
    return total


def advance(
    progress: Progress, batch: Batch, readings: Sequence[tuple[Reading, ...]], kinds: Sequence[str]
) -> Progress:
    """Return the progress after one more batch, with the counts and failures it brought.

    Args:
        progress: The progress before.
        batch: What was analysed.
        readings: Its readings, frame by frame.
        kinds: Of every source of the run, what it is.
    """
    faces = [sum(row.face is not None for row in rows) for rows in readings]
    photos = [kinds[entry.source] == "image" for entry in batch.entries]
    before = progress.counts
    counts = Counts(
        frames=before.frames + len(faces),
        faces=before.faces + sum(faces),
        frames_without_face=before.frames_without_face + faces.count(0),
        photos=before.photos + sum(photos),
        photos_without_face=before.photos_without_face
        + sum(photo and count == 0 for photo, count in zip(photos, faces, strict=True)),
    )
    in_video = progress.faces_in_video + sum(
        count for photo, count in zip(photos, faces, strict=True) if not photo
    )
    return replace(
        progress,
        next=batch.next,
        counts=counts,
        faces_in_video=0 if batch.ended else in_video,
        failures=progress.failures + batch.failures,
    )
