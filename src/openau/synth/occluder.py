"""A hand or a thing before part of the face, for a single picture."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.piece import Piece, grid_triangles, solid_piece, tube
from openau.synth.rig import HAND, OBJECT, Rig
from openau.synth.texture import Numbers, float32
from openau.synth.wardrobe import Occluder

_BOX: Final = np.array(
    [
        [0, 2, 1],
        [1, 2, 3],
        [4, 5, 6],
        [5, 7, 6],
        [0, 1, 4],
        [1, 5, 4],
        [2, 6, 3],
        [3, 6, 7],
        [0, 4, 2],
        [2, 4, 6],
        [1, 3, 5],
        [3, 7, 5],
    ],
    np.int32,
)


def make_occluder(rng: np.random.Generator, kind: Occluder, vertices: Floats, rig: Rig) -> tuple[Piece, ...]:
    """Put a hand or a thing before a face.

    Args:
        rng: The source of chance.
        kind: Which; "none" returns nothing.
        vertices: (N, 3) float32, cm, the subject's resting face.
        rig: The rig, for its landmarks.
    """
    if kind == "none":
        return ()
    marks = vertices[rig.landmarks]
    if kind == "hand":
        return _hand(rng, marks)
    place = np.array(
        [rng.normal(0, 2.5), marks[62, 1] + rng.uniform(-3.5, 0.5), marks[30, 2] + rng.uniform(0.6, 3)]
    )
    if kind == "cup":
        place[:2] = rng.normal(0, 0.8), marks[62, 1] - 4.2 + rng.uniform(-0.8, 1.0)
        place[2] = marks[62, 2] + 4.2
        return (_cup(rng, place),)
    size = (
        np.array([7.3, 14.8, 0.8]) if kind == "phone" else np.array([15.0, 21.0, 0.05]) * rng.uniform(0.7, 1)
    )
    if kind == "phone":
        place[0] += rng.choice([-1, 1]) * rng.uniform(1, 5)
        place[1] -= rng.uniform(0, 3)
    else:
        place[1] = marks[33, 1] - size[1] / 2 + rng.uniform(-4, 1.5)
    return (_box(rng, place, size),)


def _turn(points: Floats, angle: float, tilt: float) -> Floats:
    """Turn points about the forward axis, then about the sideways one."""
    c, s, ct, st = np.cos(angle), np.sin(angle), np.cos(tilt), np.sin(tilt)
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]])
    return float32(points @ (about_x @ about_z).T)


def _box(rng: np.random.Generator, place: Numbers, size: Numbers) -> Piece:
    """Return a flat box that stands before the face."""
    corners = np.array([[x, y, z] for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)]) * size
    points = _turn(float32(corners), rng.normal(0, 0.25), rng.normal(0.05, 0.15)) + place
    return solid_piece(OBJECT, float32(points), _BOX, both_sides=True)


def _cup(rng: np.random.Generator, place: Numbers) -> Piece:
    """Return a cup at the mouth."""
    height, radius = rng.uniform(7, 10), rng.uniform(3.0, 4.0)
    line = np.stack([np.zeros(6), np.linspace(-height / 2, height / 2, 6), np.zeros(6)], axis=1)
    points, triangles = tube(float32(line), float32(radius * np.linspace(0.8, 1, 6)), sides=20)
    turned = _turn(points, rng.normal(0, 0.15), rng.uniform(-0.5, 0.1)) + place
    return solid_piece(OBJECT, float32(turned), triangles, both_sides=True)


def _hand(rng: np.random.Generator, marks: Floats) -> tuple[Piece, ...]:
    """Return a hand on mouth, chin, cheek, forehead or, rarely, an eye, with its forearm."""
    spot = rng.choice(["mouth", "chin", "cheek", "forehead", "eye"], p=[0.3, 0.25, 0.25, 0.12, 0.08])
    side = float(rng.choice([-1.0, 1.0]))
    target = {
        "mouth": [0.3 * side, marks[62, 1], marks[62, 2] + 1.3],
        "chin": [0.8 * side, marks[8, 1] + 0.3, marks[8, 2] + 1.6],
        "cheek": [4.8 * side, marks[48, 1] + 1.0, marks[48, 2] + 0.3],
        "forehead": [2.5 * side, 8.0, marks[21, 2] + 1.4],
        "eye": [3.1 * side, marks[37, 1] + 0.2, marks[30, 2] + 0.2],
    }[str(spot)]
    # Fingers point inward and up; the palm lies outward and below.
    angle = -side * rng.uniform(0.4, 1.2)
    points, triangles, brightness = _fingers(rng, side)
    points = (
        _turn(points, angle, rng.normal(0, 0.1)) + float32(target) + float32(rng.normal(0, [0.6, 0.6, 0.2]))
    )
    return (solid_piece(HAND, float32(points), triangles, brightness=brightness),)


def _fingers(rng: np.random.Generator, side: float) -> tuple[Floats, NDArray[np.int32], Floats]:
    """Return a hand whose middle finger's tip is near the origin and points up, palm toward the face."""
    parts: list[tuple[Numbers, Numbers]] = []
    spread, curl = rng.uniform(0.01, 0.12), rng.uniform(0.2, 0.9)
    for k, length in enumerate((6.4, 7.4, 7.0, 5.6)):
        across = (k - 1.5) * 1.75
        along = np.linspace(0, 1, 9)
        x = across * (1 + spread * 3 * along) * side
        y = -7.4 + length * along
        z = 0.6 * np.sin(np.pi * along) - curl * along**2
        radius = 0.86 * np.array([1, 0.97, 0.93, 0.97, 0.9, 0.88, 0.84, 0.72, 0.25]) * (0.85 if k == 3 else 1)
        parts.append((np.stack([x, y, z], axis=1), radius))
    thumb = np.array(
        [[-2.6, -12.0, 0.0], [-4.0, -9.5, 0.0], [-4.9, -7.6, -0.3], [-5.2, -6.0, -0.8], [-5.3, -5.3, -1.0]]
    )
    parts.append((thumb * [side, 1, 1], np.array([1.1, 1.05, 0.95, 0.8, 0.25])))
    points, triangles, brightness, start = [], [], [], 0
    for line, thick in parts:
        ring, corners = tube(float32(line), float32(thick), sides=9)
        points.append(ring)
        triangles.append(corners + np.int32(start))
        brightness.append(np.repeat(1 - 0.08 * np.sin(np.linspace(0, 9, len(line))), 9))
        start += len(ring)
    palm = _palm(side)
    triangles.append(palm[1] + np.int32(start))
    points.append(palm[0])
    brightness.append(np.full(len(palm[0]), 0.97))
    return np.concatenate(points), np.concatenate(triangles), float32(np.concatenate(brightness))


def _palm(side: float) -> tuple[Floats, NDArray[np.int32]]:
    """Return back of the hand and forearm as one flattened tube."""
    levels = np.array([-6.6, -7.4, -9, -11, -13.5, -15.5, -18, -24, -34])
    half = np.array([2.9, 3.7, 4.0, 4.0, 3.4, 2.8, 2.9, 3.4, 4.0])
    deep = np.array([0.6, 0.95, 1.25, 1.35, 1.4, 1.6, 1.9, 2.3, 2.8])
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack(
        [
            np.cos(turn)[None] * half[:, None],
            np.repeat(levels[:, None], 16, 1),
            np.sin(turn)[None] * deep[:, None],
        ],
        axis=2,
    )
    triangles = grid_triangles(len(levels), 16, closed=True)[:, ::-1]
    return float32(ring.reshape(-1, 3) * [side if side else 1, 1, 1]), triangles if side > 0 else triangles[
        :, ::-1
    ]
