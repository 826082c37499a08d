"""Glasses that sit on a subject's own nose and ears: frames of several shapes, clear or dark lenses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from openau.records import Floats
from openau.synth.piece import Piece, solid_piece, tube
from openau.synth.rig import FRAME, LENS, Rig
from openau.synth.texture import Numbers, float32
from openau.synth.wardrobe import Glasses

_CORNERS: Final = 28


@dataclass(frozen=True, slots=True)
class Frame:
    """A lens shape.

    Attributes:
        half_width: Least and most, cm.
        half_height: The same.
        squareness: Exponent of the superellipse: 2 is an ellipse.
        droop: How much wider the lower outer part is (aviators).
        rim: Radius of the rim's tube, least and most, cm.
    """

    half_width: tuple[float, float]
    half_height: tuple[float, float]
    squareness: float
    droop: float
    rim: tuple[float, float]


_FRAMES: Final[dict[Glasses, Frame]] = {
    "rectangular": Frame((2.3, 2.75), (1.35, 1.9), 4.5, 0.0, (0.09, 0.24)),
    "round": Frame((2.1, 2.5), (2.0, 2.4), 2.0, 0.0, (0.06, 0.17)),
    "oval": Frame((2.3, 2.7), (1.5, 1.9), 2.3, 0.0, (0.07, 0.2)),
    "half_rim": Frame((2.35, 2.7), (1.35, 1.75), 3.2, 0.0, (0.08, 0.2)),
    "aviator": Frame((2.5, 2.9), (2.1, 2.5), 2.4, 0.16, (0.06, 0.09)),
    "sunglasses": Frame((2.5, 3.0), (1.9, 2.4), 3.0, 0.05, (0.09, 0.24)),
}


def make_glasses(rng: np.random.Generator, shape: Glasses, vertices: Floats, rig: Rig) -> tuple[Piece, ...]:
    """Fit glasses to a face.

    Args:
        rng: The source of chance.
        shape: Which; "none" returns nothing.
        vertices: (N, 3) float32, cm, the subject's resting face.
        rig: The rig, for its landmarks.

    Returns:
        The frame, then lenses or the reflections on them.
    """
    if shape == "none":
        return ()
    frame, marks = _FRAMES[shape], vertices[rig.landmarks]
    a, b, radius = rng.uniform(*frame.half_width), rng.uniform(*frame.half_height), rng.uniform(*frame.rim)
    eyes = marks[36:48].reshape(2, 6, 3).mean(axis=1)
    apart, height = float(np.abs(eyes[:, 0]).mean()), float(eyes[:, 1].mean()) - rng.uniform(0.0, 0.35)
    centre_x = max(apart + rng.uniform(-0.1, 0.25), a + 0.75)
    # Before lashes, brows and the bridge of the nose.
    plane = max(marks[[37, 38, 43, 44], 2].max() + 1.15, marks[17:27, 2].max() + 0.1, marks[27, 2] + 0.2)
    turn = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    outline = _outline(turn, a, b, frame)
    rims = [_on_plane(outline * [side, 1] + [side * centre_x, height], plane, height) for side in (1, -1)]
    ears = marks[[16, 0]]
    frame_piece = _frame(rims, ears, radius, height, lower_rim=shape != "half_rim")
    lens = _dark_lenses(rims) if shape == "sunglasses" else _glints(rng, rims)
    return (frame_piece, *lens)


def _outline(turn: Numbers, a: float, b: float, frame: Frame) -> Floats:
    """Return the lens's rim around its middle, (C, 2), counter-clockwise from the outer side."""
    power = 2 / frame.squareness
    x = a * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power
    y = b * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power
    # Aviators hang toward the cheek; every lens narrows a little toward the nose.
    y = y * (1 + 0.05 * np.sign(x) * np.abs(x) / a) - frame.droop * b * np.maximum(-y / b, 0) * (
        0.4 + 0.6 * x / a
    )
    return float32(np.stack([x, y], axis=1))


