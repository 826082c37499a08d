"""Scalp hair: a shell around the skull with a silhouette of its own, a fringe, a bun or a tail.

The shell is a grid of columns that run from the crown down to the hairline, the ears or the shoulders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from openau.records import Floats
from openau.synth.hairline import Hairline
from openau.synth.piece import Piece, grid_triangles, tube
from openau.synth.rig import HAIR
from openau.synth.surface import Surface
from openau.synth.texture import blur, bump, float32, resize, smooth_step
from openau.synth.traits import HairStyle, Traits

COLUMNS: Final = 120
ROWS: Final = 26
_FRINGE_COLUMNS: Final = 72
_FRINGE_ROWS: Final = 9
CENTRE: Final = np.array([0.0, 5.0, 0.5], np.float32)
"""Point inside the skull from which its radius is measured, cm."""

_INNER: Final = np.array([0.985, 1, 0.985], np.float32)
_GRID: Final = (24, 48)
_AZIMUTH: Final = np.linspace(-180, 180, COLUMNS, endpoint=False, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Cut:
    """What a style does; lengths in cm, least and most, angles in degrees.

    Attributes:
        top: How far hair stands off the top of the skull.
        side: The same at the sides.
        locks: Size of lumps as a share of the thickness.
        lumps: Number of lumps down and around.
        ear: Elevation at which hair ends over the ears.
        taper: Power with which it thins toward the hairline; high keeps it thick to the end.
        length: How far it hangs below the ears; 0 does not hang.
        fuzz: Thickness of a thin outer layer.
    """

    top: tuple[float, float]
    side: tuple[float, float]
    locks: float
    lumps: tuple[int, int]
    ear: float
    taper: float
    length: tuple[float, float] = (0.0, 0.0)
    fuzz: float = 0.0


_CUTS: Final[dict[HairStyle, Cut]] = {
    "receding": Cut((0.1, 0.4), (0.1, 0.35), 0.2, (5, 11), 4, 2.2),
    "short": Cut((0.45, 1.5), (0.12, 0.5), 0.28, (5, 12), 5, 2.0, fuzz=0.12),
    "full": Cut((1.2, 2.8), (0.6, 1.4), 0.35, (6, 14), -4, 2.4, fuzz=0.25),
    "curly": Cut((1.0, 2.8), (0.7, 2.2), 0.45, (11, 36), -6, 5.0, fuzz=0.35),
    "afro": Cut((2.2, 5.0), (1.8, 4.4), 0.12, (15, 48), -8, 4.0, fuzz=0.3),
    "bob": Cut((0.7, 1.6), (0.6, 1.5), 0.14, (4, 10), -20, 2.2, (5.5, 9.5), fuzz=0.15),
    "long": Cut((0.5, 1.5), (0.4, 1.3), 0.16, (4, 10), -20, 2.2, (10.0, 22.0), fuzz=0.2),
    "tied": Cut((0.25, 1.0), (0.15, 0.5), 0.16, (4, 16), 3, 2.5, fuzz=0.1),
}


def grow_hair(
    rng: np.random.Generator, traits: Traits, hairline: Hairline, surface: Surface, vertices: Floats
) -> tuple[Piece, ...]:
    """Give a subject hair that stands off the skull.

    Args:
        rng: The source of chance.
        traits: The subject.
        hairline: Where hair grows.
        surface: Which vertices are ears, face and head.
        vertices: (N, 3) float32, cm, the subject's resting face.

    Returns:
        Shell, fringe and what is tied up; nothing for bald and shaved heads.
    """
    cut = _CUTS.get(traits.hair_style)
    if cut is None:
        return ()
    skull = skull_radius(vertices[(surface.face_vertex | surface.head_vertex) & ~surface.ear])
    locks = _locks(rng, cut)
    if not hairline.crown:
        cut = replace(cut, top=(0.0, 0.05))
    points, thickness = _shell(rng, cut, traits, skull, hairline, locks)
    pieces = [_weave(rng, cut, points, locks)]
    if cut.fuzz and hairline.crown:
        pieces.append(_fuzz(rng, pieces[0], cut.fuzz))
    if traits.fringe and hairline.crown:
        pieces.append(_fringe(rng, traits.fringe, skull, hairline, thickness))
    if traits.hair_style == "tied":
        pieces.append(_tie(rng))
    return tuple(pieces)


def skull_radius(points: Floats) -> Floats:
    """Return the head's radius seen from `CENTRE` on a grid of elevation (90° to -60°) and azimuth.

    Args:
        points: (K, 3) float32, cm, vertices of the head without ears.

    Returns:
        (24, 48) float32, cm.
    """
    relative = points - CENTRE
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


def radius_at(skull: Floats, azimuth: Floats, elevation: Floats) -> Floats:
    """Return the radius of the head in given directions.

    Args:
        skull: (24, 48) float32, what `skull_radius` returned.
        azimuth: (R, C) float32, degrees, 0 in front, positive to the subject's left.
        elevation: (R, C) float32, degrees.

    Returns:
        (R, C) float32, cm.
    """
    row = np.clip((90 - elevation) / 150 * _GRID[0] - 0.5, 0, _GRID[0] - 1)
    column = ((azimuth + 180) / 360 * _GRID[1] - 0.5) % (_GRID[1] - 1)
    return float32(
        cv2.remap(skull, float32(column), float32(row), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def place_at(azimuth: Floats, elevation: Floats, radius: Floats) -> Floats:
    """Return the points in given directions from `CENTRE`, (R, C, 3) float32, cm.

    Args:
        azimuth: (R, C) float32, degrees.
        elevation: (R, C) float32, degrees.
        radius: (R, C) float32, cm.
    """
    angle, tilt = np.radians(azimuth), np.radians(elevation)
    level = radius * np.cos(tilt)
    return float32(
        np.stack([level * np.sin(angle), radius * np.sin(tilt), level * np.cos(angle)], axis=2) + CENTRE
    )


def line_elevation(skull: Floats, hairline: Hairline) -> Floats:
    """Return the elevation of the hairline in every column of the shell, (COLUMNS,) float32, degrees.

    Args:
        skull: (24, 48) float32, what `skull_radius` returned.
        hairline: The subject's.
    """
    elevation = np.linspace(80, -60, 71, dtype=np.float32)
    across, up = np.meshgrid(_AZIMUTH, elevation)
    place = place_at(across, up, radius_at(skull, across, up))
    bare = Hairline(hairline.height, hairline.recession, hairline.peak, hairline.sideburn, True, 0.5, 1)
    outside = bare.inside_cm(place[..., 0], place[..., 1], place[..., 2]) < 0
    first = np.where(outside.any(axis=0), outside.argmax(axis=0), len(elevation) - 1)
    return float32(elevation[first])


def _locks(rng: np.random.Generator, cut: Cut) -> Floats:
    """Return the lumps of the hair, about -1 to 1, the same on both edges of the grid."""
    down, around = cut.lumps
    seed = rng.standard_normal((down, around)).astype(np.float32)
    seed = np.concatenate([seed, seed[:, :2]], axis=1)
    wide = resize(seed, (ROWS, COLUMNS * (around + 2) // around), cv2.INTER_CUBIC)
    return float32(np.clip(wide[:, :COLUMNS], -1.8, 1.8))


def _shell(
    rng: np.random.Generator, cut: Cut, traits: Traits, skull: Floats, hairline: Hairline, locks: Floats
) -> tuple[Floats, Floats]:
    """Return the shell's points, (ROWS, COLUMNS, 3), down from the crown, and the thickness on top in cm."""
    from_front = np.abs(_AZIMUTH)
    ends = line_elevation(skull, hairline)
    over_ear = bump(from_front - 97, 24)
    ear = cut.ear + rng.uniform(-3, 3)
    ends = ends + (np.maximum(ends, ear) - ends) * smooth_step(0.25, 0.6, over_ear)
    if cut.ear < 0:
        # Longer hair ends lower than the line on the skin, behind the temples only.
        lower = np.interp(from_front, [0, 58, 76, 100, 140, 180], [90, 40, ear, ear, -40, -45])
        ends = np.minimum(ends, np.maximum(lower, -58))
    uneven = blur(rng.standard_normal((1, COLUMNS)).astype(np.float32), 2.0)[0] * rng.uniform(0, 5)
    teeth = rng.normal(0, rng.uniform(0.4, 1.6), COLUMNS) * np.where(from_front < 60, 0.4, 1)
    # In front the shell begins a little behind the painted line.
    ends = float32(ends + uneven + teeth + 1.5 * (from_front < 60))
    down = np.linspace(0, 1, ROWS, dtype=np.float32)[:, None] ** 0.9
    elevation = 90 - down * (90 - np.maximum(ends, -62))[None, :]
    across = np.broadcast_to(_AZIMUTH, elevation.shape)
    thick = _thickness(rng, cut, elevation, down, locks)
    points = place_at(across, elevation, radius_at(skull, across, elevation) + thick) - CENTRE
    if cut.length[1]:
        _let_fall(rng, points, cut, traits.hair_style == "bob")
    return float32(points + CENTRE), float32(thick)


