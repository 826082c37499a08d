"""Lips are not of one colour: parts lie where they should, tones follow the skin, paint hides them."""

from __future__ import annotations

import numpy as np
import pytest

from openau.records import Floats
from openau.synth.identity import Stage
from openau.synth.lips import LipTones, draw_lip_tones, tone_lips
from openau.synth.texture import float32

LIGHT, DARK = float32([0.62, 0.42, 0.32]), float32([0.09, 0.05, 0.035])


def painted_lips(stage: Stage, tones: LipTones) -> Floats:
    painted = np.full((*stage.skin_maps.lips.shape, 4), 0.2, np.float32)
    tone_lips(painted, tones, stage.skin_maps.lip_parts)
    return float32(painted[..., :3].mean(-1))


def test_the_upper_lip_lies_above_the_line_where_the_lips_meet_and_the_lower_below(stage: Stage) -> None:
    maps = stage.skin_maps
    heights = {
        name: float(np.average(maps.y, weights=getattr(maps.lip_parts, name)))
        for name in ("upper", "seam", "lower")
    }
    assert heights["upper"] > heights["seam"] > heights["lower"]
    for part in (maps.lip_parts.upper, maps.lip_parts.lower, maps.lip_parts.seam):
        assert part.max() <= 1
        assert part[maps.lips < 0.02].max() < 0.02


def test_tones_darken_the_upper_lip_and_lighten_the_lower_one(stage: Stage) -> None:
    maps = stage.skin_maps
    tones = LipTones(upper_dark=0.4, lower=float32([0.5, 0.4, 0.4]), lower_strength=0.8, seam=0.0)
    painted = painted_lips(stage, tones)
    assert painted[maps.lip_parts.upper > 0.9].mean() < 0.14
    assert painted[maps.lip_parts.lower > 0.6].mean() > 0.3
    assert painted[maps.lips < 0.01].min() == pytest.approx(0.2, rel=0.01)


def test_dark_skin_has_lips_of_more_tones_than_light_skin() -> None:
    def spread(skin: Floats, tone: float) -> float:
        drawn = [draw_lip_tones(np.random.default_rng(seed), skin, tone, False) for seed in range(200)]
        return float(np.mean([t.upper_dark + t.lower_strength for t in drawn]))

    assert spread(DARK, 0.95) > 1.5 * spread(LIGHT, 0.05)


def test_lipstick_hides_most_of_the_tones() -> None:
    for seed in range(20):
        bare, painted = (
            draw_lip_tones(np.random.default_rng(seed), DARK, 0.9, lipstick) for lipstick in (False, True)
        )
        assert painted.upper_dark < 0.4 * bare.upper_dark + 1e-6
        assert painted.lower_strength < 0.4 * bare.lower_strength + 1e-6
