"""How one face makes its movements: nobody moves the shapes of an action unit in the table's proportions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from openau.synth.movements import MOVEMENTS

_SPREAD: Final = 0.25
_FITTED: Final = frozenset({43})
"""AUs whose movement is fitted to the face, see `openau.synth.expression.face_weights`."""


def draw_manner(
    rng: np.random.Generator, left: Mapping[int, float], right: Mapping[int, float]
) -> dict[str, float]:
    """Draw by how much a face's movements differ from the table.

    Each shape of each AU moves more or less than usual, alike on both sides. A smile that parts the lips
    mostly bares the upper teeth: its upper lip rises and its lower lip falls less.

    Args:
        rng: The source of chance.
        left: Intensity 0-5 by AU, subject's left.
        right: The same on the right.

    Returns:
        Weight by shape name, to be added to those of the table.
    """
    manner: dict[str, float] = {}

    def add(name: str, weight: float) -> None:
        manner[name] = manner.get(name, 0.0) + weight

    for au in sorted((left.keys() | right.keys()) - _FITTED):
        movement = MOVEMENTS[au]
        here, there = (movement.share(side.get(au, 0.0)) for side in (left, right))
        for name, weight in movement.sided.items():
            change = weight * (float(np.exp(_SPREAD * rng.standard_normal())) - 1)
            add(f"{name}_L", change * here)
            add(f"{name}_R", change * there)
        for name, weight in movement.middle.items():
            change = weight * (float(np.exp(_SPREAD * rng.standard_normal())) - 1)
            add(name, change * (here + there) / 2)
    bared, kept = rng.uniform(0, 0.7), rng.uniform(0, 0.6)
    for end, side in (("_L", left), ("_R", right)):
        smile = MOVEMENTS[12].share(side.get(12, 0.0)) * min(side.get(25, 0.0) / 2, 1.0)
        add(f"mouthUpperUp{end}", float(bared * smile))
        add(f"mouthLowerDown{end}", float(-0.75 * kept * smile * MOVEMENTS[25].share(side.get(25, 0.0))))
    return {name: weight for name, weight in manner.items() if weight}