def _thickness(rng: np.random.Generator, cut: Cut, elevation: Floats, down: Floats, locks: Floats) -> Floats:
    """Return how far the shell stands off the skull, cm: full on top, nothing at the hairline."""
    from_front = np.abs(_AZIMUTH)
    share = rng.random()
    top = cut.top[0] + (cut.top[1] - cut.top[0]) * share
    side = cut.side[0] + (cut.side[1] - cut.side[0]) * float(np.clip(share + rng.normal(0, 0.3), 0, 1))
    high = smooth_step(18, 62, elevation)
    body = side + (top - side) * high
    # Combed up in front, to one side.
    quiff = 1 + rng.uniform(-0.1, 0.5) * high * smooth_step(70, 20, from_front) * smooth_step(0.2, 0.6, down)
    leaning = 1 + 0.25 * rng.uniform(-1, 1) * np.sin(np.radians(_AZIMUTH)) * high
    parting = rng.choice([-25.0, 0.0, 25.0]) + rng.normal(0, 6)
    groove = rng.choice([0.0, 0.55]) if cut.taper < 5 and top > 0.4 else 0.0
    groove = groove * bump(_AZIMUTH - parting, 5.0) * smooth_step(0.08, 0.3, down)
    front = smooth_step(100, 60, from_front)
    power = cut.taper + (3.5 if cut.length[1] else 1.0) * (1 - front)
    taper = 1 - down ** (power * 2.2) * (1 if not cut.length[1] else front)
    strands = blur(rng.standard_normal((1, COLUMNS)).astype(np.float32), 0.7)
    thick = body * quiff * leaning * taper * (1 - groove) * (1 + cut.locks * locks)
    return float32(thick + 0.05 * strands * down * taper + 0.1 * taper - 0.06 * down**8 * front)