def _on_plane(outline: Numbers, plane: float, height: float) -> Floats:
    """Lay an outline on the slightly curved and tilted front of the glasses."""
    x, y = outline.T
    z = plane - 0.02 * np.maximum(np.abs(x) - 1.5, 0) ** 2 + 0.10 * (y - height)
    return float32(np.stack([x, y, z], axis=1))


def _frame(rims: list[Floats], ears: Floats, radius: float, height: float, *, lower_rim: bool) -> Piece:
    """Return rims, bridge and temples."""
    lines: list[tuple[Floats, float]] = []
    for rim, ear in zip(rims, ears, strict=True):
        closed = np.concatenate([rim, rim[:1]])
        if lower_rim:
            lines.append((closed, radius))
        else:
            lines.append((rim[: _CORNERS // 2 + 1], radius))
            lines.append((np.concatenate([rim[_CORNERS // 2 :], rim[:1]]), 0.03))
        outer = rim[np.abs(rim[:, 0]).argmax()] + [0, 0.35, 0]
        sign = np.sign(outer[0])
        side = sign * max(abs(ear[0]) + 0.3, abs(outer[0]) + 0.1)
        hook = np.array([side, height + 0.5, ear[2] - 1.0])
        temple = [outer, outer + (hook - outer) * [0.8, 0.4, 0.4], hook]
        lines.append((float32([*temple, [side * 1.02, height - 0.2, ear[2] - 5.0]]), max(radius, 0.12)))
    inner = [rim[np.abs(rim[:, 0]).argmin()] for rim in rims]
    top = (inner[0] + inner[1]) / 2 + [0, 0.45, 0.25]
    lines.append((float32([inner[0] + [0, 0.25, 0], top, inner[1] + [0, 0.25, 0]]), radius))
    points, triangles, start = [], [], 0
    for line, thick in lines:
        ring, corners = tube(float32(line), np.full(len(line), thick, np.float32), sides=5)
        points.append(ring)
        triangles.append(corners + np.int32(start))
        start += len(ring)
    return solid_piece(FRAME, np.concatenate(points), np.concatenate(triangles))


def _dark_lenses(rims: list[Floats]) -> tuple[Piece, ...]:
    """Return opaque lenses, lighter toward the bottom."""
    pieces = []
    for rim in rims:
        points = np.concatenate([rim.mean(axis=0, keepdims=True), rim])
        ring = np.arange(_CORNERS)
        fan = np.stack([np.zeros_like(ring), 1 + ring, 1 + (ring + 1) % _CORNERS], axis=1)
        if rim[:, 0].mean() < 0:
            fan = fan[:, ::-1]
        low, high = points[:, 1].min(), points[:, 1].max()
        brightness = 0.7 + 1.6 * (high - points[:, 1]) / (high - low)
        pieces.append(
            solid_piece(LENS, points, fan.astype(np.int32), brightness=float32(brightness), coverage=1.0)
        )
    return tuple(pieces)


def _glints(rng: np.random.Generator, rims: list[Floats]) -> tuple[Piece, ...]:
    """Return a thin slanting streak of light beside the eye on clear lenses, or nothing."""
    shows, place, width = rng.random(), rng.uniform(0.5, 0.72), rng.uniform(0.03, 0.09)
    side, top, bottom = rng.choice([-1.0, 1.0]), rng.uniform(0.5, 0.75), rng.uniform(-0.3, 0.35)
    if shows > 0.4:
        return ()
    pieces = []
    for rim in rims:
        middle = rim.mean(axis=0)
        half = np.ptp(rim, axis=0)[:2] / 2
        x = middle[0] + half[0] * (side * place + np.array([-width, width, width, -width]) * [1, 1, 0.4, 0.4])
        x = x + half[0] * np.array([0.1, 0.1, -0.1, -0.1])
        y = middle[1] + half[1] * np.array([top, top, bottom, bottom])
        z = middle[2] - 0.02 * np.maximum(np.abs(x) - 1.5, 0) ** 2 + 0.10 * (y - middle[1]) + 0.12
        points = float32(np.stack([x, y, z], axis=1))
        fan = np.array([[0, 2, 1], [0, 3, 2]], np.int32)
        pieces.append(solid_piece(LENS, points, fan, casts=False))
    return tuple(pieces)
