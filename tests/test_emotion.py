from __future__ import annotations

import csv
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.emotion import DECODERS, RULES, decode_emotion, score_emotions
from openau.errors import SettingError
from openau.facs import AU_SETS, EMOTIONS
from openau.records import AUOutput, EmotionOutput

TABLE_2 = RULES["deramgozin2023"]
AUS = TABLE_2.aus
HALF = (0.5,) * len(AUS)

probabilities = st.lists(st.floats(0, 1, width=32), min_size=len(AUS), max_size=len(AUS))


def output(active: dict[int, float] | None = None, *, rest: float = 0.0) -> AUOutput:
    values = [(active or {}).get(au, rest) for au in AUS]
    return AUOutput(AUS, np.array(values, np.float32))


def decoded(result: EmotionOutput | None) -> EmotionOutput:
    assert result is not None
    return result


def test_the_rules_are_table_2() -> None:
    assert {name: sorted(aus) for name, aus in TABLE_2.emotions.items()} == {
        "anger": [4, 5, 7, 23],
        "disgust": [9, 15, 17],
        "fear": [1, 2, 4, 5, 7, 20, 26],
        "happiness": [6, 12],
        "sadness": [1, 4, 15],
        "surprise": [1, 2, 5, 26],
        "neutral": [],
    }


def test_the_rules_are_the_published_csv(shared: Path) -> None:
    published: dict[str, set[int]] = {}
    with (shared / "spec/published/deramgozin2023_table2_au_emotion_rules.csv").open() as lines:
        for row in csv.DictReader(lines):
            published.setdefault(row["model"].lower(), set()).add(int(row["au"][2:]))
    assert published == {name: set(aus) for name, aus in TABLE_2.emotions.items() if aus}


def test_the_rules_speak_of_thirteen_aus_and_all_emotions() -> None:
    assert AU_SETS["deramgozin2023-13"] == AUS
    assert tuple(TABLE_2.emotions) == EMOTIONS


def test_no_two_emotions_have_the_same_aus() -> None:
    assert len(set(TABLE_2.emotions.values())) == 7


def test_surprise_is_the_only_emotion_that_another_contains() -> None:
    pairs = [
        (small, large)
        for small, large in combinations([e for e in EMOTIONS if e != "neutral"], 2)
        for small, large in ((small, large), (large, small))
        if TABLE_2.emotions[small] < TABLE_2.emotions[large]
    ]
    assert pairs == [("surprise", "fear")]


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("name", EMOTIONS)
def test_every_decoder_reads_every_pure_pattern(name: str, decoder: str) -> None:
    pure = output(dict.fromkeys(TABLE_2.emotions[name], 1.0))
    assert decoded(decode_emotion(pure, HALF, decoder=decoder)).name == name


def test_one_au_too_many_has_no_exact_emotion_but_is_contained() -> None:
    smile_and_frown = output({6: 0.9, 12: 0.9, 4: 0.8})
    assert decoded(decode_emotion(smile_and_frown, HALF, decoder="exact")).name is None
    assert decoded(decode_emotion(smile_and_frown, HALF, decoder="contains")).name == "happiness"


def test_one_au_too_few_has_neither_an_exact_nor_a_contained_emotion() -> None:
    half_a_smile = output({12: 0.9})
    assert decoded(decode_emotion(half_a_smile, HALF, decoder="exact")).name is None
    assert decoded(decode_emotion(half_a_smile, HALF, decoder="contains")).name is None
    assert decoded(decode_emotion(half_a_smile, HALF, decoder="nearest")).name is not None


def test_contains_prefers_fear_to_the_surprise_within_it() -> None:
    fear = output(dict.fromkeys(TABLE_2.emotions["fear"], 0.6))
    assert decoded(decode_emotion(fear, HALF, decoder="contains")).name == "fear"


def test_contains_breaks_a_tie_by_the_higher_mean_probability_then_by_order() -> None:
    disgust, sadness = dict.fromkeys((9, 15, 17), 0.7), dict.fromkeys((1, 4, 15), 0.7)
    assert decoded(decode_emotion(output(disgust | sadness), HALF, decoder="contains")).name == "disgust"
    surer = disgust | sadness | {1: 0.8}
    assert decoded(decode_emotion(output(surer), HALF, decoder="contains")).name == "sadness"


