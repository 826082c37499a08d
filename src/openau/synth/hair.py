"""Scalp hair: colour on the scalp, and a shell of hair around the skull with a silhouette of its own.

The shell is a grid of columns that run from the crown down to the hairline, the ears or the shoulders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.rig import Rig
from openau.synth.surface import Surface
from openau.synth.texture import Numbers, blur, float32, resize, smooth_step
from openau.synth.traits import Traits

COLUMNS: Final = 120
ROWS: Final = 26
_CENTRE: Final = np.array([0.0, 5.0, 0.5], np.float32)
_INNER: Final = np.array([0.985, 1, 0.985], np.float32)
_GRID: Final = (24, 48)


@dataclass(frozen=True, slots=True, eq=False)
class Hair:
    """One subject's hair.

    Attributes:
        cover: (N,) float32, how much hair covers each vertex of the rig, 0-1.
        vertices: (V, 3) float32, cm, the shell; outside first, then the same points as its inside.
        triangles: (K, 3) int32, indices into `vertices`.
        coverage: (K,) float32, share of pixels that a triangle covers; thin at the ends.
        brightness: (V,) float32, strands lighter and darker than the mean.
        uv: (V, 2) float32, around the head and down the strand, 0-1.
    """

    cover: Floats
    vertices: Floats
    triangles: NDArray[np.int32]
    coverage: Floats
    brightness: Floats
    uv: Floats


def grow_hair(rng: np.random.Generator, traits: Traits, rig: Rig, surface: Surface, vertices: Floats) -> Hair:
    """Give a subject hair.

    Args:
        rng: The source of chance.
        traits: The subject.
        rig: The rig.
        surface: Which vertices are ears, face and head.
        vertices: (N, 3) float32, cm, the subject's resting face.
    """
    hairline = 9.3 + rng.uniform(-0.8, 0.9) + _receding(traits)
    cover = _scalp(rng, traits, rig, surface, hairline)
    if traits.hair_style in ("bald", "shaved"):
        none = np.zeros((0, 3), np.float32)
        empty = np.zeros(0, np.float32)
        return Hair(cover, none, none.astype(np.int32), empty, empty, none[:, :2])
    skull = _skull(vertices[(surface.face_vertex | surface.head_vertex) & ~surface.ear])
    points = _shell(rng, traits, skull, hairline)
    triangles, coverage = _weave(rng)
    streaks = 1 + 0.22 * blur(rng.standard_normal((1, COLUMNS)).astype(np.float32), 1.0)
    brightness = np.repeat(streaks, ROWS, axis=0) * np.linspace(0.9, 1.1, ROWS, dtype=np.float32)[:, None]
    around, along = np.meshgrid(np.linspace(0, 1, COLUMNS), np.linspace(0, 1, ROWS))
    uv = np.stack([around.ravel(), along.ravel()], axis=1)
    outside, inside = points.reshape(-1, 3), points.reshape(-1, 3) * _INNER
    return Hair(
        cover=cover,
        vertices=float32(np.concatenate([outside, inside])),
        triangles=np.concatenate([triangles, triangles[:, ::-1] + len(outside)]).astype(np.int32),
        coverage=float32(np.concatenate([coverage, coverage])),
        brightness=float32(np.concatenate([brightness.ravel(), brightness.ravel() * 0.5])),
        uv=float32(np.concatenate([uv, uv])),
    )


def _receding(traits: Traits) -> float:
    """Return how far a man's hairline has moved up with age, cm."""
    return float(1.3 * np.clip((traits.age - 35) / 40, 0, 1)) if traits.gender == "male" else 0.0


def _scalp(rng: np.random.Generator, traits: Traits, rig: Rig, surface: Surface, hairline: float) -> Floats:
    """Return how much hair colours each vertex: a soft edge at forehead, temples and nape."""
    if traits.hair_style == "bald":
        return np.zeros(len(rig.vertices), np.float32)
    x, y, z = np.abs(rig.vertices[:, 0]), rig.vertices[:, 1], rig.vertices[:, 2]
    line = hairline - (x / 9.5) ** 2 * 1.2
    temple = np.where(x > 6.6, line - 6.0 * smooth_step(6.6, 8.0, x), line)
    lowest = np.where(z > 1.0, temple, np.where(z > -2, -1.0, -6.0))
    softness = rng.uniform(0.5, 1.0)
    cover = smooth_step(-softness, softness, y - lowest) * np.float32(rng.uniform(0.75, 1.0))
    cover[surface.ear | (y < -9) | ~(surface.face_vertex | surface.head_vertex)] = 0
    return cover


def _skull(points: Floats) -> Floats:
    """Return the head's radius seen from its centre, on a grid of elevation (90° to -60°) and azimuth."""
    relative = points - _CENTRE
    relative = relative[relative[:, 1] > -7]
    radius = np.linalg.norm(relative, axis=1)
    elevation = np.degrees(np.arcsin(relative[:, 1] / radius))
    azimuth = np.degrees(np.arctan2(relative[:, 0], relative[:, 2]))
    rows = np.clip(((90 - elevation) / 150 * _GRID[0]).astype(int), 0, _GRID[0] - 1)
    columns = ((azimuth + 180) / 360 * _GRID[1]).astype(int) % _GRID[1]
    grid = np.zeros(_GRID, np.float32)
    np.maximum.at(grid, (rows, columns), radius)
    wrapped = np.tile(grid, (1, 3))
    wrapped = np.maximum(wrapped, cv2.dilate(wrapped, np.ones((3, 5), np.uint8)) * (wrapped == 0))
    wrapped[wrapped == 0] = np.median(radius)
    return blur(wrapped, 1.0)[:, _GRID[1] : 2 * _GRID[1]]


