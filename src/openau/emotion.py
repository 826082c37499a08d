"""From action units to an emotion: published rules as data, and three ways of reading them.

A rule set says which AUs are active in each emotion; no active AU is the neutral face. The rules leave open
what happens to every other pattern, so there are three decoders, and a fair result names the one it used:

* `exact`: the active AUs, among those of the rules, must be exactly one emotion's; any other pattern has no
  emotion. It is the strictest reading and the one to reproduce the paper's Tables 9 and 10 with.
* `contains`: every AU of the emotion is active, others may be too. Of several, the one with the most AUs
  wins (fear before surprise, which fear contains), then the one whose AUs have the higher mean probability,
  then the order of the rules. Neutral still needs that no AU of the rules is active.
* `nearest`: the emotion whose pattern y has the highest likelihood, the product over the AUs of
  p^y (1 - p)^(1 - y). It never fails to answer, and needs no thresholds.

The posterior probabilities that accompany every answer are these likelihoods, scaled to add up to 1; that is
Bayes' rule with independent AUs and every emotion equally likely beforehand. They are probabilities under the
rules, not measured frequencies.

Reference: Deramgozin et al. (2023), Table 2, after Ekman.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.facs import EMOTIONS
from openau.records import AUOutput, EmotionOutput

DECODERS = ("exact", "contains", "nearest")
"""The decoders by name."""

_CLAMP = 1e-7


@dataclass(frozen=True, slots=True)
class EmotionRules:
    """Which AUs are active in which emotion.

    Attributes:
        source: The publication.
        emotions: Emotion to its active AUs, in the order of `openau.facs.EMOTIONS`; neutral has none.
    """

    source: str
    emotions: Mapping[str, frozenset[int]]

    @property
    def aus(self) -> tuple[int, ...]:
        """Every AU that the rules speak of, ascending: the A AUs of `patterns`."""
        return tuple(sorted(frozenset().union(*self.emotions.values())))

    @property
    def patterns(self) -> NDArray[np.bool_]:
        """(E, A) occurrence of each AU in each of the E emotions."""
        return np.array([[au in active for au in self.aus] for active in self.emotions.values()])


RULES: Mapping[str, EmotionRules] = MappingProxyType(
    {
        "deramgozin2023": EmotionRules(
            source="Deramgozin et al. (2023), Table 2",
            emotions=MappingProxyType(
                {
                    "anger": frozenset({4, 5, 7, 23}),
                    "disgust": frozenset({9, 15, 17}),
                    "fear": frozenset({1, 2, 4, 5, 7, 20, 26}),
                    "happiness": frozenset({6, 12}),
                    "sadness": frozenset({1, 4, 15}),
                    "surprise": frozenset({1, 2, 5, 26}),
                    "neutral": frozenset(),
                }
            ),
        )
    }
)
"""Rule sets by name."""


@dataclass(frozen=True, slots=True)
class EmotionAgreement:
    """The three numbers that an emotion decoder must be judged by together.

    Attributes:
        coverage: Share of faces with an emotion at all, 0–1; NaN without faces.
        accuracy_on_covered: Share of right ones among those; NaN where none is covered.
        accuracy: Share of right ones among all faces, a missing emotion counting as wrong.
    """

    coverage: float
    accuracy_on_covered: float
    accuracy: float


def decode_emotion(
    output: AUOutput,
    thresholds: Sequence[float],
    *,
    decoder: str = "nearest",
    rules: str = "deramgozin2023",
) -> EmotionOutput | None:
    """Read the emotion of one face from its AU probabilities.

    Args:
        output: The network's answer.
        thresholds: A probabilities 0–1, one per AU of `output`; an AU is active at or above its own.
        decoder: One of `DECODERS`.
        rules: A key of `RULES`.

    Returns:
        The emotion (its name is None where the decoder finds no match) with the posterior of every emotion;
        None where an AU of the rules is not among the network's or its probability is NaN, because an unknown
        AU is not an inactive one.

    Raises:
        SettingError: The decoder or the rules are not known, or the thresholds are not one per AU.

    Reference:
        Deramgozin et al. (2023), Table 2 and section 5.
    """
    check_decoder(decoder)
    if rules not in RULES:
        raise SettingError(f"There are no emotion rules {rules!r}; choose one of {', '.join(RULES)}.")
    if len(thresholds) != len(output.aus):
        raise SettingError(
            f"There are {len(thresholds)} thresholds for {len(output.aus)} AUs; give one per AU."
        )
    order, patterns = _places(rules, output.aus), _patterns(rules)
    if order is None:
        return None
    probability = output.probability[order].astype(np.float64)
    if np.isnan(probability).any():
        return None
    active = output.probability[order] >= np.asarray(thresholds, np.float32)[order]
    log_likelihood = _log_likelihood(probability, patterns)
    names = list(RULES[rules].emotions)
    if decoder == "nearest":
        chosen: int | None = int(np.argmax(log_likelihood))
    elif decoder == "exact":
        chosen = _exact(active, patterns)
    else:
        chosen = _contained(active, probability, patterns)
    posterior = np.exp(log_likelihood - log_likelihood.max())
    posterior /= posterior.sum()
    pairs = tuple(zip(names, posterior.tolist(), strict=True))
    return EmotionOutput(None if chosen is None else names[chosen], pairs)


def check_decoder(decoder: str) -> None:
    """Refuse an unknown decoder.

    Args:
        decoder: What should be one of `DECODERS`.

    Raises:
        SettingError: It is not.
    """
    if decoder not in DECODERS:
        raise SettingError(f"There is no emotion decoder {decoder!r}; choose one of {', '.join(DECODERS)}.")


def score_emotions(found: Sequence[str | None], truth: Sequence[str]) -> EmotionAgreement:
    """Return coverage, accuracy on the covered faces, and accuracy with a missing emotion counted wrong.

    The last is the product of the first two, so no decoder can look better by answering less.

    Args:
        found: One decoded emotion per face, None where there is none.
        truth: One true emotion per face.

    Raises:
        SettingError: The lengths differ, or `truth` has a name that is not an emotion of the rules.
    """
    if len(found) != len(truth):
        raise SettingError(f"There are {len(found)} found and {len(truth)} true emotions; give one per face.")
    strange = sorted(set(truth) - set(EMOTIONS))
    if strange:
        raise SettingError(f"There is no emotion {strange[0]!r}; the names are {', '.join(EMOTIONS)}.")
    covered = sum(name is not None for name in found)
    right = sum(name == true for name, true in zip(found, truth, strict=True))
    return EmotionAgreement(
        coverage=covered / len(truth) if truth else float("nan"),
        accuracy_on_covered=right / covered if covered else float("nan"),
        accuracy=right / len(truth) if truth else float("nan"),
    )


@cache
def _places(rules: str, aus: tuple[int, ...]) -> list[int] | None:
    """Where the AUs of the rules stand among a network's; None if one is missing."""
    if not set(RULES[rules].aus) <= set(aus):
        return None
    return [aus.index(au) for au in RULES[rules].aus]


