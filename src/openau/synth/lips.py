"""The red of the lips: rarely one colour, least of all on dark skin.

The upper lip is darker than the lower one, the lower one's middle is pinker, and a dark line runs where the
lips meet. A network that has only seen lips of one colour takes a pale lower lip under a dark upper one for
an open mouth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from openau.records import Floats
from openau.synth.coat import dim, lay_over
from openau.synth.palette import Colour, reflectance
from openau.synth.rig import Rig
from openau.synth.texture import bump, float32, smooth_step

_PINK: Final = np.array([0.52, 0.25, 0.225])
_ALL: Final = float32([1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class LipTones:
    """How the lips of one subject differ from one colour.

    Attributes:
        upper_dark: Share of its light that the upper lip lacks, 0-1.
        lower: (3,) float32 reflectance of the lower lip's middle.
        lower_strength: How much of that colour shows, 0-1.
        seam: Darkness of the line where the lips meet, 0-1.
    """

    upper_dark: float
    lower: Colour
    lower_strength: float
    seam: float


@dataclass(frozen=True, slots=True, eq=False)
class LipMaps:
    """Parts of the lips on the face's texture, (S, S) float32 in 0-1.

    Attributes:
        upper: The upper lip.
        lower: The lower lip, strongest in its middle.
        seam: Where the lips meet.
    """

    upper: Floats
    lower: Floats
    seam: Floats


def draw_lip_tones(rng: np.random.Generator, skin: Colour, tone: float, painted: bool) -> LipTones:
    """Draw the tones of a subject's lips.

    Args:
        rng: The source of chance.
        skin: (3,) float32 reflectance.
        tone: Skin tone, 0 the lightest and 1 the darkest.
        painted: Whether lipstick covers most of it.
    """
    dark, pink, shown, seam, upper = rng.random(5)
    covered = 0.35 if painted else 1.0
    lower = skin + (_PINK * (1 - 0.4 * tone) - skin) * (0.25 + 0.6 * pink)
    return LipTones(
        upper_dark=float(covered * (0.2 * upper + 0.35 * tone * dark)),
        lower=reflectance(lower),
        lower_strength=float(covered * shown * (0.25 + 0.65 * tone)),
        seam=float(0.6 * seam),
    )


def lip_maps(rig: Rig, x: Floats, y: Floats, lips: Floats) -> LipMaps:
    """Find the parts of the lips.

    Args:
        rig: The rig, for its landmarks.
        x: (S, S) float32, place to the subject's left, cm.
        y: (S, S) float32, place upward, cm.
        lips: (S, S) float32, the red of the lips, 0-1.
    """
    marks = rig.vertices[rig.landmarks]
    meet = np.stack(
        [marks[60], *(marks[[a, b]].mean(0) for a, b in ((61, 67), (62, 66), (63, 65))), marks[64]]
    )
    above = float32(y - np.interp(x, meet[:, 0], meet[:, 1]))
    lower = lips * smooth_step(0.03, -0.08, above)
    return LipMaps(
        upper=float32(lips * smooth_step(-0.05, 0.06, above)),
        lower=float32(lower * (0.35 + 0.65 * bump(x, 1.5)) * bump(np.maximum(0, -above - 0.35), 0.35)),
        seam=float32(lips * bump(above, 0.06)),
    )


def tone_lips(painted: Floats, tones: LipTones, maps: LipMaps) -> None:
    """Lay the tones over lips that were painted in one colour, in place.

    Args:
        painted: (S, S, 4) float32.
        tones: The subject's.
        maps: Parts of the lips.
    """
    lay_over(painted, float32(maps.lower * np.float32(tones.lower_strength)), tones.lower)
    dim(painted, float32(maps.upper * np.float32(tones.upper_dark)), _ALL)
    dim(painted, float32(maps.seam * np.float32(tones.seam)), _ALL)
