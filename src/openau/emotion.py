"""From action units to an emotion: published rules as data, and three ways of reading them.

A rule set says which AUs are active in each emotion, in one or several variants; no active AU is the neutral
face. The rules leave open what happens to every other pattern, so there are three decoders, and a fair result
names the one it used:

* `exact`: the active AUs, among those of the rules, must be exactly one variant's; any other pattern has no
  emotion. It is the strictest reading and the one to reproduce deramgozin2023's Tables 9 and 10 with.
* `contains`: every AU of a variant is active, others may be too. Of several, the one with the most AUs
  wins (fear before surprise, which fear contains), then the one whose AUs have the higher mean probability,
  then the order of the rules. Neutral still needs that no AU of the rules is active.
* `nearest`: the most likely emotion. The likelihood of a variant's pattern y is the product over the AUs of
  p^y (1 - p)^(1 - y), that of an emotion the mean over its variants. It never fails to answer, and needs no
  thresholds.

The posterior probabilities that accompany every answer are these likelihoods, scaled to add up to 1; that is
Bayes' rule with independent AUs, every emotion equally likely beforehand and every variant within it. They
are probabilities under the rules, not measured frequencies.

`RULES` holds Deramgozin et al. (2023), Table 2; the prototypes of the FACS Investigator's Guide (2002); and
those of EmotioNet, after Du, Tao and Martinez (2014).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.facs import EMOTIONS
from openau.records import AUOutput, EmotionOutput, Floats

DECODERS = ("exact", "contains", "nearest")
"""The decoders by name."""

_CLAMP = 1e-7


Variants = tuple[frozenset[int], ...]


@dataclass(frozen=True, slots=True)
class EmotionRules:
    """Which AUs are active in which emotion.

    Attributes:
        source: The publication.
        variants: Emotion to the sets of AUs that show it, the prototype first, in the order of
            `openau.facs.EMOTIONS`; neutral has one, without AUs.
        note: What of the publication cannot be read from AU probabilities, and was left out.
    """

    source: str
    variants: Mapping[str, Variants]
    note: str = ""

    @property
    def emotions(self) -> dict[str, frozenset[int]]:
        """Emotion to the active AUs of its first variant."""
        return {name: sets[0] for name, sets in self.variants.items()}

    @property
    def aus(self) -> tuple[int, ...]:
        """Every AU that the rules speak of, ascending: the A AUs of `patterns`."""
        return tuple(sorted(frozenset().union(*(s for sets in self.variants.values() for s in sets))))

    @property
    def patterns(self) -> NDArray[np.bool_]:
        """(V, A) occurrence of each AU in each of the V variants, emotion after emotion."""
        return np.array(
            [[au in active for au in self.aus] for sets in self.variants.values() for active in sets]
        )

    def within(self, aus: Collection[int]) -> EmotionRules | None:
        """Return the rules without the variants that need an AU which is not there.

        Args:
            aus: The AUs that are known.

        Returns:
            The rules, or None where an emotion has no variant left: an unknown AU is not an inactive one.
        """
        known = frozenset(aus)
        kept = {name: tuple(s for s in sets if s <= known) for name, sets in self.variants.items()}
        return replace(self, variants=MappingProxyType(kept)) if all(kept.values()) else None


def _sets(*variants: tuple[int, ...]) -> Variants:
    return tuple(frozenset(variant) for variant in variants)


def _without_one_of(variants: Variants, aus: tuple[int, ...]) -> Variants:
    """Return the variants, and each again without any one of some AUs, no set twice."""
    fewer = (active - {au} for active in variants for au in aus if au in active)
    return tuple(dict.fromkeys((*variants, *fewer)))


def _rules(source: str, *sets: Variants, note: str = "") -> EmotionRules:
    """Return rules, variants given in the order of `EMOTIONS` without neutral."""
    return EmotionRules(source, MappingProxyType(dict(zip(EMOTIONS, (*sets, _sets(())), strict=True))), note)


RULES: Mapping[str, EmotionRules] = MappingProxyType(
    {
        "deramgozin2023": _rules(
            "Deramgozin et al. (2023), Table 2",
            _sets((4, 5, 7, 23)),
            _sets((9, 15, 17)),
            _sets((1, 2, 4, 5, 7, 20, 26)),
            _sets((6, 12)),
            _sets((1, 4, 15)),
            _sets((1, 2, 5, 26)),
        ),
        "investigators-guide": _rules(
            "Ekman, Friesen and Hager, FACS Investigator's Guide (2002), table of emotion prototypes",
            _without_one_of(
                _sets(
                    *((4, 5, 7, 10, 22, 23, 25), (4, 5, 7, 10, 22, 23, 26), (4, 5, 7, 10, 23, 25)),
                    *((4, 5, 7, 10, 23, 26), (4, 5, 7, 23, 25), (4, 5, 7, 23, 26), (4, 5, 7, 17, 23)),
                    *((4, 5, 7, 17, 24), (4, 5, 7, 23), (4, 5, 7, 24)),
                ),
                (4, 5, 7, 10),
            ),
            _sets((9,), (9, 15, 16), (9, 16, 26), (9, 17), (10,), (10, 16, 25), (10, 16, 26), (10, 17)),
            _sets(
                *((1, 2, 4, 5, 20, 25), (1, 2, 4, 5, 20, 26), (1, 2, 4, 5, 20, 27), (1, 2, 4, 5, 25)),
                *((1, 2, 4, 5, 26), (1, 2, 4, 5, 27), (1, 2, 4, 5, 20), (1, 2, 4, 5), (5, 20)),
            ),
            _sets((6, 12), (12,)),
            _sets((1, 4, 11, 15), (1, 4, 15), (6, 15)),
            _sets((1, 2, 5, 26), (1, 2, 5, 27), (1, 2, 5), (1, 2, 26), (1, 2, 27), (5, 26), (5, 27)),
            note="Intensities that the guide asks for (5B, 12C), turns of head and eyes (54, 64), one-sided "
            "contempt, and variants that only an intensity tells apart are left out.",
        ),
        "emotionet": _rules(
            "Benitez-Quiroz et al., EmotioNet, CVPR 2016, after Du, Tao and Martinez (2014)",
            _sets((4, 7, 24)),
            _sets((9, 10, 17)),
            _sets((1, 4, 20, 25)),
            _sets((12, 25)),
            _sets((4, 15)),
            _sets((1, 2, 25, 26)),
            note="Of the six basic emotions alone; the AUs that most people show, not those that some do.",
        ),
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
        None where the network's AUs leave an emotion without a variant that they can tell, or a probability
        is NaN, because an unknown AU is not an inactive one.

    Raises:
        SettingError: The decoder or the rules are not known, or the thresholds are not one per AU.

    Reference:
        Deramgozin et al. (2023), Table 2 and section 5; the other rules' sources stand in `RULES`.
    """
    check_decoder(decoder)
    check_rules(rules)
    if len(thresholds) != len(output.aus):
        raise SettingError(
            f"There are {len(thresholds)} thresholds for {len(output.aus)} AUs; give one per AU."
        )
    reading = _reading(rules, output.aus)
    if reading is None:
        return None
    probability = output.probability[reading.places].astype(np.float64)
    if np.isnan(probability).any():
        return None
    active = output.probability[reading.places] >= np.asarray(thresholds, np.float32)[reading.places]
    posterior = _posterior(probability, reading)
    if decoder == "nearest":
        chosen: int | None = int(np.argmax(posterior))
    else:
        find = _exact if decoder == "exact" else _contained
        variant = find(active, probability, reading.patterns)
        chosen = None if variant is None else int(reading.emotion[variant])
    pairs = tuple(zip(EMOTIONS, posterior.tolist(), strict=True))
    return EmotionOutput(None if chosen is None else EMOTIONS[chosen], pairs)


