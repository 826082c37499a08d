"""Headwear on a subject's own skull: head scarf, beanie, cap, hat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.hair import CENTRE, place_at, radius_at, skull_radius
from openau.synth.piece import Piece, grid_triangles, solid_piece
from openau.synth.rig import HEADWEAR
from openau.synth.surface import Surface
from openau.synth.texture import Numbers, blur, bump, float32, smooth_step
from openau.synth.wardrobe import Headwear

_COLUMNS, _ROWS = 96, 18
_AZIMUTH = np.linspace(-180, 180, _COLUMNS, endpoint=False, dtype=np.float32)


def make_headwear(
    rng: np.random.Generator, kind: Headwear, surface: Surface, vertices: Floats, hair: tuple[Piece, ...]
) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Cover a subject's hair.

    Args:
        rng: The source of chance.
        kind: Which; "none" leaves the hair as it is.
        surface: Which vertices are ears, face and head.
        vertices: (N, 3) float32, cm, the subject's resting face.
        hair: What stands off the skull.

    Returns:
        The hair that still shows, pressed flat under the edge, and the headwear.
    """
    if kind == "none":
        return hair, ()
    skin = vertices[(surface.face_vertex | surface.head_vertex) & ~surface.ear]
    if kind == "scarf":
        return (), _scarf(rng, vertices[surface.face_vertex | surface.head_vertex])
    skull = skull_radius(skin)
    front = rng.uniform(8.0, 9.2)
    crown, ends = _crown(rng, kind, skull, front)
    pieces = [crown]
    if kind == "cap":
        pieces.append(_visor(rng, skull, front))
    elif kind == "hat":
        pieces.append(_brim(rng, skull, ends))
    return tuple(_pressed(piece, skull, ends) for piece in hair), tuple(pieces)


def _pressed(piece: Piece, skull: Floats, ends: Floats) -> Piece:
    """Return hair that stays inside the crown above its edge and just below it."""
    relative = piece.points - CENTRE
    radius = np.linalg.norm(relative, axis=1)
    elevation = np.degrees(np.arcsin(relative[:, 1] / radius))
    azimuth = np.degrees(np.arctan2(relative[:, 0], relative[:, 2]))
    head = radius_at(skull, float32(azimuth[:, None]), float32(elevation[:, None]))[:, 0]
    edge = np.interp(azimuth, _AZIMUTH, ends)
    free = smooth_step(0, 24, edge - elevation)
    allowed = head + 0.1 + free * np.maximum(radius - head - 0.1, 0)
    scale = np.minimum(1, allowed / radius)
    return replace(piece, points=float32(relative * scale[:, None] + CENTRE))


def _crown(rng: np.random.Generator, kind: Headwear, skull: Floats, front: float) -> tuple[Piece, Floats]:
    """Return what sits on the skull and the elevation of its edge in each column, degrees."""
    forehead = float(np.degrees(np.arctan2(front - CENTRE[1], 9.6)))
    over_ear = {"beanie": rng.uniform(-12, 6), "cap": 9.0, "hat": 10.0}.get(kind, 8.0)
    nape = {"beanie": -20.0, "cap": -4.0, "hat": 2.0}.get(kind, 0.0)
    ends = float32(np.interp(np.abs(_AZIMUTH), [0, 40, 90, 180], [forehead, forehead - 2, over_ear, nape]))
    down = np.linspace(0, 1, _ROWS, dtype=np.float32)[:, None]
    elevation = 90 - down * (90 - ends)[None, :]
    across = np.broadcast_to(_AZIMUTH, elevation.shape)
    high = smooth_step(20, 75, elevation)
    radius = radius_at(skull, float32(across), float32(elevation))
    if kind == "hat":
        radius = radius + 0.7 + rng.uniform(1.0, 3.0) * smooth_step(15, 50, elevation)
    elif kind == "cap":
        radius = radius + 0.6 + rng.uniform(0.3, 1.2) * high
    else:
        behind = smooth_step(60, 150, np.abs(across))
        fold = 0.35 * smooth_step(0.72, 0.76, down)
        radius = radius + 0.55 + rng.uniform(0.1, 1.8) * high * (0.6 + 0.8 * behind) + fold
    points = place_at(float32(across), float32(elevation), float32(radius)).reshape(-1, 3)
    ribs = np.where(np.arange(_COLUMNS) % 2 == 0, 1.07, 0.9) if kind == "beanie" else np.ones(_COLUMNS)
    brightness = float32(np.repeat(ribs[None], _ROWS, axis=0).ravel())
    if kind == "hat":
        band = (down > 0.82) & (down < 2) & np.ones((1, _COLUMNS), bool)
        brightness = float32(np.where(band.ravel(), 0.3, 1.0))
    triangles = grid_triangles(_ROWS, _COLUMNS, closed=True)
    return solid_piece(HEADWEAR, points, triangles, brightness=brightness, both_sides=True), ends