def test_an_au_is_active_at_its_own_threshold() -> None:
    thresholds = [0.3 if au == 12 else 0.7 for au in AUS]
    smile = output({6: 0.7, 12: 0.3})
    assert decoded(decode_emotion(smile, thresholds, decoder="exact")).name == "happiness"
    almost = output({6: 0.69, 12: 0.3})
    assert decoded(decode_emotion(almost, thresholds, decoder="exact")).name is None


def test_the_posterior_of_a_hand_computed_face() -> None:
    # AU 6 and 12 at 0.8, all others at 0.1. Against neutral: happiness has (0.8/0.2)^2 = 16; an emotion with
    # k other AUs has (0.1/0.9)^k = 9^-k.
    result = decoded(decode_emotion(output({6: 0.8, 12: 0.8}, rest=0.1), HALF))
    weights = {"anger": 9**-4, "disgust": 9**-3, "fear": 9**-7, "happiness": 16.0}
    weights |= {"sadness": 9**-3, "surprise": 9**-4, "neutral": 1.0}
    total = sum(weights.values())
    assert [name for name, _ in result.probability] == list(EMOTIONS)
    for name, probability in result.probability:
        assert probability == pytest.approx(weights[name] / total, rel=1e-5)
    assert result.name == "happiness"


@given(probabilities)
def test_the_posterior_adds_up_to_one_and_nearest_is_its_highest(values: list[float]) -> None:
    result = decoded(decode_emotion(AUOutput(AUS, np.array(values, np.float32)), HALF))
    posterior = dict(result.probability)
    assert math.fsum(posterior.values()) == pytest.approx(1.0)
    assert result.name is not None
    assert posterior[result.name] == max(posterior.values())


@given(st.lists(st.booleans(), min_size=len(AUS), max_size=len(AUS)))
def test_exact_is_nearest_where_the_answer_is_hard(active: list[bool]) -> None:
    hard = AUOutput(AUS, np.array(active, np.float32))
    found = {au for au, is_active in zip(AUS, active, strict=True) if is_active}
    distance = {name: len(found ^ aus) for name, aus in TABLE_2.emotions.items()}
    exact = decoded(decode_emotion(hard, HALF, decoder="exact")).name
    nearest = decoded(decode_emotion(hard, HALF, decoder="nearest")).name
    assert nearest is not None
    assert distance[nearest] == min(distance.values())
    assert exact == (nearest if distance[nearest] == 0 else None)


@given(probabilities)
def test_what_is_exact_is_also_contained(values: list[float]) -> None:
    face = AUOutput(AUS, np.array(values, np.float32))
    exact = decoded(decode_emotion(face, HALF, decoder="exact")).name
    if exact is not None:
        assert decoded(decode_emotion(face, HALF, decoder="contains")).name == exact


@given(probabilities, st.permutations(range(len(AUS))), st.sampled_from(DECODERS))
def test_neither_order_nor_other_aus_matter(values: list[float], order: list[int], decoder: str) -> None:
    face = AUOutput(AUS, np.array(values, np.float32))
    mixed_aus = (25, *(AUS[k] for k in order), 14)
    mixed = AUOutput(mixed_aus, np.array([0.9, *(values[k] for k in order), 0.9], np.float32))
    plain = decode_emotion(face, HALF, decoder=decoder)
    assert decode_emotion(mixed, (0.5,) * len(mixed_aus), decoder=decoder) == plain


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_model_without_an_au_of_the_rules_has_no_emotion(decoder: str) -> None:
    fewer = tuple(au for au in AUS if au != 23)
    face = AUOutput(fewer, np.zeros(len(fewer), np.float32))
    assert decode_emotion(face, (0.5,) * len(fewer), decoder=decoder) is None


def test_an_unknown_probability_has_no_emotion() -> None:
    assert decode_emotion(output({23: float("nan")}), HALF) is None


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(SettingError, match="choose one of exact, contains, nearest"):
        decode_emotion(output(), HALF, decoder="guess")
    with pytest.raises(SettingError, match="no emotion rules 'mine'"):
        decode_emotion(output(), HALF, rules="mine")
    with pytest.raises(SettingError, match="12 thresholds for 13 AUs"):
        decode_emotion(output(), HALF[1:])


