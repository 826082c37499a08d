"""Negatives per positive: how they are written, and the plan that keeps them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.errors import SettingError
from openau.synth.expression import Expression, add_shapes
from openau.synth.identity import Stage
from openau.synth.pictures import draw_planned, face_labels
from openau.synth.plan import even_ratio, plan_present
from openau.synth.ratios import PUBLISHED, Companions, parse_ratio, parse_ratios

ALONE = Companions({}, frozenset())


def plan(
    ratios: Mapping[int, float], pictures: int, companions: Companions = ALONE, seed: int = 0
) -> list[frozenset[int]]:
    return plan_present(ratios, pictures, companions, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def companions(stage: Stage) -> Companions:
    return Companions.find(
        face_labels(stage.rig), sorted({*PUBLISHED["wang2019-ckplus"], *PUBLISHED["wang2019"]})
    )


@pytest.mark.parametrize(
    ("text", "ratio"), [("30:1", 30.0), ("1:2", 0.5), (" 81.06:1 ", 81.06), ("20:2", 10.0)]
)
def test_a_ratio_is_negatives_to_positives(text: str, ratio: float) -> None:
    assert parse_ratio(text) == pytest.approx(ratio)


@pytest.mark.parametrize(
    "text", ["", "30", "30:0", "0:1", "-3:1", "a:b", "1:2:3", "nan:1", "1e9:1", "9999999:1"]
)
def test_what_is_no_ratio_is_named(text: str) -> None:
    with pytest.raises(SettingError, match="write it like 30:1"):
        parse_ratio(text)


def test_single_ratios_overrule_a_published_list() -> None:
    ratios = parse_ratios(["wang2019", "AU01=5:1", "7=2:1"])
    assert ratios == dict(sorted({**PUBLISHED["wang2019"], 1: 5.0, 7: 2.0}.items()))


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("wang", "'wang' is not known"),
        ("12", "'12' is not known"),
        ("12=5", "'5' is not one of negatives"),
        ("11=5:1", "no AU 11"),
    ],
)
def test_a_word_that_is_no_ratio_is_named(word: str, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        parse_ratios([word])


@given(
    ratio=st.floats(0.2, 40), pictures=st.integers(50, 400), seed=st.integers(0, 99), other=st.floats(0.2, 40)
)
def test_positives_are_as_many_as_asked_for_in_every_beginning(
    ratio: float, pictures: int, seed: int, other: float
) -> None:
    made = plan({1: ratio, 2: other}, pictures, seed=seed)
    assert made[:30] == plan({1: ratio, 2: other}, 50, seed=seed)[:30]
    for part in (pictures // 2, pictures):
        count = sum(1 in present for present in made[:part])
        assert abs(count - part / (1 + ratio)) <= 1


def test_aus_of_the_same_ratio_do_not_march_in_step() -> None:
    made = plan({1: 1.0, 2: 1.0, 4: 1.0}, 800)
    both = sum({1, 2} <= present for present in made)
    assert 150 < both < 250
    assert len(set(made)) == 8


def test_what_excludes_each_other_is_never_together_and_still_all_there() -> None:
    made = plan({1: 3.0, 2: 3.0}, 400, Companions({}, frozenset({frozenset({1, 2})})))
    assert not any({1, 2} <= present for present in made)
    assert Counter(au for present in made for au in present) == pytest.approx({1: 100, 2: 100}, abs=1)


def test_what_brings_another_along_is_planned_among_the_others_positives(companions: Companions) -> None:
    made = plan({25: 2.37, 26: 2.79}, 500, companions)
    assert all(25 in present for present in made if 26 in present)
    count = Counter(au for present in made for au in present)
    assert count == pytest.approx({25: 500 / 3.37, 26: 500 / 3.79}, abs=1.5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_ratios_are_met_in_training_and_test(companions: Companions, name: str) -> None:
    ratios = PUBLISHED[name]
    even = companions.balance(list(ratios), even_ratio(list(ratios), companions))
    for wanted, pictures in ((ratios, 4000), (even, 500)):
        count = Counter(au for present in plan(wanted, pictures, companions) for au in present)
        for au, ratio in wanted.items():
            assert abs(count[au] - pictures / (1 + ratio)) < 2, au


def test_impossible_ratios_end_in_a_sentence(companions: Companions) -> None:
    with pytest.raises(SettingError, match="AU01 at 30 negatives per positive needs 31 pictures"):
        plan({1: 30.0}, 20)
    with pytest.raises(SettingError, match="shows AU25, too: give AU25 at most"):
        plan({25: 9.0, 26: 1.0}, 100, companions)
    with pytest.raises(SettingError, match=r"cannot have .* beside the other AUs"):
        plan({17: 0.5, 25: 0.5}, 100, companions)


@pytest.mark.parametrize(
    ("present", "absent"),
    [({1}, {2, 4}), (set(), {25, 12}), ({9}, {25}), ({25, 26}, {12}), ({1, 2, 4, 6, 12}, {25}), ({17}, {25})],
)
def test_an_expression_is_drawn_whose_labels_are_as_planned(
    stage: Stage, present: set[int], absent: set[int]
) -> None:
    labels_of = face_labels(stage.rig)
    for seed in range(4):
        drawn = draw_planned(np.random.default_rng(seed), labels_of, frozenset(present), frozenset(absent))
        labels = labels_of(drawn)
        assert all(labels.get(au, 0.0) >= 2 for au in present)
        assert all(labels.get(au, 0.0) < 1 for au in absent)


def test_lips_that_rest_apart_are_closed_where_they_must_not_part(stage: Stage) -> None:
    resting = stage.rig.vertices.copy()
    add_shapes(resting, stage.rig, {"jawOpen": 0.07})
    parted = SimpleNamespace(vertices=resting)
    labels_of = face_labels(stage.rig, parted)  # type: ignore[arg-type]  # only the vertices count
    assert labels_of(Expression())[25] >= 1
    drawn = draw_planned(np.random.default_rng(0), labels_of, frozenset({4}), frozenset({25}))
    assert labels_of(drawn).get(25, 0.0) < 1
    assert labels_of(drawn)[4] >= 2


def test_a_trace_that_never_leaves_a_face_is_no_positive() -> None:
    def trace(expression: Expression) -> dict[int, float]:
        return {12: max(expression.left.get(12, 0.0), expression.right.get(12, 0.0)), 1: 1.5}

    drawn = draw_planned(np.random.default_rng(0), trace, frozenset({12}), frozenset({1}))
    assert drawn.left[12] >= 2 or drawn.right[12] >= 2


def test_what_a_face_never_shows_is_told_and_not_searched_for_ever() -> None:
    def never(_: Expression) -> dict[int, float]:
        return {12: 0.0}

    with pytest.raises(SettingError, match="AU12 without AU01 cannot be shown"):
        draw_planned(np.random.default_rng(0), never, frozenset({12}), frozenset({1}))
