"""Draw expressions as they come in life.

Seven kinds (`KINDS`): neutral faces with movements below a trace; single AUs; prototypes with AUs dropped
and added; free mixtures; speaking mouths; squints as in bright light (AU7, often with 4 and 6); and blinks,
caught half-way or shut. Intensities are continuous, 0-5 (`openau.facs.intensity_letter` gives the FACS
letter). Then AUs that come along in life are pulled in (`PULLS`), sides drift apart or one is left out, and
eyes look somewhere. Pairs that one face cannot show are never drawn together (`EXCLUDED`).

Prototypes after EMFACS (Friesen and Ekman, 1983), as tabulated in the FACS investigator's guide (2002). How
often AUs come together follows spontaneous databases (AU6 with 12; AU7 with 4, 6, 9, 10; AU1 with 2).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from openau.errors import SettingError
from openau.synth.expression import Expression
from openau.synth.manner import draw_manner
from openau.synth.movements import MOVEMENTS

PROTOTYPES: Final[Mapping[str, tuple[tuple[int, ...], ...]]] = {
    "happy": ((6, 12), (12,), (6, 12, 25), (6, 12, 25, 26), (6, 7, 12, 25), (6, 12, 43), (6, 12, 25, 43)),
    "sad": ((1, 4, 15), (1, 4, 15, 17), (1, 15), (4, 15, 17), (1, 4, 7, 15), (15, 17, 43)),
    "surprise": ((1, 2, 5, 26), (1, 2, 5, 27), (1, 2, 26), (1, 2, 5)),
    "fear": ((1, 2, 4, 5, 20, 26), (1, 2, 4, 5, 7, 20, 25), (1, 2, 4, 20), (1, 4, 5, 20, 25)),
    "anger": (
        (4, 5, 7, 23),
        (4, 7, 24),
        (4, 5, 7, 10, 25),
        (4, 7, 17, 23),
        (4, 5, 7, 22, 25),
        (4, 7, 17, 24),
    ),
    "disgust": ((9, 17), (9, 10, 25), (4, 7, 9), (10, 17), (4, 9, 15, 16, 25), (7, 9, 10), (10, 15, 17)),
    "contempt": ((14,), (12, 14), (14, 17), (10, 14)),
    "pain": ((4, 6, 7, 9, 43), (4, 6, 7, 10, 25), (4, 7, 9, 20, 43)),
    "thinking": ((4, 17), (14, 17, 24), (1, 2, 14), (4, 7, 23), (18, 4), (15, 17, 24), (2, 14, 23)),
}
"""Variants of each prototype, the AUs that make it."""

EXCLUDED: Final = frozenset(
    frozenset(pair)
    for pair in (
        *((5, 43), (5, 9), (26, 27), (22, 28), (18, 28), (18, 22), (23, 28), (23, 24), (24, 28), (25, 28)),
        *((16, 28), (26, 28), (27, 28), (10, 28), (22, 24), (18, 24), (18, 23), (16, 24), (24, 25), (24, 26)),
        *((24, 27), (10, 24), (23, 27), (18, 27), (17, 27), (14, 27), (17, 16), (17, 26), (12, 18), (12, 22)),
        *((12, 28), (18, 20), (20, 22), (14, 18), (14, 22), (18, 26), (9, 28), (15, 27), (22, 27), (22, 23)),
        *((17, 25), (17, 28), (20, 28), (14, 28), (15, 28), (16, 18), (16, 22), (18, 25)),
        *((23, 25), (23, 26), (16, 23), (10, 23), (18, 23), (20, 24), (20, 23)),
    )
)
"""Pairs that one face cannot show at once, or that the rig cannot show without lying."""

PULLS: Final = (
    *((12, 6, 0.6), (6, 12, 0.6), (6, 7, 0.35), (4, 7, 0.45), (9, 7, 0.55), (9, 4, 0.5), (10, 7, 0.4)),
    *((1, 2, 0.4), (2, 1, 0.5), (17, 24, 0.15), (17, 15, 0.2), (24, 17, 0.3), (15, 17, 0.3), (5, 2, 0.2)),
    *((20, 25, 0.3), (12, 25, 0.4), (23, 4, 0.2), (10, 25, 0.3), (9, 10, 0.3)),
)
"""(AU, companion, chance that the companion comes along)."""

_FIRST: Final = {
    **{1: 0.5, 2: 0.5, 4: 0.5, 5: 1.0, 6: 0.9, 7: 0.5, 9: 1.3, 10: 1.3, 12: 1.1, 14: 1.3, 15: 1.1, 17: 0.9},
    **{20: 1.8, 23: 3.3, 24: 3.1, 25: 0.3, 26: 1.5, 43: 1.5, 16: 0.3, 18: 0.4, 22: 0.3, 27: 0.3, 28: 0.35},
}
"""How often an AU is chosen freely, relative to the others."""

_SPEECH: Final = (
    ((25,), 3.0),
    ((25, 26), 4.0),
    ((22, 25), 1.5),
    ((18,), 1.0),
    ((16, 25), 1.5),
    ((20, 25), 1.5),
    ((23,), 1.0),
    ((24,), 1.5),
    ((10, 25, 26), 1.0),
    ((14, 25), 0.7),
    ((28,), 0.5),
    ((17,), 0.7),
)

ONE_SIDED: Final = frozenset({1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 20, 43})
"""AUs that can differ between the sides of a face."""

LIP_PARTING: Final = frozenset({9, 10, 16, 20, 22, 25, 26, 27})
"""AUs that can part the lips."""

PRESENT: Final = 3.0
"""Intensity from which a wanted AU counts as present: level C."""

_TRIES: Final = 400

KINDS: Final[Mapping[str, float]] = {
    "neutral": 0.18,
    "single": 0.13,
    "prototype": 0.38,
    "free": 0.18,
    "speech": 0.07,
    "squint": 0.04,
    "blink": 0.02,
}
"""How often each kind of expression is drawn."""

_IDLE: Final = 0.45
_LOWEST_GAZE: Final = -0.85


def draw_expression(
    rng: np.random.Generator, present: Collection[int] = (), absent: Collection[int] = ()
) -> Expression:
    """Draw one expression, on request with some AUs surely on the face and others surely not.

    What is drawn is what the renderer is asked for; the labels are measured afterwards and may differ: who
    needs certainty compares the measured truth and draws again.

    Args:
        rng: The source of chance.
        present: AUs that reach level C (intensity 3) on the stronger side.
        absent: AUs that are not on the face at all; where 25 is among them, nothing that parts the lips is.

    Returns:
        The expression. Its law is that of a free draw under the condition, as long as the condition is met by
        one free draw in some hundreds; a rarer one is built from the AUs of `present` alone.

    Raises:
        SettingError: An AU is unknown, wanted and unwanted at once, or excludes another wanted one.
    """
    wanted, barred = frozenset(present), frozenset(absent)
    _check_condition(wanted, barred)
    if 25 in barred:
        barred |= LIP_PARTING
    tries = _TRIES if wanted or barred else 1
    for _ in range(tries):
        drawn = _draw_freely(rng)
        if _meets(drawn, wanted, barred):
            return drawn
    chosen = {au: float(rng.uniform(PRESENT, 5.0)) for au in sorted(wanted)}
    return Expression(dict(chosen), dict(chosen), (0.0, 0.0), {}, _wrinkle_gain(rng))


def _check_condition(wanted: frozenset[int], barred: frozenset[int]) -> None:
    """Refuse a condition that no face can meet."""
    unknown = sorted((wanted | barred) - MOVEMENTS.keys())
    if unknown:
        raise SettingError(f"The renderer has no AU {unknown[0]}; it has {', '.join(map(str, MOVEMENTS))}.")
    both = sorted(wanted & (barred | (LIP_PARTING if 25 in barred else frozenset())))
    if both:
        raise SettingError(f"AU {both[0]} cannot be both present and absent; take it out of one of the two.")
    clash = next((p for p in sorted(map(sorted, EXCLUDED)) if wanted.issuperset(p)), None)
    if clash:
        raise SettingError(f"AU {clash[0]} and AU {clash[1]} exclude each other; ask for one of them.")


def _meets(drawn: Expression, wanted: frozenset[int], barred: frozenset[int]) -> bool:
    """Return whether an expression has what is wanted and lacks what is barred."""
    strongest = {au: max(drawn.left.get(au, 0.0), drawn.right.get(au, 0.0)) for au in wanted | barred}
    return all(strongest[au] >= PRESENT for au in wanted) and all(strongest[au] == 0 for au in barred)


def _draw_freely(rng: np.random.Generator) -> Expression:
    """Draw one expression without a condition."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    emotion: str | None = None
    if kind == "prototype":
        emotion, chosen = _draw_prototype(rng)
    else:
        chosen = _CHOOSERS[kind](rng)
        emotion = "neutral" if kind == "neutral" else None
    if kind in ("prototype", "free"):
        _pull_companions(rng, chosen)
    if chosen.get(43, 0.0) > 1:
        chosen[43] = _closure(rng, kind)
    left, right = _take_sides(rng, chosen)
    gaze = _suit_gaze(_draw_gaze(rng), chosen)
    extra = _draw_extra(rng, kind)
    for name, weight in draw_manner(rng, left, right).items():
        extra[name] = extra.get(name, 0.0) + weight
    return Expression(left, right, gaze, extra, _wrinkle_gain(rng), emotion)


