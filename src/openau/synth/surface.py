"""What every subject shares: the face's texture plane in cm, its slopes, its ambient occlusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.raster import FAR, empty_buffer, rasterize, rasterize_depth, vertex_normals
from openau.synth.rig import EYE, FACE, HEAD, LASH, LOWER_LASH, MOUTH, TEETH, Rig
from openau.synth.texture import float32

TEXTURE_SIZE: Final = 512
"""Side of the skin texture, in texels; about 0.5 mm each on the face."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The neutral mean face seen as a texture, and what is baked on it once.

    Attributes:
        position: (S, S, 3) float32, the place in cm of each texel on the mean face.
        inside: (S, S) float32, 1 where a texel belongs to the face.
        slope_u: (S, S, 3) float32, 3-D gradient per unit of height difference between columns.
        slope_v: (S, S, 3) float32, the same between rows.
        occlusion: (N,) float32 in 0-1, how much of the sky each vertex sees.
        texel: (68, 2) float32, where the landmarks lie in the texture, x and y in texels.
        sunken_cm: (N,) float32, how far a vertex is pushed back when parts are ranked by depth: eyeballs are
            rounder than closed lids and would show through them.
        casting: (K, 3) int32, the triangles that cast shadows.
        drawn: (T,) bool, triangles of the rig that are drawn: all but the lash cards.
        ear: (N,) bool, vertices of the ears.
        ear_map: (S, S) float32, 1 on the ears.
        face_vertex: (N,) bool, vertices of the face's skin.
        head_vertex: (N,) bool, vertices of the head, neck and shoulders behind the face.
    """

    position: Floats
    inside: Floats
    slope_u: Floats
    slope_v: Floats
    occlusion: Floats
    texel: Floats
    sunken_cm: Floats
    casting: NDArray[np.int32]
    drawn: NDArray[np.bool_]
    ear: NDArray[np.bool_]
    ear_map: Floats
    face_vertex: NDArray[np.bool_]
    head_vertex: NDArray[np.bool_]


def build_surface(rig: Rig) -> Surface:
    """Unfold the mean face into its texture plane and bake what does not depend on the subject.

    Args:
        rig: The rig.
    """
    position, inside = _position_map(rig)
    slope_u, slope_v = _slopes(position)
    on_face = rig.part == FACE
    vertex_uv = np.zeros((len(rig.vertices), 2), np.float32)
    vertex_uv[rig.triangles[on_face].ravel()] = rig.uv[rig.uv_triangles[on_face].ravel()]
    face_vertex, head_vertex = _member(rig, FACE), _member(rig, FACE + 1)
    u, v = vertex_uv.T
    return Surface(
        position=position,
        inside=inside.astype(np.float32),
        slope_u=slope_u,
        slope_v=slope_v,
        occlusion=_occlusion(rig),
        texel=_texels(vertex_uv[rig.landmarks]),
        sunken_cm=np.where(_member(rig, EYE), 0.27, 0).astype(np.float32),
        casting=np.ascontiguousarray(rig.triangles[(rig.part == FACE) | (rig.part == HEAD)]),
        drawn=~np.isin(rig.part, (LASH, LOWER_LASH)),
        ear=face_vertex & (np.abs(u - 0.5) > 0.385) & (v > 0.44) & (v < 0.695),
        ear_map=_ear_map(),
        face_vertex=face_vertex,
        head_vertex=head_vertex,
    )


def _ear_map() -> Floats:
    """Return where the ears lie in the texture."""
    u, v = np.meshgrid(
        (np.arange(TEXTURE_SIZE) + 0.5) / TEXTURE_SIZE, 1 - (np.arange(TEXTURE_SIZE) + 0.5) / TEXTURE_SIZE
    )
    return float32((np.abs(u - 0.5) > 0.385) & (v > 0.44) & (v < 0.695))


def _member(rig: Rig, part: int) -> NDArray[np.bool_]:
    """Return which vertices belong to a part."""
    member = np.zeros(len(rig.vertices), bool)
    member[rig.triangles[rig.part == part]] = True
    return member


def _texels(uv: Floats) -> Floats:
    """Turn texture coordinates into texels, x right and y down."""
    return np.stack([uv[:, 0] * TEXTURE_SIZE, (1 - uv[:, 1]) * TEXTURE_SIZE], axis=1).astype(np.float32)


def _position_map(rig: Rig) -> tuple[Floats, NDArray[np.bool_]]:
    """Rasterise the face into its own texture plane; texels outside take the nearest one inside."""
    size, on_face = TEXTURE_SIZE, rig.part == FACE
    corners = rig.vertices[rig.triangles[on_face]]
    buffer = empty_buffer(size, size)
    flat = np.zeros(len(rig.uv), np.float32)
    corners_uv = rig.uv_triangles[on_face]
    rasterize(_texels(rig.uv), flat, corners_uv, np.ones(len(corners_uv), np.float32), buffer)
    inside = buffer.triangle >= 0
    triangle, w0, w1 = buffer.triangle[inside], buffer.weight0[inside, None], buffer.weight1[inside, None]
    position = np.zeros((size, size, 3), np.float32)
    position[inside] = (
        w0 * corners[triangle, 0] + w1 * corners[triangle, 1] + (1 - w0 - w1) * corners[triangle, 2]
    )
    outside = (~inside).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    texel_of_label = np.zeros(int(nearest.max()) + 1, np.int64)
    filled = np.flatnonzero(outside.ravel() == 0)
    texel_of_label[nearest.ravel()[filled]] = filled
    return position.reshape(-1, 3)[texel_of_label[nearest.ravel()]].reshape(size, size, 3), inside


def _slopes(position: Floats) -> tuple[Floats, Floats]:
    """Return the dual tangent vectors that turn height differences of the texture into a 3-D gradient."""
    along_u = cv2.Sobel(position, cv2.CV_32F, 1, 0, scale=1 / 8)
    along_v = cv2.Sobel(position, cv2.CV_32F, 0, 1, scale=1 / 8)
    e, g = (along_u**2).sum(-1) + 1e-6, (along_v**2).sum(-1) + 1e-6
    f = (along_u * along_v).sum(-1)
    determinant = (e * g - f * f + 1e-6)[..., None]
    slope_u = (g[..., None] * along_u - f[..., None] * along_v) / determinant
    slope_v = (e[..., None] * along_v - f[..., None] * along_u) / determinant
    return np.ascontiguousarray(slope_u, np.float32), np.ascontiguousarray(slope_v, np.float32)


def _occlusion(rig: Rig, directions: int = 80, size: int = 224) -> Floats:
    """Bake how much of the sky each vertex of the neutral mean face sees, from shadow maps around it."""
    normals = vertex_normals(rig.vertices, rig.triangles)
    # A Fibonacci sphere: even directions without a random generator.
    k = np.arange(directions) + 0.5
    height, angle = 1 - 2 * k / directions, np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - height**2)
    seen, possible = np.zeros(len(normals)), np.full(len(normals), 1e-6)
    for direction in np.stack([ring * np.cos(angle), height, ring * np.sin(angle)], axis=1):
        side = np.cross([0.31, 0.9, 0.17], direction)
        side /= np.linalg.norm(side)
        plane = np.stack([side, np.cross(direction, side)], axis=1)
        flat = rig.vertices @ plane
        points = ((flat - flat.min(0)) / np.ptp(flat, axis=0).max() * (size - 4) + 2).astype(np.float32)
        depth = -(rig.vertices @ direction).astype(np.float32)
        nearest = np.full((size, size), FAR, np.float32)
        rasterize_depth(points, depth, rig.triangles, nearest)
        column, row = points.astype(np.int64).T
        weight = np.maximum(0, normals @ direction)
        seen += weight * (depth <= nearest[row, column] + 0.25)
        possible += weight
    occlusion = np.clip(seen / possible * 1.15, 0.12, 1)
    eye, mouth = _member(rig, EYE), _member(rig, TEETH) | _member(rig, MOUTH)
    # The bake sees closed lips and a lid's own thickness; both parts get back the light of an open aperture.
    occlusion[eye] = np.clip(occlusion[eye], 0.7, 1)
    occlusion[mouth] = np.clip(occlusion[mouth] * 0.8 + 0.35, 0.3, 0.8)
    # Enamel shines through: teeth are the brightest part of a smile, even in the shadow of the lip.
    teeth = _member(rig, TEETH)
    occlusion[teeth] = np.clip(occlusion[teeth] + 0.25, 0.7, 1)
    return float32(occlusion)
