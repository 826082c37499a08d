"""The light on a subject as a plain record: a key light that casts shadows, lights without, and the sky."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from openau.records import Floats
from openau.synth.texture import float32

Tint = tuple[float, float, float]
"""Linear RGB."""


@dataclass(frozen=True, slots=True)
class Beam:
    """A light far away that casts no shadow: a fill, a rim, a second lamp.

    Attributes:
        azimuth_deg: 0 from the camera, 90 from the picture's right, 180 from behind the head.
        elevation_deg: Above the horizon.
        colour: Colour and strength, linear RGB.
    """

    azimuth_deg: float
    elevation_deg: float
    colour: Tint


@dataclass(frozen=True, slots=True)
class Lamp:
    """All light on the subject, in camera axes.

    Attributes:
        kind: What it imitates, for instance `window`.
        azimuth_deg: Of the key light; 0 from the camera, 90 from the picture's right, 180 from behind.
        elevation_deg: Of the key light, above the horizon.
        key: Colour and strength of the key light, linear RGB.
        ambient: Light from everywhere.
        gradient: What is added to the ambient light toward the picture's right, upward, toward the camera.
        beams: Lights without shadow.
        hardness: 0 no shadow, 1 full shadow.
        softness_cm: Width of the shadow's edge on the face.
    """

    kind: str
    azimuth_deg: float
    elevation_deg: float
    key: Tint
    ambient: Tint
    gradient: tuple[Tint, Tint, Tint]
    beams: tuple[Beam, ...] = ()
    hardness: float = 0.7
    softness_cm: float = 0.6


class Rays(NamedTuple):
    """A lamp as the shader wants it.

    Attributes:
        direction: (3,) float32, unit, toward the key light.
        key: (3,) float32.
        ambient: (3,) float32.
        gradient: (3, 3) float32, axis and colour.
        beams: (L, 6) float32, unit direction and colour of each shadowless light.
        hardness: 0-1.
        softness_cm: Width of the shadow's edge.
    """

    direction: Floats
    key: Floats
    ambient: Floats
    gradient: Floats
    beams: Floats
    hardness: float
    softness_cm: float


def toward(azimuth_deg: float, elevation_deg: float) -> Floats:
    """Return the unit vector toward a light, camera axes.

    Args:
        azimuth_deg: 0 from the camera, 90 from the picture's right.
        elevation_deg: Above the horizon.

    Returns:
        (3,) float32.
    """
    around, above = math.radians(azimuth_deg), math.radians(elevation_deg)
    return float32([math.sin(around) * math.cos(above), math.sin(above), math.cos(around) * math.cos(above)])


def aim(lamp: Lamp) -> Rays:
    """Return the lamp as arrays.

    Args:
        lamp: The record.
    """
    beams = np.zeros((len(lamp.beams), 6), np.float32)
    for row, beam in zip(beams, lamp.beams, strict=True):
        row[:3], row[3:] = toward(beam.azimuth_deg, beam.elevation_deg), beam.colour
    return Rays(
        direction=toward(lamp.azimuth_deg, lamp.elevation_deg),
        key=float32(lamp.key),
        ambient=float32(lamp.ambient),
        gradient=float32(lamp.gradient),
        beams=beams,
        hardness=float(lamp.hardness),
        softness_cm=float(lamp.softness_cm),
    )