def told_emotion(told: Floats, names: Sequence[str]) -> EmotionOutput:
    """Return what a network that was taught emotions says of one face.

    Args:
        told: (E,) in 0–1, adding up to 1.
        names: The E emotions, in the same order.

    Returns:
        The likeliest emotion, with the probability of every emotion in the order of `openau.facs.EMOTIONS`;
        0 for one that the network was not taught.
    """
    found = dict(zip(names, told.tolist(), strict=True))
    pairs = tuple((name, float(found.get(name, 0.0))) for name in EMOTIONS)
    return EmotionOutput(names[int(np.argmax(told))], pairs)


def check_decoder(decoder: str) -> None:
    """Refuse an unknown decoder.

    Args:
        decoder: What should be one of `DECODERS`.

    Raises:
        SettingError: It is not.
    """
    if decoder not in DECODERS:
        raise SettingError(f"There is no emotion decoder {decoder!r}; choose one of {', '.join(DECODERS)}.")


def check_rules(rules: str) -> None:
    """Refuse unknown rules.

    Args:
        rules: What should be a key of `RULES`.

    Raises:
        SettingError: It is not.
    """
    if rules not in RULES:
        raise SettingError(f"There are no emotion rules {rules!r}; choose one of {', '.join(RULES)}.")


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


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """Rules as a network's AUs can tell them.

    Attributes:
        places: (A,) where the AUs of the rules stand among the network's.
        patterns: (V, A) which of them are active in each variant.
        emotion: (V,) number of each variant's emotion.
        prior: (V,) log probability of each variant beforehand.
    """

    places: NDArray[np.int64]
    patterns: NDArray[np.bool_]
    emotion: NDArray[np.int64]
    prior: NDArray[np.float64]