def _let_fall(rng: np.random.Generator, points: Floats, cut: Cut, curls_in: bool) -> None:
    """Let the sides and the back hang straight down below the widest place, in place."""
    from_front = np.abs(_AZIMUTH)
    uneven = 0.03 + 0.09 * rng.random()
    length = rng.uniform(*cut.length) * (1 + uneven * rng.uniform(-1.5, 0.5, COLUMNS))
    wave, phase = rng.uniform(0, 0.6), rng.uniform(0, 6) + 0.5 * rng.standard_normal(COLUMNS)
    # Before the shoulders and along the cheeks, or tucked behind the ears; each side its own.
    start_angle = np.where(_AZIMUTH < 0, *rng.choice([52.0, 58.0, 66.0, 98.0], 2))
    hanging = np.clip((from_front - start_angle) / 14, 0, 1)
    start = 1.0
    y = points[..., 1]
    below = np.clip((start - y) / (start - y.min(axis=0) + 1e-6), 0, 1) * hanging
    inward = -0.10 * below**3 if curls_in else 0.05 * below
    flare = 1 + inward + 0.035 * wave * np.sin(below * 11 + phase)
    widest = np.hypot(points[..., 0], points[..., 2]).max(axis=0)
    level = np.hypot(points[..., 0], points[..., 2]) + 1e-6
    scale = np.where(below > 0, np.maximum(level, widest) * flare / level, 1)
    points[..., 0] *= scale
    points[..., 2] *= scale
    points[..., 1] = np.where(below > 0, start - below * length, y)


