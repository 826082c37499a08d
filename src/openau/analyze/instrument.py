"""From a frame to readings: detector, tracker, crop, network and emotion decoder put together once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from openau.analyze.neutral import NO_ZERO, GivenNeutral, Neutral, Zero, checked_card
from openau.analyze.settings import Settings
from openau.emotion import decode_emotion, told_emotion
from openau.errors import SettingError
from openau.faces import (
    Detector,
    LooksAgain,
    Tracker,
    build_detector,
    crop_face,
    default_landmarks,
    landmarked,
)
from openau.read import read_image
from openau.records import (
    AUOutput,
    Crop,
    EmotionOutput,
    Face,
    Frame,
    HeatmapMethod,
    ModelCard,
    Pixels,
    Reading,
)
from openau.runtime import AUModel


class FaceCrops(NamedTuple):
    """A frame with its tracked faces and their crops, ready for the network."""

    frame: Frame
    faces: tuple[Face, ...]
    crops: tuple[Crop, ...]


class Detectors(threading.local):
    """A detector for photographs and one for video in every thread: none may be called from two at once."""

    def __init__(self, build: Callable[[bool], Detector]) -> None:
        """Remember how to build them; Python calls this in every thread that uses them.

        Args:
            build: Builds a detector, a thorough one or a fast one.
        """
        super().__init__()
        self._build = build
        self._built: dict[bool, Detector] = {}

    def of_kind(self, *, is_photo: bool) -> Detector:
        """Return this thread's detector.

        Args:
            is_photo: Whether it is for photographs.
        """
        if is_photo not in self._built:
            self._built[is_photo] = self._build(is_photo)
        return self._built[is_photo]


@dataclass(frozen=True)
class Instrument:
    """Everything that turns pixels into readings. It keeps nothing from one frame to the next.

    `detect` may be called from several threads at once.

    Attributes:
        detectors: Find faces.
        model: Reads AUs.
        max_faces: Only this many faces of a picture are kept, the largest; None keeps all.
        decoder: Emotion decoder.
        heatmaps: How the network's heat maps are made, where they are wanted too.
        rules: Emotion rules.
        zero: What is taken for neutral.
        landmarks: Whether faces and table have landmarks even where the network does not want them aligned.
    """

    detectors: Detectors
    model: AUModel
    max_faces: int | None = None
    decoder: str = "nearest"
    heatmaps: HeatmapMethod | Literal[False] = False
    rules: str = "deramgozin2023"
    zero: Zero = NO_ZERO
    landmarks: bool = False

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self.model.card

    @property
    def needs_landmarks(self) -> bool:
        """Whether faces must have landmarks."""
        return self.landmarks or self.card.crop.align == "points"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of all readings, one sentence each."""
        if self.zero == NO_ZERO or not self.card.emotions:
            return ()
        return (
            f"The model {self.card.name} tells the emotion itself, so the neutral face corrects the AUs only "
            "and the emotion stays as the network tells it.",
        )

    def detect(self, rgb: Pixels, known: Sequence[Face] = (), *, is_photo: bool = False) -> tuple[Face, ...]:
        """Return the faces of one picture, at most `max_faces`, the largest first.

        Where `needs_landmarks` is true, they have landmarks and pose.

        Args:
            rgb: (H, W, 3) RGB uint8.
            known: The faces of the frame before; where there are any, and the detector can, only they are
                looked for, and others only when one of them is lost.
            is_photo: Whether it is a photograph: a video has another chance in its next frame.
        """
        detector = self.detectors.of_kind(is_photo=is_photo)
        found = detector.again(rgb, known) if known and isinstance(detector, LooksAgain) else None
        faces = sorted(detector(rgb) if found is None else found, key=_area, reverse=True)[: self.max_faces]
        return tuple(landmarked(rgb, faces) if self.needs_landmarks else faces)

    def crop(self, frame: Frame, faces: Sequence[Face], tracker: Tracker) -> FaceCrops:
        """Give the faces of one frame their ids and cut them out.

        Args:
            frame: The picture.
            faces: What `detect` found in it.
            tracker: Knows the faces of the frames before; it is updated.
        """
        tracked = tuple(tracker.update(faces, frame.time_s))
        crops = tuple(crop_face(frame.rgb, face, self.card.crop) for face in tracked)
        return FaceCrops(frame, tracked, crops)

    def read(self, batch: Sequence[FaceCrops], neutral: Neutral | None = None) -> list[tuple[Reading, ...]]:
        """Return the readings of each frame of a batch; the network sees all its crops at once.

        The last digits of a probability may depend on the size of the batch, so whoever needs equal bytes
        must batch equally.

        Args:
            batch: Frames with their crops.
            neutral: The zero of the readings; what it learns, it learns in the frames' order.

        Returns:
            Per frame its readings: one per face, or a single one without a face.
        """
        crops = [crop for entry in batch for crop in entry.crops]
        outputs = iter(self.model.predict(crops, heatmaps=self.heatmaps) if crops else ())
        readings = []
        for frame, faces, _ in batch:
            rows = tuple(self._reading(frame, face, next(outputs), neutral) for face in faces)
            readings.append(rows or (Reading(frame.source, frame.index, frame.time_s),))
        return readings

    def _reading(self, frame: Frame, face: Face, output: AUOutput, neutral: Neutral | None) -> Reading:
        if neutral is not None:
            output = neutral.correct(0 if face.face_id is None else face.face_id, output)
        return Reading(frame.source, frame.index, frame.time_s, face, output, self._emotion(output))

    def _emotion(self, output: AUOutput) -> EmotionOutput | None:
        """Return what a network that was taught emotions says, or what the rules read from the AUs."""
        if output.emotion is not None:
            return told_emotion(output.emotion, self.card.emotions)
        return decode_emotion(output, self.card.thresholds, decoder=self.decoder, rules=self.rules)


