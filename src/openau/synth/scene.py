"""Camera, light, backdrop and the camera's flaws: what surrounds a subject, drawn at random but plausible.

Everything drawn is a plain record; `openau.synth.light`, `openau.synth.backdrop` and `openau.synth.lens` turn
records into arrays and pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from openau.records import Floats
from openau.synth.backdrop import Backdrop, paint_backdrop
from openau.synth.light import Beam, Lamp, Tint


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
        metering: Whether the exposure follows the face (0) or the whole frame (1).
        skin_metering: How far dark skin is let be dark: 0 shows every skin alike, 1 as light as it is.
        blur_px: Deviation of the lens blur at 224 pixels.
        motion_px: Length of the motion blur at 224 pixels.
        motion_deg: Its direction, clockwise from the picture's right.
        noise: Deviation of the sensor noise on middle grey, display range 0-1; shadows have more.
        grey: Whether the picture has no colour.
        warmth: White-balance error; positive is warmer.
        tint: White-balance error; positive is magenta, negative green.
        vignette: Share of the light lost in the corners, 0-1.
        contrast: Of the tone curve; 0 is plain gamma, negative is flat, below 1.
        saturation: 1 leaves colours as they are.
        haze: Display level of black, 0-1: stray light and flat profiles.
        sharpening: Strength of the halo that a camera's sharpening leaves, 0-1.
        detail: Share of the resolution kept, 0-1; below 1 the picture was enlarged from a smaller one.
        jpeg_quality: 1-100, of a compression before the picture is enlarged; 0 for none.
        jpeg_halved: Whether that compression halves the resolution of colour (4:2:0).
    """

    exposure_stops: float = 0.0
    metering: float = 0.0
    skin_metering: float = 0.6
    blur_px: float = 0.0
    motion_px: float = 0.0
    motion_deg: float = 0.0
    noise: float = 0.0
    grey: bool = False
    warmth: float = 0.0
    tint: float = 0.0
    vignette: float = 0.0
    contrast: float = 0.0
    saturation: float = 1.0
    haze: float = 0.0
    sharpening: float = 0.0
    detail: float = 1.0
    jpeg_quality: int = 0
    jpeg_halved: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """All that surrounds a subject in one picture.

    Attributes:
        camera: The camera.
        lamp: The light.
        flaws: The camera's errors.
        backdrop: What is behind the head.
    """

    camera: Camera
    lamp: Lamp
    flaws: Flaws
    backdrop: Backdrop

    def record(self) -> dict[str, Any]:
        """Return every parameter as plain numbers, words, lists and dictionaries, ready for JSON."""
        return asdict(self)


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw camera, light, flaws and backdrop that go together: lamps light the wall, dim rooms are noisy.

    Args:
        rng: The source of chance.
    """
    camera, lamp = draw_camera(rng), draw_lamp(rng)
    return Scene(camera, lamp, draw_flaws(rng, lamp), _choose_backdrop(rng, lamp))


def draw_camera(rng: np.random.Generator) -> Camera:
    """Draw a pose within ±45° yaw, ±20° pitch and ±20° roll, and a framing with the whole face inside.

    Most people look about at the camera; one in four is turned away more, as in candid pictures.

    Args:
        rng: The source of chance.
    """
    deviations = (7, 11, 5) if rng.random() < 0.72 else (11, 27, 9)
    limits = (20, 45, 20)
    pitch, yaw, roll = (
        float(np.clip(rng.normal(0, d), -limit, limit)) for d, limit in zip(deviations, limits, strict=True)
    )
    # The frame follows the face, not the middle of the head.
    right, down = -4.0 * math.sin(math.radians(yaw)), 3.0 * math.sin(math.radians(pitch))
    return Camera(
        pitch_deg=pitch,
        yaw_deg=yaw,
        roll_deg=roll,
        distance_cm=float(np.clip(np.exp(rng.normal(4.75, 0.5)), 40, 300)),
        span_cm=float(20.5 + 7 * rng.beta(1.1, 2.2)),
        shift_cm=(float(right + rng.uniform(-0.8, 0.8)), float(0.2 + down + rng.uniform(-0.7, 0.7))),
    )


def _tint(warmth: float, strength: float = 1.0) -> Tint:
    """Return light that is warmer (positive) or cooler than white."""
    warmth = float(np.clip(warmth, -0.3, 0.3))
    return (strength * (1 + warmth), strength, strength * (1 - warmth))


def _uneven(rng: np.random.Generator, ambient: float, up: float) -> tuple[Tint, Tint, Tint]:
    """Return how ambient light differs to the right, upward and forward."""
    side, front = rng.normal(0, 0.12) * ambient, (0.06 + rng.normal(0, 0.06)) * ambient
    above = (up + rng.normal(0, 0.06)) * ambient
    rough = 0.01 * rng.standard_normal((3, 3))
    rows = np.array([[side], [above], [front]]) + rough
    right, upward, forward = (tuple(float(v) for v in row) for row in rows)
    return (right, upward, forward)  # type: ignore[return-value]  # three numbers each


def _room(rng: np.random.Generator, side: float) -> Lamp:
    """Ceiling lamps, a second one somewhere else."""
    warmth, ambient = rng.normal(0.05, 0.05), rng.uniform(0.28, 0.6)
    beams = tuple(
        Beam(
            rng.normal(0, 70), rng.uniform(5, 60), _tint(warmth + rng.normal(0, 0.03), rng.uniform(0.05, 0.3))
        )
        for _ in range(int(rng.integers(0, 3)))
    )
    key, gradient = _tint(warmth, rng.uniform(0.45, 0.85)), _uneven(rng, ambient, 0.14)
    around, above = side * abs(rng.normal(0, 38)), float(np.clip(rng.normal(42, 16), 5, 75))
    hardness, softness = rng.uniform(0.4, 0.85), rng.uniform(0.5, 1.6)
    return Lamp("room", around, above, key, _tint(warmth / 2, ambient), gradient, beams, hardness, softness)


def _window(rng: np.random.Generator, side: float) -> Lamp:
    """A window at one side, the room's walls at the other."""
    ambient = rng.uniform(0.2, 0.45)
    fill = Beam(-side * rng.uniform(40, 80), rng.uniform(0, 20), _tint(0.06, rng.uniform(0.0, 0.25)))
    key, gradient = _tint(rng.normal(-0.03, 0.05), rng.uniform(0.5, 0.95)), _uneven(rng, ambient, 0.0)
    around, above = side * rng.uniform(25, 78), rng.uniform(0, 32)
    hardness, softness = rng.uniform(0.5, 0.9), rng.uniform(0.8, 1.8)
    return Lamp("window", around, above, key, _tint(0.03, ambient), gradient, (fill,), hardness, softness)