def squint(rng: np.random.Generator, expression: Expression) -> Expression:
    """Return an expression with the eyes narrowed as against a bright light, labelled for what it is: AU7.

    Args:
        rng: The source of chance.
        expression: What the face does otherwise; closing eyes are left as they are.
    """
    left, right = dict(expression.left), dict(expression.right)
    if max(left.get(43, 0.0), right.get(43, 0.0)) > 1:
        return expression
    there = left.keys() | right.keys()
    for au, intensity in _draw_squint(rng).items():
        if au in (4, 6, 7) and (au in there or is_allowed(au, dict.fromkeys(there, 1.0))):
            left[au], right[au] = (max(side.get(au, 0.0), intensity) for side in (left, right))
    return replace(expression, left=left, right=right)


def is_allowed(au: int, chosen: Mapping[int, float]) -> bool:
    """Return whether an AU can join those already on the face.

    Args:
        au: The candidate.
        chosen: Intensity by AU so far.
    """
    return au not in chosen and all(frozenset((au, other)) not in EXCLUDED for other in chosen)


def _intensity(rng: np.random.Generator) -> float:
    """Draw an intensity: mostly B to D, sometimes a trace or the maximum."""
    return float(0.8 + 4.2 * rng.beta(1.5, 1.35))


def _free_choice(rng: np.random.Generator, chosen: Mapping[int, float]) -> int:
    """Choose an AU that can join."""
    candidates = [au for au in _FIRST if is_allowed(au, chosen)]
    weights = np.array([_FIRST[au] for au in candidates])
    return candidates[int(rng.choice(len(candidates), p=weights / weights.sum()))]


