"""The few faces that a report shows: the strongest moments of each AU, and a card per photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2
import numpy as np

from openau.records import Box, Floats, Pixels, Reading
from openau.report.packing import pack_bytes, unpack_bytes

_SIDE_PX = 128
_MAX_BYTES = 5000


def thumbnail(rgb: Pixels, box_px: Box | None) -> bytes:
    """Return a small JPEG of a face and its surroundings, or of the whole picture where there is no face.

    Args:
        rgb: (H, W, 3) RGB uint8.
        box_px: `x1, y1, x2, y2` in pixels; may reach past the picture.
    """
    height, width = rgb.shape[:2]
    x1, y1, x2, y2 = 0, 0, width, height
    if box_px is not None and np.isfinite(box_px).all():
        margin = 0.2 * max(box_px[2] - box_px[0], box_px[3] - box_px[1])
        a, b = max(0, round(box_px[0] - margin)), max(0, round(box_px[1] - margin))
        c, d = min(width, round(box_px[2] + margin)), min(height, round(box_px[3] + margin))
        if c > a and d > b:
            x1, y1, x2, y2 = a, b, c, d
    cut = rgb[y1:y2, x1:x2]
    scale = _SIDE_PX / max(cut.shape[:2])
    size = max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale))
    small = cv2.resize(cut, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    jpeg = b""
    for quality in (80, 60, 35, 15):
        jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(jpeg) <= _MAX_BYTES:
            break
    return jpeg


@dataclass(frozen=True, slots=True)
class Moment:
    """One face at one time, as strong in an AU as few others.

    Attributes:
        probability: Of the AU.
        source: The video or photograph.
        frame: Index within the video.
        time_s: None for a photograph.
        face_id: As in `Face`.
        jpeg: The thumbnail.
    """

    probability: float
    source: str
    frame: int
    time_s: float | None
    face_id: int | None
    jpeg: bytes

    def near(self, other: Moment, spacing_s: float) -> bool:
        """Tell whether two moments show the same face of a video within `spacing_s` seconds."""
        if self.source != other.source or self.time_s is None or other.time_s is None:
            return False
        return self.face_id == other.face_id and abs(self.time_s - other.time_s) < spacing_s


@dataclass(slots=True)
class StrongestMoments:
    """Per AU the few moments with the largest probability, none of them close to another.

    Attributes:
        moments: Per AU, strongest first.
        keep: How many per AU.
        spacing_s: Moments of the same face nearer than this count as one, and the stronger stays.
    """

    moments: list[list[Moment]]
    keep: int = 4
    spacing_s: float = 1.0

    def offer(self, rgb: Pixels, reading: Reading, probability: Floats) -> None:
        """Take a reading in where it is among the strongest of an AU.

        Args:
            rgb: (H, W, 3) the picture; read only where the reading is taken.
            reading: With its face.
            probability: (A,) of the AUs, in the order of `moments`.
        """
        assert reading.face is not None
        jpeg: bytes | None = None
        for row, kept in enumerate(self.moments):
            value = float(probability[row])
            if not value > (kept[-1].probability if len(kept) == self.keep else -1.0):
                continue
            new = Moment(value, reading.source, reading.frame, reading.time_s, reading.face.face_id, b"")
            close = [other for other in kept if other.near(new, self.spacing_s)]
            if any(other.probability >= value for other in close):
                continue
            if jpeg is None:
                jpeg = thumbnail(rgb, reading.face.box_px)
            new = Moment(value, new.source, new.frame, new.time_s, new.face_id, jpeg)
            rest = [other for other in kept if other not in close]
            self.moments[row] = sorted([*rest, new], key=lambda m: -m.probability)[: self.keep]

    def state(self) -> dict[str, Any]:
        """Return a JSON-able record; each thumbnail is stored once."""
        jpegs = list(dict.fromkeys(moment.jpeg for kept in self.moments for moment in kept))
        number = {jpeg: i for i, jpeg in enumerate(jpegs)}
        moments = [[{**asdict(m), "jpeg": number[m.jpeg]} for m in kept] for kept in self.moments]
        return {"jpegs": [pack_bytes(jpeg) for jpeg in jpegs], "moments": moments}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> StrongestMoments:
        """Return the moments that `state` describes."""
        jpegs = [unpack_bytes(text) for text in state["jpegs"]]
        return cls([[Moment(**{**m, "jpeg": jpegs[m["jpeg"]]}) for m in kept] for kept in state["moments"]])


@dataclass(frozen=True, slots=True)
class PhotoCard:
    """One face of a photograph, or a photograph without a face.

    Attributes:
        ordinal: The photograph's number in the run, from 0.
        source: Its name.
        face: Which face of the photograph, from 0; None where none was found.
        jpeg: The thumbnail.
        probability: Per AU; empty where no face was found.
        emotion: What the rules read from it.
    """

    ordinal: int
    source: str
    face: int | None
    jpeg: bytes
    probability: tuple[float, ...] = ()
    emotion: str | None = None


@dataclass(slots=True)
class Gallery:
    """Cards of photographs; of a long run every second, fourth, ... photograph.

    Attributes:
        limit: How many cards at most.
        cards: In the order of the run.
        stride: Every how many photographs one is kept.
        seen: Photographs so far.
    """

    limit: int = 200
    cards: list[PhotoCard] = field(default_factory=list)
    stride: int = 1
    seen: int = 0

    def add(self, rgb: Pixels, source: str, readings: Sequence[tuple[Reading, Floats]]) -> None:
        """Enter one photograph with the readings of its faces and their (A,) probabilities."""
        ordinal = self.seen
        self.seen += 1
        if ordinal % self.stride:
            return
        for number, (reading, probability) in enumerate(readings[:8]):
            assert reading.face is not None
            emotion = reading.emotion.name if reading.emotion is not None else None
            values = tuple(round(float(p), 4) for p in probability)
            jpeg = thumbnail(rgb, reading.face.box_px)
            self.cards.append(PhotoCard(ordinal, source, number, jpeg, values, emotion))
        if not readings:
            self.cards.append(PhotoCard(ordinal, source, None, thumbnail(rgb, None)))
        while len(self.cards) > self.limit:
            self.stride *= 2
            self.cards = [card for card in self.cards if card.ordinal % self.stride == 0]

    def state(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        cards = [{**asdict(card), "jpeg": pack_bytes(card.jpeg)} for card in self.cards]
        return {"cards": cards, "stride": self.stride, "seen": self.seen}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Gallery:
        """Return the gallery that `state` describes."""
        cards = [
            PhotoCard(**{**c, "jpeg": unpack_bytes(c["jpeg"]), "probability": tuple(c["probability"])})
            for c in state["cards"]
        ]
        return cls(cards=cards, stride=state["stride"], seen=state["seen"])