def test_a_missing_emotion_lowers_coverage_and_accuracy_but_not_the_covered_one() -> None:
    result = score_emotions(["fear", None, "anger", None], ["fear", "anger", "disgust", "neutral"])
    assert (result.coverage, result.accuracy_on_covered, result.accuracy) == (0.5, 0.5, 0.25)


@given(st.lists(st.tuples(st.none() | st.sampled_from(EMOTIONS), st.sampled_from(EMOTIONS)), min_size=1))
def test_accuracy_is_coverage_times_accuracy_on_covered(pairs: list[tuple[str | None, str]]) -> None:
    result = score_emotions([found for found, _ in pairs], [true for _, true in pairs])
    covered = result.accuracy_on_covered if result.coverage else 0.0
    assert result.accuracy == pytest.approx(result.coverage * covered)


def test_nothing_covered_is_not_a_perfect_score() -> None:
    result = score_emotions([None], ["fear"])
    assert math.isnan(result.accuracy_on_covered)
    assert result.accuracy == 0.0


def test_scoring_refuses_unequal_lengths_and_strange_names() -> None:
    with pytest.raises(SettingError, match="1 found and 0 true"):
        score_emotions([None], [])
    with pytest.raises(SettingError, match="no emotion 'Happy'"):
        score_emotions([None], ["Happy"])


@pytest.mark.parametrize("rules", list(RULES))
def test_every_rule_set_reads_its_own_variants_whatever_the_decoder(rules: str) -> None:
    told = RULES[rules]
    for emotion, sets in told.variants.items():
        for active in sets:
            face = AUOutput(told.aus, np.array([au in active for au in told.aus], np.float32))
            half = (0.5,) * len(told.aus)
            assert {
                decoded(decode_emotion(face, half, decoder=decoder, rules=rules)).name
                for decoder in ("exact", "contains", "nearest")
            } == {emotion}, (emotion, sorted(active))


@pytest.mark.parametrize("rules", list(RULES))
def test_no_variant_belongs_to_two_emotions(rules: str) -> None:
    every = [active for sets in RULES[rules].variants.values() for active in sets]
    assert len(every) == len(set(every))
    assert tuple(RULES[rules].variants) == EMOTIONS


def test_the_guide_lets_one_au_of_anger_be_absent() -> None:
    anger = RULES["investigators-guide"].variants["anger"]
    assert anger[0] == {4, 5, 7, 10, 22, 23, 25}
    assert frozenset({4, 5, 24}) in anger  # 4+5+7+24 without 7
    assert frozenset({4, 23}) not in anger  # two are missing


def test_emotionet_is_the_table_of_du_tao_and_martinez() -> None:
    assert {name: sorted(aus) for name, aus in RULES["emotionet"].emotions.items()} == {
        "anger": [4, 7, 24],
        "disgust": [9, 10, 17],
        "fear": [1, 4, 20, 25],
        "happiness": [12, 25],
        "sadness": [4, 15],
        "surprise": [1, 2, 25, 26],
        "neutral": [],
    }


def test_rules_fall_back_on_the_variants_that_a_network_can_tell() -> None:
    guide = RULES["investigators-guide"]
    known = tuple(au for au in guide.aus if au != 27)
    narrow = guide.within(known)
    assert narrow is not None
    assert 27 not in narrow.aus
    face = AUOutput(known, np.array([au in (1, 2, 5, 26) for au in known], np.float32))
    found = decode_emotion(face, (0.5,) * len(known), decoder="exact", rules="investigators-guide")
    assert decoded(found).name == "surprise"
    assert guide.within(set(guide.aus) - {12}) is None  # happiness could not be told any more
    assert TABLE_2.within(set(AUS) - {23}) is None


def test_the_posterior_averages_over_the_variants_of_an_emotion() -> None:
    guide = RULES["investigators-guide"]
    random = np.random.default_rng(3)
    p = random.uniform(0.1, 0.9, len(guide.aus))
    face = AUOutput(guide.aus, p.astype(np.float32))
    found = decoded(decode_emotion(face, (0.5,) * len(p), rules="investigators-guide"))
    exact = face.probability.astype(float)
    wanted = {
        name: np.mean(
            [
                math.prod(q if au in active else 1 - q for au, q in zip(guide.aus, exact, strict=True))
                for active in sets
            ]
        )
        for name, sets in guide.variants.items()
    }
    total = sum(wanted.values())
    assert dict(found.probability) == pytest.approx({name: value / total for name, value in wanted.items()})