def _visor(rng: np.random.Generator, skull: Floats, front: float) -> Piece:
    """Return a cap's visor: forward and a little down from the edge of its front."""
    azimuth = np.linspace(-52, 52, 21, dtype=np.float32)[None, :]
    reach = np.linspace(0, 1, 6, dtype=np.float32)[:, None]
    length, dip = rng.uniform(4.5, 6.5), rng.uniform(0.2, 1.6)
    elevation = np.full_like(azimuth, np.degrees(np.arctan2(front - CENTRE[1], 9.6))) + 2
    edge = place_at(azimuth, elevation, radius_at(skull, azimuth, elevation) + np.float32(0.6))
    round_off = np.cos(np.radians(azimuth) * 1.6)[..., None]
    ahead = reach[..., None] * length * np.maximum(round_off, 0.05) * np.array([0, 0, 1.0])
    points = edge + ahead
    points[..., 1] -= dip * reach**1.3 + 0.06 * points[..., 0] ** 2 * reach * 0.5
    triangles = grid_triangles(6, 21, closed=False)
    return solid_piece(
        HEADWEAR, points.reshape(-1, 3), triangles, brightness=np.full(126, 0.85, np.float32), both_sides=True
    )


def _brim(rng: np.random.Generator, skull: Floats, ends: Floats) -> Piece:
    """Return a hat's brim all around."""
    reach = np.linspace(0, 1, 5, dtype=np.float32)[:, None]
    width, droop = rng.uniform(3.5, 6.5), rng.uniform(-0.6, 1.6)
    across, elevation = _AZIMUTH[None, :], ends[None, :]
    edge = place_at(across, elevation, radius_at(skull, across, elevation) + np.float32(0.7))
    level = np.stack([np.sin(np.radians(across)), np.zeros_like(across), np.cos(np.radians(across))], axis=2)
    points = edge + level * (width * reach)[..., None]
    points[..., 1] -= droop * reach**1.5
    triangles = grid_triangles(5, _COLUMNS, closed=True)
    return solid_piece(HEADWEAR, points.reshape(-1, 3), triangles, both_sides=True)


