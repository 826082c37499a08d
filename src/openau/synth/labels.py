"""Labels that pixels dictate: what was asked of a face is compared with what its geometry shows.

A picture's truth starts from the intensities that were asked for. Where the face as it stands denies one, the
label gives way, never the picture. Every rule is a row of `RULES`; the order matters, later rules see what
earlier ones decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.expression import LID_CLOSURE_LEVELS, Expression, lid_gap, pose_face
from openau.synth.identity import lip_gap
from openau.synth.rig import LEFT_EYE_LIDS, RIGHT_EYE_LIDS, TEETH, Rig

LIP_GAP_LEVELS_CM: Final = (0.13, 0.24, 0.42, 0.72, 1.2, 1.9)
"""Gap between the inner lips at which AU25 has intensity 0, A, B, C, D and E."""

JAW_DROP_LEVELS_CM: Final = (0.0, 0.135, 0.29, 0.475, 0.7, 0.92)
"""Fall of the lower teeth at which AU26 has intensity 0, A, B, C, D and E."""

MOUTH_STRETCH_LEVELS_CM: Final = (0.95, 1.14, 1.41, 1.68, 1.95, 2.2)
"""Fall of the lower teeth at which AU27 has intensity 0, A, B, C, D and E; below, it is a jaw drop."""

LID_RAISE_LEVELS_CM: Final = (0.0, 0.045, 0.095, 0.155, 0.23, 0.3)
"""Rise of the upper lid at which AU5 has intensity 0, A, B, C, D and E."""

SHUT: Final = 0.08
"""Share of the resting aperture below which an eye counts as shut, whatever shut it."""

LOWERED_GAZE: Final = -0.25
"""Vertical gaze below which the upper lid follows the eye, so that its height says nothing of AU5."""

CORNER_RISE_CM: Final = 0.25
"""Rise of the lips' corner above its rest from which nobody sees an AU15."""

VISIBLE: Final = 1.0
"""Intensity from which a movement is a trace: level A."""

LEAST: Final = 0.05
"""Intensity under which a label is left out."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is measured on one half of a face; heights are in head axes, up is positive.

    Attributes:
        lip_gap_cm: Distance between the inner lips, of the whole mouth.
        lid_gap_cm: Distance between this eye's lids.
        upper_lid_cm: Height of the upper lid above the eye's corners.
        corner_cm: Height of the lips' corner above the nose's base (negative: it is below).
        jaw_cm: Height of the lower teeth, of the whole jaw.
    """

    lip_gap_cm: float
    lid_gap_cm: float
    upper_lid_cm: float
    corner_cm: float
    jaw_cm: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rule may look at.

    Attributes:
        shown: The half face as it stands.
        rest: The same half of the subject's neutral face.
        gaze_up: Where the eyes look, -1 (down) to 1.
    """

    shown: Shown
    rest: Shown
    gaze_up: float = 0.0

    @property
    def aperture(self) -> float:
        """The eye's aperture as a share of the resting one."""
        return self.shown.lid_gap_cm / max(self.rest.lid_gap_cm, 1e-3)


Labels = dict[int, float]


def part_lips(labels: Labels, seen: Evidence) -> None:
    """Set AU25 to what the lips' gap says, whichever AU opened them.

    Args:
        labels: Intensity by AU so far; is changed.
        seen: The measures.
    """
    labels[25] = lips_part_intensity(seen.shown.lip_gap_cm)


def drop_jaw(labels: Labels, seen: Evidence) -> None:
    """Set AU26 and AU27 by the jaw's fall: beyond a relaxed jaw's reach it is AU27, within it AU26.

    Args:
        labels: Intensity by AU so far; is changed.
        seen: The measures.
    """
    asked26, asked27 = labels.pop(26, 0.0), labels.pop(27, 0.0)
    fall = seen.rest.jaw_cm - seen.shown.jaw_cm
    stretched = float(np.interp(fall, MOUTH_STRETCH_LEVELS_CM, range(6)))
    if asked27 and stretched > 0:
        labels[27] = min(asked27, stretched)
    elif asked26 or asked27:
        dropped = float(np.interp(fall, JAW_DROP_LEVELS_CM, range(6)))
        labels[26] = dropped if asked27 else min(asked26, dropped)


def close_eyes(labels: Labels, seen: Evidence) -> None:
    """Set AU43 by the lids: a shut eye is AU43 at E whatever shut it, an open one cannot be much closed.

    A narrow eye alone (AU6, 7, 12, lowered gaze) is no AU43 unless relaxed lids were asked for.

    Args:
        labels: Intensity by AU so far; is changed.
        seen: The measures.
    """
    if seen.aperture <= SHUT:
        labels[43] = 5.0
    elif labels.get(43, 0.0) > 0:
        labels[43] = min(labels[43], float(np.interp(1 - seen.aperture, LID_CLOSURE_LEVELS, range(6))))