def _overcast(rng: np.random.Generator, side: float) -> Lamp:
    """A grey sky: light from above without a direction."""
    ambient = rng.uniform(0.6, 0.85)
    key, gradient = _tint(-0.02, rng.uniform(0.1, 0.35)), _uneven(rng, ambient, 0.22)
    around, above = side * rng.uniform(0, 60), rng.uniform(45, 80)
    tint = _tint(rng.normal(-0.03, 0.03), ambient)
    return Lamp("overcast", around, above, key, tint, gradient, (), 0.35, 1.8)


def _sun(rng: np.random.Generator, side: float) -> Lamp:
    """Sun, blue sky, light thrown back by the ground."""
    ambient = rng.uniform(0.3, 0.5)
    bounce = Beam(rng.normal(0, 40), -35, _tint(0.06, rng.uniform(0.04, 0.16)))
    key, gradient = _tint(rng.normal(0.06, 0.04), rng.uniform(0.8, 1.2)), _uneven(rng, ambient, 0.1)
    around, above, hardness = side * rng.uniform(0, 70), rng.uniform(15, 60), rng.uniform(0.75, 0.95)
    tint = _tint(rng.normal(-0.09, 0.03), ambient)
    return Lamp("sun", around, above, key, tint, gradient, (bounce,), hardness, rng.uniform(0.2, 0.5))


def _studio(rng: np.random.Generator, side: float) -> Lamp:
    """A photographer's key and fill, often a rim light from behind."""
    ambient = rng.uniform(0.25, 0.5)
    beams = [Beam(-side * rng.uniform(15, 60), rng.uniform(0, 25), _tint(0.0, rng.uniform(0.08, 0.35)))]
    if rng.random() < 0.6:
        beams.append(
            Beam(-side * rng.uniform(125, 165), rng.uniform(10, 40), _tint(0.0, rng.uniform(0.3, 0.8)))
        )
    key, gradient = _tint(rng.normal(0.01, 0.03), rng.uniform(0.5, 0.85)), _uneven(rng, ambient, 0.05)
    around, above = side * rng.uniform(10, 50), rng.uniform(12, 45)
    hardness, softness = rng.uniform(0.4, 0.8), rng.uniform(0.8, 1.8)
    return Lamp("studio", around, above, key, _tint(0, ambient), gradient, tuple(beams), hardness, softness)


