"""Where scalp hair grows: from the forehead's line over temples and sideburns to the nape.

Places are centimetres on the mean face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from openau.records import Floats
from openau.synth.texture import Numbers, bump, float32
from openau.synth.traits import Traits


@dataclass(frozen=True, slots=True)
class Hairline:
    """A subject's hairline.

    Attributes:
        height: Where it crosses the middle of the forehead, y in cm.
        recession: How far it lies higher at the temples, cm.
        peak: How far it points down in the middle, cm.
        sideburn: Where the sideburns end, y in cm.
        crown: Whether hair grows on top; False leaves a wreath around the back.
        softness: Half the width of the edge, cm.
        strength: How much hair colours the scalp, 0-1.
    """

    height: float
    recession: float
    peak: float
    sideburn: float
    crown: bool
    softness: float
    strength: float

    def inside_cm(self, x: Numbers, y: Numbers, z: Numbers) -> Floats:
        """Return how far a place lies behind the hairline, negative on bare skin; cm.

        Args:
            x: To the subject's left, cm, any shape.
            y: Up.
            z: Forward.
        """
        return self.inside(scalp_places(x, y, z))

    def inside(self, places: ScalpPlaces) -> Floats:
        """Return the same of places at which many hairlines are asked for.

        Args:
            places: What `scalp_places` returned.
        """
        line = self.height - places.falling - self.peak * places.middle + self.recession * places.temple
        lowest = places.nape + self.sideburn * places.whisker
        around = np.minimum(places.behind, places.y - lowest)
        if not self.crown:
            return float32(np.minimum(around, 9.0 - places.y))
        return float32(np.maximum(places.y - line, around))


class ScalpPlaces(NamedTuple):
    """Places on the head, and what all hairlines have in common there; float32 cm of one shape.

    Attributes:
        y: How high they are.
        falling: How far a hairline has come down from the middle of the forehead.
        middle: How much a peak in the middle of the forehead is felt, 0-1.
        temple: How much receding temples are felt, 0-1.
        behind: How far they lie behind the line around ears and neck.
        nape: Where hair ends below, without the sideburn's share.
        whisker: The sideburn's share, 0-1.
    """

    y: Floats
    falling: Floats
    middle: Floats
    temple: Floats
    behind: Floats
    nape: Floats
    whisker: Floats


def scalp_places(x: Numbers, y: Numbers, z: Numbers) -> ScalpPlaces:
    """Work out at places on the head what all hairlines have in common.

    Args:
        x: To the subject's left, cm, any shape.
        y: Up.
        z: Forward.
    """
    side = np.abs(x)
    ends = [-5, -2, 1, 2]
    return ScalpPlaces(
        y=float32(y),
        falling=float32(1.5 * (side / 7.5) ** 2),
        middle=bump(x, 0.9),
        temple=bump(side - 4.0, 1.9),
        behind=float32(np.interp(y, [0, 2, 4, 6, 8.5, 9.5], [2.7, 3.1, 4.0, 5.0, 5.8, 5.6]) - z),
        nape=float32(np.interp(z, ends, [-6.0, -3.0, 0.0, 0.0])),
        whisker=float32(np.interp(z, ends, [0.0, 0.0, 1.0, 1.0])),
    )


def draw_hairline(rng: np.random.Generator, traits: Traits) -> Hairline:
    """Draw a subject's hairline: it recedes with age, in men far more than in women.

    Args:
        rng: The source of chance.
        traits: The subject.
    """
    male, old = traits.gender == "male", float(np.clip((traits.age - 30) / 40, 0, 1))
    receding = traits.hair_style == "receding"
    back = rng.uniform(1.4, 2.6) if receding else rng.uniform(0, 0.9) * (0.3 + old) * (1.3 if male else 0.5)
    height = 10.5 + rng.normal(0, 0.45) + 0.5 * back * rng.random()
    sideburn = rng.uniform(0.4, 3.2) if male else rng.uniform(2.2, 3.6)
    wreath = (receding and rng.random() < 0.45) or (traits.hair_style == "bald" and rng.random() < 0.5)
    strength = {"bald": 0.0 if rng.random() < 0.4 else 0.25, "shaved": rng.uniform(0.4, 0.85)}
    return Hairline(
        height=float(np.clip(height + (0.4 if receding else 0), 9.4, 11.8)),
        recession=float(back),
        peak=float(rng.uniform(0, 0.7) if rng.random() < 0.4 else 0.0),
        sideburn=float(sideburn),
        crown=not wreath,
        softness=float(rng.uniform(0.25, 0.7)),
        strength=float(strength.get(traits.hair_style, 0.95)),
    )