def _weave(rng: np.random.Generator, cut: Cut, points: Floats, locks: Floats) -> Piece:
    """Return the shell as a piece: seen from inside too where it hangs."""
    triangles = grid_triangles(ROWS, COLUMNS, closed=True)
    streaks = 1 + 0.14 * blur(rng.standard_normal((1, COLUMNS)).astype(np.float32), 1.0)
    # Valleys between locks are dark.
    depth = 1 + min(0.5, 1.1 * cut.locks) * np.clip(locks, -1.3, 1.0)
    brightness = streaks * depth * np.linspace(0.95, 1.05, ROWS, dtype=np.float32)[:, None]
    around, along = np.meshgrid(np.linspace(0, 1, COLUMNS), np.linspace(0, 1, ROWS))
    # Strands lean to one side, and wind around locks.
    around = around + 0.02 * cut.locks * locks + rng.normal(0, 0.08) * along
    uv = np.stack([around.ravel(), along.ravel()], axis=1)
    # Strands end at different lengths.
    front = np.abs(_AZIMUTH) < 60
    last = (
        ROWS
        - 1
        - np.floor(rng.gamma(0.9, 0.9, COLUMNS)).clip(0, np.where(front, 0, 1 if cut.length[1] else 3))
    )
    shown = np.arange(ROWS - 1)[:, None] < last[None]
    # The first hairs behind the hairline let skin through.
    shown[-2:] &= ~front | (rng.random((2, COLUMNS)) < np.array([[0.8], [0.4]]))
    coverage = float32(np.repeat(shown.ravel(), 2))
    outside = points.reshape(-1, 3)
    piece = Piece(
        part=HAIR,
        points=outside,
        triangles=triangles,
        uv=float32(uv),
        coverage=coverage,
        brightness=float32(np.clip(brightness, 0.3, 1.7).ravel()),
        casting=len(triangles),
    )
    return _lined(piece) if cut.length[1] or cut.locks > 0.4 or cut.lumps[0] > 10 else piece


def _lined(piece: Piece) -> Piece:
    """Return the piece with a darker inside."""
    count = np.int32(len(piece.points))
    return replace(
        piece,
        points=np.concatenate([piece.points, piece.points * _INNER]),
        triangles=np.concatenate([piece.triangles, piece.triangles[:, ::-1] + count]),
        uv=np.concatenate([piece.uv, piece.uv]),
        coverage=np.concatenate([piece.coverage, piece.coverage]),
        brightness=np.concatenate([piece.brightness, piece.brightness * np.float32(0.5)]),
    )


def _fuzz(rng: np.random.Generator, shell: Piece, thickness: float) -> Piece:
    """Return a thin outer layer, so that the silhouette is not a hard edge: single hairs and curls."""
    count = ROWS * COLUMNS
    grain = blur(rng.standard_normal((ROWS, COLUMNS)).astype(np.float32), 0.6).reshape(-1, 1)
    outward = shell.points[:count] - CENTRE
    outward = outward / (np.linalg.norm(outward, axis=1, keepdims=True) + 1e-6)
    # Only every second row and column: fuzz needs no fine grid.
    keep = np.arange(count).reshape(ROWS, COLUMNS)[: ROWS - 2 : 2, ::2].ravel()
    rows, columns = len(range(0, ROWS - 2, 2)), COLUMNS // 2
    triangles = grid_triangles(rows, columns, closed=True)
    points = shell.points[keep] + outward[keep] * (thickness * (0.7 + 0.8 * grain[keep]))
    return Piece(
        part=HAIR,
        points=float32(points),
        triangles=triangles,
        uv=shell.uv[keep],
        coverage=float32(rng.random(len(triangles)) < 0.3),
        brightness=float32(shell.brightness[keep] * 1.05),
        casting=0,
    )


