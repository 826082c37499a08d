"""What is behind the head: walls, rooms, streets, foliage and lamps, painted out of focus, never lurid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.light import Tint
from openau.synth.texture import blur, float32, resize

_SMALL: Final = 96
"""Side of the canvas, pixels; what is out of focus needs no more."""

# Reflectance, linear RGB, of what surrounds people: plaster, cream, wood, brick, slate, linen, leaf, earth.
_MATERIALS: Final = np.array(
    [
        [0.62, 0.61, 0.58],
        [0.55, 0.50, 0.42],
        [0.33, 0.33, 0.34],
        [0.17, 0.17, 0.18],
        [0.22, 0.15, 0.10],
        [0.33, 0.25, 0.18],
        [0.26, 0.16, 0.13],
        [0.17, 0.20, 0.24],
        [0.42, 0.45, 0.47],
        [0.13, 0.16, 0.10],
        [0.24, 0.20, 0.15],
        [0.05, 0.05, 0.055],
        [0.20, 0.25, 0.26],
        [0.36, 0.40, 0.36],
    ]
)


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What is behind the head.

    Attributes:
        kind: One of `KINDS`.
        seed: Decides everything that is painted.
        light: Light that falls on it, linear RGB.
        blur: How far out of focus, 0-1.
    """

    kind: str
    seed: int
    light: Tint = (0.7, 0.7, 0.7)
    blur: float = 0.5


def paint_backdrop(backdrop: Backdrop, height: int, width: int) -> Floats:
    """Paint a backdrop.

    Args:
        backdrop: What.
        height: Pixels.
        width: Pixels.

    Returns:
        (height, width, 3) float32, linear light; sky, windows and lamps may exceed 1.
    """
    rng = np.random.default_rng(backdrop.seed)
    canvas = KINDS[backdrop.kind](rng, backdrop.blur)
    canvas *= float32(backdrop.light)
    return float32(np.clip(resize(canvas, (height, width), cv2.INTER_CUBIC), 0.001, 3.0))


def _material(rng: np.random.Generator, count: int = 1, chroma: float = 1.0) -> Floats:
    """Return reflectances of things, (count, 3)."""
    colour = _MATERIALS[rng.integers(0, len(_MATERIALS), count)] * rng.uniform(0.6, 1.25, (count, 1))
    grey = colour.mean(axis=1, keepdims=True)
    colour = grey + (colour - grey) * chroma * rng.uniform(0.5, 1.4, (count, 1))
    return float32(np.clip(colour * (1 + 0.04 * rng.standard_normal((count, 3))), 0.01, 0.75))


def _wash(rng: np.random.Generator, colour: Floats, contrast: float) -> Floats:
    """Return a canvas of one colour on which light falls unevenly."""
    corners = np.exp(contrast * rng.standard_normal((2, 3, 1)))
    light = resize(float32(np.repeat(corners, 3, axis=2)), (_SMALL, _SMALL), cv2.INTER_CUBIC)
    return light * colour


def _cloud(rng: np.random.Generator, cells: int) -> Floats:
    """Return smooth noise, (S, S), mean about 0 and deviation about 1."""
    return resize(rng.standard_normal((cells, cells)).astype(np.float32), (_SMALL, _SMALL), cv2.INTER_CUBIC)


def _box(canvas: Floats, corner: tuple[float, float], size: tuple[float, float], colour: Floats) -> None:
    """Fill a rectangle given in shares of the canvas, in place."""
    first = (round(corner[0] * _SMALL), round(corner[1] * _SMALL))
    last = (round((corner[0] + size[0]) * _SMALL), round((corner[1] + size[1]) * _SMALL))
    cv2.rectangle(canvas, first, last, [float(c) for c in colour], -1)


def _disc(canvas: Floats, centre: NDArray[np.float64], radius: float, colour: Floats, edge: float) -> None:
    """Add a soft disc of light, a lamp out of focus, in place; all in shares of the canvas."""
    rows, columns = np.ogrid[:_SMALL, :_SMALL]
    away = np.hypot(columns / _SMALL - centre[0], rows / _SMALL - centre[1])
    cover = np.clip((radius - away) / (radius * edge) + 0.5, 0, 1).astype(np.float32)[..., None]
    canvas += colour * cover


