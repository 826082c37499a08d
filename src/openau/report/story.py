"""Everything a report knows between its first frame and its page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from openau.errors import SettingError
from openau.records import ModelCard
from openau.report.pictures import Gallery, StrongestMoments
from openau.report.tally import AUTally, SourceCount
from openau.report.timeline import VideoTimeline
from openau.report.truth import Truth

MAX_FACES = 48
"""Faces whose time series are kept while reading; the page draws fewer."""


@dataclass(slots=True)
class VideoFace:
    """One face followed through one video: its figures (its series lies in the video's timeline)."""

    tally: AUTally


@dataclass(slots=True)
class Story:
    """What was analysed and found.

    Attributes:
        card: Of the model.
        settings: Of the run, as shown.
        title: Of the page.
        photos: Counts over all photographs.
        videos: Counts per video, the first few hundred.
        further: Counts over all videos beyond those.
        further_sources: How many those are.
        timelines: Per video with faces to draw.
        faces: Figures per (video, face id).
        face_count: How many faces were followed, whether still kept or not.
        dropped_faces: How many short ones were let go to keep memory bounded.
        photo_tally: AU figures over the photographs' faces.
        video_tally: AU figures over all videos' faces.
        strongest: The strongest moments per AU.
        gallery: Cards of photographs.
        emotions: Emotion names by slot.
        truth: Of a synthetic clip.
    """

    card: ModelCard
    settings: dict[str, str]
    title: str
    photos: SourceCount = field(default_factory=lambda: SourceCount("photographs"))
    videos: dict[str, SourceCount] = field(default_factory=dict)
    further: SourceCount = field(default_factory=lambda: SourceCount(""))
    further_sources: int = 0
    timelines: dict[str, VideoTimeline] = field(default_factory=dict)
    faces: dict[tuple[str, int], VideoFace] = field(default_factory=dict)
    face_count: int = 0
    dropped_faces: int = 0
    photo_tally: AUTally = field(init=False)
    video_tally: AUTally = field(init=False)
    strongest: StrongestMoments = field(init=False)
    gallery: Gallery = field(default_factory=Gallery)
    emotions: list[str] = field(default_factory=list)
    truth: Truth | None = None

    def __post_init__(self) -> None:
        """Size the tallies by the card."""
        self.photo_tally = AUTally.empty(len(self.card.aus))
        self.video_tally = AUTally.empty(len(self.card.aus))
        self.strongest = StrongestMoments([[] for _ in self.card.aus])

    @property
    def frame_count(self) -> int:
        """Return how many pictures were analysed."""
        return self.photos.frames + self.further.frames + sum(v.frames for v in self.videos.values())

    @property
    def with_face(self) -> int:
        """Return how many pictures had a face."""
        return self.photos.with_face + self.further.with_face + sum(v.with_face for v in self.videos.values())

    def make_room(self, source: str, present: set[int | None]) -> None:
        """Let the shortest faces go until there is room for one more; faces in view stay."""
        while len(self.faces) >= MAX_FACES:
            away = [key for key in self.faces if key[0] != source or key[1] not in present]
            if not away:
                break
            shortest = min(away, key=lambda key: self.faces[key].tally.readings)
            del self.faces[shortest]
            self.timelines[shortest[0]].series.pop(shortest[1], None)
            self.dropped_faces += 1
        idle = [name for name, timeline in self.timelines.items() if name != source and not timeline.series]
        for name in idle[: max(0, len(self.timelines) - MAX_FACES)]:
            del self.timelines[name]

    def state(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        return {
            "card": self.card.to_json(),
            "settings": self.settings,
            "title": self.title,
            "photos": self.photos.state(),
            "videos": [video.state() for video in self.videos.values()],
            "further": self.further.state(),
            "further_sources": self.further_sources,
            "timelines": {name: timeline.state() for name, timeline in self.timelines.items()},
            "faces": [
                [source, face_id, face.tally.state()] for (source, face_id), face in self.faces.items()
            ],
            "face_count": self.face_count,
            "dropped_faces": self.dropped_faces,
            "photo_tally": self.photo_tally.state(),
            "video_tally": self.video_tally.state(),
            "strongest": self.strongest.state(),
            "gallery": self.gallery.state(),
            "emotions": self.emotions,
            "truth": None if self.truth is None else self.truth.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], card: ModelCard) -> Story:
        """Return the story that `state` describes.

        Raises:
            SettingError: It was told with another model.
        """
        if state["card"] != card.to_json():
            raise SettingError(
                "The saved report was made with another model; resume with that one, or start afresh."
            )
        story = cls(card, state["settings"], state["title"])
        story.photos, story.further = SourceCount(**state["photos"]), SourceCount(**state["further"])
        story.videos = {record["name"]: SourceCount(**record) for record in state["videos"]}
        story.further_sources = state["further_sources"]
        story.timelines = {
            name: VideoTimeline.from_state(record) for name, record in state["timelines"].items()
        }
        story.faces = {(s, i): VideoFace(AUTally.from_state(record)) for s, i, record in state["faces"]}
        story.face_count, story.dropped_faces = state["face_count"], state["dropped_faces"]
        story.photo_tally = AUTally.from_state(state["photo_tally"])
        story.video_tally = AUTally.from_state(state["video_tally"])
        story.strongest = StrongestMoments.from_state(state["strongest"])
        story.gallery = Gallery.from_state(state["gallery"])
        story.emotions = list(state["emotions"])
        story.truth = None if state["truth"] is None else Truth.from_state(state["truth"])
        return story
