"""A person's neutral face is the zero of their readings."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openau.analyze.neutral import GivenNeutral, LearnedNeutral
from openau.errors import SettingError
from openau.records import AUOutput, CropSpec, ModelCard

CARD = ModelCard(
    name="fake",
    version="1",
    architecture="none",
    aus=(1, 12),
    thresholds=(0.5, 0.5),
    crop=CropSpec(32),
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    training_data="nothing",
    licence="none",
    intensity=True,
    neutral=(0.1, 0.2),
)
share = st.floats(0.01, 0.99)


def said(first: float, second: float, intensity: tuple[float, float] | None = None) -> AUOutput:
    strength = None if intensity is None else np.array(intensity, np.float32)
    return AUOutput(CARD.aus, np.array([first, second], np.float32), strength)


@settings(max_examples=50)
@given(neutral=st.tuples(st.floats(0.05, 0.8), st.floats(0.05, 0.8)))
def test_the_neutral_face_itself_reads_as_neutral_faces_usually_do(neutral: tuple[float, float]) -> None:
    face = said(*neutral, (1.5, 0.25))
    found = GivenNeutral(face, CARD).correct(0, face)
    np.testing.assert_allclose(found.probability, CARD.neutral, atol=1e-3)
    assert found.intensity is not None
    np.testing.assert_allclose(found.intensity, 0, atol=1e-6)


@settings(max_examples=50)
@given(neutral=st.tuples(share, share), low=share, high=share)
def test_order_is_kept_and_nothing_leaves_its_range(
    neutral: tuple[float, float], low: float, high: float
) -> None:
    given_one = GivenNeutral(said(*neutral, (2.0, 4.9)), CARD)
    low, high = sorted((low, high))
    less, more = (given_one.correct(0, said(p, p, (5 * p, 5 * p))) for p in (low, high))
    assert (less.probability <= more.probability).all()
    assert less.intensity is not None
    assert more.intensity is not None
    assert (less.intensity <= more.intensity).all()
    assert ((more.probability > 0) & (more.probability < 1)).all()
    assert ((less.intensity >= 0) & (more.intensity <= 5)).all()


def test_the_strongest_movement_stays_the_strongest() -> None:
    found = GivenNeutral(said(0.4, 0.4, (2.0, 3.0)), CARD).correct(0, said(0.9, 0.9, (5.0, 5.0)))
    assert found.intensity is not None
    np.testing.assert_allclose(found.intensity, 5)


def test_a_face_that_always_hangs_its_mouth_learns_to_be_neutral() -> None:
    learned = LearnedNeutral(CARD)
    first = learned.correct(3, said(0.7, 0.2, (2.0, 0.0)))
    for _ in range(300):
        last = learned.correct(3, said(0.7, 0.2, (2.0, 0.0)))
    assert first.probability[0] > 0.6  # one frame is not yet believed
    assert last.probability[0] < 0.15
    assert last.intensity is not None
    assert last.intensity[0] < 0.2
    assert last.probability[1] == pytest.approx(0.2, abs=0.02)
    smile = learned.correct(3, said(0.97, 0.2, (4.0, 0.0)))
    assert smile.probability[0] > 0.5
    other = learned.correct(4, said(0.7, 0.2, (2.0, 0.0)))
    assert other.probability[0] > 0.6  # another face, another zero


def test_what_was_learned_survives_being_written_down() -> None:
    random = np.random.default_rng(0)
    drawn = random.random((40, 4))
    outputs = [said(a, b, (5 * c, 5 * d)) for a, b, c, d in drawn]
    whole = LearnedNeutral(CARD)
    wanted = [whole.correct(k % 2, output).probability for k, output in enumerate(outputs)]
    begun = LearnedNeutral(CARD)
    for k, output in enumerate(outputs[:17]):
        begun.correct(k % 2, output)
    taken_up = LearnedNeutral(CARD, json.loads(json.dumps(begun.state())))
    found = [taken_up.correct(k % 2, output).probability for k, output in enumerate(outputs) if k >= 17]
    np.testing.assert_array_equal(found, wanted[17:])


def test_a_model_without_intensities_is_corrected_too() -> None:
    found = LearnedNeutral(CARD).correct(0, said(0.7, 0.2))
    assert found.intensity is None


def test_a_model_that_does_not_know_neutral_faces_is_refused() -> None:
    with pytest.raises(SettingError, match="does not say what it reads on neutral faces"):
        LearnedNeutral(replace(CARD, neutral=()))