def _wall(rng: np.random.Generator, softness: float) -> Floats:
    """Paint a wall close behind: paint or plaster with a faint grain."""
    wall = _MATERIALS[rng.choice([0, 0, 1, 1, 2, 7, 8, 12, 13])] * rng.uniform(0.6, 1.25)
    canvas = _wash(rng, float32(wall), 0.22)
    canvas *= 1 + float32(0.015 * (1 - softness)) * _cloud(rng, _SMALL)[..., None]
    if rng.random() < 0.25:  # wainscot, or the edge of a door
        _box(canvas, (rng.uniform(0, 0.8), -0.1), (0.9, 1.2), float32(wall) * float32(rng.uniform(0.7, 1.2)))
        canvas = blur(canvas, 0.6 + 2 * softness)
    return canvas


def _studio(rng: np.random.Generator, softness: float) -> Floats:
    """Paint a photographer's paper: one calm colour with a glow behind the head."""
    paper = np.clip(rng.uniform(0.04, 0.6) * (1 + 0.08 * rng.standard_normal(3)), 0.02, 0.7)
    canvas = _wash(rng, float32(paper), 0.12)
    rows, columns = np.ogrid[:_SMALL, :_SMALL]
    x, y = rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.8)
    away = np.hypot(columns / _SMALL - x, rows / _SMALL - y).astype(np.float32)
    glow = np.exp(-((away / np.float32(0.3 + 0.4 * softness)) ** 2))
    return float32(canvas * (0.7 + np.float32(rng.uniform(0, 0.9)) * glow[..., None]))


def _room(rng: np.random.Generator, softness: float) -> Floats:
    """Paint a room: wall, furniture, a shelf or pictures, sometimes a window or a lamp."""
    canvas = _wash(rng, _material(rng)[0] * 0.4 + float32([0.3, 0.29, 0.26]), 0.25)
    for colour in _material(rng, int(rng.integers(2, 6))):
        wide = rng.uniform(0.08, 0.5)
        _box(canvas, (rng.uniform(-0.2, 0.95), rng.uniform(0.1, 0.9)), (wide, 1.0), colour)
    if rng.random() < 0.4:
        shelf, left = _material(rng)[0], rng.uniform(-0.2, 0.7)
        for row in range(int(rng.integers(2, 5))):
            top = 0.05 + 0.22 * row
            for book, colour in enumerate(_material(rng, 7, 1.2) * 0.8):
                _box(canvas, (left + 0.055 * book, top), (0.045, 0.17), colour)
            _box(canvas, (left - 0.02, top + 0.18), (0.43, 0.025), shelf)
    if rng.random() < 0.3:
        left = rng.uniform(-0.15, 0.85)
        _box(canvas, (left, rng.uniform(-0.1, 0.2)), (0.3, 0.55), float32([0.95, 1.0, 1.05]))
        _box(canvas, (left + 0.14, -0.1), (0.025, 0.85), float32([0.4, 0.4, 0.38]))
    if rng.random() < 0.3:
        _disc(canvas, rng.uniform([0, 0], [1, 0.5]), rng.uniform(0.03, 0.09), float32([1.0, 0.85, 0.6]), 0.8)
    return blur(canvas, 0.8 + 5 * softness)