def _flash(rng: np.random.Generator, side: float) -> Lamp:
    """A flash on the camera, a dim room around."""
    ambient = rng.uniform(0.14, 0.3)
    key, gradient = _tint(rng.normal(-0.01, 0.03), rng.uniform(0.7, 1.0)), _uneven(rng, ambient, 0.1)
    around, above = side * rng.uniform(0, 8), rng.uniform(3, 14)
    return Lamp("flash", around, above, key, _tint(0.08, ambient), gradient, (), 0.9, 0.3)


def _backlit(rng: np.random.Generator, side: float) -> Lamp:
    """The brightest light behind the head, the face in its shade."""
    ambient = rng.uniform(0.45, 0.65)
    fill = Beam(rng.normal(0, 40), rng.uniform(-10, 30), _tint(0.0, rng.uniform(0.05, 0.3)))
    key, gradient = _tint(rng.normal(0.05, 0.05), rng.uniform(0.6, 1.2)), _uneven(rng, ambient, 0.1)
    around, above = side * rng.uniform(110, 160), rng.uniform(15, 45)
    tint = _tint(rng.normal(-0.03, 0.04), ambient)
    return Lamp("backlit", around, above, key, tint, gradient, (fill,), 0.9, 0.5)


def _dim(rng: np.random.Generator, side: float) -> Lamp:
    """An evening: a small lamp, or a screen that shines from below."""
    screen, ambient = rng.random() < 0.4, rng.uniform(0.15, 0.28)
    warmth = rng.normal(-0.10, 0.03) if screen else rng.normal(0.13, 0.04)
    around, above = side * rng.uniform(0, 60), rng.uniform(-25, 0) if screen else rng.uniform(-5, 45)
    key, gradient = _tint(warmth, rng.uniform(0.3, 0.6)), _uneven(rng, ambient, 0.05)
    hardness, softness = rng.uniform(0.5, 0.85), rng.uniform(0.6, 1.6)
    return Lamp("dim", around, above, key, _tint(warmth / 2, ambient), gradient, (), hardness, softness)


def _coloured(rng: np.random.Generator, side: float) -> Lamp:
    """Plain light from the front and coloured light from a side: signs, stages, neon."""
    ambient = rng.uniform(0.25, 0.45)
    hues = np.array(
        [[1.0, 0.45, 0.5], [0.45, 0.6, 1.0], [0.85, 0.5, 1.0], [0.5, 0.95, 0.75], [1.0, 0.75, 0.4]]
    )
    first, second = hues[rng.permutation(len(hues))[:2]] * rng.uniform(0.25, 0.6, (2, 1))
    beams = (
        Beam(-side * rng.uniform(50, 110), rng.uniform(-5, 30), _rgb(first)),
        Beam(side * rng.uniform(60, 140), rng.uniform(0, 30), _rgb(second)),
    )
    key, gradient = _tint(rng.normal(0, 0.08), rng.uniform(0.35, 0.65)), _uneven(rng, ambient, 0.05)
    around, above = side * rng.uniform(0, 45), rng.uniform(0, 45)
    return Lamp("coloured", around, above, key, _tint(0, ambient), gradient, beams, 0.6, 1.0)


def _rgb(colour: Floats) -> Tint:
    """Return a colour as plain numbers."""
    red, green, blue = (float(v) for v in colour)
    return (red, green, blue)


_LAMPS: Final[dict[str, tuple[float, Callable[[np.random.Generator, float], Lamp]]]] = {
    "room": (0.28, _room),
    "window": (0.19, _window),
    "overcast": (0.16, _overcast),
    "sun": (0.10, _sun),
    "studio": (0.12, _studio),
    "flash": (0.05, _flash),
    "backlit": (0.04, _backlit),
    "dim": (0.04, _dim),
    "coloured": (0.02, _coloured),
}


def draw_lamp(rng: np.random.Generator) -> Lamp:
    """Draw a light: a room, a window, a grey sky, sun, a studio, a flash; rarely backlight, dusk or neon.

    Args:
        rng: The source of chance.
    """
    names = list(_LAMPS)
    name = names[int(rng.choice(len(names), p=[_LAMPS[n][0] for n in names]))]
    return _LAMPS[name][1](rng, 1.0 if rng.random() < 0.5 else -1.0)


