"""A z-buffer rasteriser compiled by numba: which triangle each pixel sees, and where on it.

Triangles of a head are small against its distance from the camera, so attributes are interpolated linearly on
the screen; the error is far under a pixel.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.compiled import uncounted

FAR = np.float32(1e9)


class Buffer(NamedTuple):
    """What each pixel of an (H, W) picture sees.

    Attributes:
        triangle: (H, W) int32, -1 where nothing is seen.
        depth: (H, W) float32, smaller is nearer; 1e9 where nothing is seen.
        weight0: (H, W) float32, barycentric weight of the triangle's first corner.
        weight1: (H, W) float32, of its second corner; the third has the rest.
    """

    triangle: NDArray[np.int32]
    depth: Floats
    weight0: Floats
    weight1: Floats


def empty_buffer(height: int, width: int) -> Buffer:
    """Return a buffer that sees nothing.

    Args:
        height: Pixels.
        width: Pixels.
    """
    shape = (height, width)
    return Buffer(
        np.full(shape, -1, np.int32),
        np.full(shape, FAR, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )


@nb.njit(cache=True, inline="always")
def _span(low: float, high: float, count: int) -> tuple[int, int]:  # pragma: no cover - compiled
    """Return the first pixel and one past the last whose centre lies between two coordinates."""
    return max(0, math.ceil(low - 0.5)), min(count, math.floor(high - 0.5) + 1)


@nb.njit(cache=True, inline="always")
def _grain(x: int, y: int) -> float:  # pragma: no cover - compiled
    """Return an even, patternless number in 0-1 for a pixel (interleaved gradient noise, Jimenez 2014)."""
    value = 52.9829189 * ((0.06711056 * x + 0.00583715 * y) % 1.0)
    return value % 1.0


@uncounted
def rasterize(
    points: Floats, depth: Floats, triangles: NDArray[np.int32], coverage: Floats, buffer: Buffer
) -> None:  # pragma: no cover - compiled
    """Draw triangles that face the viewer into a buffer; the nearest wins.

    Args:
        points: (N, 2) float32, x right and y down in pixels.
        depth: (N,) float32, smaller is nearer.
        triangles: (T, 3) int32, counter-clockwise when y is up: those that are not face away and are skipped.
        coverage: (T,) float32 in 0-1; below 1 a triangle is drawn only in that share of the pixels, in a
            fixed pattern (hair-thin things like lashes).
        buffer: Is filled.
    """
    seen, nearest, first, second = buffer.triangle, buffer.depth, buffer.weight0, buffer.weight1
    height, width = nearest.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1 = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        x2, y2 = points[c, 0], points[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area >= -1e-9:
            continue
        left, right = _span(min(x0, x1, x2), max(x0, x1, x2), width)
        top, bottom = _span(min(y0, y1, y2), max(y0, y1, y2), height)
        if left >= right or top >= bottom:
            continue
        inverse = 1.0 / area
        step0, step1 = (y1 - y2) * inverse, (y2 - y0) * inverse
        z0, z1, z2 = depth[a], depth[b], depth[c]
        cover = coverage[t]
        for y in range(top, bottom):
            py, px = y + 0.5, left + 0.5
            w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) * inverse - step0
            w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) * inverse - step1
            for x in range(left, right):
                w0 += step0
                w1 += step1
                w2 = 1.0 - w0 - w1
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                if z >= nearest[y, x]:
                    continue
                if cover < 1.0 and _grain(x, y) >= cover:
                    continue
                nearest[y, x] = z
                seen[y, x] = t
                first[y, x] = w0
                second[y, x] = w1


@uncounted
def rasterize_depth(
    points: Floats, depth: Floats, triangles: NDArray[np.int32], image: Floats
) -> None:  # pragma: no cover - compiled
    """Draw the nearest depth of triangles, whichever way they face: a shadow map.

    Args:
        points: (N, 2) float32, in pixels.
        depth: (N,) float32, smaller is nearer the light.
        triangles: (T, 3) int32.
        image: (H, W) float32, is lowered to the nearest depth.
    """
    height, width = image.shape
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1 = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        x2, y2 = points[c, 0], points[c, 1]
        left, right = _span(min(x0, x1, x2), max(x0, x1, x2), width)
        if left >= right:
            continue
        top, bottom = _span(min(y0, y1, y2), max(y0, y1, y2), height)
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if top >= bottom or abs(area) < np.float32(1e-9):
            continue
        inverse = one / area
        right0, down0 = (y1 - y2) * inverse, (x2 - x1) * inverse
        right1, down1 = (y2 - y0) * inverse, (x0 - x2) * inverse
        z2 = depth[c]
        z0, z1 = depth[a] - z2, depth[b] - z2
        for y in range(top, bottom):
            across, down = np.float32(left) + half - x2, np.float32(y) + half - y2
            w0, w1 = right0 * across + down0 * down, right1 * across + down1 * down
            for x in range(left, right):
                if w0 >= zero and w1 >= zero and w0 + w1 <= one:
                    image[y, x] = min(image[y, x], z2 + w0 * z0 + w1 * z1)
                w0 += right0
                w1 += right1


@nb.njit(cache=True, fastmath=True)
def vertex_normals(vertices: Floats, triangles: NDArray[np.int32]) -> Floats:  # pragma: no cover - compiled
    """Return the area-weighted unit normal of every vertex.

    Args:
        vertices: (N, 3) float32.
        triangles: (T, 3) int32, counter-clockwise seen from outside.

    Returns:
        (N, 3) float32; zero for a vertex of no triangle.
    """
    normals = np.zeros_like(vertices)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        vx, vy, vz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for i in range(normals.shape[0]):
        length = math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        for j in range(3):
            normals[i, j] /= length
    return normals


@uncounted
def add_modes(vertices: Floats, modes: Floats, weights: Floats) -> None:  # pragma: no cover - compiled
    """Add weighted shape modes to coordinates, in place.

    A matrix product would do, but its last digits depend on the number of threads that share it.

    Args:
        vertices: (3N,) float32, all coordinates in a row.
        modes: (M, 3N) float32, displacements.
        weights: (M,) float32.
    """
    for m in range(modes.shape[0]):
        weight = weights[m]
        for i in range(modes.shape[1]):
            vertices[i] += weight * modes[m, i]