def _street(rng: np.random.Generator, softness: float) -> Floats:
    """Paint a street or a park: sky, a skyline of buildings or trees, ground."""
    horizon = rng.uniform(0.35, 0.85)
    rows = np.linspace(0, 1, _SMALL, dtype=np.float32)[:, None, None]
    overcast = rng.random() < 0.5
    high = float32([0.72, 0.76, 0.80]) if overcast else float32([0.36, 0.50, 0.74])
    canvas = np.tile(high + (float32([0.85, 0.87, 0.88]) - high) * np.sqrt(rows), (1, _SMALL, 1))
    for colour in _material(rng, int(rng.integers(3, 9)), 0.9):
        top = horizon - rng.uniform(0.02, 0.5)
        _box(canvas, (rng.uniform(-0.25, 1), top), (rng.uniform(0.1, 0.45), 1.2), colour)
    leaf = float32([0.095, 0.115, 0.065]) * float32(rng.uniform(0.6, 1.5))
    for _ in range(int(rng.integers(0, 7))):
        centre = (int(rng.uniform(0, _SMALL)), int((horizon - rng.uniform(0, 0.3)) * _SMALL))
        axes = (int(rng.uniform(4, 22)), int(rng.uniform(5, 20)))
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, [float(c) * rng.uniform(0.6, 1.5) for c in leaf], -1)
    _box(canvas, (-0.1, horizon + 0.1), (1.2, 1.0), _material(rng, 1, 0.7)[0] * 0.7 + np.float32(0.05))
    canvas *= 1 + np.float32(0.10) * _cloud(rng, 24)[..., None]
    return blur(canvas, 1.0 + 5.5 * softness)


def _foliage(rng: np.random.Generator, softness: float) -> Floats:
    """Paint leaves: dark and light muted greens with gaps where the sky shines through."""
    shade = 0.9 * _cloud(rng, 5) + 0.6 * _cloud(rng, 12) + 0.5 * _cloud(rng, 32)
    green = float32([0.115, 0.13, 0.07]) * (1 + 0.12 * rng.standard_normal(3)).clip(0.7, 1.3)
    canvas = float32(green * np.exp(0.55 * shade)[..., None])
    gaps = np.clip(_cloud(rng, 14) + 0.4 * _cloud(rng, 40) - 1.6, 0, 1)[..., None]
    canvas += gaps * float32([0.75, 0.8, 0.75])
    return blur(canvas, 0.8 + 4 * softness)


def _evening(rng: np.random.Generator, softness: float) -> Floats:
    """Paint a place at night: dark, with lamps out of focus."""
    canvas = _wash(rng, _material(rng, 1, 0.7)[0] * 0.35 + np.float32(0.01), 0.4)
    for colour in _material(rng, 3):
        _box(canvas, (rng.uniform(-0.2, 1), rng.uniform(0, 0.9)), (rng.uniform(0.1, 0.5), 1), colour * 0.25)
    canvas = blur(canvas, 2 + 3 * softness)
    for _ in range(int(rng.integers(3, 15))):
        warm = float32([1.0, rng.uniform(0.7, 0.95), rng.uniform(0.4, 0.9)])
        strength = float32(rng.uniform(0.08, 0.5))
        _disc(canvas, rng.uniform(0, 1, 2), rng.uniform(0.02, 0.04 + 0.05 * softness), warm * strength, 0.25)
    return blur(canvas, 0.7)


def _things(rng: np.random.Generator, softness: float) -> Floats:
    """Paint nothing in particular: a few large soft shapes in colours of cloth and furniture."""
    canvas = _wash(rng, _material(rng)[0], 0.3)
    for colour in _material(rng, int(rng.integers(3, 9)), 1.1):
        centre = (int(rng.uniform(0, _SMALL)), int(rng.uniform(0, _SMALL)))
        axes = (int(rng.uniform(5, 30)), int(rng.uniform(5, 38)))
        cv2.ellipse(canvas, centre, axes, rng.uniform(0, 180), 0, 360, [float(c) for c in colour], -1)
    return blur(canvas, 1.5 + 6 * softness)


def _dark(rng: np.random.Generator, softness: float) -> Floats:
    """Paint a dark room."""
    return _wash(rng, _material(rng, 1, 0.6)[0] * 0.12 + np.float32(0.004), 0.3 + 0.2 * softness)


KINDS: Final[dict[str, Callable[[np.random.Generator, float], Floats]]] = {
    "wall": _wall,
    "studio": _studio,
    "room": _room,
    "street": _street,
    "foliage": _foliage,
    "evening": _evening,
    "things": _things,
    "dark": _dark,
}
"""How each kind of backdrop is painted."""
