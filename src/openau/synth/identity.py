"""A subject: one face shape with its skin, hair, eyes and resting face, ready to be posed and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.expression import add_shapes
from openau.synth.hair import Hair, grow_hair
from openau.synth.rig import HAIR, LASH, LOWER_LASH, Rig, load_rig
from openau.synth.shade import Mesh
from openau.synth.skin import SkinMaps, build_skin_maps, paint_eye, paint_skin, resting_relief
from openau.synth.surface import Surface, build_surface
from openau.synth.texture import smooth_step
from openau.synth.traits import Traits, draw_traits
from openau.synth.wrinkles import AGEING, Fold, Pair, build_wrinkles, draw_folds

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
        wrinkles: Height maps by AU, one pair for each pattern in which people wrinkle.
    """

    rig: Rig
    surface: Surface
    skin_maps: SkinMaps
    wrinkles: Mapping[int, tuple[Pair, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The rig and a subject's hair as one mesh of N + V vertices.

    Attributes:
        mesh: Triangles and parts.
        casting: (K, 3) int32, the triangles that cast shadows.
        coverage: (T,) float32, share of pixels that a triangle covers: lashes and tips of hair are thin.
        hair_points: (V, 3) float32, cm.
        hair: (N + V,) float32, cover 0-1 on the skin, brightness on the hair.
        occlusion: (N + V,) float32, 0-1.
        sunken_cm: (N + V,) float32, see `Surface`.
    """

    mesh: Mesh
    casting: NDArray[np.int32]
    coverage: Floats
    hair_points: Floats
    hair: Floats
    occlusion: Floats
    sunken_cm: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One synthetic person.

    Attributes:
        traits: How the subject looks.
        vertices: (N, 3) float32, cm, the resting face without hair.
        skin: (S, S, 4) float32, linear RGB and gloss.
        relief: (S, S) float32, cm: pores, lid crease and wrinkles at rest.
        eye: (128, 128, 3) float32, linear RGB.
        head: The rig and the hair as one mesh.
        lip_gap_cm: Distance between the inner lips at rest.
        teeth: (3,) float32, reflectance.
        clothes: (3,) float32, reflectance.
        clothed: (N,) float32, how much clothes cover each vertex, 0-1.
        folds: How this skin folds, by AU.
    """

    traits: Traits
    vertices: Floats
    skin: Floats
    relief: Floats
    eye: Floats
    head: Head
    lip_gap_cm: float
    teeth: Floats
    clothes: Floats
    clothed: Floats
    folds: Mapping[int, Fold]


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
    add_shapes(vertices, rig, {"jawOpen": _jaw_rest(rng, vertices, rig)})
    hair = grow_hair(rng, traits, rig, stage.surface, vertices)
    folds = draw_folds(rng.spawn(1)[0])
    return Subject(
        traits=traits,
        vertices=np.ascontiguousarray(vertices, np.float32),
        head=_join_hair(stage, traits, hair),
        skin=paint_skin(rng, traits, stage.skin_maps),
        relief=resting_relief(rng, stage.skin_maps) + _ageing(rng, stage, traits, folds),
        eye=paint_eye(rng, traits),
        lip_gap_cm=lip_gap(vertices, rig),
        teeth=(
            np.array([0.62, 0.57, 0.47]) * rng.uniform(0.65, 1.15, 1) * [1, 1, rng.uniform(0.75, 1.1)]
        ).astype(np.float32),
        clothes=(rng.uniform(0.02, 0.6) * (1 + 0.35 * rng.uniform(-1, 1, 3))).astype(np.float32),
        clothed=_clothed(rng, rig),
        folds=folds,
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


def _jaw_rest(rng: np.random.Generator, vertices: Floats, rig: Rig) -> float:
    """Return the jaw's resting weight: it meets the lips of this face, or leaves them a little apart."""
    upper, lower = vertices[rig.landmarks[62]], vertices[rig.landmarks[66]]
    wanted = rng.uniform(0.02, 0.1) if rng.random() < 0.93 else rng.uniform(0.1, 0.3)
    per_weight = 3.28  # cm that the inner lower lip drops against the upper one at jawOpen 1
    return float(np.clip((wanted - (upper[1] - lower[1])) / per_weight, -0.15, 0.15))


def _ageing(rng: np.random.Generator, stage: Stage, traits: Traits, folds: Mapping[int, Fold]) -> Floats:
    """Return wrinkles that stay at rest: with age, and by chance on anybody."""
    old = float(np.clip((traits.age - 35) / 35, 0, 1.2))
    total = np.zeros_like(stage.surface.inside)
    for au, share in AGEING.items():
        depth = share * old * rng.uniform(0.4, 1.8) + (rng.uniform(0, 0.35) if rng.random() < 0.2 else 0.0)
        if depth > 0.02:
            right, left = stage.wrinkles[au][folds[au].pattern]
            total += (right + left) * np.float32(depth)
    return total


def _join_hair(stage: Stage, traits: Traits, hair: Hair) -> Head:
    """Append the hair to the rig."""
    rig, surface, count = stage.rig, stage.surface, len(hair.vertices)
    triangles = hair.triangles + np.int32(len(rig.vertices))
    mesh = Mesh(
        triangles=np.concatenate([rig.triangles, triangles]),
        uv_triangles=np.concatenate([rig.uv_triangles, hair.triangles + np.int32(len(rig.uv))]),
        uv=np.concatenate([rig.uv, hair.uv]),
        part=np.concatenate([rig.part, np.full(len(triangles), HAIR, np.int8)]),
    )
    share = np.ones(HAIR, np.float32)
    share[LASH], share[LOWER_LASH] = 0.8 * traits.lash, 0.25 * traits.lash
    return Head(
        mesh=mesh,
        casting=np.concatenate([surface.casting, triangles[: len(triangles) // 2]]),
        coverage=np.concatenate([share[rig.part], hair.coverage]),
        hair_points=hair.vertices,
        hair=np.concatenate([hair.cover, hair.brightness]),
        occlusion=np.concatenate([surface.occlusion, np.full(count, 0.85, np.float32)]),
        sunken_cm=np.concatenate([surface.sunken_cm, np.zeros(count, np.float32)]),
    )


def _clothed(rng: np.random.Generator, rig: Rig) -> Floats:
    """Draw a collar: how much clothes cover each vertex."""
    x, y, z = rig.vertices.T
    collar = (
        rng.uniform(-15.5, -11) - rng.uniform(0, 0.5) * np.maximum(z, 0) + rng.uniform(0, 0.15) * np.abs(x)
    )
    return smooth_step(0.15, -0.15, y - collar)