def _shell(rng: np.random.Generator, traits: Traits, skull: Floats, hairline: float) -> Floats:
    """Return the shell's points, (ROWS, COLUMNS, 3): down from the crown, around from the back."""
    azimuth = np.linspace(-180, 180, COLUMNS, endpoint=False, dtype=np.float32)
    from_front = np.abs(azimuth)
    ends = _ends(rng, traits, azimuth, hairline)
    down = np.linspace(0, 1, ROWS, dtype=np.float32)[:, None] ** 0.9
    elevation = 90 - down * (90 - np.maximum(ends, -62))[None, :]
    row = np.clip((90 - elevation) / 150 * _GRID[0] - 0.5, 0, _GRID[0] - 1)
    column = np.broadcast_to(((azimuth + 180) / 360 * _GRID[1] - 0.5) % (_GRID[1] - 1), row.shape)
    radius = cv2.remap(
        skull, float32(column), float32(row), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    radius = radius + _thickness(rng, traits, elevation, down)
    angle, tilt = np.radians(azimuth)[None, :], np.radians(elevation)
    level = radius * np.cos(tilt)
    points = np.stack([level * np.sin(angle), radius * np.sin(tilt), level * np.cos(angle)], axis=2)
    if traits.hair_style == "long":
        _let_fall(rng, points, from_front)
    return float32(points + _CENTRE)


def _ends(rng: np.random.Generator, traits: Traits, azimuth: Floats, hairline: float) -> Floats:
    """Return the elevation at which each column ends, degrees, with ragged tips."""
    from_front = np.abs(azimuth)
    forehead = float(np.degrees(np.arctan2(hairline - _CENTRE[1], 9.6)))
    if traits.hair_style != "short" and rng.random() < 0.35:
        # A fringe; it stays above the brows, raised ones too.
        forehead = float(rng.uniform(17, max(18.0, forehead)))
    side = {"short": 12.0, "full": -8.0, "long": -20.0}[traits.hair_style] + rng.uniform(-6, 6)
    nape = {"short": -25.0, "full": -40.0, "long": -60.0}[traits.hair_style]
    ends = np.interp(
        from_front, [0, 38, 58, 72, 100, 130, 180], [forehead, forehead, 24, side, side, nape, nape]
    )
    # Swept to one side, and higher or lower at the temples.
    front = smooth_step(75, 45, from_front)
    swept = front * (rng.normal(0, 3.5) * azimuth / 45 + rng.normal(0, 3) * (from_front / 45) ** 2)
    swept = np.maximum(swept, 15 - forehead)
    ragged = rng.normal(0, rng.uniform(0.5, 2.5), COLUMNS)
    return float32(ends + swept + ragged)


def _thickness(rng: np.random.Generator, traits: Traits, elevation: Numbers, down: Floats) -> Floats:
    """Return how far the shell stands off the skull, cm: full on top, thin at the ends, with locks."""
    least, most = {"short": (0.25, 0.9), "full": (0.8, 2.4), "long": (0.5, 1.6)}[traits.hair_style]
    body = rng.uniform(least, most)
    locks = resize(rng.standard_normal((4, 9)).astype(np.float32), (ROWS, COLUMNS), cv2.INTER_CUBIC)
    strands = blur(rng.standard_normal((1, COLUMNS)).astype(np.float32), 0.7)
    top = 0.75 + 0.25 * np.sin(np.radians(elevation))
    taper = 1 - 0.75 * down**5
    return float32(body * top * taper * (1 + 0.2 * locks) + 0.12 * strands * down + 0.1)


def _let_fall(rng: np.random.Generator, points: NDArray[np.floating], from_front: Floats) -> None:
    """Let the sides and the back hang straight down below the widest place, in place."""
    length = rng.uniform(7, 19) * (1 + 0.04 * rng.standard_normal(COLUMNS))
    wave, phase = rng.uniform(0, 0.5), rng.uniform(0, 6, COLUMNS)
    hanging = smooth_step(62, 80, from_front)
    y = points[..., 1]
    start = 1.0
    below = np.clip((start - y) / (start - y.min(axis=0) + 1e-6), 0, 1) * hanging
    flare = 1 + 0.06 * below + 0.03 * wave * np.sin(below * 9 + phase)
    widest = np.hypot(points[..., 0], points[..., 2]).max(axis=0)
    level = np.hypot(points[..., 0], points[..., 2]) + 1e-6
    scale = np.where(below > 0, np.maximum(level, widest * flare) / level, 1)
    points[..., 0] *= scale
    points[..., 2] *= scale
    points[..., 1] = np.where(below > 0, start - below * length, y)


def _weave(rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
    """Return the shell's triangles, counter-clockwise from outside, and their coverage."""
    row, column = np.meshgrid(np.arange(ROWS - 1), np.arange(COLUMNS), indexing="ij")
    a, b = row * COLUMNS + column, row * COLUMNS + (column + 1) % COLUMNS
    c, d = a + COLUMNS, b + COLUMNS
    triangles = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], axis=2).reshape(-1, 3)
    thin = np.ones(ROWS - 1, np.float32)
    thin[-2:] = 0.9, 0.65
    share = thin[:, None] * np.clip(1 + 0.25 * rng.standard_normal((1, COLUMNS)), 0.4, 1.5)
    share[: ROWS - 4] = 1
    return triangles, float32(np.repeat(np.clip(share, 0, 1).ravel(), 2))
