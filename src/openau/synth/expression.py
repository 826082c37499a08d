"""Action units as movements of the rig: one table, sides apart, and the labels that pixels dictate.

Weights are those at intensity 5 (level E), tuned by eye against the appearance changes that the FACS manual
(Ekman, Friesen and Hager, 2002) describes; no certified coder has scored the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.rig import EYE, LEFT_EYE_LIDS, RIGHT_EYE_LIDS, Rig, Shape

LEVEL_WEIGHTS: Final = (0.0, 0.15, 0.32, 0.52, 0.76, 1.0)
"""Share of the full movement at intensity 0, A, B, C, D and E; lines between."""

LIP_GAP_LEVELS_CM: Final = (0.13, 0.24, 0.42, 0.72, 1.2, 1.9)
"""Gap between the inner lips at which AU25 has intensity 0, A, B, C, D and E."""

PINCH: Final = "pinch"
"""A shape of our own: inner brow down and toward the middle (corrugator and depressor supercilii)."""

TIGHT: Final = "tight"
"""A shape of our own: lower lid raised, straightened and bulging (palpebral part of orbicularis oculi)."""


@dataclass(frozen=True, slots=True)
class Movement:
    """How one action unit moves the rig at intensity 5.

    Attributes:
        sided: Weights of shapes that exist as `_L` and `_R`; each side follows its own intensity.
        middle: Weights of shapes that move both sides; they follow the mean of both intensities.
        remark: What was chosen and why.
    """

    remark: str
    sided: Mapping[str, float] = field(default_factory=dict)
    middle: Mapping[str, float] = field(default_factory=dict)


MOVEMENTS: Final[Mapping[int, Movement]] = {
    1: Movement("Inner brow up; the rig's shape alone is timid.", {"browInnerUp": 1.5}),
    2: Movement("Outer brow up.", {"browOuterUp": 1.1}),
    4: Movement(
        "The rig lowers mostly the middle of the brow; the pinch lowers and joins the inner ends.",
        {"browDown": 1.15, PINCH: 1.0},
    ),
    5: Movement("Upper lid up, more white above the iris.", {"eyeWide": 1.1}),
    6: Movement(
        "Cheek up, lower lid pushed from below, crow's feet.", {"cheekRaiser": 1.05, "cheekSquint": 0.45}
    ),
    7: Movement(
        "Lower lid raised and straightened, upper lid a little lower: the aperture narrows from both sides.",
        {"eyeSquint": 0.85, TIGHT: 1.0, "eyeBlink": 0.09},
    ),
    9: Movement(
        "Nose up and wrinkled, inner brow down; the rig also lifts the lip, which is mostly taken back.",
        {"noseSneer": 1.1, "mouthUpperUp": -0.3, PINCH: 0.35, "eyeSquint": 0.2},
        {"mouthShrugLower": 0.3},
    ),
    10: Movement(
        "Upper lip up, squared; the shrugs thicken it and keep the mouth from gaping.",
        {"mouthUpperUp": 0.75},
        {"mouthShrugUpper": 0.5, "mouthShrugLower": 0.35},
    ),
    12: Movement("Corners up and out, cheeks follow.", {"mouthSmile": 1.1, "cheekSquint": 0.15}),
    14: Movement(
        "Corners pulled in, dimples; the rig's shape also lifts them, which would be a smile: taken back.",
        {"mouthDimple": 1.1, "mouthFrown": 0.45, "mouthPress": 0.15},
    ),
    15: Movement("Corners down.", {"mouthFrown": 1.1}),
    16: Movement("Lower lip down, lower teeth show.", {"mouthLowerDown": 1.0}),
    17: Movement("Chin boss and lower lip up.", middle={"mouthShrugLower": 1.0}),
    18: Movement("Lips pushed forward, drawn in from the sides.", middle={"mouthPucker": 1.0}),
    20: Movement(
        "Corners stretched sideways; the rig's shape also drops them, which the smile takes back.",
        {"mouthStretch": 1.05, "mouthSmile": 0.2},
    ),
    22: Movement("Lips funnelled forward, open.", middle={"mouthFunnel": 0.85}),
    23: Movement(
        "Lips tight and narrow, their red thinner; no pressing upward as in 24.",
        {"mouthPress": 0.6},
        {"mouthRollUpper": 0.32, "mouthRollLower": 0.32, "mouthPucker": 0.28},
    ),
    24: Movement(
        "Lips pressed together, thin, chin helping.",
        {"mouthPress": 1.3},
        {"mouthRollUpper": 0.35, "mouthRollLower": 0.4, "mouthShrugLower": 0.15},
    ),
    25: Movement(
        "Lips apart, teeth show; the label itself is measured, see `lips_part_intensity`.",
        {"mouthLowerDown": 0.75, "mouthUpperUp": 0.22},
        {"jawOpen": 0.06},
    ),
    26: Movement("Jaw dropped by relaxation.", middle={"jawOpen": 0.42}),
    27: Movement("Jaw pulled down wide.", middle={"jawOpen": 1.0}),
    28: Movement("Lips sucked in over the teeth.", middle={"mouthRollUpper": 1.0, "mouthRollLower": 1.0}),
    43: Movement("Lids shut at intensity 5.", {"eyeBlink": 1.03}),
}
"""Every action unit that the rig can make. AU 11, 13, 21, 38 and 39 have no shape in it."""

_GAZE: Final = {
    "eyeLookIn_L": (-1, 0),
    "eyeLookOut_R": (-1, 0),
    "eyeLookOut_L": (1, 0),
    "eyeLookIn_R": (1, 0),
    "eyeLookUp_L": (0, 1),
    "eyeLookUp_R": (0, 1),
    "eyeLookDown_L": (0, -1),
    "eyeLookDown_R": (0, -1),
}
_LID_SHAPES: Final = ("eyeBlink", "eyeLookDown")
_LARGEST_WEIGHT: Final = 1.6


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
    """Return the share of the full movement at an intensity.

    Args:
        intensity: 0-5.

    Returns:
        0-1.
    """
    return float(np.interp(intensity, range(6), LEVEL_WEIGHTS))


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
        left, right = (movement_share(side.get(au, 0.0)) for side in (expression.left, expression.right))
        for name, weight in MOVEMENTS[au].sided.items():
            add(f"{name}_L", weight * left)
            add(f"{name}_R", weight * right)
        for name, weight in MOVEMENTS[au].middle.items():
            add(name, weight * (left + right) / 2)
    for name, (across, up) in _GAZE.items():
        add(name, max(0.0, across * expression.gaze[0] + up * expression.gaze[1]))
    _limit_lids(total)
    return {name: min(weight, _LARGEST_WEIGHT) for name, weight in total.items() if weight}


def _limit_lids(total: dict[str, float]) -> None:
    """Keep lids from passing through each other: blink and lowered gaze together close the eye once."""
    for end in ("_L", "_R"):
        blink, down = (f"{name}{end}" for name in _LID_SHAPES)
        room = 1.05 - 0.72 * total.get(down, 0.0) - 0.22 * total.get(f"eyeSquint{end}", 0.0)
        if total.get(blink, 0.0) > room:
            total[blink] = max(room, 0.0)


def add_shapes(vertices: Floats, rig: Rig, weights: Mapping[str, float]) -> None:
    """Move vertices by weighted shapes, in place.

    Args:
        vertices: (N, 3) float32, cm.
        rig: The rig.
        weights: Weight by shape name; our own shapes included.
    """
    own = _own_shapes(rig)
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


@lru_cache(maxsize=2)
def _own_shapes(rig: Rig) -> dict[str, Shape]:
    """Build the shapes that the rig lacks from its landmarks."""
    shapes = {}
    for end, inner, outer in (("_L", 22, 24), ("_R", 21, 19)):
        shapes[PINCH + end] = _pinch(rig, rig.landmarks[inner], rig.landmarks[outer])
    for end, lids in (("_L", LEFT_EYE_LIDS), ("_R", RIGHT_EYE_LIDS)):
        shapes[TIGHT + end] = _tight_lid(rig, rig.landmarks[list(lids[2:])])
    return shapes


def _pinch(rig: Rig, inner: np.int64, arch: np.int64) -> Shape:
    """Return the shape that pulls the inner brow down and inward; skin between the brows bulges."""
    base, start = rig.vertices, rig.vertices[inner]
    side = np.sign(start[0])
    near = np.exp(-(((base - start) / [1.0, 1.1, 1.6]) ** 2).sum(axis=1))
    toward = np.exp(-(((base - (start + base[arch]) / 2) / [1.6, 0.9, 1.6]) ** 2).sum(axis=1))
    across = np.clip(side * base[:, 0] / abs(start[0]), 0, 1)
    offsets = np.stack(
        [-side * (0.26 * near + 0.12 * toward) * across, -0.30 * near - 0.06 * toward, 0.10 * near], axis=1
    )
    return _shape(offsets)


def _tight_lid(rig: Rig, lower_lid: NDArray[np.int64]) -> Shape:
    """Return the shape that raises the middle of one lower lid over the eyeball and bulges the skin below."""
    base, margin = rig.vertices, rig.vertices[lower_lid].mean(axis=0)
    across = np.exp(-(((base[:, 0] - margin[0]) / 1.0) ** 2))
    front = np.exp(-(((base[:, 2] - margin[2]) / 0.9) ** 2))
    lift = across * front * np.exp(-(((base[:, 1] - margin[1]) / 0.42) ** 2))
    bulge = across * front * np.exp(-(((base[:, 1] - margin[1] + 0.5) / 0.3) ** 2))
    eyeball = np.zeros(len(base), bool)
    eyeball[rig.triangles[rig.part == EYE]] = True
    lift[eyeball] = bulge[eyeball] = 0
    return _shape(np.stack([0 * lift, 0.22 * lift + 0.05 * bulge, 0.09 * lift + 0.09 * bulge], axis=1))


def _shape(offsets: NDArray[np.float64]) -> Shape:
    """Keep only the vertices that a shape moves."""
    moved = np.flatnonzero(np.abs(offsets).max(axis=1) > 2e-3)
    return Shape(moved, np.ascontiguousarray(offsets[moved], np.float32))


def lips_part_intensity(gap_cm: float) -> float:
    """Return the intensity of AU25 that a measured lip gap shows, whichever AU opened the lips.

    Args:
        gap_cm: Distance between the inner lips, cm.

    Returns:
        0-5.
    """
    return float(np.interp(gap_cm, LIP_GAP_LEVELS_CM, range(6)))
