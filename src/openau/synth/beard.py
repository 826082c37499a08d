"""Beards with volume: layers over the skin that thin outward, move with jaw and lips, leave the lips free.

Places are centimetres on the mean face.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.piece import Piece
from openau.synth.raster import vertex_normals
from openau.synth.rig import BEARD, FACE, Rig
from openau.synth.surface import Surface
from openau.synth.texture import Numbers, bump, float32, smooth_step
from openau.synth.traits import BeardStyle, Traits

LIP_MARGIN_CM: Final = 0.12
"""Bare skin between the red of the lips and the first beard hair."""

_LAYERS: Final = ((0.4, 0.95), (0.75, 0.8), (1.0, 0.45))
"""Height as a share of the length, and share of pixels covered, from the skin outward."""


@dataclass(frozen=True, slots=True, eq=False)
class BeardZone:
    """The skin on which beards grow, built once.

    Attributes:
        vertices: (K,) int64, indices into the rig's vertices.
        triangles: (T, 3) int32, indices into `vertices`.
        share: How much of each style grows on each vertex, (K,) float32 in 0-1.
    """

    vertices: NDArray[np.int64]
    triangles: NDArray[np.int32]
    share: Mapping[BeardStyle, Floats]


def beard_region(style: BeardStyle, x: Numbers, y: Numbers, z: Numbers) -> Floats:
    """Return how densely a beard grows at places of the mean face, lips not left out; 0-1.

    Args:
        style: Which beard.
        x: To the subject's left, cm, any shape.
        y: Up.
        z: Forward.
    """
    side = np.abs(x)
    front = smooth_step(0.5, 2.5, z) * smooth_step(-10.0, -8.6, y)
    lip_top = (
        smooth_step(-1.0, -1.5, y + 0.10 * side) * smooth_step(-4.1, -3.2, y) * smooth_step(3.2, 2.0, side)
    )
    if style == "moustache":
        return float32(lip_top * front)
    chin = smooth_step(2.2, 1.3, side) * smooth_step(-4.2, -5.2, y)
    chin = chin + bump(side - 2.65, 0.3) * bump(y + 4.3, 0.9)
    if style == "goatee":
        return float32(np.clip(lip_top + chin, 0, 1) * front)
    line = np.interp(side, [0, 2.4, 3.2, 4.5, 5.6, 6.3, 7.2], [-1.2, -1.5, -2.9, -3.0, -1.7, 0.6, 3.0])
    cheeks = smooth_step(0.7, -1.5, y - line)
    under_lip = 1 - 0.45 * bump(side - 1.5, 0.7) * bump(y + 5.0, 0.5)
    return float32(
        np.clip(
            np.maximum(cheeks * np.maximum(smooth_step(2.2, 3.0, side), smooth_step(-3.6, -4.4, y)), lip_top),
            0,
            1,
        )
        * front
        * under_lip
    )


def find_beard_zone(rig: Rig, surface: Surface) -> BeardZone:
    """Find the triangles of the face on which beards grow.

    Args:
        rig: The rig.
        surface: Which vertices are ears.
    """
    x, y, z = rig.vertices.T
    outline = float32(rig.vertices[rig.landmarks[48:60], :2]).reshape(-1, 1, 2)
    in_front = z > 4
    outside = np.full(len(x), 9.0, np.float32)
    near = in_front & (np.abs(x) < 4) & (np.abs(y + 3.4) < 2.5)
    outside[near] = [
        -cv2.pointPolygonTest(outline, (float(a), float(b)), True)
        for a, b in zip(x[near], y[near], strict=True)
    ]
    free = smooth_step(LIP_MARGIN_CM, LIP_MARGIN_CM + 0.35, outside) * ~surface.ear
    styles: tuple[BeardStyle, ...] = ("moustache", "goatee", "short", "full")
    share = {style: beard_region(style, x, y, z) * free for style in styles}
    grows = share["full"] + share["goatee"] > 0.04
    triangles = rig.triangles[rig.part == FACE]
    triangles = triangles[grows[triangles].all(axis=1)]
    used, local = np.unique(triangles, return_inverse=True)
    return BeardZone(
        vertices=used.astype(np.int64),
        triangles=local.reshape(-1, 3).astype(np.int32),
        share={style: float32(values[used]) for style, values in share.items()},
    )


def grow_beard(
    rng: np.random.Generator, traits: Traits, zone: BeardZone, rig: Rig, vertices: Floats
) -> tuple[Piece, ...]:
    """Give a subject a beard that stands off the skin; stubble is only painted.

    Args:
        rng: The source of chance.
        traits: The subject.
        zone: Where beards grow.
        rig: The rig.
        vertices: (N, 3) float32, cm, the subject's resting face.

    Returns:
        One piece per layer, from the skin outward.
    """
    grain = rng.standard_normal(len(zone.vertices)).astype(np.float32)
    droop, tuft = rng.uniform(0.3, 0.8), rng.uniform(-0.3, 0.6)
    share = zone.share.get(traits.beard_style)
    if share is None or traits.beard_length_cm <= 0:
        return ()
    kept = (share[zone.triangles] > 0.12).all(axis=1)
    triangles = zone.triangles[kept]
    normals = vertex_normals(vertices, rig.triangles[rig.part == FACE])[zone.vertices]
    mean = rig.vertices[zone.vertices]
    # Longest on the chin, short on the lip, where it would hide the mouth.
    chin = bump(np.hypot(mean[:, 0] / 2.2, (mean[:, 1] + 7.2) / 1.6), 1.0)
    on_lip = bump(mean[:, 1] + 2.0, 0.9) * bump(mean[:, 0], 3.2)
    length = traits.beard_length_cm * np.sqrt(share) * (0.6 + (0.5 + tuft) * chin) * (1 + 0.18 * grain)
    # Short before the ears.
    length = length * (0.25 + 0.75 * smooth_step(2.0, -3.5, mean[:, 1]))
    length = np.where(on_lip > 0.3, np.minimum(length, 0.45), np.maximum(length, 0.05)).astype(np.float32)
    way = normals + float32([0, -droop, 0]) * (0.25 + 0.75 * (1 - on_lip))[:, None]
    way /= np.linalg.norm(way, axis=1, keepdims=True) + 1e-6
    dense = np.clip((0.3 + 0.65 * traits.beard) * share[triangles].mean(axis=1) * 1.25, 0, 1)
    uv = np.stack([0.5 + mean[:, 0] / 52 + 0.002 * grain, mean[:, 1] / 20], axis=1)
    tufts = rng.random(len(triangles)) * 0.98 + 0.01
    layers = _LAYERS if traits.beard_length_cm > 0.7 else _LAYERS[::2]
    return tuple(
        Piece(
            part=BEARD,
            points=float32(way * (length * height)[:, None]),
            triangles=triangles,
            uv=float32(uv),
            coverage=float32(np.where(tufts < cover * dense, 1, 0)),
            brightness=float32(np.clip((0.7 + 0.35 * height) * (1 + 0.15 * grain), 0.4, 1.5)),
            casting=0,
            anchor=zone.vertices,
        )
        for height, cover in layers
    )
