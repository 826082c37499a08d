"""A subject: one face shape with its skin, hair, eyes and resting face, ready to be posed and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from openau.records import Floats
from openau.synth.expression import add_shapes
from openau.synth.raster import vertex_normals
from openau.synth.rig import Rig, load_rig
from openau.synth.skin import SkinMaps, build_skin_maps, paint_eye, paint_skin, resting_relief
from openau.synth.surface import Surface, build_surface
from openau.synth.traits import Traits, draw_traits
from openau.synth.wrinkles import AGEING, build_wrinkles, smooth_step

# Deviation of each resting weight among people: nobody's neutral face is the mean face.
_RESTING: Final = {
    "browDown": 0.12,
    "browInnerUp": 0.10,
    "browOuterUp": 0.10,
    "eyeBlink": 0.09,
    "eyeSquint": 0.15,
    "mouthSmile": 0.06,
    "mouthFrown": 0.10,
    "mouthStretch": 0.06,
    "cheekRaiser": 0.08,
}
_RESTING_MIDDLE: Final = {
    "mouthRollUpper": 0.12,
    "mouthRollLower": 0.12,
    "mouthShrugLower": 0.05,
    "mouthPucker": 0.04,
}


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Everything that subjects share, built once per process.

    Attributes:
        rig: The rig.
        surface: The face's texture plane.
        skin_maps: Its regions.
        wrinkles: Height maps by AU, the subject's right half and left half, cm.
    """

    rig: Rig
    surface: Surface
    skin_maps: SkinMaps
    wrinkles: Mapping[int, tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One synthetic person.

    Attributes:
        traits: How the subject looks.
        vertices: (N, 3) float32, cm, the resting face with its hair.
        skin: (S, S, 4) float32, linear RGB and gloss.
        relief: (S, S) float32, cm: pores, lid crease and wrinkles at rest.
        eye: (128, 128, 3) float32, linear RGB.
        hair_cover: (N,) float32, how much hair covers a vertex, 0-1.
        lip_gap_cm: Distance between the inner lips at rest.
        teeth: (3,) float32, reflectance.
        clothes: (3,) float32, reflectance.
        neckline: Height in cm below which clothes begin.
    """

    traits: Traits
    vertices: Floats
    skin: Floats
    relief: Floats
    eye: Floats
    hair_cover: Floats
    lip_gap_cm: float
    teeth: Floats
    clothes: Floats
    neckline: float


def build_stage(rig: Rig | None = None) -> Stage:
    """Prepare what every subject shares.

    Args:
        rig: The rig; None to load it from where the environment says.

    Raises:
        RigError: The rig is absent or not the one expected.
    """
    rig = rig if rig is not None else load_rig()
    surface = build_surface(rig)
    return Stage(rig, surface, build_skin_maps(rig, surface), build_wrinkles(surface))


def draw_subject(stage: Stage, rng: np.random.Generator) -> Subject:
    """Draw a new person.

    Args:
        stage: What subjects share.
        rng: The source of chance.
    """
    rig, traits = stage.rig, draw_traits(rng)
    modes = np.clip(rng.standard_normal(len(rig.identity)), -2.2, 2.2).astype(np.float32) * np.float32(0.95)
    vertices = rig.vertices + np.tensordot(modes, rig.identity, 1)
    add_shapes(vertices, rig, _resting_face(rng, rig))
    cover, lift = _hair(rng, stage, traits)
    normals = vertex_normals(vertices, rig.triangles)
    return Subject(
        traits=traits,
        vertices=np.ascontiguousarray(vertices + normals * lift[:, None], np.float32),
        skin=paint_skin(rng, traits, stage.skin_maps),
        relief=resting_relief(rng, stage.skin_maps) + _ageing(rng, stage, traits),
        eye=paint_eye(rng, traits),
        hair_cover=cover,
        lip_gap_cm=lip_gap(vertices, rig),
        teeth=(
            np.array([0.62, 0.57, 0.47]) * rng.uniform(0.65, 1.15, 1) * [1, 1, rng.uniform(0.75, 1.1)]
        ).astype(np.float32),
        clothes=(rng.uniform(0.02, 0.6) * (1 + 0.35 * rng.uniform(-1, 1, 3))).astype(np.float32),
        neckline=float(rng.uniform(-15, -10.5)),
    )


def lip_gap(vertices: Floats, rig: Rig) -> float:
    """Return the largest of the three distances between inner upper and inner lower lip.

    Args:
        vertices: (N, 3) float32, cm.
        rig: The rig, for its landmarks.

    Returns:
        Centimetres; 0 where the lips overlap.
    """
    upper, lower = vertices[rig.landmarks[[61, 62, 63]]], vertices[rig.landmarks[[67, 66, 65]]]
    return float(np.maximum(upper[:, 1] - lower[:, 1], 0).max())


def _resting_face(rng: np.random.Generator, rig: Rig) -> dict[str, float]:
    """Draw shape weights of a neutral face, a little lopsided."""
    weights: dict[str, float] = {}
    for name, deviation in _RESTING.items():
        shared = rng.standard_normal()
        for end in ("_L", "_R"):
            value = float(deviation * (shared + 0.3 * rng.standard_normal()))
            # Lids may droop in a neutral face, but not open beyond it: that would be AU5.
            weights[name + end] = max(value, -0.05) if name == "eyeBlink" else value
    for name, deviation in _RESTING_MIDDLE.items():
        weights[name] = float(deviation * rng.standard_normal())
    return {name: weight for name, weight in weights.items() if name in rig.expression}


def _ageing(rng: np.random.Generator, stage: Stage, traits: Traits) -> Floats:
    """Return wrinkles that stay at rest: with age, and by chance on anybody."""
    old = float(np.clip((traits.age - 35) / 35, 0, 1.2))
    total = np.zeros_like(stage.surface.inside)
    for au, share in AGEING.items():
        depth = share * old * rng.uniform(0.4, 1.8) + (rng.uniform(0, 0.35) if rng.random() < 0.2 else 0.0)
        if depth > 0.02:
            right, left = stage.wrinkles[au]
            total += (right + left) * np.float32(depth)
    return total


def _hair(rng: np.random.Generator, stage: Stage, traits: Traits) -> tuple[Floats, Floats]:
    """Return how much hair covers each vertex (0-1), and how far it lifts the surface (cm)."""
    base, surface, style = stage.rig.vertices, stage.surface, traits.hair_style
    if style == "bald":
        return np.zeros(len(base), np.float32), np.zeros(len(base), np.float32)
    x, y, z = np.abs(base[:, 0]), base[:, 1], base[:, 2]
    receding = 1.2 * np.clip((traits.age - 35) / 40, 0, 1) if traits.gender == "male" else 0.0
    line = 9.2 + rng.uniform(-0.7, 0.9) + receding - (x / 9.5) ** 2 * 1.2
    temple = np.where(x > 6.9, line - 6.0 * smooth_step(6.9, 8.2, x), line)
    lowest = np.where(z > 1.0, temple, np.where(z > -2, -1.0, -6.0))
    cover = smooth_step(-0.4, 0.5, y - lowest)
    cover[surface.ear | (y < -9)] = 0
    if style == "long":
        curtain = smooth_step(7.4, 8.4, x) * smooth_step(4.5, 2.0, z)
        cover = np.maximum(cover, curtain)
    cover[~(surface.face_vertex | surface.head_vertex)] = 0
    amount = {"short": 0.25, "full": 1.3, "long": 1.1}[style] * rng.uniform(0.7, 1.3)
    strands = cv2.resize(rng.standard_normal((1, 64)).astype(np.float32), (len(base), 1)).ravel()
    return cover.astype(np.float32), (cover * amount * (1 + 0.1 * strands)).astype(np.float32)
