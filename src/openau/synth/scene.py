"""Camera, light, backdrop and the camera's flaws: what surrounds a subject, drawn at random but plausible."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from openau.records import Floats
from openau.synth.shade import Lamp
from openau.synth.texture import blur, float32, resize


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the camera stands and how the head is turned.

    Attributes:
        pitch_deg: Head up (positive) or down.
        yaw_deg: Head turned to the subject's left (positive: the nose points to the picture's right).
        roll_deg: Head tilted, counter-clockwise in the picture when positive.
        distance_cm: From the camera to the head's middle.
        span_cm: Width of the picture at the head's middle.
        shift_cm: Head's middle right of and below the picture's middle.
    """

    pitch_deg: float = 0.0
    yaw_deg: float = 0.0
    roll_deg: float = 0.0
    distance_cm: float = 80.0
    span_cm: float = 23.0
    shift_cm: tuple[float, float] = (0.0, 0.2)


@dataclass(frozen=True, slots=True)
class Flaws:
    """What the camera does to the light.

    Attributes:
        exposure_stops: Brighter (positive) or darker than usual, in factors of two.
        blur_px: Deviation of the lens blur at 224 pixels.
        noise: Deviation of the sensor noise, display range 0-1.
        grey: Whether the picture has no colour.
        warmth: White-balance error; positive is warmer.
        detail: Share of the resolution kept, 0-1; below 1 the picture was enlarged from a smaller one.
    """

    exposure_stops: float = 0.0
    blur_px: float = 0.0
    noise: float = 0.0
    grey: bool = False
    warmth: float = 0.0
    detail: float = 1.0


def draw_camera(rng: np.random.Generator) -> Camera:
    """Draw a pose within ±40° yaw, ±15° pitch and ±12° roll, and a framing with the whole face inside.

    Args:
        rng: The source of chance.
    """
    return Camera(
        pitch_deg=float(np.clip(rng.normal(0, 7), -15, 15)),
        yaw_deg=float(np.clip(rng.normal(0, 12), -40, 40)),
        roll_deg=float(np.clip(rng.normal(0, 5), -12, 12)),
        distance_cm=float(rng.uniform(45, 120)),
        span_cm=float(rng.uniform(20.5, 25)),
        shift_cm=(float(rng.uniform(-0.8, 0.8)), float(0.2 + rng.uniform(-0.7, 0.7))),
    )


def draw_lamp(rng: np.random.Generator) -> Lamp:
    """Draw a light: soft indoor, window from a side, overhead, sun; rarely from below.

    Args:
        rng: The source of chance.
    """
    around = rng.normal(0, 0.75)
    above = float(np.clip(rng.normal(0.45, 0.35), -0.35, 1.15))
    direction = np.array(
        [math.sin(around) * math.cos(above), math.sin(above), math.cos(around) * math.cos(above) + 0.15]
    )
    warm = 0.10 * rng.standard_normal()
    tint = np.array([1 + warm, 1.0, 1 - warm])
    key = rng.uniform(0.3, 1.0)
    ambient = rng.uniform(0.3, 0.75)
    gradient = rng.standard_normal((3, 1)) * np.array([[0.10], [0.08], [0.06]]) + np.array(
        [[0], [0.06], [0.04]]
    )
    side = -np.sign(around) * rng.uniform(0.5, 1.3)
    fill = np.array([math.sin(side), 0.15, math.cos(side), rng.uniform(0, 0.3)])
    return Lamp(
        direction=(direction / np.linalg.norm(direction)).astype(np.float32),
        key=(key * tint).astype(np.float32),
        ambient=(ambient * (1 - 0.5 * warm * np.array([1, 0, -1]))).astype(np.float32),
        gradient=(gradient * ambient + 0.01 * rng.standard_normal((3, 3))).astype(np.float32),
        fill=fill.astype(np.float32),
        hardness=float(rng.choice([0.35, 0.7, 1.0])),
    )


def studio_lamp() -> Lamp:
    """Return a pleasant frontal light with a soft fill."""
    direction = np.array([0.35, 0.45, 0.82])
    return Lamp(
        direction=(direction / np.linalg.norm(direction)).astype(np.float32),
        key=np.array([0.8, 0.78, 0.75], np.float32),
        ambient=np.array([0.42, 0.43, 0.45], np.float32),
        gradient=np.array([[0, 0, 0], [0.08, 0.08, 0.08], [0.05, 0.05, 0.05]], np.float32),
        fill=np.array([-0.6, 0.1, 0.8, 0.15], np.float32),
        hardness=0.6,
    )


def draw_flaws(rng: np.random.Generator) -> Flaws:
    """Draw exposure, blur, noise and colour errors of an ordinary camera.

    Args:
        rng: The source of chance.
    """
    return Flaws(
        exposure_stops=float(np.clip(rng.normal(0, 0.4), -1.1, 0.9)),
        blur_px=float(rng.uniform(0.3, 1.3)) if rng.random() < 0.35 else 0.0,
        noise=float(rng.uniform(0.002, 0.022)),
        grey=bool(rng.random() < 0.08),
        warmth=float(0.06 * rng.standard_normal()),
        detail=float(rng.uniform(0.45, 0.9)) if rng.random() < 0.25 else 1.0,
    )


