"""The report in the making: takes readings one by one, keeps little, writes one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.records import Floats, Frame, ModelCard, Reading
from openau.report.page import write_page
from openau.report.story import Story, VideoFace
from openau.report.tally import AUTally, SourceCount
from openau.report.timeline import VideoTimeline, emotion_slot
from openau.report.truth import Truth

if TYPE_CHECKING:
    import pandas as pd

_STATE_VERSION = 1
_LISTED_VIDEOS = 300


class ReportBuilder:
    """Gather readings and write them as one self-contained HTML page.

    Memory does not grow with the length of a video or the number of photographs: time series are kept in
    buckets that pair up, pictures by the strongest few, the rest as counts.

    Example::

        report = ReportBuilder(analyzer.card, {"detector": "haar"}, "Clip of 3 May")
        for frame, readings in analysed:
            report.add(frame, readings)
        report.write(Path("report.html"))
    """

    def __init__(
        self, card: ModelCard, settings: Mapping[str, str], title: str = "Facial action units"
    ) -> None:
        """Begin an empty report.

        Args:
            card: Of the model that made the readings.
            settings: What the reader should know about the run, name to value, in the order shown.
            title: The page's title, plain text.
        """
        self._story = Story(card, dict(settings), title)
        self._thresholds = np.array(card.thresholds, np.float32)

    def add(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Take in one picture.

        Args:
            frame: The picture; one without a time is a photograph.
            readings: Of its faces; empty, or one reading without a face, where none was found.

        Raises:
            SettingError: A reading's AUs are not those of the card.
        """
        found = [(r, self._probability(r)) for r in readings if r.face is not None and r.output is not None]
        faces = [(number, r, p) for number, (r, p) in enumerate(found)]
        size = (frame.rgb.shape[0], frame.rgb.shape[1])
        if frame.time_s is None:
            self._story.photos.add(len(faces), None, size)
            self._story.gallery.add(frame.rgb, frame.source, found)
            for _, reading, probability in faces:
                self._count(self._story.photo_tally, reading, probability)
        else:
            self._add_video_frame(frame, faces, size)
        for _, reading, probability in faces:
            self._story.strongest.offer(frame.rgb, reading, probability)
        if self._story.truth is not None:
            best = max(found, key=lambda pair: pair[0].face.score if pair[0].face else 0.0, default=None)
            self._story.truth.see(frame.source, frame.index, frame.time_s, best[1] if best else None)

    def set_truth(self, truth: pd.DataFrame, *, full_scale: float = 5.0, present_from: float = 2.0) -> None:
        """Show the truth of a synthetic clip beside what was found in it. Call it before the first `add`.

        Args:
            truth: One row per frame: `frame`, and per AU its true value as `AU01` (NaN where not known).
            full_scale: The true value drawn at a lane's top, 5 for FACS intensity.
            present_from: For the ROC AUC, an AU is present from this true value on; 2 is level B.

        Raises:
            TableError: The table has no `frame`, a frame twice, or none of the model's AUs.
            SettingError: Readings were already added.
        """
        if self._story.frame_count:
            raise SettingError("set_truth comes before the first frame of a report; call it earlier.")
        self._story.truth = Truth.from_table(truth, self._story.card.aus, full_scale, present_from)

    def state(self) -> dict[str, Any]:
        """Return everything gathered so far as a JSON-able record, to be taken up by `from_state`."""
        return {"version": _STATE_VERSION, **self._story.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], card: ModelCard) -> ReportBuilder:
        """Return a report that goes on where `state` was taken.

        Args:
            state: What `state` returned, possibly through JSON.
            card: Of the model; it must be the one the state was made with.

        Raises:
            SettingError: The state is of another version or another model.
        """
        if state.get("version") != _STATE_VERSION:
            raise SettingError("The saved report is of another version of openau; start the analysis afresh.")
        story = Story.from_state(dict(state), card)
        builder = cls(card, story.settings, story.title)
        builder._story = story
        return builder

    def write(self, path: Path, *, written: datetime | None = None) -> None:
        """Write the page; may be called more than once.

        Args:
            path: The HTML file; an existing one is replaced, and never by half a page.
            written: The time that the page names as its own; now where None.

        Raises:
            OutputError: The file cannot be written.
        """
        write_page(self._story, path, written or datetime.now().astimezone())

    def _add_video_frame(
        self, frame: Frame, faces: Sequence[tuple[int, Reading, Floats]], size: tuple[int, int]
    ) -> None:
        assert frame.time_s is not None
        story = self._story
        source = story.videos.get(frame.source)
        if source is None:
            if len(story.videos) >= _LISTED_VIDEOS:
                source = story.further
                story.further_sources += source.name != frame.source
                source.name = frame.source
            else:
                source = story.videos[frame.source] = SourceCount(frame.source)
                story.timelines[frame.source] = VideoTimeline()
        source.add(len(faces), frame.time_s, size)
        timeline = story.timelines.get(frame.source)
        bucket = timeline.tick(frame.time_s, frame.index) if timeline is not None else 0
        for number, reading, probability in faces:
            assert reading.face is not None
            face_id = number if reading.face.face_id is None else reading.face.face_id
            slot = self._count(story.video_tally, reading, probability)
            if timeline is None:
                continue
            key = (frame.source, face_id)
            if key not in story.faces:
                story.make_room(frame.source, {r.face.face_id for _, r, _ in faces if r.face})
                story.faces[key] = VideoFace(AUTally.empty(len(probability)))
                story.face_count += 1
            timeline.add(face_id, bucket, probability, slot)
            self._count(story.faces[key].tally, reading, probability)

    def _probability(self, reading: Reading) -> Floats:
        assert reading.output is not None
        if reading.output.aus != self._story.card.aus:
            raise SettingError(
                f"A reading of {reading.source} has the AUs {reading.output.aus}, the report's model has"
                f" {self._story.card.aus}; give the report the card of the model that made the readings."
            )
        return reading.output.probability

    def _count(self, tally: AUTally, reading: Reading, probability: Floats) -> int | None:
        assert reading.output is not None
        active: NDArray[np.bool_] = probability >= self._thresholds
        slot = None
        if reading.emotion is not None:
            slot = emotion_slot(self._story.emotions, reading.emotion.name)
        where = (reading.source, reading.frame, reading.time_s)
        tally.add(probability, active, where, slot, reading.output.intensity)
        return slot
