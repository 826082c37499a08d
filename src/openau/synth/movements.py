"""The table of movements: how every action unit moves the rig, level by level, and on what authority.

Weights are those at intensity 5 (level E). They were tuned by eye against the appearance changes that the
FACS manual describes (Ekman, Friesen and Hager, 2002); no certified coder has scored the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LEVEL_WEIGHTS: Final = (0.0, 0.15, 0.32, 0.52, 0.76, 1.0)
"""Share of the full movement at intensity 0, A, B, C, D and E; lines between."""

PINCH: Final = "pinch"
"""A shape of our own: brows drawn together, skin between them bulging (corrugator supercilii)."""

LOWER: Final = "lower"
"""A shape of our own: inner half of the brow down (depressor supercilii, depressor glabellae)."""

MOUND: Final = "mound"
"""A shape of our own: the cheek's mound up and out (orbital part of orbicularis oculi)."""

TIGHT: Final = "tight"
"""A shape of our own: lower lid raised, straightened and bulging (palpebral part of orbicularis oculi)."""

BAG: Final = "bag"
"""A shape of our own: the pouch under the lower lid that a raised cheek gathers."""

NARROW: Final = "narrow"
"""A shape of our own: the red of both lips drawn in and thinned, the mouth's line kept (orbicularis oris)."""

LOWERED: Final = "lowered"
"""A shape of our own: with a lowered gaze the upper lashes point down."""

HOOD: Final = "hood"
"""A shape of our own: the skin under the outer brow comes down over the upper lid."""

BOSS: Final = "boss"
"""A shape of our own: the chin's skin pushed up and out in a ball (mentalis)."""


def share_between(levels: tuple[float, ...], intensity: float) -> float:
    """Return the share at an intensity, on straight lines between the levels.

    Args:
        levels: Share at intensity 0, A, B, C, D and E.
        intensity: 0-5; beyond, the nearest level.
    """
    place = min(max(float(intensity), 0.0), 5.0)
    below = min(int(place), 4)
    return levels[below] + (levels[below + 1] - levels[below]) * (place - below)


@dataclass(frozen=True, slots=True)
class Movement:
    """How one action unit moves the rig at intensity 5.

    Attributes:
        source: Chapter of the FACS manual (2002) and code.
        remark: What was chosen and why.
        sided: Weights of shapes that exist as `_L` and `_R`; each side follows its own intensity.
        middle: Weights of shapes that move both sides; they follow the mean of both intensities.
        levels: Share of the weights at intensity 0, A, B, C, D and E.
    """

    source: str
    remark: str
    sided: Mapping[str, float] = field(default_factory=dict)
    middle: Mapping[str, float] = field(default_factory=dict)
    levels: tuple[float, ...] = LEVEL_WEIGHTS

    def share(self, intensity: float) -> float:
        """Return the share of the weights at an intensity.

        Args:
            intensity: 0-5.

        Returns:
            0-1.
        """
        return share_between(self.levels, intensity)


