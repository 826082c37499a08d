"""Label rules: what of the raw values in an index counts as an occurrence. Every paper's choice, as data.

A dataset keeps what its coders wrote; the threshold that turns it into 0 and 1, the frames that are left
out, and what stands in for a label that nobody gave belong to the rule. Where a paper's rule is mistaken or
flatters the result, it is here exactly as printed, and `corrected_by` names the rule to use instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.emotion import RULES as EMOTION_RULES
from openau.errors import SettingError, TableError
from openau.facs import AU_SETS, EMOTIONS, au_column
from openau.records import Floats

Between = Literal["negative", "mask", "soft"]
NOT_CODABLE = "_not_codable"
"""Ending of the optional index column that marks where coders could not judge an AU (`AU06_not_codable`)."""

INTENSITY = "_intensity"
"""Ending of the column with the intensities of an index whose AU columns hold occurrences."""


@dataclass(frozen=True, slots=True)
class LabelRule:
    """How an index becomes labels.

    Attributes:
        aus: The A action units that the rule's source reports, in its order.
        threshold: An AU occurs where its intensity is at least this. Where the dataset's coders themselves
            said whether it occurs (`au_scale` is `occurrence`), that counts instead.
        above: Whether it must be above the threshold instead.
        intensities: Whether the intensities are read also where the coders gave occurrences.
        between: What a value above 0 that is no occurrence is: `negative` 0, `mask` unknown, `soft` a target
            that rises from 0 to ½.
        labels_from: `aus`, the values that coders gave; `emotion`, the pattern of AUs that
            `openau.emotion.RULES["deramgozin2023"]` gives to the picture's emotion.
        not_codable: What an AU is that the coders could not judge: `unknown`, or `positive` by mistake.
        drop_without_au: Whether pictures without a known occurrence are left out.
        drop_emotions: Pictures of these emotions are left out.
        drop_where: Pictures marked in these columns of the index are left out.
        corrected_by: Name of the rule to use instead; empty where nothing is wrong with this one.
        reference: Where it is from.
        note: What a reader of results must know about it.
    """

    aus: tuple[int, ...]
    threshold: float = 2.0
    above: bool = False
    intensities: bool = False
    between: Between = "negative"
    labels_from: Literal["aus", "emotion"] = "aus"
    not_codable: Literal["unknown", "positive"] = "unknown"
    drop_without_au: bool = False
    drop_emotions: tuple[str, ...] = ()
    drop_where: tuple[str, ...] = ()
    corrected_by: str = ""
    reference: str = ""
    note: str = ""


_DERAMGOZIN = "Deramgozin et al. (2023)"
_MORENO = "Moreno-Armendáriz et al. (2024)"
_DROPPED = "Leaving out pictures without an AU raises every base rate, and F1 with it."
_WILD = (
    "The AUs are a function of the emotion that somebody chose for the picture: results are those of emotion "
    "classification in another notation, never of AU detection."
)

LABEL_RULES = MappingProxyType(
    {
        "intensity-2": LabelRule(
            AU_SETS["disfa-12"], 2.0, reference="the field's rule for DISFA, from DRML (2016) on"
        ),
        "intensity-1": LabelRule(AU_SETS["disfa-12"], 1.0, reference="FACS: trace and stronger"),
        "occurrence": LabelRule(AU_SETS["bp4d-12"], 1.0, reference="for indexes that hold 0 and 1"),
        "disfa-8": LabelRule(
            AU_SETS["disfa-8"], 2.0, reference="ME-GraphAU (2022) and all it compares with; 3 folds"
        ),
        "disfa-8-jaa": LabelRule(
            AU_SETS["disfa-8"],
            2.0,
            drop_where=("failed_landmarks",),
            reference="JAA-Net (2018): 126,144 frames, those whose landmarks were found",
        ),
        "bp4d-12": LabelRule(AU_SETS["bp4d-12"], 1.0, reference="JAA-Net, ME-GraphAU; 3 folds"),
        "moreno2024": LabelRule(
            AU_SETS["moreno2024-12"],
            2.0,
            drop_without_au=True,
            drop_emotions=("neutral",),
            corrected_by="moreno2024-corrected",
            reference=f"{_MORENO}, section III",
            note=_DROPPED,
        ),
        "moreno2024-corrected": LabelRule(
            AU_SETS["moreno2024-12"],
            2.0,
            reference=f"{_MORENO}, with neutral pictures kept as what they are: pictures without an AU",
        ),
        "deramgozin2023-bp4d": LabelRule(
            AU_SETS["bp4d-5"],
            4.0,
            above=True,
            intensities=True,
            not_codable="positive",
            drop_without_au=True,
            corrected_by="deramgozin2023-bp4d-corrected",
            reference=f"{_DERAMGOZIN}, section 4.1",
            note="The paper reads a scale of 0-9. It ends at 5, and 9 marks what could not be coded: so only "
            f"level E and what nobody could see count as an occurrence. {_DROPPED}",
        ),
        "deramgozin2023-bp4d-corrected": LabelRule(
            AU_SETS["bp4d-5"],
            2.0,
            intensities=True,
            reference=f"{_DERAMGOZIN}, with code 9 unknown and intensity B or more an occurrence",
        ),
        "deramgozin2023-disfa": LabelRule(
            AU_SETS["disfa-12"],
            0.0,
            above=True,
            drop_without_au=True,
            corrected_by="deramgozin2023-disfa-corrected",
            reference=f"{_DERAMGOZIN}, section 4.1",
            note=f"Trace intensity counts. {_DROPPED}",
        ),
        "deramgozin2023-disfa-corrected": LabelRule(
            AU_SETS["disfa-12"], 2.0, reference=f"{_DERAMGOZIN}, with the field's threshold and every frame"
        ),
        "deramgozin2023-ckplus": LabelRule(
            AU_SETS["deramgozin2023-13"],
            labels_from="emotion",
            drop_emotions=("contempt",),
            corrected_by="deramgozin2023-ckplus-corrected",
            reference=f"{_DERAMGOZIN}, Table 2",
            note=f"CK+ has AU codes of its own, which this rule ignores. {_WILD}",
        ),
        "deramgozin2023-ckplus-corrected": LabelRule(
            AU_SETS["deramgozin2023-13"], 1.0, reference=f"{_DERAMGOZIN}, with the AU codes of CK+'s coders"
        ),
        "deramgozin2023-rafdb": LabelRule(
            AU_SETS["deramgozin2023-13"],
            labels_from="emotion",
            drop_emotions=("contempt",),
            corrected_by="deramgozin2023-wild-corrected",
            reference=f"{_DERAMGOZIN}, Table 2",
            note=_WILD,
        ),
        "deramgozin2023-fer2013plus": LabelRule(
            AU_SETS["deramgozin2023-13"],
            labels_from="emotion",
            drop_emotions=("contempt", "unknown", "not a face"),
            corrected_by="deramgozin2023-wild-corrected",
            reference=f"{_DERAMGOZIN}, Table 2",
            note=f"Seven of FER+'s eight emotions. {_WILD}",
        ),
        "deramgozin2023-wild-corrected": LabelRule(
            AU_SETS["deramgozin2023-13"],
            1.0,
            reference=f"{_DERAMGOZIN}, with AUs that somebody coded (RAF-AU, not RAF-DB or FER+)",
        ),
        "wang2019-emotionet": LabelRule(
            AU_SETS["wang2019-emotionet-11"],
            1.0,
            reference="Wang et al. (2019), section 4.1; code 999 is unknown",
            note="Labels of the large set were made by a machine.",
        ),
        "wang2019-ckplus": LabelRule(
            AU_SETS["wang2019-ckplus-14"],
            1.0,
            reference="Wang et al. (2019), section 4.1; last frame of each sequence",
        ),
        "masur2023-disfa": LabelRule(
            AU_SETS["disfa-8"], 2.0, reference="Masur et al. (2023), after ME-GraphAU"
        ),
        "masur2023-bp4d": LabelRule(
            AU_SETS["bp4d-12"], 1.0, reference="Masur et al. (2023), after ME-GraphAU"
        ),
    }
)
"""Label rules by name."""


def label_rule(name: str) -> LabelRule:
    """Return a rule by its name in `LABEL_RULES`.

    Raises:
        SettingError: No rule has this name.
    """
    if name not in LABEL_RULES:
        raise SettingError(f"There is no label rule {name!r}; choose one of {', '.join(LABEL_RULES)}.")
    return LABEL_RULES[name]


def select_rows(table: pd.DataFrame, rule: LabelRule) -> tuple[pd.DataFrame, dict[str, int]]:
    """Leave out the pictures that a rule leaves out.

    Args:
        table: Index table.
        rule: The rule.

    Returns:
        The kept rows with their row labels, and how many were left out for which reason (`emotion <name>`,
        `no AU`, `no emotion`, the name of a column that marks them).

    Raises:
        TableError: The table lacks what the rule reads.
    """
    emotion = _emotions(table)
    reasons = {f"emotion {name}": emotion == name for name in rule.drop_emotions}
    for name in rule.drop_where:
        if name not in table.columns:
            raise TableError(
                f"The index has no column {name!r}, by which this label rule leaves pictures out."
            )
        reasons[name] = table[name].fillna(False).to_numpy(bool)
    if rule.labels_from == "emotion":
        reasons["no emotion"] = ~np.isin(emotion, EMOTIONS)
    if rule.drop_without_au:
        reasons["no AU"] = ~(rule_targets(table, rule) >= 0.5).any(1)
    left_out: dict[str, int] = {}
    keep = np.ones(len(table), bool)
    for reason, here in reasons.items():
        if count := int((keep & here).sum()):
            left_out[reason] = count
        keep &= ~here
    return table[keep], left_out


def rule_targets(table: pd.DataFrame, rule: LabelRule, aus: Sequence[int] | None = None) -> Floats:
    """Turn an index into training targets by a rule.

    Args:
        table: Index table.
        rule: The rule.
        aus: The A action units wanted, in order; None for the rule's own.

    Returns:
        (N, A) float32 in 0–1, NaN unknown.

    Raises:
        TableError: The table lacks what the rule reads.
    """
    wanted = rule.aus if aus is None else aus
    if rule.labels_from == "emotion":
        return emotion_targets(table, wanted)
    values, coded = _raw(table, wanted, rule)
    positive = values > rule.threshold if rule.above else values >= rule.threshold
    positive = np.where(coded[:, None], values >= 1, positive)
    found = _graded(values, positive, rule)
    if rule.not_codable == "positive":
        columns = [f"{au_column(au)}{NOT_CODABLE}" for au in wanted]
        if not any(column in table.columns for column in columns):
            raise TableError(
                "This label rule counts what could not be coded, but the index has no column "
                f"{columns[0]!r}; use the rule {rule.corrected_by!r}."
            )
        marked = table.reindex(columns=columns).fillna(0).to_numpy(np.float32)
        found[marked > 0] = 1
    return found


def targets(
    table: pd.DataFrame, aus: Sequence[int], *, threshold: float = 2.0, between: Between = "negative"
) -> Floats:
    """Turn raw AU values into training targets.

    Args:
        table: Index table; values 0–5, NaN unknown.
        aus: The A action units wanted, in order.
        threshold: An AU occurs where its intensity is at least this.
        between: What an intensity above 0 but below the threshold is: `negative` 0, `mask` unknown, `soft`
            a target that rises from 0 to ½.

    Returns:
        (N, A) float32 in 0–1, NaN unknown.

    Raises:
        TableError: The table has none of the AUs.
        SettingError: `threshold` is not above 0, or `between` unknown.
    """
    if threshold <= 0:
        raise SettingError(f"The label threshold is {threshold}; it must be above 0.")
    if between not in ("negative", "mask", "soft"):
        raise SettingError(f"There is no rule {between!r} for weak AUs; choose negative, mask or soft.")
    return rule_targets(table, LabelRule(tuple(aus), threshold, between=between))


def emotion_targets(table: pd.DataFrame, aus: Sequence[int]) -> Floats:
    """Turn each picture's emotion into the pattern of AUs that stands for it.

    Args:
        table: Index table with the column `emotion`.
        aus: The A action units wanted, in order.

    Returns:
        (N, A) float32, 1 for the AUs of the emotion and 0 for the others; NaN where the emotion is unknown or
        has no pattern (contempt).

    Raises:
        TableError: The table has no emotions.

    Reference:
        Deramgozin et al. (2023), Table 2.
    """
    if "emotion" not in table.columns or table["emotion"].isna().all():
        raise TableError("The index has no emotions to take the AUs from; use a rule that reads AU codes.")
    emotion = _emotions(table)
    found = np.full((len(table), len(aus)), np.nan, np.float32)
    for name, active in EMOTION_RULES["deramgozin2023"].emotions.items():
        found[emotion == name] = [float(au in active) for au in aus]
    return found


def intensities(table: pd.DataFrame, aus: Sequence[int]) -> Floats:
    """Return the raw AU values of a table.

    Args:
        table: Index table.
        aus: The A action units wanted, in order.

    Returns:
        (N, A) float32, NaN where unknown; an AU the table does not have is unknown throughout.

    Raises:
        TableError: The table has none of the AUs.
    """
    if not any(au_column(au) in table.columns for au in aus):
        raise TableError(f"The index has none of the AUs {', '.join(map(str, aus))}; choose others.")
    return table.reindex(columns=[au_column(au) for au in aus]).to_numpy(np.float32)


def _raw(table: pd.DataFrame, aus: Sequence[int], rule: LabelRule) -> tuple[Floats, NDArray[np.bool_]]:
    """Return what a rule thresholds, (N, A), and in which of the N rows it is the coders' own occurrence."""
    coded = np.zeros(len(table), bool)
    if "au_scale" in table.columns:
        coded = (table["au_scale"].astype("string").fillna("") == "occurrence").to_numpy(bool)
    values = intensities(table, aus)
    if not rule.intensities or not coded.any():
        return values, coded
    columns = [f"{au_column(au)}{INTENSITY}" for au in aus]
    if not any(column in table.columns for column in columns):
        raise TableError(
            f"The index has no intensities ({columns[0]}), which this label rule reads; choose another."
        )
    strengths = table.reindex(columns=columns).to_numpy(np.float32)
    return np.where(coded[:, None], strengths, values), np.zeros(len(table), bool)


def base_rates(target: Floats) -> NDArray[np.float64]:
    """Return each AU's share of positives among its known labels.

    Args:
        target: (N, A) in 0–1, NaN unknown.

    Returns:
        (A,), NaN where nothing is known.
    """
    known = ~np.isnan(target)
    count = known.sum(0)
    positive = np.where(known, target >= 0.5, False).sum(0)
    rates = np.full(target.shape[1], np.nan)
    np.divide(positive, count, out=rates, where=count > 0)
    return rates


def _graded(values: Floats, positive: NDArray[np.bool_], rule: LabelRule) -> Floats:
    """Return 1 where positive, NaN where unknown, and else what the rule makes of weak AUs."""
    found = np.where(np.isnan(values), np.nan, positive).astype(np.float32)
    weak = (values > 0) & ~positive
    if rule.between == "mask":
        found[weak] = np.nan
    elif rule.between == "soft":
        found[weak] = values[weak] / (2 * rule.threshold)
    return found


def _emotions(table: pd.DataFrame) -> NDArray[np.object_]:
    """Return each row's emotion in lower case; empty where unknown."""
    if "emotion" not in table.columns:
        return np.full(len(table), "", object)
    return table["emotion"].astype("string").str.lower().fillna("").to_numpy(object)
