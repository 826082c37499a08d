"""The sampler: what may stand together, how often, how strong, on which side."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.errors import SettingError
from openau.facs import au_set
from openau.synth import sample
from openau.synth.expression import Expression
from openau.synth.movements import MOVEMENTS
from openau.synth.sample import (
    EXCLUDED,
    ONE_SIDED,
    PROTOTYPES,
    PULLS,
    draw_expression,
    is_allowed,
    squint,
)

COUNT = 6000


@pytest.fixture(scope="module")
def drawn() -> list[Expression]:
    rng = np.random.default_rng(5)
    return [draw_expression(rng) for _ in range(COUNT)]


def stronger(expression: Expression, au: int) -> float:
    return max(expression.left.get(au, 0.0), expression.right.get(au, 0.0))


def rate(drawn: list[Expression], au: int, given_au: int | None = None) -> float:
    pool = [e for e in drawn if given_au is None or stronger(e, given_au) >= 2]
    return sum(stronger(e, au) >= 2 for e in pool) / len(pool)


def test_no_two_aus_that_exclude_each_other_are_ever_drawn_together(drawn: list[Expression]) -> None:
    together = {frozenset(pair) for e in drawn for pair in combinations(e.left, 2)}
    assert len(together) > 150
    assert not together & EXCLUDED


@pytest.mark.parametrize("pair", [(5, 43), (26, 27), (22, 28), (24, 25), (24, 26), (12, 18)])
def test_pairs_that_a_face_cannot_show_are_excluded_in_either_order(pair: tuple[int, int]) -> None:
    first, second = pair
    assert not is_allowed(first, {second: 3.0})
    assert not is_allowed(second, {first: 3.0})


@given(st.sampled_from(sorted(MOVEMENTS)), st.sampled_from(sorted(MOVEMENTS)))
def test_whether_two_aus_stand_together_does_not_depend_on_which_came_first(a: int, b: int) -> None:
    assert is_allowed(a, {b: 1.0}) == is_allowed(b, {a: 1.0})


def test_an_au_is_never_drawn_twice() -> None:
    assert not is_allowed(12, {12: 2.0})


@pytest.mark.parametrize("au", [au for au in au_set("openau-18") if au != 25])
def test_every_au_of_the_set_is_marked_in_a_fair_share_of_the_faces(drawn: list[Expression], au: int) -> None:
    assert 0.06 <= rate(drawn, au) <= 0.25


@pytest.mark.parametrize("au", [16, 18, 22, 27, 28])
def test_distractors_are_there_but_rare(drawn: list[Expression], au: int) -> None:
    assert 0.002 <= rate(drawn, au) <= 0.07


def test_about_a_fifth_of_the_faces_is_neutral(drawn: list[Expression]) -> None:
    quiet = sum(all(stronger(e, au) < 1 for au in e.left) for e in drawn) / COUNT
    assert 0.15 <= quiet <= 0.25


def test_neutral_faces_look_down_now_and_then(drawn: list[Expression]) -> None:
    neutral = [e for e in drawn if e.emotion == "neutral"]
    lowered = sum(e.gaze[1] < -0.3 for e in neutral) / len(neutral)
    assert 0.1 <= lowered <= 0.35


def test_neutral_faces_move_under_the_threshold_of_a_trace(drawn: list[Expression]) -> None:
    neutral = [e for e in drawn if e.emotion == "neutral"]
    assert max(stronger(e, au) for e in neutral for au in e.left) < 1
    assert sum(bool(e.left) for e in neutral) > len(neutral) / 3


@pytest.mark.parametrize(("companion", "au"), [(6, 12), (7, 4), (7, 9), (2, 1), (17, 24), (4, 9)])
def test_what_comes_together_in_life_comes_together_here(
    drawn: list[Expression], companion: int, au: int
) -> None:
    assert rate(drawn, companion, given_au=au) > 1.5 * rate(drawn, companion)


def test_intensities_stay_between_nothing_and_the_maximum(drawn: list[Expression]) -> None:
    values = [v for e in drawn for side in (e.left, e.right) for v in side.values()]
    assert min(values) >= 0
    assert max(values) <= 5
    assert sum(v > 4 for v in values) > 0.05 * len(values)
    assert sum(1 <= v < 2 for v in values) > 0.1 * len(values)


def test_only_sided_aus_differ_between_the_sides(drawn: list[Expression]) -> None:
    different = {au for e in drawn for au in e.left if e.left[au] != e.right[au]}
    assert different == set(ONE_SIDED)


@pytest.mark.parametrize("au", [2, 10, 12, 14])
def test_some_aus_happen_on_one_side_alone(drawn: list[Expression], au: int) -> None:
    alone = [e for e in drawn if stronger(e, au) >= 2 and min(e.left[au], e.right[au]) == 0]
    assert {e.left[au] > 0 for e in alone} == {True, False}


def test_closing_lids_and_raised_eyes_are_never_drawn_together(drawn: list[Expression]) -> None:
    assert max(e.gaze[1] for e in drawn if stronger(e, 43) > 1) <= 0


def test_wrinkles_come_and_go_independently_of_the_au(drawn: list[Expression]) -> None:
    gains = np.array([e.wrinkle_gain for e in drawn if stronger(e, 4) >= 2])
    assert 0.05 < (gains == 0).mean() < 0.2
    assert np.std(gains) > 0.4


def test_the_same_seed_draws_the_same_faces(drawn: list[Expression]) -> None:
    rng = np.random.default_rng(5)
    assert [draw_expression(rng) for _ in range(50)] == drawn[:50]


def test_smiles_with_closed_eyes_and_prototypes_all_occur(drawn: list[Expression]) -> None:
    assert any(stronger(e, 12) >= 2 and stronger(e, 43) >= 3 for e in drawn)
    assert {e.emotion for e in drawn} == {None, "neutral", *PROTOTYPES}


def test_tables_speak_only_of_aus_that_the_rig_can_make() -> None:
    named = {au for variants in PROTOTYPES.values() for variant in variants for au in variant}
    named |= {au for pair in EXCLUDED for au in pair} | {au for row in PULLS for au in row[:2]} | ONE_SIDED
    assert named <= set(MOVEMENTS)
    assert set(sample._FIRST) == set(MOVEMENTS)


@pytest.mark.parametrize("emotion", PROTOTYPES)
def test_no_prototype_contains_a_pair_that_is_excluded(emotion: str) -> None:
    pairs = {frozenset(p) for variant in PROTOTYPES[emotion] for p in combinations(variant, 2)}
    assert not {tuple(p) for p in pairs & EXCLUDED}


@pytest.mark.parametrize("au", MOVEMENTS)
def test_an_au_that_must_be_present_is_there_at_level_c(au: int) -> None:
    rng = np.random.default_rng(au)
    assert all(stronger(draw_expression(rng, present=[au]), au) >= 3 for _ in range(5))


@pytest.mark.parametrize("au", MOVEMENTS)
def test_an_au_that_must_be_absent_is_nowhere(au: int) -> None:
    rng = np.random.default_rng(au)
    assert all(stronger(draw_expression(rng, absent=[au]), au) == 0 for _ in range(40))


def test_where_au25_must_be_absent_nothing_parts_the_lips() -> None:
    rng = np.random.default_rng(4)
    drawn = [draw_expression(rng, present=[12], absent=[25]) for _ in range(40)]
    assert not any(stronger(e, au) for e in drawn for au in sample.LIP_PARTING)


def test_a_rare_condition_is_still_met() -> None:
    rng = np.random.default_rng(3)
    wanted, barred = [1, 2, 4, 5, 14], [6, 7, 25]
    for _ in range(3):
        face = draw_expression(rng, present=wanted, absent=barred)
        assert all(stronger(face, au) >= 3 for au in wanted)
        assert not any(stronger(face, au) for au in barred)


def test_a_condition_leaves_the_rest_of_the_face_to_chance() -> None:
    rng = np.random.default_rng(9)
    drawn = [draw_expression(rng, present=[4]) for _ in range(80)]
    assert len({frozenset(e.left) for e in drawn}) > 40


@pytest.mark.parametrize(
    ("present", "absent", "message"),
    [
        ([13], [], "no AU 13"),
        ([12], [12], "both present and absent"),
        ([26], [25], "both present and absent"),
        ([24, 25], [], "AU 24 and AU 25 exclude each other"),
    ],
)
def test_a_condition_that_no_face_can_meet_is_refused(
    present: list[int], absent: list[int], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        draw_expression(np.random.default_rng(0), present, absent)


def test_ten_thousand_faces_never_show_what_excludes_each_other() -> None:
    rng = np.random.default_rng(17)
    for _ in range(10_000):
        face = draw_expression(rng)
        assert not any(frozenset(pair) in EXCLUDED for pair in combinations(face.left, 2)), face


def test_eyes_squint_as_in_bright_light_without_any_emotion(drawn: list[Expression]) -> None:
    squints = [e for e in drawn if e.emotion is None and stronger(e, 7) >= 2 and len(e.left) <= 3]
    assert len(squints) > 0.02 * COUNT


def test_blinks_are_mostly_shut_and_sometimes_half_way(drawn: list[Expression]) -> None:
    closures = np.array([stronger(e, 43) for e in drawn if stronger(e, 43) > 1])
    assert 0.5 < (closures >= 4.5).mean() < 0.85
    assert (closures < 4).mean() > 0.1


def test_half_closed_lids_and_wide_eyes_are_not_drawn_over_lowered_eyes(drawn: list[Expression]) -> None:
    half = [e for e in drawn if 1.01 < stronger(e, 43) < 4.6 or min(e.left.get(5, 0), e.right.get(5, 0)) >= 1]
    assert min(e.gaze[1] for e in half) >= -0.15


def test_a_squint_is_labelled_au7_and_keeps_the_rest_of_the_face() -> None:
    rng = np.random.default_rng(2)
    smile = Expression.both({12: 3.0, 6: 2.0})
    for _ in range(30):
        face = squint(rng, smile)
        assert face.left[7] == face.right[7] >= 1.5
        assert face.left[12] == 3.0
        assert face.left[6] >= 2.0
        assert face.left.keys() <= {4, 6, 7, 12}


def test_closing_eyes_do_not_squint() -> None:
    asleep = Expression.both({43: 5.0})
    assert squint(np.random.default_rng(2), asleep) == asleep
