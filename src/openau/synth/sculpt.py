"""Forms that the rig's identity modes lack: lids, ageing soft tissue, and the pull of gender on the modes.

Places are centimetres on the mean face; sizes were set by eye.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.rig import FACE, HEAD, LASH, LOWER_LASH, Rig, Shape
from openau.synth.texture import bump, float32, smooth_step
from openau.synth.traits import Traits


@dataclass(frozen=True, slots=True)
class Swell:
    """A soft displacement on both halves of the face.

    Attributes:
        form: The form that it belongs to.
        place: (|x|, y), cm.
        reach: cm across and along at which it has fallen to 37 %.
        move: Displacement at strength 1: outward, up, forward, cm.
    """

    form: str
    place: tuple[float, float]
    reach: tuple[float, float]
    move: tuple[float, float, float]


_SWELLS: Final = (
    Swell("bag", (3.1, 2.42), (1.15, 0.26), (0, 0, 0.13)),
    Swell("bag", (3.0, 1.85), (1.3, 0.22), (0, 0, -0.07)),
    Swell("sag", (4.4, -5.4), (1.5, 1.5), (0.18, -0.55, 0.12)),
    Swell("sag", (2.9, -4.3), (0.6, 0.9), (0, -0.12, -0.1)),
    Swell("sag", (3.9, -1.6), (1.5, 1.3), (0.1, -0.4, 0.05)),
    Swell("sag", (4.3, 0.9), (1.3, 0.8), (0, -0.1, -0.2)),
    Swell("sag", (5.2, 5.6), (1.4, 0.8), (0, -0.3, 0)),
    Swell("sag", (0.0, 0.2), (1.1, 0.9), (0, -0.2, 0)),
    Swell("sag", (2.6, -3.5), (0.5, 0.4), (0, -0.08, 0)),
    Swell("sag", (0.0, -9.4), (2.2, 1.6), (0, -0.5, 0.1)),
    Swell("sag", (6.4, 6.2), (1.0, 1.4), (-0.22, 0, -0.1)),
    Swell("sag", (2.3, 4.75), (0.8, 0.4), (0, 0, -0.13)),
    Swell("inner_fold", (1.95, 3.55), (0.4, 0.42), (0.2, -0.2, 0.1)),
    Swell("inner_fold", (1.7, 3.2), (0.3, 0.4), (0.16, 0, 0.06)),
    # The inner corners of the rig's mean face are 3.7 cm apart, people's 3.2 (Farkas 1994).
    Swell("canthus", (1.85, 3.12), (0.5, 0.5), (-0.27, -0.03, 0.02)),
    Swell("tilt", (4.7, 3.6), (0.8, 0.8), (0, 0.14, 0)),
    Swell("tilt", (1.8, 3.3), (0.6, 0.5), (0, -0.06, 0)),
)

# Landmark distances that differ between the sexes: vertex pairs by landmark, axis, and which way men differ.
_MASCULINE: Final = (
    (12, 4, 0, 1.0),
    (8, 27, 1, -0.8),
    (10, 6, 0, 0.7),
    (19, 37, 2, 0.8),
    (24, 44, 2, 0.8),
    (51, 62, 1, -0.4),
    (66, 57, 1, -0.4),
    (35, 31, 0, 0.5),
    (24, 44, 1, -0.6),
    (30, 8, 2, 0.2),
)
_BROAD_NOSE: Final = ((35, 31, 0, 1.0), (51, 62, 1, 0.7), (66, 57, 1, 0.7), (27, 30, 2, 0.5))


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """The rig's own additions, built once.

    Attributes:
        shapes: Displacements by name.
        masculine: (100,) float32, unit direction among the identity modes.
        broad_nose: (100,) float32, unit direction toward a broader nose and fuller lips.
    """

    shapes: Mapping[str, Shape]
    masculine: Floats
    broad_nose: Floats


def build_forms(rig: Rig) -> Forms:
    """Prepare the forms.

    Args:
        rig: The rig.
    """
    skin = np.unique(rig.triangles[np.isin(rig.part, (FACE, HEAD, LASH, LOWER_LASH))]).astype(np.int64)
    places = rig.vertices[skin]
    side, up = np.abs(places[:, 0]), places[:, 1]
    sign = np.where(places[:, 0] < 0, -1.0, 1.0)
    front = smooth_step(1.0, 4.0, places[:, 2])
    offsets = {name: np.zeros_like(places) for name in {swell.form for swell in _SWELLS}}
    for swell in _SWELLS:
        height = front * bump(
            np.hypot((side - swell.place[0]) / swell.reach[0], (up - swell.place[1]) / swell.reach[1]), 1.0
        )
        outward, rise, forward = swell.move
        offsets[swell.form] += height[:, None] * np.stack(
            [sign * outward, np.full_like(side, rise), np.full_like(side, forward)], axis=1
        )
    is_face = np.isin(skin, rig.triangles[rig.part == FACE])
    offsets["hood"] = _hood(side, up) * (front * is_face)[:, None]
    return Forms(
        shapes={name: _sparse(skin, moved) for name, moved in offsets.items()},
        masculine=_direction(rig, _MASCULINE),
        broad_nose=_direction(rig, _BROAD_NOSE),
    )


def form_weights(traits: Traits) -> dict[str, float]:
    """Return how strongly a subject has each form.

    Args:
        traits: The subject.
    """
    lids = traits.lids
    return {
        "hood": lids.hood,
        "bag": lids.bag,
        "inner_fold": lids.inner_fold,
        "tilt": lids.tilt,
        "canthus": lids.inner_reach,
        "sag": traits.sagging,
    }


def add_weighted(vertices: Floats, shapes: Mapping[str, Shape], weights: Mapping[str, float]) -> None:
    """Add forms to a face, in place.

    Args:
        vertices: (N, 3) float32, cm.
        shapes: Displacements by name.
        weights: Strength by name.
    """
    for name, weight in weights.items():
        shape = shapes[name]
        vertices[shape.vertices] += shape.offsets * np.float32(weight)


def _hood(side: Floats, up: Floats) -> Floats:
    """Return the skin above the lid crease, sunk toward the lashes and swollen over them."""
    crease = np.interp(side, [1.7, 2.4, 3.3, 4.1, 4.9], [3.75, 4.3, 4.5, 4.35, 3.8])
    along = smooth_step(1.7, 2.5, side) * smooth_step(5.6, 4.4, side)
    above = up - crease
    amount = along * smooth_step(-0.35, 0.12, above) * smooth_step(1.3, 0.25, above)
    # More toward the outer corner, where brows sink first.
    amount = amount * (0.8 + 0.2 * smooth_step(2.6, 4.4, side))
    return float32(amount[:, None] * np.array([0.0, -0.42, 0.15]))


def _direction(rig: Rig, features: tuple[tuple[int, int, int, float], ...]) -> Floats:
    """Return the unit direction among the modes that pulls distances between landmarks most."""
    total = np.zeros(len(rig.identity))
    for first, second, axis, weight in features:
        a, b = rig.landmarks[first], rig.landmarks[second]
        slope = rig.identity[:, a, axis] - rig.identity[:, b, axis]
        total += weight * slope / (np.linalg.norm(slope) + 1e-9)
    return float32(total / (np.linalg.norm(total) + 1e-9))


def _sparse(indices: NDArray[np.int64], offsets: Floats) -> Shape:
    """Keep what moves by more than a twentieth of a millimetre."""
    moved = np.abs(offsets).max(axis=1) > 5e-3
    return Shape(indices[moved], float32(offsets[moved]))