MOVEMENTS: Final[Mapping[int, Movement]] = {
    1: Movement(
        "ch. 2, AU 1",
        "Inner brow up; the rig's shape takes the outer brow along, which is taken back.",
        {"browInnerUp": 1.6, "browOuterUp": -0.3},
    ),
    2: Movement(
        "ch. 2, AU 2",
        "Outer brow up; the rig takes the inner along.",
        {"browOuterUp": 1.2, "browInnerUp": -0.4},
    ),
    4: Movement(
        "ch. 2, AU 4",
        "The rig lowers mostly the middle of the brow; our shapes lower its inner half and join the ends.",
        {"browDown": 1.15, PINCH: 1.4, LOWER: 1.45},
    ),
    5: Movement("ch. 2, AU 5", "Upper lid up, more white above the iris.", {"eyeWide": 1.35}),
    6: Movement(
        "ch. 2, AU 6",
        "Cheek up, bag under the eye, outer brow a little lower; the lid is pushed up, not tightened.",
        {"cheekRaiser": 0.8, "cheekSquint": 0.4, MOUND: 1.0, BAG: 1.0, HOOD: 1.0},
    ),
    7: Movement(
        "ch. 2, AU 7",
        "Lower lid raised and straightened, upper lid a little lower: the aperture narrows from both sides.",
        {"eyeSquint": 0.65, TIGHT: 1.15, "eyeBlink": 0.16},
    ),
    9: Movement(
        "ch. 3, AU 9",
        "Nose up and wrinkled, inner brow down; the rig also lifts the lip, which is partly taken back.",
        {"noseSneer": 1.3, "mouthUpperUp": -0.9, PINCH: 0.3, LOWER: 0.6, "eyeSquint": 0.25},
        {"mouthShrugLower": 0.35},
    ),
    10: Movement(
        "ch. 3, AU 10",
        "Upper lip up, squared; the shrugs thicken it and keep the mouth from gaping.",
        {"mouthUpperUp": 0.8},
        {"mouthShrugUpper": 0.5, "mouthShrugLower": 0.35},
    ),
    12: Movement(
        "ch. 5, AU 12", "Corners up and out, cheeks follow.", {"mouthSmile": 1.15, "cheekSquint": 0.15}
    ),
    14: Movement(
        "ch. 4, AU 14",
        "Corners pulled in, dimples; the rig's shape also lifts them, which would be a smile: taken back.",
        {"mouthDimple": 1.35, "mouthFrown": 0.65, "mouthPress": 0.3},
    ),
    15: Movement("ch. 3, AU 15", "Corners down.", {"mouthFrown": 1.2}),
    16: Movement("ch. 3, AU 16", "Lower lip down, lower teeth show.", {"mouthLowerDown": 1.0}),
    17: Movement(
        "ch. 3, AU 17",
        "Chin boss and lower lip up, the boss balled.",
        middle={"mouthShrugLower": 1.0, BOSS: 1.0},
    ),
    18: Movement(
        "ch. 6, AU 18", "Lips pushed forward, drawn in from the sides.", middle={"mouthPucker": 1.0}
    ),
    20: Movement(
        "ch. 4, AU 20",
        "Corners stretched sideways; the rig's shape also drops them, which the smile takes back.",
        {"mouthStretch": 1.25, "mouthSmile": 0.42},
    ),
    22: Movement("ch. 6, AU 22", "Lips funnelled forward, open.", middle={"mouthFunnel": 0.85}),
    23: Movement(
        "ch. 6, AU 23",
        "The red of both lips narrow and drawn in, the mouth a little shorter; no pressing upward as in 24.",
        middle={NARROW: 1.0, "mouthPucker": 0.36},
    ),
    24: Movement(
        "ch. 6, AU 24",
        "Lips pressed together into a line, chin boss helping.",
        {"mouthPress": 1.3},
        {"mouthRollUpper": 0.35, "mouthRollLower": 0.4, "mouthShrugLower": 0.2, BOSS: 0.35},
    ),
    25: Movement(
        "ch. 3, AU 25",
        "Lips apart, teeth show; the label itself is measured, see `openau.synth.labels`.",
        {"mouthLowerDown": 0.75, "mouthUpperUp": 0.22},
        {"jawOpen": 0.06},
    ),
    26: Movement("ch. 3, AU 26", "Jaw dropped by relaxation.", middle={"jawOpen": 0.42}),
    27: Movement(
        "ch. 3, AU 27",
        "Jaw pulled down wide: a trace of it begins where a relaxed jaw ends.",
        middle={"jawOpen": 1.0},
        levels=(0.0, 0.52, 0.64, 0.76, 0.88, 1.0),
    ),
    28: Movement(
        "ch. 6, AU 28",
        "Lips sucked in over the teeth.",
        middle={"mouthRollUpper": 1.0, "mouthRollLower": 1.0, "mouthShrugLower": 0.12},
    ),
    43: Movement(
        "ch. 2, AU 43",
        "Upper lid down; shut at intensity 5 on any face, see `openau.synth.expression.pose_face`.",
        {"eyeBlink": 1.0},
    ),
}
"""Every action unit that the rig can make. AU 11, 13, 21, 38 and 39 have no shape in it."""

LID_SHAPES: Final = frozenset({"eyeSquint", TIGHT})
"""Shapes that narrow the eye: their weights are meant for a resting aperture of `USUAL_APERTURE_CM`."""

USUAL_APERTURE_CM: Final = 0.83
"""Distance between the lids of the rig's mean face at rest."""

USUAL_LIPS_CM: Final = 1.9
"""Height of both lips of the rig's mean face at rest."""

YIELDS: Final[Mapping[tuple[int, int], Mapping[str, float]]] = {
    (4, 1): {LOWER: 0.9, "browDown": 0.5},
    (9, 1): {LOWER: 0.7},
    (4, 2): {"browDown": 0.3},
}
"""Which shapes of the first AU give way to the second: the share of their weight lost at its maximum.

AU1 with AU4 lifts and joins the inner brows (oblique brows) instead of leaving them where they were.
"""

GAZE: Final[Mapping[str, tuple[int, int]]] = {
    "eyeLookIn_L": (-1, 0),
    "eyeLookOut_R": (-1, 0),
    "eyeLookOut_L": (1, 0),
    "eyeLookIn_R": (1, 0),
    "eyeLookUp_L": (0, 1),
    "eyeLookUp_R": (0, 1),
    "eyeLookDown_L": (0, -1),
    "eyeLookDown_R": (0, -1),
    f"{LOWERED}_L": (0, -1),
    f"{LOWERED}_R": (0, -1),
}
"""Shapes by which the lids follow the eyes: how they go with a gaze left and a gaze up.

The eyeballs have no shape in the rig: `openau.synth.expression.pose_face` turns them.
"""

GAZE_REACH_DEG: Final = (30.0, 20.0)
"""How far the eyes turn sideways and up or down at gaze 1."""

TOE_IN_DEG: Final = 4.0
"""How far each eye is turned toward the nose, whatever it looks at. The rig's eyes at rest look 6° to 8°
outward; those of people who look at a camera a metre away do by some 3°: the axis of the pupil lies 3° to 5°
outside the line of sight (angle kappa), and the lines of sight meet."""
