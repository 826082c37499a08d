"""Where scalp hair grows: from the forehead's line over temples and sideburns to the nape.

Places are centimetres on the mean face.
"""

from __future__ import annotations

from dataclasses import dataclass

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
        side = np.abs(x)
        line = self.height - 1.5 * (side / 7.5) ** 2 - self.peak * bump(x, 0.9)
        line = line + self.recession * bump(side - 4.0, 1.9)
        edge = np.interp(y, [0, 2, 4, 6, 8.5, 9.5], [2.7, 3.1, 4.0, 5.0, 5.8, 5.6])
        lowest = np.interp(z, [-5, -2, 1, 2], [-6.0, -3.0, self.sideburn, self.sideburn])
        around = np.minimum(edge - z, y - lowest)
        if not self.crown:
            return float32(np.minimum(around, 9.0 - y))
        return float32(np.maximum(y - line, around))


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