def studio_lamp() -> Lamp:
    """Return a pleasant frontal light with a soft fill."""
    return Lamp(
        kind="studio",
        azimuth_deg=23.0,
        elevation_deg=26.8,
        key=(0.8, 0.78, 0.75),
        ambient=(0.42, 0.43, 0.45),
        gradient=((0, 0, 0), (0.08, 0.08, 0.08), (0.05, 0.05, 0.05)),
        beams=(Beam(-36.9, 5.7, (0.15, 0.15, 0.15)),),
        hardness=0.6,
    )


def draw_flaws(rng: np.random.Generator, lamp: Lamp | None = None) -> Flaws:
    """Draw exposure, blur, noise, colour and compression of an ordinary camera.

    Args:
        rng: The source of chance.
        lamp: The light; in dim light pictures are darker, noisier and more often blurred.
    """
    dim = lamp is not None and lamp.kind == "dim"
    enlarged, phone = rng.random() < 0.25, rng.random() < 0.5
    compressed = rng.random() < (0.8 if enlarged else 0.25)
    moved = rng.random() < (0.25 if dim else 0.10)
    return Flaws(
        exposure_stops=float(np.clip(rng.normal(-0.6 if dim else 0.0, 0.35), -1.2, 0.8)),
        metering=float(rng.uniform(0, 0.6)),
        skin_metering=float(rng.uniform(0.35, 1.0)),
        blur_px=float(rng.uniform(0.3, 1.3)) if rng.random() < 0.3 else 0.0,
        motion_px=float(np.clip(1 + rng.exponential(1.8), 1, 6)) if moved else 0.0,
        motion_deg=float(rng.uniform(0, 180)),
        noise=float(rng.uniform(0.012, 0.035) if dim else 0.002 + 0.02 * rng.beta(1.0, 2.0)),
        grey=bool(rng.random() < 0.08),
        warmth=float(0.05 * rng.standard_normal()),
        tint=float(0.02 * rng.standard_normal()),
        vignette=float(rng.uniform(0.05, 0.4)) if rng.random() < 0.4 else 0.0,
        contrast=float(rng.uniform(0.15, 0.6) if phone else rng.uniform(-0.15, 0.35)),
        saturation=float(rng.uniform(0.85, 1.1) if phone else rng.uniform(0.7, 1.08)),
        haze=float(rng.uniform(0, 0.05)) if rng.random() < 0.25 else 0.0,
        sharpening=float(rng.uniform(0.2, 0.9)) if phone and rng.random() < 0.7 else 0.0,
        detail=float(rng.uniform(0.4, 0.9)) if enlarged else 1.0,
        jpeg_quality=int(rng.integers(50, 93)) if compressed else 0,
        jpeg_halved=bool(rng.random() < 0.7),
    )


_PLACES: Final[dict[str, dict[str, float]]] = {
    "inside": {"wall": 0.32, "room": 0.46, "things": 0.16, "dark": 0.06},
    "outside": {"street": 0.52, "foliage": 0.30, "wall": 0.10, "things": 0.08},
    "studio": {"studio": 0.85, "wall": 0.15},
    "night": {"dark": 0.4, "evening": 0.3, "room": 0.3},
}
_PLACE_OF_LAMP: Final = {
    "room": ("inside", 0.75),
    "window": ("inside", 0.6),
    "overcast": ("outside", 0.85),
    "sun": ("outside", 0.85),
    "studio": ("studio", 0.9),
    "flash": ("inside", 0.3),
    "backlit": ("outside", 1.3),
    "dim": ("night", 0.3),
    "coloured": ("night", 0.4),
}
"""Where a light is found, and how bright the surroundings are against the subject."""


def _choose_backdrop(rng: np.random.Generator, lamp: Lamp) -> Backdrop:
    """Draw a backdrop that the light could have."""
    place, level = _PLACE_OF_LAMP[lamp.kind]
    chances = _PLACES[place]
    kind = list(chances)[int(rng.choice(len(chances), p=list(chances.values())))]
    falling = np.array(lamp.ambient) + 0.45 * np.array(lamp.key)
    falling = falling * level * float(np.exp(np.clip(rng.normal(0, 0.4), -0.9, 0.7)))
    return Backdrop(
        kind, int(rng.integers(2**31)), _rgb(falling.astype(np.float32)), float(rng.beta(1.5, 1.8))
    )


def draw_backdrop(rng: np.random.Generator, height: int, width: int) -> Floats:
    """Draw and paint a backdrop in ordinary light.

    Args:
        rng: The source of chance.
        height: Pixels.
        width: Pixels.

    Returns:
        (height, width, 3) float32, linear light.
    """
    return paint_backdrop(_choose_backdrop(rng, draw_lamp(rng)), height, width)
