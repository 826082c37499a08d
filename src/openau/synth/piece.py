"""Geometry that a subject adds to the rig: hair, a beard, glasses, headwear, a hand before the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.texture import float32


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Triangles of one part, either rigid with the skull or anchored to the moving skin.

    Attributes:
        part: Its code, see `openau.synth.rig`.
        points: (V, 3) float32, cm in head axes; offsets from the anchors where there are any.
        triangles: (K, 3) int32, indices into `points`, counter-clockwise seen from outside.
        uv: (V, 2) float32, for strands: around and along, 0-1.
        coverage: (K,) float32, share of pixels that a triangle covers.
        brightness: (V,) float32, lighter or darker than the part's colour.
        casting: How many of the first triangles cast a shadow.
        anchor: (V,) int64, vertices of the rig that the points move with; None for a rigid piece.
    """

    part: int
    points: Floats
    triangles: NDArray[np.int32]
    uv: Floats
    coverage: Floats
    brightness: Floats
    casting: int
    anchor: NDArray[np.int64] | None = None


def grid_triangles(rows: int, columns: int, *, closed: bool) -> NDArray[np.int32]:
    """Return the triangles of a grid of points, row after row; rows go down, columns to the viewer's right.

    Args:
        rows: At least 2.
        columns: At least 2.
        closed: Whether the last column joins the first.
    """
    row, column = np.meshgrid(
        np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij"
    )
    a, b = row * columns + column, row * columns + (column + 1) % columns
    c, d = a + columns, b + columns
    return (
        np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], axis=2).reshape(-1, 3).astype(np.int32)
    )


def solid_piece(
    part: int,
    points: Floats,
    triangles: NDArray[np.int32],
    *,
    brightness: Floats | None = None,
    coverage: float = 1.0,
    both_sides: bool = False,
    casts: bool = True,
) -> Piece:
    """Return a rigid piece of one even coverage.

    Args:
        part: Its code.
        points: (V, 3) float32, cm.
        triangles: (K, 3) int32.
        brightness: (V,) float32; None for 1 everywhere.
        coverage: Share of pixels it covers, 0-1.
        both_sides: Whether its inside is drawn too.
        casts: Whether it casts a shadow.
    """
    count = len(triangles)
    brightness = np.ones(len(points), np.float32) if brightness is None else float32(brightness)
    if both_sides:
        # Points of its own for the inside: a normal cannot look both ways.
        triangles = np.concatenate([triangles, triangles[:, ::-1] + np.int32(len(points))])
        points, brightness = np.concatenate([points, points]), np.concatenate([brightness, brightness])
    return Piece(
        part=part,
        points=float32(points),
        triangles=np.ascontiguousarray(triangles, np.int32),
        uv=np.zeros((len(points), 2), np.float32),
        coverage=np.full(len(triangles), coverage, np.float32),
        brightness=brightness,
        casting=count if casts else 0,
    )


def tube(line: Floats, radius: Floats, sides: int = 6) -> tuple[Floats, NDArray[np.int32]]:
    """Return a tube around a line of points.

    Args:
        line: (L, 3) float32, cm.
        radius: (L,) float32, cm.
        sides: Corners of its section.

    Returns:
        (L * sides, 3) points and their triangles, seen from outside.
    """
    along = np.gradient(line.astype(np.float64), axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    reference = np.where(np.abs(along[:, 1:2]) > 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    across = np.cross(reference, along)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-9
    up = np.cross(along, across)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
    ring = across[:, None] * np.cos(turn) + up[:, None] * np.sin(turn)
    points = line[:, None] + ring * radius[:, None, None]
    return float32(points.reshape(-1, 3)), grid_triangles(len(line), sides, closed=True)[:, ::-1]