def _fringe(
    rng: np.random.Generator, depth: float, skull: Floats, hairline: Hairline, thickness: Floats
) -> Piece:
    """Return hair that falls over the forehead, to the brows at most, in ragged strands."""
    width = rng.uniform(34, 52)
    azimuth = np.linspace(-width, width, _FRINGE_COLUMNS, dtype=np.float32)
    lines = np.interp(azimuth, _AZIMUTH, line_elevation(skull, hairline))
    root = lines + rng.uniform(9, 16)
    end_y = 8.6 + (5.75 - 8.6) * depth
    sweep, ragged = rng.normal(0, 9), blur(rng.normal(0, 1, (1, _FRINGE_COLUMNS)).astype(np.float32), 0.8)[0]
    # Strands of a few columns each run out in a tip.
    tips = np.abs(rng.uniform(0.35, 0.9) * np.sin(np.arange(_FRINGE_COLUMNS) * 1.1 + 2.5 * ragged))
    end_y = (
        end_y
        + 0.3 * ragged
        + rng.uniform(0.2, 0.9) * tips * (1.3 + ragged)
        + rng.uniform(-0.3, 0.9) * (azimuth / width) ** 2
    )
    end_y = np.maximum(end_y + 0.5 * rng.uniform(-1, 1) * azimuth / width, 5.2)
    ends = np.degrees(np.arctan2(end_y - CENTRE[1], 9.6))
    share = np.linspace(0, 1, _FRINGE_ROWS, dtype=np.float32)[:, None]
    elevation = float32(root + (np.minimum(ends, root - 4) - root) * share)
    across = float32(azimuth + sweep * share**1.5)
    start = float(np.clip(thickness[ROWS // 2, COLUMNS // 2], 0.3, 1.6))
    stand = start * (1 - share) + (0.35 + 0.12 * ragged) * share + 0.5 * np.sin(np.pi * share)
    points = place_at(across, elevation, radius_at(skull, across, elevation) + float32(stand))
    triangles = grid_triangles(_FRINGE_ROWS, _FRINGE_COLUMNS, closed=False)
    around, along = np.meshgrid(np.linspace(0, 0.28, _FRINGE_COLUMNS), np.linspace(0.5, 1, _FRINGE_ROWS))
    return Piece(
        part=HAIR,
        points=float32(points.reshape(-1, 3)),
        triangles=triangles,
        uv=float32(np.stack([around.ravel(), along.ravel()], axis=1)),
        coverage=np.ones(len(triangles), np.float32),
        brightness=float32(np.repeat((1 + 0.15 * ragged)[None], _FRINGE_ROWS, axis=0).ravel()),
        casting=len(triangles),
    )


def _tie(rng: np.random.Generator) -> Piece:
    """Return a bun on the crown or the nape, or a tail that hangs over a shoulder."""
    kind = rng.choice(["top", "nape", "tail"], p=[0.35, 0.25, 0.4])
    if kind == "tail":
        side = rng.choice([-1.0, 1.0]) * rng.uniform(3, 9)
        line = np.array(
            [[0, 9, -8.5], [0.3 * side, 8.5, -11], [0.8 * side, 2, -9], [side, -8, -5], [side, -15, -2]]
        )
        radius = np.array([0.9, 1.7, 2.0, 1.6, 0.5]) * rng.uniform(0.8, 1.2)
    else:
        centre = np.array([0, 15.2, -2.0] if kind == "top" else [0, 3.0, -10.5]) + rng.normal(0, 0.4, 3)
        size, rise = rng.uniform(1.7, 3.0), np.linspace(-1, 1, 9)
        line = centre + np.stack([np.zeros(9), rise * size, -0.25 * rise * size], axis=1)
        radius = size * np.sqrt(np.maximum(1 - rise**2, 0.01))
    fine = np.linspace(0, 1, 14)
    knots = np.linspace(0, 1, len(radius))
    line = np.stack([np.interp(fine, knots, line[:, k]) for k in range(3)], axis=1)
    radius = np.interp(fine, knots, radius)
    points, triangles = tube(float32(line), float32(radius), sides=16)
    wound = np.arange(16)[None, :] / 16 * 0.1 + np.linspace(0, 0.12, 14)[:, None]
    along = np.broadcast_to(np.linspace(0, 1, 14)[:, None], wound.shape)
    return Piece(
        part=HAIR,
        points=points,
        triangles=triangles.astype(np.int32),
        uv=float32(np.stack([wound.ravel(), along.ravel()], axis=1)),
        coverage=np.ones(len(triangles), np.float32),
        brightness=float32(0.85 + 0.3 * rng.random(len(points))),
        casting=len(triangles),
    )