@cache
def _reading(rules: str, aus: tuple[int, ...]) -> _Reading | None:
    """Return what of the rules a network's AUs can tell; None where an emotion would be missing."""
    told = RULES[rules].within(aus)
    if told is None:
        return None
    counts = [len(sets) for sets in told.variants.values()]
    return _Reading(
        places=np.array([aus.index(au) for au in told.aus]),
        patterns=told.patterns,
        emotion=np.repeat(np.arange(len(counts)), counts),
        prior=-np.log(np.repeat(counts, counts)),
    )


def _posterior(probability: NDArray[np.float64], reading: _Reading) -> NDArray[np.float64]:
    """Return the probability of each emotion; clamped so that one sure AU cannot make any impossible."""
    p = np.clip(probability, _CLAMP, 1.0 - _CLAMP)
    log_likelihood = np.where(reading.patterns, np.log(p), np.log1p(-p)).sum(axis=1) + reading.prior
    likelihood = np.exp(log_likelihood - log_likelihood.max())
    posterior = np.bincount(reading.emotion, weights=likelihood, minlength=len(EMOTIONS))
    total: NDArray[np.float64] = posterior / posterior.sum()
    return total


def _exact(
    active: NDArray[np.bool_], probability: NDArray[np.float64], patterns: NDArray[np.bool_]
) -> int | None:
    """The variant whose AUs are the active ones."""
    rows = np.flatnonzero((patterns == active).all(axis=1))
    return int(rows[0]) if len(rows) else None


def _contained(
    active: NDArray[np.bool_], probability: NDArray[np.float64], patterns: NDArray[np.bool_]
) -> int | None:
    """The most specific variant whose AUs are all active; the empty one only where nothing is active."""
    if not active.any():
        return _exact(active, probability, patterns)
    counts = patterns.sum(axis=1)
    rows = [k for k in range(len(patterns)) if counts[k] and active[patterns[k]].all()]
    # max() keeps the first of equals, which is the order of the rules.
    return max(rows, key=lambda k: (counts[k], probability[patterns[k]].mean()), default=None)