def build_instrument(settings: Settings) -> Instrument:
    """Load the model and the detector.

    Args:
        settings: Which, and how.

    Raises:
        InputError: The photograph of the neutral face cannot be read.
        ModelError: The model file is missing, broken or not OpenAU's.
        SettingError: There is no such detector, or the model has no heat maps and they are wanted, or knows
            no neutral faces and they are wanted, or the photograph does not show just one face.
        MissingExtraError: The detector's library is not installed.
    """
    model = AUModel(settings.model, threads=settings.threads)
    if settings.heatmaps and model.card.heatmap_layer is None:
        raise SettingError(f"The model {model.card.name} has no heat maps: leave heatmaps out.")
    method = settings.heatmap_method or model.heatmap_method
    if settings.heatmaps and method not in model.heatmap_methods:
        raise SettingError(
            f"The model {model.card.name} has no heat maps by {method}; it has "
            f"{', '.join(model.heatmap_methods)}."
        )

    def build(thorough: bool) -> Detector:
        return build_detector(
            settings.detector,
            file=settings.detector_file,
            min_score=settings.min_face_score,
            thorough=thorough,
        )

    detectors = Detectors(build)
    detectors.of_kind(is_photo=False)  # what cannot be built must be said before the first picture
    instrument = Instrument(
        detectors,
        model,
        settings.max_faces,
        settings.emotion_decoder,
        (settings.heatmaps and method) or False,
        settings.emotion_rules,
        landmarks=settings.landmarks,
    )
    if instrument.needs_landmarks:
        default_landmarks()  # like the detector: what is missing must be said before the first picture
    return replace(instrument, zero=_zero(instrument, settings.neutral))


def _zero(instrument: Instrument, neutral: str | None) -> Zero:
    """Return what a run takes for neutral, by the word or photograph that the settings have."""
    if neutral is None:
        return NO_ZERO
    card = checked_card(instrument.card)
    if neutral == "auto":
        return Zero(learns=card)
    frame = read_image(Path(neutral))
    faces = instrument.detect(frame.rgb, is_photo=True)
    if len(faces) != 1:
        raise SettingError(
            f"{neutral} shows {len(faces)} faces; give a photograph of one neutral face, or auto."
        )
    output = instrument.read([instrument.crop(frame, faces, Tracker())])[0][0].output
    assert output is not None
    return Zero(GivenNeutral(output, card))


def _area(face: Face) -> float:
    x1, y1, x2, y2 = face.box_px
    return (x2 - x1) * (y2 - y1)
