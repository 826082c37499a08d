"""The timelines of the page: per video its faces, per face a lane per AU and a ribbon of emotions."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openau.facs import ACTION_UNITS, ActionUnit
from openau.report import chart
from openau.report.sections import AURow, au_summary, emotion_shares
from openau.report.story import Story
from openau.report.tally import SourceCount
from openau.report.timeline import CAPACITY, Buckets, Clock, strongest_emotion

_DRAWN_FACES = 24
_BYTES_FOR_LANES = 1_000_000
_BYTES_PER_AU_AND_BUCKET = 19
_UNKNOWN = 127
_ACTIVE = 128


@dataclass(frozen=True, slots=True)
class Lane:
    """One AU of one face over time: SVG paths in the units of `chart`.

    Attributes:
        unit: The action unit.
        row: Its position in the network's order.
        line: Mean probability per bucket.
        band: From the smallest to the largest probability per bucket; empty where buckets are single frames.
        truth: True value, where known.
        summary: Figures over all frames.
    """

    unit: ActionUnit
    row: int
    line: str
    band: str
    truth: str
    summary: AURow


@dataclass(frozen=True, slots=True)
class FaceSection:
    """One face of one video.

    Attributes:
        number: Index into the page's data.
        face_id: As in the AU table.
        readings: Frames in which it was found.
        share: Of the video's frames.
        step: Frames per bucket of the drawing.
        buckets: How many buckets the drawing has.
        lanes: One per AU.
        seen: Stretches in which it was found: (slot, x, width, from, to).
        ribbon: Stretches of the most frequent emotion: (slot, x, width, from, to).
        emotions: Slot, name and share.
    """

    number: int
    face_id: int
    readings: int
    share: float
    step: int
    buckets: int
    lanes: list[Lane]
    seen: list[tuple[int, int, int, float, float]]
    ribbon: list[tuple[int, int, int, float, float]]
    emotions: list[tuple[int, str, float]]


@dataclass(frozen=True, slots=True)
class VideoSection:
    """One video with its faces, those seen longest first; `ticks` label the time axis."""

    source: SourceCount
    faces: list[FaceSection]
    ticks: list[tuple[float, str]]


def video_sections(story: Story) -> tuple[list[VideoSection], list[dict[str, Any]]]:
    """Return the videos to draw, and the numbers behind each face's lanes for the page's script."""
    longest = sorted(story.faces, key=lambda key: (-story.faces[key].tally.readings, key))[:_DRAWN_FACES]
    cost = _BYTES_PER_AU_AND_BUCKET * len(story.card.aus) * max(len(longest), 1)
    limit = min(CAPACITY, max(60, _BYTES_FOR_LANES // cost))
    sections: list[VideoSection] = []
    data: list[dict[str, Any]] = []
    thresholds = np.array(story.card.thresholds, np.float32)
    for name, source in story.videos.items():
        span = (source.start_s or 0.0, source.end_s or 0.0)
        faces = []
        for key in sorted(key for key in longest if key[0] == name):
            clock, buckets = story.timelines[name].shown(key[1], limit)
            faces.append(_face_section(story, key, (clock, buckets, span), len(data)))
            data.append(_face_data(clock, buckets, thresholds))
        if faces:
            sections.append(VideoSection(source, faces, chart.ticks(span)))
    return sections, data


def _face_section(
    story: Story, key: tuple[str, int], drawn: tuple[Clock, Buckets, tuple[float, float]], number: int
) -> FaceSection:
    clock, buckets, span = drawn
    face = story.faces[key]
    x = chart.across(chart.time_axis(clock), span)
    mean = buckets.mean()
    truth = _truth_paths(story, key[0], span)
    lanes = []
    for row, summary in enumerate(au_summary(story, face.tally)):
        known = buckets.count[:, row] > 0
        band = ""
        if clock.step > 1:
            low, high = buckets.low[:, row].astype(float), buckets.high[:, row].astype(float)
            band = chart.band_path(x, low, high, known)
        line = chart.line_path(x, mean[:, row])
        lanes.append(Lane(ACTION_UNITS[story.card.aus[row]], row, line, band, truth.get(row, ""), summary))
    any_known = (buckets.count > 0).any(axis=1)
    return FaceSection(
        number,
        key[1],
        face.tally.readings,
        face.tally.readings / story.videos[key[0]].frames,
        clock.step,
        clock.used,
        lanes,
        chart.segments(clock, span, np.where(any_known, 0, -1).tolist()),
        chart.segments(clock, span, strongest_emotion(buckets.emotion)),
        emotion_shares(story, face.tally),
    )


def _truth_paths(story: Story, source: str, span: tuple[float, float]) -> dict[int, str]:
    """Return the true curve of each AU position, drawn as the line of at most a few hundred frames."""
    truth = story.truth
    if truth is None or truth.source != source:
        return {}
    seen = np.flatnonzero(np.isfinite(truth.time_s))
    kept = seen[:: max(1, len(seen) // CAPACITY)]
    x = chart.across(truth.time_s[kept], span)
    share = truth.value[kept] / truth.full_scale
    return {
        row: chart.line_path(x, share[:, row])
        for row in range(share.shape[1])
        if np.isfinite(share[:, row]).any()
    }


def _levels(values: NDArray[Any], thresholds: NDArray[np.float32]) -> str:
    """Return (T, A) probabilities as base64 bytes: hundredths, 127 for unknown, 128 more where active.

    Whether a value is active is decided here and not from its hundredths: 0.348 is read as 0.35 and is
    still below a threshold of 0.35.
    """
    known = np.isfinite(values)
    hundredths = np.where(known, np.rint(np.where(known, values, 0) * 100), _UNKNOWN).astype(np.uint8)
    active = known & (values.astype(np.float32) >= thresholds)
    levels = hundredths + np.where(active, _ACTIVE, 0).astype(np.uint8)
    return base64.b64encode(levels.tobytes()).decode()


def _face_data(clock: Clock, buckets: Buckets, thresholds: NDArray[np.float32]) -> dict[str, Any]:
    used = clock.used
    data: dict[str, Any] = {
        "t": [round(t, 3) for t in chart.time_axis(clock).tolist()],
        "span": [round(float(clock.start_s[0]), 3), round(float(clock.end_s[used - 1]), 3)],
        "f": clock.first[:used].tolist(),
        "l": clock.last[:used].tolist(),
        "mean": _levels(buckets.mean(), thresholds),
        "e": strongest_emotion(buckets.emotion),
    }
    if clock.step > 1:
        data["low"] = _levels(buckets.low, thresholds)
        data["high"] = _levels(buckets.high, thresholds)
    return data
