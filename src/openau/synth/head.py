"""The rig and everything a subject adds to it as one mesh, and where its points are when the face moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.piece import Piece
from openau.synth.rig import EYE, FRAME, HEADWEAR, Rig
from openau.synth.shade import Mesh
from openau.synth.surface import Surface
from openau.synth.texture import smooth_step

LID_SHADOW_CM = 0.34
"""How far down the eyeball the upper lid and its lashes throw their shadow."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The rig and a subject's pieces as one mesh of N + V vertices.

    Attributes:
        mesh: Triangles and parts.
        casting: (K, 3) int32, the triangles that cast shadows.
        coverage: (T,) float32, share of pixels that a triangle covers: tips of hair are thin.
        points: (V, 3) float32, cm, of the pieces; first those that are offsets from their anchors.
        anchor: (A,) int64, vertices of the rig with which the first A points move.
        extra: (N + V,) float32: hair's cover 0-1 on the skin, brightness on the pieces, 0 on the eyes.
        occlusion: (N + V,) float32, 0-1.
        sunken_cm: (N + V,) float32, see `Surface`.
        eyes: (E,) int64, vertices of the eyeballs.
    """

    mesh: Mesh
    casting: NDArray[np.int32]
    coverage: Floats
    points: Floats
    anchor: NDArray[np.int64]
    extra: Floats
    occlusion: Floats
    sunken_cm: Floats
    eyes: NDArray[np.int64]

    def attach(self, vertices: Floats) -> Floats:
        """Return the rig's vertices and the points of the pieces, which move with the skin they sit on.

        Args:
            vertices: (N, 3) float32, cm, the posed face.

        Returns:
            (N + V, 3) float32, cm.
        """
        moved = self.points.copy()
        moved[: len(self.anchor)] += vertices[self.anchor]
        return np.concatenate([vertices, moved])

    def shade_eyes(self, vertices: Floats, rig: Rig) -> Floats:
        """Return `extra` with the shadow that this pose's upper lids throw on the eyeballs.

        Args:
            vertices: (N, 3) float32, cm, the posed face.
            rig: The rig, for its landmarks.

        Returns:
            (N + V,) float32.
        """
        extra = self.extra.copy()
        for corners in (slice(36, 40), slice(42, 46)):
            lid = vertices[rig.landmarks[corners]]
            order = np.argsort(lid[:, 0])
            near = self.eyes[np.sign(vertices[self.eyes, 0]) == np.sign(lid[:, 0].mean())]
            edge = np.interp(vertices[near, 0], lid[order, 0], lid[order, 1])
            below = edge - vertices[near, 1]
            extra[near] = 0.62 * smooth_step(LID_SHADOW_CM, -0.05, below)
        return extra


def join_pieces(rig: Rig, surface: Surface, cover: Floats, pieces: Sequence[Piece]) -> Head:
    """Join the rig and pieces into one mesh; the rig's lash cards are left out, see `openau.synth.lashes`.

    Args:
        rig: The rig.
        surface: What is baked on it.
        cover: (N,) float32, how much hair colours each vertex of the rig, 0-1.
        pieces: What the subject adds.
    """
    ordered = [p for p in pieces if p.anchor is not None] + [p for p in pieces if p.anchor is None]
    base = _base(rig, surface)
    first = len(rig.vertices) + np.cumsum([0, *(len(p.points) for p in ordered)])
    first_uv = first - len(rig.vertices) + len(rig.uv)
    triangles = [p.triangles + np.int32(n) for p, n in zip(ordered, first, strict=False)]
    mesh = Mesh(
        triangles=np.concatenate([base.triangles, *triangles]),
        uv_triangles=np.concatenate(
            [
                base.uv_triangles,
                *(p.triangles + np.int32(n) for p, n in zip(ordered, first_uv, strict=False)),
            ]
        ),
        uv=np.concatenate([rig.uv, *(p.uv for p in ordered)]),
        part=np.concatenate([base.part, *(np.full(len(p.triangles), p.part, np.int8) for p in ordered)]),
    )
    sky = [np.full(len(p.points), 1.0 if p.part in (FRAME, HEADWEAR) else 0.85, np.float32) for p in ordered]
    count = first[-1] - len(rig.vertices)
    return Head(
        mesh=mesh,
        casting=np.concatenate(
            [surface.casting, *(t[: p.casting] for t, p in zip(triangles, ordered, strict=True))]
        ),
        coverage=np.concatenate([np.ones(len(base.triangles), np.float32), *(p.coverage for p in ordered)]),
        points=np.concatenate([np.zeros((0, 3), np.float32), *(p.points for p in ordered)]),
        anchor=np.concatenate([np.zeros(0, np.int64), *(p.anchor for p in ordered if p.anchor is not None)]),
        extra=np.concatenate([cover, *(p.brightness for p in ordered)]),
        occlusion=np.concatenate([surface.occlusion, *sky]),
        sunken_cm=np.concatenate([surface.sunken_cm, np.zeros(count, np.float32)]),
        eyes=base.eyes,
    )


class _Base(NamedTuple):
    """What of the rig is in every mesh."""

    triangles: NDArray[np.int32]
    uv_triangles: NDArray[np.int32]
    part: NDArray[np.int8]
    eyes: NDArray[np.int64]


@lru_cache(maxsize=2)
def _base(rig: Rig, surface: Surface) -> _Base:
    """Return the rig without what is not drawn, and the vertices of its eyeballs."""
    drawn = surface.drawn
    eyes = np.unique(rig.triangles[rig.part == EYE]).astype(np.int64)
    return _Base(rig.triangles[drawn], rig.uv_triangles[drawn], rig.part[drawn], eyes)