def raise_upper_lid(labels: Labels, seen: Evidence) -> None:
    """Set AU5 to no more than the upper lid's rise; none while the eyes look down or the lids close.

    Args:
        labels: Intensity by AU so far; is changed.
        seen: The measures.
    """
    if labels.get(5, 0.0) > 0:
        rise = seen.shown.upper_lid_cm - seen.rest.upper_lid_cm
        hidden = seen.gaze_up < LOWERED_GAZE or labels.get(43, 0.0) >= VISIBLE
        labels[5] = 0.0 if hidden else min(labels[5], float(np.interp(rise, LID_RAISE_LEVELS_CM, range(6))))


def press_lips(labels: Labels, seen: Evidence) -> None:
    """Drop AU23, AU24 and AU28 where the lips are visibly apart: what is apart is not pressed or sucked in.

    Args:
        labels: Intensity by AU so far; is changed.
        seen: The measures.
    """
    if lips_part_intensity(seen.shown.lip_gap_cm) >= VISIBLE:
        for au in (23, 24, 28):
            labels.pop(au, None)


def lower_corners(labels: Labels, seen: Evidence) -> None:
    """Drop AU15 where something pulls the lips' corner well above its rest.

    Args:
        labels: Intensity by AU so far; is changed.
        seen: The measures.
    """
    if seen.shown.corner_cm - seen.rest.corner_cm > CORNER_RISE_CM:
        labels.pop(15, None)


RULES: Final[tuple[Callable[[Labels, Evidence], None], ...]] = (
    part_lips,
    drop_jaw,
    close_eyes,
    raise_upper_lid,
    press_lips,
    lower_corners,
)
"""Every rule, in the order in which they apply to each half of the face."""


def measured_truth(
    expression: Expression, shown: tuple[Shown, Shown], rest: tuple[Shown, Shown]
) -> tuple[Labels, Labels]:
    """Return the AU intensities that the picture shows, left and right.

    Args:
        expression: What was asked for.
        shown: The face as it stands, left half and right half, see `measure`.
        rest: The subject's neutral face, likewise.

    Returns:
        Intensity 0-5 by AU on the subject's left, and on the right; an AU that is not shown is left out.
    """
    truth: list[Labels] = []
    for asked, now, before in zip((expression.left, expression.right), shown, rest, strict=True):
        labels = dict(asked)
        seen = Evidence(now, before, expression.gaze[1])
        for rule in RULES:
            rule(labels, seen)
        truth.append({au: value for au, value in labels.items() if value >= LEAST})
    return truth[0], truth[1]


def face_truth(rig: Rig, resting: Floats, expression: Expression) -> tuple[Labels, Labels]:
    """Return the labels that a picture of this expression will have, without drawing it.

    Args:
        rig: The rig.
        resting: (N, 3) float32, cm, the subject's neutral face.
        expression: What is asked of it.

    Returns:
        As `measured_truth`.
    """
    return measured_truth(
        expression, measure(pose_face(rig, resting, expression), rig), measure(resting, rig)
    )


def measure(vertices: Floats, rig: Rig) -> tuple[Shown, Shown]:
    """Measure mouth, lids and jaw of a face.

    Args:
        vertices: (N, 3) float32, cm, in head axes.
        rig: The rig, for its landmarks and teeth.

    Returns:
        The subject's left half, and the right.
    """
    height = vertices[rig.landmarks][:, 1]
    gap, jaw = lip_gap(vertices, rig), float(vertices[_lower_teeth(rig), 1].mean())
    left, right = (
        Shown(
            lip_gap_cm=gap,
            lid_gap_cm=lid_gap(vertices, rig, lids),
            upper_lid_cm=float(height[list(lids[:2])].mean() - height[list(corners)].mean()),
            corner_cm=float(height[corner] - height[33]),
            jaw_cm=jaw,
        )
        for lids, corners, corner in ((LEFT_EYE_LIDS, (42, 45), 54), (RIGHT_EYE_LIDS, (36, 39), 48))
    )
    return left, right


def lips_part_intensity(gap_cm: float) -> float:
    """Return the intensity of AU25 that a measured lip gap shows, whichever AU opened the lips.

    Args:
        gap_cm: Distance between the inner lips, cm.

    Returns:
        0-5.
    """
    return float(np.interp(gap_cm, LIP_GAP_LEVELS_CM, range(6)))


@lru_cache(maxsize=2)
def _lower_teeth(rig: Rig) -> NDArray[np.int64]:
    """Return the vertices of the lower teeth: those that an open jaw takes along."""
    teeth = np.unique(rig.triangles[rig.part == TEETH])
    jaw = rig.expression["jawOpen"]
    fall = np.zeros(len(rig.vertices), np.float32)
    fall[jaw.vertices] = jaw.offsets[:, 1]
    return np.asarray(teeth[fall[teeth] < -0.5], np.int64)