def _scarf(rng: np.random.Generator, skin: Floats) -> tuple[Piece, ...]:
    """Return a scarf that leaves the oval of the face free, wrapped under the chin and over the shoulders."""
    rows, columns = 22, 72
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    top, wide, bottom = rng.uniform(8.0, 8.9), rng.uniform(6.2, 6.7), rng.uniform(-8.6, -8.0)
    middle, tall = (top + bottom) / 2, (top - bottom) / 2
    x = wide * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.9
    y = middle + tall * np.sin(turn)
    edge = np.stack([x, y, _depth_at(skin, x, y)], axis=1).astype(np.float64)
    centre = np.array([0.0, 2.0, 0.0])
    way = edge - centre
    first = np.arccos(np.clip(way[:, 2] / np.linalg.norm(way, axis=1), -1, 1))
    azimuth = np.arctan2(way[:, 1], way[:, 0])
    share = np.linspace(0, 1, rows)[:, None]
    polar = first + (np.pi - first) * share**1.1
    direction = np.stack(
        [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=2
    )
    covered = _cloth_radius(skin - centre, direction)
    at_edge = np.linalg.norm(way, axis=1) + 0.15
    blend = smooth_step(0.0, 0.22, share)
    folds = 0.35 * np.sin(azimuth * 9 + 6 * share + rng.uniform(0, 6)) * bump(np.sin(azimuth) + 0.75, 0.7)
    radius = at_edge + (covered + 0.8 - at_edge) * blend + folds * smooth_step(0.05, 0.4, share)
    radius = radius + 0.25 * smooth_step(0, 0.06, share)
    points = centre + direction * radius[..., None]
    fine = blur(rng.standard_normal((rows, columns)).astype(np.float32), 1.5)
    brightness = 1 + 0.25 * fine + 0.1 * folds
    triangles = grid_triangles(rows, columns, closed=True)[:, ::-1]
    cloth = solid_piece(
        HEADWEAR, points.reshape(-1, 3), triangles, brightness=float32(brightness.ravel()), both_sides=True
    )
    return cloth, _wrap(rng)


def _wrap(rng: np.random.Generator) -> Piece:
    """Return the cloth around the neck and over the shoulders."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)[None, :]
    height = np.array([-7.6, -9.2, -11.0, -13.0, -15.5, -18.5])[:, None]
    wide = np.array([6.4, 7.2, 7.6, 8.8, 11.5, 14.5])[:, None]
    deep = np.array([6.0, 8.4, 8.8, 9.2, 10.0, 10.5])[:, None]
    folds = 1 + 0.035 * np.sin(7 * turn + 0.5 * height + rng.uniform(0, 6))
    front = np.cos(turn)
    points = np.stack(
        [wide * folds * np.sin(turn), height - 0.9 * np.maximum(front, 0), deep * folds * front - 0.5], axis=2
    )
    triangles = grid_triangles(6, 48, closed=True)
    brightness = float32(0.95 + 0.1 * rng.random(6 * 48))
    return solid_piece(
        HEADWEAR, float32(points.reshape(-1, 3)), triangles, brightness=brightness, both_sides=True
    )


def _depth_at(skin: Floats, x: Numbers, y: Numbers) -> Floats:
    """Return how far forward the skin lies at places seen from in front, cm."""
    depth = []
    for a, b in zip(x, y, strict=True):
        near = np.hypot(skin[:, 0] - a, skin[:, 1] - b) < 0.9
        depth.append(float(np.percentile(skin[near, 2], 80)) if near.any() else 4.0)
    # Cloth spans the hollow before the ear.
    ring = np.maximum(np.array(depth), 3.8)
    for _ in range(3):
        ring = (np.roll(ring, 1) + 2 * ring + np.roll(ring, -1)) / 4
    return float32(ring)


def _cloth_radius(points: Numbers, direction: Numbers) -> Floats:
    """Return how far cloth lies from the middle in given directions: over head, neck and shoulders."""
    distance = np.linalg.norm(points, axis=1)
    unit = points / distance[:, None]
    grid = np.zeros((18, 36), np.float32)
    np.maximum.at(grid, _bins(unit), distance)
    grid[grid == 0] = 12.0
    wide = blur(np.tile(np.clip(grid, 9.0, 14.0), (1, 3)), 1.2)[:, 36:72]
    return np.asarray(wide[_bins(direction.reshape(-1, 3))].reshape(direction.shape[:2]), np.float32)


def _bins(unit: Numbers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column of directions in an 18 by 36 grid of angles around the forward axis."""
    row = np.clip(np.degrees(np.arccos(np.clip(unit[:, 2], -1, 1))) / 10, 0, 17).astype(int)
    column = ((np.degrees(np.arctan2(unit[:, 1], unit[:, 0])) + 180) / 10).astype(int) % 36
    return row, column