@cache
def _patterns(rules: str) -> NDArray[np.bool_]:
    return RULES[rules].patterns


def _log_likelihood(probability: NDArray[np.float64], patterns: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(E,) log of the product of p^y (1 - p)^(1 - y); clamped so that one sure AU cannot make it -inf."""
    p = np.clip(probability, _CLAMP, 1.0 - _CLAMP)
    terms: NDArray[np.float64] = np.where(patterns, np.log(p), np.log1p(-p))
    total: NDArray[np.float64] = terms.sum(axis=1)
    return total


def _exact(active: NDArray[np.bool_], patterns: NDArray[np.bool_]) -> int | None:
    rows = np.flatnonzero((patterns == active).all(axis=1))
    return int(rows[0]) if len(rows) else None


def _contained(
    active: NDArray[np.bool_], probability: NDArray[np.float64], patterns: NDArray[np.bool_]
) -> int | None:
    """The most specific row whose AUs are all active; the empty row only where nothing is active."""
    if not active.any():
        return _exact(active, patterns)
    counts = patterns.sum(axis=1)
    rows = [k for k in range(len(patterns)) if counts[k] and active[patterns[k]].all()]
    # max() keeps the first of equals, which is the order of the rules.
    return max(rows, key=lambda k: (counts[k], probability[patterns[k]].mean()), default=None)