def _idle_motion(rng: np.random.Generator, already: Mapping[int, float] | None = None) -> dict[int, float]:
    """Draw movements under the threshold of a trace, as a living neutral face has, beside those there."""
    chosen = dict(already or {})
    for _ in range(int(rng.integers(0, 4))):
        chosen[_free_choice(rng, chosen)] = float(rng.uniform(0.0, _IDLE))
    return chosen


def _draw_single(rng: np.random.Generator) -> dict[int, float]:
    """Draw one AU alone."""
    return {_free_choice(rng, {}): _intensity(rng)}


def _draw_squint(rng: np.random.Generator) -> dict[int, float]:
    """Draw eyes narrowed as against bright light, with brows and cheeks helping now and then."""
    strength = float(rng.uniform(1.5, 5.0))
    chosen = {7: strength}
    for au, chance in ((4, 0.5), (6, 0.5), (10, 0.15), (9, 0.12), (12, 0.2), (25, 0.2)):
        if rng.random() < chance and is_allowed(au, chosen):
            chosen[au] = float(np.clip(strength + rng.normal(-0.7, 0.8), 0.5, 5.0))
    return chosen


def _draw_blink(rng: np.random.Generator) -> dict[int, float]:
    """Draw an otherwise quiet face caught in a blink."""
    return _idle_motion(rng, {43: 5.0})


def _closure(rng: np.random.Generator, kind: str) -> float:
    """Draw how far relaxed lids have come down: mostly shut, in a blink anywhere."""
    if rng.random() < (0.5 if kind == "blink" else 0.7):
        return float(rng.uniform(4.6, 5.0))
    return float(rng.uniform(1.0, 4.6))


def _draw_prototype(rng: np.random.Generator) -> tuple[str, dict[int, float]]:
    """Draw an emotion and its AUs, some dropped, sometimes one added, intensities alike."""
    names = list(PROTOTYPES)
    weights = np.array([2.0 if name == "happy" else 1.0 for name in names])  # smiles are commonest in life
    emotion = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    variants = PROTOTYPES[emotion]
    strength = float(rng.uniform(1.3, 5.0))
    chosen: dict[int, float] = {}
    for au in variants[int(rng.integers(len(variants)))]:
        if rng.random() >= 0.15 and is_allowed(au, chosen):
            chosen[au] = float(np.clip(strength + 0.9 * rng.standard_normal(), 0.6, 5.0))
    if not chosen or rng.random() < 0.3:
        chosen[_free_choice(rng, chosen)] = _intensity(rng)
    return emotion, chosen


def _draw_free(rng: np.random.Generator) -> dict[int, float]:
    """Draw two to six AUs that can stand together."""
    chosen: dict[int, float] = {}
    for _ in range(int(rng.integers(2, 7))):
        chosen[_free_choice(rng, chosen)] = _intensity(rng)
    return chosen


