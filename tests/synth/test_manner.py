"""How far a face's movements differ from the table."""

import numpy as np
import pytest

from openau.synth.manner import draw_manner
from openau.synth.movements import MOVEMENTS


def drawn(aus: dict[int, float], count: int = 300) -> list[dict[str, float]]:
    return [draw_manner(np.random.default_rng(seed), aus, aus) for seed in range(count)]


def test_a_resting_face_moves_nothing() -> None:
    assert draw_manner(np.random.default_rng(0), {}, {}) == {}


@pytest.mark.parametrize("au", [1, 4, 6, 7, 12, 15])
def test_only_the_shapes_of_the_au_change_and_alike_on_both_sides(au: int) -> None:
    for manner in drawn({au: 4.0}, 20):
        assert {name[:-2] for name in manner} <= set(MOVEMENTS[au].sided)
        for name, weight in manner.items():
            assert manner[f"{name[:-2]}_{'R' if name.endswith('L') else 'L'}"] == weight


def test_the_table_holds_in_the_middle_and_no_shape_turns_round() -> None:
    weight = MOVEMENTS[4].sided["browDown"] * MOVEMENTS[4].share(5.0)
    change = np.array([manner["browDown_L"] for manner in drawn({4: 5.0})])
    assert abs(np.median(change)) < 0.1 * weight
    assert 0.1 * weight < change.std() < 0.5 * weight
    assert (change > -weight).all()


def test_closing_lids_are_left_to_the_face() -> None:
    assert draw_manner(np.random.default_rng(0), {43: 5.0}, {43: 5.0}) == {}


def test_a_smile_that_parts_the_lips_bares_the_upper_teeth() -> None:
    closed, parted = drawn({12: 4.0}), drawn({12: 4.0, 25: 3.0})
    assert all("mouthUpperUp_L" not in manner for manner in closed)
    assert np.mean([manner["mouthUpperUp_L"] for manner in parted]) > 0.15
    assert np.mean([manner["mouthLowerDown_L"] for manner in parted]) < -0.05


def test_the_weaker_side_moves_less() -> None:
    manner = draw_manner(np.random.default_rng(1), {12: 4.0}, {12: 1.0})
    assert abs(manner["mouthSmile_R"]) < abs(manner["mouthSmile_L"])
