"""Time series of any length in bounded memory: buckets of frames that pair up when they run out.

A video's buckets hold consecutive analysed frames: one frame each at first, then two, four, and so on. Per
bucket and AU the count, sum, minimum and maximum are kept, so that neither peaks nor gaps are lost: a bucket
in which the face was never seen has the count 0 and no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.report.packing import pack_array, unpack_array

CAPACITY = 960
"""Buckets per video; even, so that they pair up."""
EMOTION_SLOTS = 16


@dataclass(slots=True)
class Buckets:
    """Counts and extremes per bucket, in T buckets.

    Attributes:
        count: (T, A) frames with a known probability.
        total: (T, A) sum of probabilities.
        low: (T, A) smallest probability; infinite where the count is 0.
        high: (T, A) largest probability; minus infinite where the count is 0.
        emotion: (T, E) frames per emotion slot.
    """

    count: NDArray[np.int32]
    total: NDArray[np.float64]
    low: Floats
    high: Floats
    emotion: NDArray[np.int32]

    @classmethod
    def empty(cls, length: int, au_count: int) -> Buckets:
        """Return T buckets that have seen nothing."""
        return cls(
            np.zeros((length, au_count), np.int32),
            np.zeros((length, au_count), np.float64),
            np.full((length, au_count), np.inf, np.float32),
            np.full((length, au_count), -np.inf, np.float32),
            np.zeros((length, EMOTION_SLOTS), np.int32),
        )

    def add(self, bucket: int, probability: Floats, emotion: int | None) -> None:
        """Count one reading; AUs whose probability is NaN stay unknown."""
        known = np.isfinite(probability)
        self.count[bucket] += known
        self.total[bucket] += np.where(known, probability, 0.0)
        np.fmin(self.low[bucket], probability, out=self.low[bucket])
        np.fmax(self.high[bucket], probability, out=self.high[bucket])
        if emotion is not None:
            self.emotion[bucket, emotion] += 1

    def paired(self) -> Buckets:
        """Return half as many buckets, each two of these."""
        return Buckets(
            _pairs(self.count).sum(axis=1, dtype=np.int32),
            _pairs(self.total).sum(axis=1),
            _pairs(self.low, np.inf).min(axis=1),
            _pairs(self.high, -np.inf).max(axis=1),
            _pairs(self.emotion).sum(axis=1, dtype=np.int32),
        )

    def resized(self, length: int) -> Buckets:
        """Return the first `length` buckets, or these and empty ones behind them."""
        out = Buckets.empty(length, self.count.shape[1])
        kept = min(length, len(self.count))
        for name in ("count", "total", "low", "high", "emotion"):
            getattr(out, name)[:kept] = getattr(self, name)[:kept]
        return out

    def mean(self) -> NDArray[np.float64]:
        """Return (T, A) mean probability; NaN where the face was not seen."""
        out = np.full(self.total.shape, np.nan)
        np.divide(self.total, self.count, out=out, where=self.count > 0)
        return out

    def state(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        names = ("count", "total", "low", "high", "emotion")
        return {name: pack_array(getattr(self, name)) for name in names}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Buckets:
        """Return the buckets that `state` describes."""
        return cls(**{name: unpack_array(record) for name, record in state.items()})


def _pairs(array: NDArray[Any], fill: float = 0) -> NDArray[Any]:
    """Return (T/2, 2, ...) consecutive pairs; an odd last one is paired with `fill`."""
    if len(array) % 2:
        array = np.concatenate([array, np.full((1, *array.shape[1:]), fill, array.dtype)])
    return array.reshape(-1, 2, *array.shape[1:])


@dataclass(slots=True)
class Clock:
    """Which frames lie in which bucket.

    Attributes:
        start_s: (T,) time of each bucket's first frame.
        end_s: (T,) time of its last frame.
        first: (T,) index of its first frame within the video.
        last: (T,) index of its last frame.
        frames: (T,) how many analysed frames it has.
        step: Frames per full bucket.
        seen: Frames so far.
    """

    start_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(CAPACITY))
    end_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(CAPACITY))
    first: NDArray[np.int64] = field(default_factory=lambda: np.zeros(CAPACITY, np.int64))
    last: NDArray[np.int64] = field(default_factory=lambda: np.zeros(CAPACITY, np.int64))
    frames: NDArray[np.int64] = field(default_factory=lambda: np.zeros(CAPACITY, np.int64))
    step: int = 1
    seen: int = 0

    @property
    def used(self) -> int:
        """Return the number of buckets that hold frames."""
        return -(-self.seen // self.step)

    def tick(self, time_s: float, index: int) -> tuple[int, bool]:
        """Enter one frame.

        Returns:
            Its bucket, and whether the buckets were paired to make room (the series must then follow).
        """
        full = self.seen >= CAPACITY * self.step
        if full:
            self._pair()
        bucket = self.seen // self.step
        if self.seen % self.step == 0:
            self.start_s[bucket], self.first[bucket], self.frames[bucket] = time_s, index, 0
        self.end_s[bucket], self.last[bucket] = time_s, index
        self.frames[bucket] += 1
        self.seen += 1
        return bucket, full

    def _pair(self) -> None:
        half = CAPACITY // 2
        self.start_s[:half], self.first[:half] = self.start_s[::2].copy(), self.first[::2].copy()
        self.end_s[:half], self.last[:half] = self.end_s[1::2].copy(), self.last[1::2].copy()
        self.frames[:half] = self.frames[::2] + self.frames[1::2]
        self.step *= 2

    def paired(self) -> Clock:
        """Return a copy with half as many buckets, for a smaller picture."""
        used = self.used
        tails = [min(2 * i + 1, used - 1) for i in range(-(-used // 2))]
        return Clock(
            self.start_s[:used][::2].copy(),
            self.end_s[tails],
            self.first[:used][::2].copy(),
            self.last[tails],
            _pairs(self.frames[:used]).sum(axis=1),
            self.step * 2,
            self.seen,
        )

    def state(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        arrays = {
            name: pack_array(getattr(self, name)) for name in ("start_s", "end_s", "first", "last", "frames")
        }
        return {**arrays, "step": self.step, "seen": self.seen}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Clock:
        """Return the clock that `state` describes."""
        arrays = {name: unpack_array(v) for name, v in state.items() if isinstance(v, dict)}
        return cls(**arrays, step=state["step"], seen=state["seen"])


@dataclass(slots=True)
class VideoTimeline:
    """One video: its clock, and the buckets of each face followed through it.

    Attributes:
        clock: Which frames lie in which bucket.
        series: Buckets by face id.
    """

    clock: Clock = field(default_factory=Clock)
    series: dict[int, Buckets] = field(default_factory=dict)

    def tick(self, time_s: float, index: int) -> int:
        """Enter one frame and return its bucket."""
        bucket, paired = self.clock.tick(time_s, index)
        if paired:
            self.series = {face_id: buckets.paired() for face_id, buckets in self.series.items()}
        return bucket

    def add(self, face_id: int, bucket: int, probability: Floats, emotion: int | None) -> None:
        """Count one reading of a face in the frame just entered."""
        buckets = self.series.get(face_id)
        if buckets is None:
            buckets = Buckets.empty(bucket + 1, len(probability))
        if bucket >= len(buckets.count):
            # Series grow as they are needed: a face seen for a moment costs a moment's memory.
            buckets = buckets.resized(min(CAPACITY, max(2 * len(buckets.count), bucket + 1)))
        self.series[face_id] = buckets
        buckets.add(bucket, probability, emotion)

    def shown(self, face_id: int, limit: int) -> tuple[Clock, Buckets]:
        """Return a face's series for drawing, in at most `limit` buckets."""
        clock, buckets = self.clock, self.series[face_id].resized(self.clock.used)
        while clock.used > max(limit, 1):
            clock, buckets = clock.paired(), buckets.paired()
        return clock, buckets

    def state(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        series = {str(face_id): buckets.state() for face_id, buckets in self.series.items()}
        return {"clock": self.clock.state(), "series": series}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> VideoTimeline:
        """Return the timeline that `state` describes."""
        series = {int(face_id): Buckets.from_state(record) for face_id, record in state["series"].items()}
        return cls(Clock.from_state(state["clock"]), series)


def emotion_slot(names: list[str], name: str | None) -> int:
    """Return the slot of an emotion, entering it into `names`; the last slot takes what finds no room."""
    label = name if name is not None else "no rule applies"
    if label not in names:
        if len(names) >= EMOTION_SLOTS:
            return EMOTION_SLOTS - 1
        names.append(label)
    return names.index(label)


def strongest_emotion(emotion: NDArray[np.int32]) -> Sequence[int]:
    """Return per bucket the slot with the most frames; -1 where there is none."""
    best = emotion.argmax(axis=1)
    return [int(slot) if row[slot] else -1 for slot, row in zip(best, emotion, strict=True)]
