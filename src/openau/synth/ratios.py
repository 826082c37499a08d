"""Negatives per positive: how they are written, the published ones, and which action units go together."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from openau.errors import SettingError
from openau.synth.expression import Expression
from openau.synth.movements import MOVEMENTS
from openau.synth.sample import EXCLUDED

POSITIVE: Final = 2.0
"""Intensity from which an AU with a ratio is present."""

NEGATIVE: Final = 1.0
"""Intensity below which an AU with a ratio is absent."""

LARGEST: Final = 100_000.0
"""The largest ratio that can be asked for, either way."""

PUBLISHED: Final[Mapping[str, Mapping[int, float]]] = MappingProxyType(
    {
        "wang2019": MappingProxyType(
            {
                **{1: 30.00, 2: 57.26, 4: 81.06, 5: 105.94, 6: 27.03, 9: 152.51},
                **{12: 1.22, 17: 191.70, 20: 220.85, 25: 2.37, 26: 2.79},
            }
        ),
        "wang2019-ckplus": MappingProxyType(
            {
                **{1: 2.16, 2: 2.27, 4: 1.93, 5: 4.54, 6: 2.98, 7: 3.22, 9: 5.12},
                **{12: 3.61, 15: 6.10, 17: 1.88, 20: 6.10, 23: 9.44, 24: 6.88, 25: 1.29},
            }
        ),
    }
)
"""Negatives per positive of published training sets: Wang et al. (2019), EmotioNet (Table 4; Table 2 prints
57.36 for AU2) and CK+ (Table 5)."""


def parse_ratio(text: str) -> float:
    """Return negatives per positive.

    Args:
        text: `N:P`, for instance `30:1`; numbers above 0.

    Raises:
        SettingError: It is something else.
    """
    match = re.fullmatch(r"\s*(\d+\.?\d*)\s*:\s*(\d+\.?\d*)\s*", text)
    negatives, positives = (float(match[1]), float(match[2])) if match else (0.0, 0.0)
    if not (negatives > 0 and positives > 0 and 1 / LARGEST <= negatives / positives <= LARGEST):
        raise SettingError(
            f"The ratio {text!r} is not one of negatives to positives; write it like 30:1, both above 0."
        )
    return negatives / positives


def parse_ratios(words: Sequence[str]) -> dict[int, float]:
    """Return negatives per positive of each AU named.

    Args:
        words: Names of `PUBLISHED`, or `AU=N:P` such as `12=5:1`; a later word overrules an earlier one.

    Raises:
        SettingError: A word is neither, or names an AU that the renderer does not have.
    """
    ratios: dict[int, float] = {}
    for word in words:
        au, equals, ratio = word.partition("=")
        if word in PUBLISHED:
            ratios |= PUBLISHED[word]
        elif equals and (number := re.fullmatch(r"(?:AU)?0*(\d+)", au.strip(), re.IGNORECASE)):
            ratios[int(number[1])] = parse_ratio(ratio)
        else:
            raise SettingError(
                f"The ratio {word!r} is not known; write it like 12=5:1, or name {' or '.join(PUBLISHED)}."
            )
    check_aus(ratios)
    return dict(sorted(ratios.items()))


def check_aus(aus: Collection[int]) -> None:
    """Refuse AUs that the renderer does not have.

    Args:
        aus: Their numbers.

    Raises:
        SettingError: It lacks one.
    """
    unknown = sorted(set(aus) - MOVEMENTS.keys())
    if unknown:
        raise SettingError(
            f"Synthetic faces have no AU {unknown[0]}; choose of {', '.join(map(str, MOVEMENTS))}."
        )


@dataclass(frozen=True, slots=True)
class Companions:
    """Which AUs can be present together on a synthetic face.

    Attributes:
        implied: To each AU, those that a face with it shows in any case, as 26 shows 25.
        barred: Pairs of which a face shows at most one.
    """

    implied: Mapping[int, frozenset[int]]
    barred: frozenset[frozenset[int]]

    @classmethod
    def find(cls, labels_of: Callable[[Expression], Mapping[int, float]], aus: Sequence[int]) -> Companions:
        """Try every pair on a face.

        Args:
            labels_of: Returns the intensities that a face shows which is asked for an expression.
            aus: The AUs of interest.
        """
        implied = {
            au: frozenset(b for b, v in labels_of(Expression.both({au: 4.0})).items() if v >= NEGATIVE) - {au}
            for au in aus
        }
        barred = set()
        for au in aus:
            for other in aus:
                pair = frozenset((au, other))
                if au >= other or pair in barred:
                    continue
                labels = labels_of(Expression.both({au: 4.0, other: 4.0}))
                if pair in EXCLUDED or min(labels.get(au, 0.0), labels.get(other, 0.0)) < POSITIVE:
                    barred.add(pair)
        return cls(implied, frozenset(barred))

    def hosts(self, au: int, ratios: Mapping[int, float]) -> frozenset[int]:
        """Return those AUs with a ratio that come with an AU.

        Args:
            au: The AU.
            ratios: Negatives per positive by AU.
        """
        return self.implied.get(au, frozenset()) & ratios.keys()

    def balance(self, aus: Collection[int], ratio: float) -> dict[int, float]:
        """Return even ratios: the same for every AU, but an AU that others bring along is twice as frequent.

        Args:
            aus: The AUs.
            ratio: Negatives per positive.

        Returns:
            Negatives per positive by AU.
        """
        even = dict.fromkeys(sorted(aus), ratio)
        brought = {host for au in aus for host in self.hosts(au, even)}
        return {au: (ratio - 1) / 2 if au in brought and ratio > 1 else ratio for au in even}

    def fit(self, aus: Collection[int]) -> bool:
        """Return whether AUs can be present together.

        Args:
            aus: Their numbers.
        """
        return all(not pair <= frozenset(aus) for pair in self.barred)
