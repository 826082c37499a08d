"""What a face does at one moment, and the vertices that follow from it.

The table of movements is `openau.synth.movements`; what a picture is labelled is `openau.synth.labels`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.movements import (
    GAZE,
    GAZE_REACH_DEG,
    LEVEL_WEIGHTS,
    LID_SHAPES,
    MOVEMENTS,
    NARROW,
    TOE_IN_DEG,
    USUAL_APERTURE_CM,
    USUAL_LIPS_CM,
    YIELDS,
    share_between,
)
from openau.synth.own_shapes import own_shapes
from openau.synth.rig import EYE, LEFT_EYE_LIDS, RIGHT_EYE_LIDS, Rig

LID_CLOSURE_LEVELS: Final = tuple(0.95 * share for share in LEVEL_WEIGHTS)
"""Share of the resting aperture that is gone at which AU43 has intensity 0, A, B, C, D and E."""

LEAST_APERTURE: Final = 0.2
"""Share of the resting aperture that stays open as long as no AU43 closes the eye."""

# Under a lowered gaze small eyes stay open enough for the iris to be seen.
_FOLLOWING_LID: Final = 0.22
_LARGEST_WEIGHT: Final = 1.6
_MEETING_LIDS_CM: Final = -0.02


@dataclass(frozen=True, slots=True)
class Expression:
    """What one face does at one moment.

    Attributes:
        left: Intensity 0-5 of each AU on the subject's left; an AU that is not named is 0.
        right: The same on the right.
        gaze: Left (positive: toward the subject's left) and up, each -1 to 1 of the eye's reach.
        extra: Weights of rig shapes that are no AU of ours (jaw sideways, puffed cheeks).
        wrinkle_gain: How deep this moment's wrinkles are, times the subject's own.
        emotion: The prototype it came from, where there was one.
    """

    left: Mapping[int, float] = field(default_factory=dict)
    right: Mapping[int, float] = field(default_factory=dict)
    gaze: tuple[float, float] = (0.0, 0.0)
    extra: Mapping[str, float] = field(default_factory=dict)
    wrinkle_gain: float = 1.0
    emotion: str | None = None

    @classmethod
    def both(cls, intensity: Mapping[int, float]) -> Expression:
        """Return the same intensities on both sides, looking straight ahead.

        Args:
            intensity: 0-5 by AU.
        """
        return cls(left=dict(intensity), right=dict(intensity))


def movement_share(intensity: float) -> float:
    """Return the share of the full movement at an intensity, as most AUs have it.

    Args:
        intensity: 0-5.

    Returns:
        0-1.
    """
    return share_between(LEVEL_WEIGHTS, intensity)


def shape_weights(expression: Expression) -> dict[str, float]:
    """Return the rig's shape weights of an expression.

    Args:
        expression: Intensities, gaze and extras.

    Returns:
        Weight by shape name; shapes that do not move are left out.
    """
    total: dict[str, float] = dict(expression.extra)

    def add(name: str, weight: float) -> None:
        total[name] = total.get(name, 0.0) + weight

    for au in sorted(expression.left.keys() | expression.right.keys()):
        movement = MOVEMENTS[au]
        left, right = (movement.share(side.get(au, 0.0)) for side in (expression.left, expression.right))
        for name, weight in movement.sided.items():
            add(f"{name}_L", weight * left * _kept(au, name, expression.left))
            add(f"{name}_R", weight * right * _kept(au, name, expression.right))
        for name, weight in movement.middle.items():
            add(name, weight * (left + right) / 2)
    for name, (across, up) in GAZE.items():
        add(name, max(0.0, across * expression.gaze[0] + up * expression.gaze[1]))
    return {name: min(weight, _LARGEST_WEIGHT) for name, weight in total.items() if weight}


def _kept(au: int, shape: str, side: Mapping[int, float]) -> float:
    """Return the share of one shape's weight that the other AUs of this side leave to an AU."""
    kept = 1.0
    for (yielding, stronger), lost in YIELDS.items():
        if yielding == au and shape in lost:
            kept *= 1 - lost[shape] * MOVEMENTS[stronger].share(side.get(stronger, 0.0))
    return kept


def pose_face(rig: Rig, resting: Floats, expression: Expression) -> Floats:
    """Return a face as it stands in an expression, lids fitted to this very face.

    Args:
        rig: The rig.
        resting: (N, 3) float32, cm, the subject's neutral face.
        expression: What it does.

    Returns:
        (N, 3) float32, cm.
    """
    return posed_face(rig, resting, expression).vertices


class Posed(NamedTuple):
    """A face in an expression.

    Attributes:
        expression: What it does.
        weights: Weight by name of the shapes that move.
        vertices: (N, 3) float32, cm.
    """

    expression: Expression
    weights: Mapping[str, float]
    vertices: Floats


def posed_face(rig: Rig, resting: Floats, expression: Expression) -> Posed:
    """Return what `pose_face` returns, with the weights that it took.

    Args:
        rig: The rig.
        resting: (N, 3) float32, cm, the subject's neutral face.
        expression: What it does.
    """
    vertices, weights = resting.copy(), face_weights(rig, resting, expression)
    _turn_eyes(vertices, rig, expression.gaze)
    add_shapes(vertices, rig, weights)
    return Posed(expression, weights, vertices)


def face_weights(rig: Rig, resting: Floats, expression: Expression) -> dict[str, float]:
    """Return the weights of all shapes that put a face into an expression, lids fitted to this very face.

    Shapes add the same centimetres to every face, but eyes differ in size: the upper lid is therefore moved
    by what this face needs. AU43 closes its share of what is open, and shuts any eye at intensity 5; without
    AU43 an eye never closes beyond `LEAST_APERTURE` of its rest, whatever narrows it.

    Args:
        rig: The rig.
        resting: (N, 3) float32, cm, the subject's neutral face.
        expression: What it does.

    Returns:
        Weight by shape name; shapes that do not move are left out.
    """
    left, right = (
        {au: value for au, value in side.items() if au != 43} for side in (expression.left, expression.right)
    )
    weights = _suit_face(shape_weights(replace(expression, left=left, right=right)), resting, rig)
    lids, reach = dict[str, float](), _lid_reach(rig)
    for number, (end, marks, side) in enumerate(
        (("_L", LEFT_EYE_LIDS, expression.left), ("_R", RIGHT_EYE_LIDS, expression.right))
    ):
        rest = lid_gap(resting, rig, marks)
        now = rest + sum(weight * reach[name][number] for name, weight in weights.items())
        lowered = max(-expression.gaze[1], 0.0) * (1 - movement_share(side.get(7, 0.0)))
        open_gap = max(now, (LEAST_APERTURE + _FOLLOWING_LID * lowered) * rest)
        closed = MOVEMENTS[43].share(side.get(43, 0.0))
        target = open_gap * (1 - closed) + _MEETING_LIDS_CM * closed
        lids[f"eyeBlink{end}"] = (target - now) / reach[f"eyeBlink{end}"][number]
    for name, weight in lids.items():
        weights[name] = weights.get(name, 0.0) + weight
    return {name: weight for name, weight in weights.items() if weight}


def _turn_eyes(vertices: Floats, rig: Rig, gaze: tuple[float, float]) -> None:
    """Turn both eyeballs about their middles to where the eyes look, in place."""
    across, pitch = (math.radians(reach * share) for reach, share in zip(GAZE_REACH_DEG, gaze, strict=True))
    cosine, sine = math.cos(pitch), math.sin(pitch)
    about_x = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    for eyeball in _eyeballs(rig):
        inward = math.copysign(math.radians(TOE_IN_DEG), float(rig.vertices[eyeball[0], 0]))
        yaw = across - inward
        about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
        points = vertices[eyeball]
        low, high = points.min(axis=0), points.max(axis=0)
        middle = (low + high) / 2
        middle[2] = low[2] + (high[0] - low[0]) / 2  # the cornea bulges forward, the back is round
        vertices[eyeball] = (points - middle) @ (about_y @ about_x).T + middle


@lru_cache(maxsize=2)
def _eyeballs(rig: Rig) -> tuple[NDArray[np.int64], ...]:
    """Return the vertices of each eyeball."""
    eyes = np.unique(rig.triangles[rig.part == EYE]).astype(np.int64)
    sides = (eyes[rig.vertices[eyes, 0] * side > 0] for side in (1, -1))
    return tuple(side for side in sides if side.size)


def _suit_face(weights: Mapping[str, float], resting: Floats, rig: Rig) -> dict[str, float]:
    """Return the weights with those that narrow eyes and lips scaled to the size of this face's."""
    suited = dict(weights)
    if NARROW in suited:
        top, bottom = resting[rig.landmarks[[51, 57]], 1]
        suited[NARROW] *= min(max(float(top - bottom) / USUAL_LIPS_CM, 0.7), 1.35)
    for end, marks in (("_L", LEFT_EYE_LIDS), ("_R", RIGHT_EYE_LIDS)):
        size = min(max(lid_gap(resting, rig, marks) / USUAL_APERTURE_CM, 0.5), 1.5)
        for shape in LID_SHAPES & {name.removesuffix(end) for name in suited if name.endswith(end)}:
            suited[shape + end] *= size
    return suited


def lid_gap(vertices: Floats, rig: Rig, lids: tuple[int, int, int, int]) -> float:
    """Return the distance between the lids of one eye.

    Args:
        vertices: (N, 3) float32, cm.
        rig: The rig, for its landmarks.
        lids: `LEFT_EYE_LIDS` or `RIGHT_EYE_LIDS`.

    Returns:
        Centimetres; negative where the lids have passed each other.
    """
    height = vertices[rig.landmarks[list(lids)], 1]
    return float((height[0] + height[1] - height[2] - height[3]) / 2)


@lru_cache(maxsize=2)
def _lid_reach(rig: Rig) -> dict[str, tuple[float, float]]:
    """Return by how many cm each shape at weight 1 parts the lids of the left and of the right eye."""
    reach = {}
    for name, shape in {**rig.expression, **own_shapes(rig)}.items():
        moved = np.zeros_like(rig.vertices)
        moved[shape.vertices] = shape.offsets
        reach[name] = (lid_gap(moved, rig, LEFT_EYE_LIDS), lid_gap(moved, rig, RIGHT_EYE_LIDS))
    return reach


def add_shapes(vertices: Floats, rig: Rig, weights: Mapping[str, float]) -> None:
    """Move vertices by weighted shapes, in place.

    Args:
        vertices: (N, 3) float32, cm.
        rig: The rig.
        weights: Weight by shape name; our own shapes included.
    """
    own = own_shapes(rig)
    for name, weight in weights.items():
        shape = own[name] if name in own else rig.expression[name]
        _add_shape(vertices, shape.vertices, shape.offsets, np.float32(weight))


@nb.njit(cache=True)
def _add_shape(
    vertices: Floats, moved: NDArray[np.int64], offsets: Floats, weight: np.float32
) -> None:  # pragma: no cover - compiled
    """Move some vertices by weighted offsets, in place."""
    for k in range(len(moved)):
        for axis in range(3):
            vertices[moved[k], axis] += offsets[k, axis] * weight
