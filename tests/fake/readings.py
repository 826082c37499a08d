"""Made-up faces, readings and pictures, for tests that need readings but no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from openau.records import (
    Accuracy,
    AUOutput,
    CropSpec,
    EmotionOutput,
    Face,
    Frame,
    ModelCard,
    Pixels,
    Reading,
)

AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26, 43)
EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "anger", "disgust")


def fake_card(aus: tuple[int, ...] = AUS) -> ModelCard:
    """A card as full as a shipped one, so that every part of a page or picture has something to show."""
    accuracy = [
        Accuracy(
            "rendered faces, held-out identities (synthetic)", "identities apart", "ROC AUC", 0.93, None, 4000
        )
    ]
    accuracy += [
        Accuracy(
            "rendered faces, held-out identities (synthetic)", "identities apart", "ROC AUC", 0.9, au, 400
        )
        for au in aus
    ]
    accuracy.append(
        Accuracy("102 photographs, smiling against neutral", "never trained on", "ROC AUC", 0.91, 12, 102)
    )
    return ModelCard(
        name="attention-cnn-made-up",
        version="0.1",
        architecture="attention_cnn",
        aus=aus,
        thresholds=tuple(round(0.35 + 0.02 * (i % 10), 2) for i in range(len(aus))),
        crop=CropSpec(size=48, scale=1.1),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        training_data="rendered faces only",
        licence="Apache-2.0",
        reference="Deramgozin et al., 2023",
        heatmap_layer="conv5",
        accuracy=tuple(accuracy),
        limits=(
            "Trained on rendered faces: real faces differ.",
            "Not for diagnosis, hiring, policing or any decision about a person.",
        ),
        created="2025-01-01",
        recipe="images = 100000\nepochs = 10\n",
    )


def fake_picture(
    height: int = 480, width: int = 640, centres: Sequence[tuple[float, float, float]] = ()
) -> Pixels:
    """A soft gradient with a cartoon face (x, y, side in pixels) at each centre."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    shade = np.stack([90 + 90 * x / width, 110 + 60 * y / height, 150 - 60 * x / width], axis=-1)
    rgb = shade.astype(np.uint8)
    for cx, cy, side in centres:
        half = side / 2
        oval = (round(cx), round(cy)), (round(half * 0.75), round(half))
        cv2.ellipse(rgb, *oval, 0, 0, 360, (222, 184, 150), -1, cv2.LINE_AA)
        for sign in (-1, 1):
            eye = (round(cx + sign * half * 0.3), round(cy - half * 0.2))
            cv2.circle(rgb, eye, max(1, round(half * 0.09)), (40, 40, 60), -1, cv2.LINE_AA)
        mouth = (round(cx), round(cy + half * 0.35)), (round(half * 0.3), round(half * 0.15))
        cv2.ellipse(rgb, *mouth, 0, 10, 170, (150, 50, 60), max(1, round(side / 50)), cv2.LINE_AA)
    return rgb


def fake_reading(
    box_px: tuple[float, float, float, float] | None = (220.0, 120.0, 420.0, 320.0),
    *,
    source: str = "clip.mp4",
    frame: int = 0,
    time_s: float | None = 0.0,
    face_id: int | None = 0,
    probability: Sequence[float] | None = None,
    aus: tuple[int, ...] = AUS,
    heatmaps: bool = False,
    emotion: str | None = "happiness",
) -> Reading:
    """One reading; without a box, the reading of a frame without a face."""
    if box_px is None:
        return Reading(source, frame, time_s)
    values = np.asarray(
        probability if probability is not None else np.linspace(0.02, 0.98, len(aus)), np.float32
    )
    maps = None
    if heatmaps:
        y, x = np.mgrid[0:6, 0:6].astype(np.float32)
        spots = [np.exp(-((x - i % 6) ** 2 + (y - i // 6) ** 2) / 3) for i in range(len(aus))]
        maps = (np.stack(spots) * 0.02).astype(np.float32)
    names = dict.fromkeys(EMOTIONS, 0.05)
    if emotion is not None:
        names[emotion] = 0.70
    posterior = tuple((name, p / sum(names.values())) for name, p in names.items())
    return Reading(
        source,
        frame,
        time_s,
        Face(box_px, 5.0, face_id=face_id),
        AUOutput(aus, values, None, maps),
        EmotionOutput(emotion, posterior),
    )


def expression(time_s: float, face_id: int = 0, aus: tuple[int, ...] = AUS) -> list[float]:
    """Probabilities of a made-up performance: each AU rises and falls in its turn."""
    phase = [np.sin(2 * np.pi * (time_s / 6 - i / len(aus) + 0.3 * face_id)) for i in range(len(aus))]
    noise = [0.04 * np.sin(17.3 * time_s + 5 * i) for i in range(len(aus))]
    return [
        float(np.clip(0.5 * max(p, 0.0) ** 3 * 1.9 + 0.05 + n, 0, 1))
        for p, n in zip(phase, noise, strict=True)
    ]


def fake_video(
    frame_count: int,
    *,
    face_count: int = 1,
    frames_per_s: float = 30.0,
    lost: tuple[int, int] = (0, 0),
    source: str = "clip.mp4",
    size: tuple[int, int] = (240, 320),
) -> Iterator[tuple[Frame, list[Reading]]]:
    """Frames and readings of a made-up video; no face in the frames `lost[0]` to `lost[1] - 1`."""
    height, width = size
    side = 0.5 * height
    centres = [((i + 0.5) * width / face_count, height / 2, side) for i in range(face_count)]
    rgb = fake_picture(height, width, centres)
    for index in range(frame_count):
        time_s = index / frames_per_s
        frame = Frame(rgb, source, index, time_s)
        if lost[0] <= index < lost[1]:
            yield frame, [Reading(source, index, time_s)]
            continue
        readings = []
        for face_id, (x, y, _) in enumerate(centres):
            box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
            emotion = EMOTIONS[int(time_s / 2 + face_id) % len(EMOTIONS)]
            readings.append(
                fake_reading(
                    box,
                    source=source,
                    frame=index,
                    time_s=time_s,
                    face_id=face_id,
                    probability=expression(time_s, face_id),
                    emotion=emotion,
                )
            )
        yield frame, readings