def draw_backdrop(rng: np.random.Generator, height: int, width: int) -> Floats:
    """Draw a calm backdrop: studio gradient, blurred room, blurred outdoors, or near black.

    Args:
        rng: The source of chance.
        height: Pixels.
        width: Pixels.

    Returns:
        (height, width, 3) float32, linear light 0-1.
    """
    kind = rng.choice(["studio", "room", "outdoors", "dark"], p=[0.35, 0.35, 0.2, 0.1])
    if kind == "studio":
        corners = _muted(rng, 4, 0.06) * rng.uniform(0.1, 0.9)
        corners = corners.reshape(2, 2, 3) * rng.uniform(0.7, 1.3, (2, 2, 1))
    elif kind == "dark":
        corners = _muted(rng, 9, 0.1).reshape(3, 3, 3) * 0.08
    else:
        corners = _muted(rng, 9, 0.12).reshape(3, 3, 3) * rng.uniform(0.15, 0.7, (3, 3, 1))
        if kind == "outdoors":
            corners[0] = np.array([0.55, 0.68, 0.85]) * rng.uniform(0.5, 1.1)
            corners[1:] *= np.array([0.85, 1.05, 0.6])
    # Drawn small and enlarged: it is out of focus anyway.
    small = resize(float32(corners), (64, 64))
    if kind in ("room", "outdoors"):
        _add_things(rng, small, upright=kind == "room")
        small = blur(small, rng.uniform(0.7, 4.0))
    return float32(np.clip(resize(small, (height, width)), 0, 0.95))


def _muted(rng: np.random.Generator, count: int, deviation: float) -> Floats:
    """Return colours close to grey, their mean 1."""
    colours = (
        1 + deviation * rng.standard_normal((count, 3)) + 0.08 * rng.standard_normal((1, 1)) * [1, 0, -1]
    )
    return np.asarray(np.clip(colours, 0.3, 1.8), np.float32)


def _add_things(rng: np.random.Generator, picture: Floats, *, upright: bool) -> None:
    """Paint furniture-like rectangles or foliage-like blobs, in place."""
    for _ in range(int(rng.integers(2, 9))):
        colour = _muted(rng, 1, 0.3)[0] * rng.uniform(0.03, 0.8)
        paint = tuple(float(c) for c in colour)
        x, y = (int(v) for v in rng.integers(-8, 64, 2))
        w, h = (int(v) for v in rng.integers(4, 34, 2))
        if upright:
            cv2.rectangle(picture, (x, y), (x + w, y + h), paint, -1)
        else:
            cv2.ellipse(
                picture, (x, y), (w // 2 + 1, h // 2 + 1), float(rng.uniform(0, 180)), 0, 360, paint, -1
            )


def develop(light: Floats, face: Floats, flaws: Flaws, target: float, rng: np.random.Generator) -> Floats:
    """Expose, blur and digitise linear light as a camera does.

    Args:
        light: (H, W, 3) float32, linear.
        face: (H, W) float32, 1 on the face's skin.
        flaws: The camera's errors.
        target: Linear level that the face's median should get before `exposure_stops`.
        rng: The source of the sensor noise.

    Returns:
        (H, W, 3) float32, display range 0-1.
    """
    picture = light * np.float32(_exposure(light, face, flaws, target))
    picture *= np.array([1 + flaws.warmth, 1, 1 - flaws.warmth], np.float32)
    height, width = picture.shape[:2]
    if flaws.blur_px:
        picture = blur(picture, flaws.blur_px * width / 224)
    # A soft shoulder instead of a hard ceiling: highlights keep their shape.
    bright = picture > 0.6
    picture[bright] = 0.6 + 0.4 * (1 - np.exp(-(picture[bright] - 0.6) / 0.4))
    shown = np.power(np.maximum(picture, 0), np.float32(1 / 2.2))
    if flaws.grey:
        shown[:] = (shown @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    if flaws.noise:
        shown += rng.standard_normal(shown.shape, np.float32) * np.float32(flaws.noise)
    if flaws.detail < 1:
        fewer = (round(height * flaws.detail), round(width * flaws.detail))
        shown = resize(resize(shown, fewer, cv2.INTER_AREA), (height, width))
    return float32(np.clip(shown, 0, 1))


def _exposure(light: Floats, face: Floats, flaws: Flaws, target: float) -> float:
    """Return the gain that brings the face to its target without burning its brightest skin."""
    luminance = light[face > 0.5] @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    if luminance.size == 0:
        return 1.0
    middle, brightest = np.percentile(luminance, [50, 98])
    wanted = target * 2**flaws.exposure_stops / max(float(middle), 1e-4)
    return float(min(wanted, 0.85 / max(float(brightest), 1e-4)))