def _draw_speech(rng: np.random.Generator) -> dict[int, float]:
    """Draw a speaking mouth, often with something in brows, lids or cheeks."""
    weights = np.array([weight for _, weight in _SPEECH])
    mouth = _SPEECH[int(rng.choice(len(_SPEECH), p=weights / weights.sum()))][0]
    chosen = {au: float(rng.uniform(0.8, 4.0)) for au in mouth}
    for au, chance in ((1, 0.2), (2, 0.2), (4, 0.2), (5, 0.1), (7, 0.12), (12, 0.25), (6, 0.1), (43, 0.08)):
        if rng.random() < chance and is_allowed(au, chosen):
            chosen[au] = _intensity(rng)
    return chosen


def _pull_companions(rng: np.random.Generator, chosen: dict[int, float]) -> None:
    """Add AUs that tend to come along, in place."""
    for au, companion, chance in PULLS:
        strong = chosen.get(au, 0.0) >= 1.5
        if strong and rng.random() < chance and is_allowed(companion, chosen):
            chosen[companion] = float(np.clip(chosen[au] + rng.normal(-0.3, 1.0), 0.5, 5.0))


def _take_sides(
    rng: np.random.Generator, chosen: Mapping[int, float]
) -> tuple[dict[int, float], dict[int, float]]:
    """Return intensities left and right: mostly nearly even, sometimes lopsided, sometimes one side alone."""
    left, right = dict(chosen), dict(chosen)
    lopsided = rng.random() < 0.25
    for au in chosen:
        if au not in ONE_SIDED:
            continue
        single = 0.3 if au == 14 else 0.15 if au in (2, 10, 12) else 0.04
        weaker = left if rng.random() < 0.5 else right
        if rng.random() < single:
            weaker[au] = float(chosen[au] * rng.choice([0.0, 0.3], p=[0.7, 0.3]))
        else:
            weaker[au] = float(chosen[au] * (1 - rng.uniform(0, 0.4 if lopsided else 0.12)))
    return left, right


def _draw_gaze(rng: np.random.Generator) -> tuple[float, float]:
    """Draw a gaze: at the camera, elsewhere, or lowered so that the lid follows."""
    kind = rng.random()
    if kind < 0.55:
        across, up = rng.normal(0, 0.08), rng.normal(0, 0.08)
    elif kind < 0.82:
        across, up = rng.normal(0, 0.35), rng.normal(0, 0.2)
    else:
        across, up = rng.normal(0, 0.2), -rng.uniform(0.35, 1.0)
    return float(np.clip(across, -0.8, 0.8)), float(np.clip(up, _LOWEST_GAZE, 0.7))


def _suit_gaze(gaze: tuple[float, float], chosen: Mapping[int, float]) -> tuple[float, float]:
    """Keep the eyes where the lids let them be read.

    Falling lids and raised eyes are a faint, not an expression; half-closed lids over lowered eyes are what
    lowered eyes look like anyway; and a raised upper lid shows only where the eyes do not look down.
    """
    across, up = gaze
    if chosen.get(43, 0.0) > 1:
        up = min(up, 0.0)
    if 1 < chosen.get(43, 0.0) < 4.6 or chosen.get(5, 0.0) >= 1:
        up = max(up, -0.15)
    return across, up


def _draw_extra(rng: np.random.Generator, kind: str) -> dict[str, float]:
    """Draw small movements that are no AU of the set."""
    extra: dict[str, float] = {}
    if rng.random() < 0.25:
        side = "jawLeft" if rng.random() < 0.5 else "jawRight"
        extra[side] = float(rng.uniform(0, 0.35))
    if rng.random() < 0.2:
        side = "mouthLeft" if rng.random() < 0.5 else "mouthRight"
        extra[side] = float(rng.uniform(0, 0.3))
    if kind == "single" and rng.random() < 0.05:
        extra |= {"cheekPuff_L": float(rng.uniform(0.2, 0.8)), "cheekPuff_R": float(rng.uniform(0.2, 0.8))}
    return extra


def _wrinkle_gain(rng: np.random.Generator) -> float:
    """Draw how deep this picture's wrinkles are, so that no network can live on wrinkles alone."""
    return 0.0 if rng.random() < 0.16 else float(rng.gamma(2.0, 0.42))


_CHOOSERS: Final[Mapping[str, Callable[[np.random.Generator], dict[int, float]]]] = {
    "neutral": _idle_motion,
    "single": _draw_single,
    "free": _draw_free,
    "speech": _draw_speech,
    "squint": _draw_squint,
    "blink": _draw_blink,
}
