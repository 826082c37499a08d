"""Judge emotions: those a network tells, and those that rules decode from its action units.

A predictions table with emotions has `emotion_t` (the true one by name, empty where unknown) and per emotion
`emotion_anger_p` (probability). The emotion a network says is the one with the highest probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.emotion import DECODERS, RULES, decode_emotion, score_emotions
from openau.errors import TableError
from openau.evaluate.bootstrap import Resamples, interval
from openau.evaluate.cells import ratio
from openau.evaluate.ranking import roc_auc
from openau.facs import ACTION_UNITS, EMOTIONS, au_column
from openau.records import AUOutput

EMOTION_TRUTH: Final = "emotion_t"
EMOTION_METRICS: Final = ("accuracy", "balanced_accuracy", "macro_f1")
NO_EMOTION: Final = "none"
"""Column of a decoder's confusion matrix for faces without an answer."""


def emotion_columns() -> list[str]:
    """Return the names of the probability columns, in the order of `openau.facs.EMOTIONS`."""
    return [f"emotion_{name}_p" for name in EMOTIONS]


def has_emotions(table: pd.DataFrame) -> bool:
    """Return whether a predictions table has true emotions and a network's probabilities for them.

    Args:
        table: Predictions table.
    """
    return {EMOTION_TRUTH, *emotion_columns()} <= set(table.columns)


def said_emotions(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the emotion that the network says of each row.

    Args:
        table: Predictions table of N rows.

    Returns:
        (N,) number in `openau.facs.EMOTIONS`, -1 where a probability is missing.

    Raises:
        TableError: The table has no emotion probabilities.
    """
    probability = _probabilities(table)
    missing = np.isnan(probability).any(axis=1)
    found: NDArray[np.int64] = np.where(
        missing, -1, np.where(np.isnan(probability), 0, probability).argmax(1)
    )
    return found


def true_emotions(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the true emotion of each row.

    Args:
        table: Predictions table of N rows.

    Returns:
        (N,) number in `openau.facs.EMOTIONS`, -1 where unknown or not one of them.

    Raises:
        TableError: The table has no true emotions.
    """
    if EMOTION_TRUTH not in table.columns:
        raise TableError(f"The predictions table has no column {EMOTION_TRUTH!r}; train on emotions.")
    numbers = {name: number for number, name in enumerate(EMOTIONS)}
    names = table[EMOTION_TRUTH].astype(object)
    return np.array([numbers.get(name, -1) for name in names], np.int64)


def emotion_confusion(table: pd.DataFrame) -> pd.DataFrame:
    """Count which emotion was said for which.

    Args:
        table: Predictions table.

    Returns:
        (E, E) counts, rows true, columns said; rows without a known truth or an answer do not count.

    Raises:
        TableError: A column is missing.
    """
    cells, _ = _cells(true_emotions(table), said_emotions(table))
    counts = cells.sum(0).reshape(len(EMOTIONS), len(EMOTIONS)).astype(int)
    return pd.DataFrame(counts, index=pd.Index(EMOTIONS, name="true"), columns=list(EMOTIONS))


def evaluate_emotions(table: pd.DataFrame, *, resamples: int = 0, seed: int = 0) -> pd.DataFrame:
    """Judge the emotions that a network tells, emotion by emotion and together.

    Args:
        table: Predictions table.
        resamples: How many resamples of the subjects the 95 % intervals come from; 0 for none. Pictures that
            name no subject count as their own.
        seed: Decides the resamples.

    Returns:
        One row per emotion with `emotion, count, said, precision, recall, f1, auc` (one against the rest),
        then the row `all` with `count, not_predicted, accuracy, balanced_accuracy` (the mean recall),
        `macro_f1` (over the emotions that occur or were said), `auc` (mean) and `majority`, the accuracy of
        always saying the most frequent emotion. With resamples, precision, recall, F1 and the accuracies also
        have `_low` and `_high`.

    Raises:
        TableError: A column is missing.
        SettingError: `resamples` is negative.
    """
    truth, said = true_emotions(table), said_emotions(table)
    cells, kept = _cells(truth, said)
    draws = Resamples(_subjects(table), resamples, seed)
    counts = np.concatenate((cells.sum(0, keepdims=True), draws.total(cells, kept)))
    rates = _rates(counts.reshape(-1, len(EMOTIONS), len(EMOTIONS)))
    areas = _areas(truth, _probabilities(table))
    confusion = cells.sum(0).reshape(len(EMOTIONS), len(EMOTIONS))
    rows: list[dict[str, object]] = []
    for number, name in enumerate(EMOTIONS):
        row: dict[str, object] = {
            "emotion": name,
            "count": int(confusion[number].sum()),
            "said": int(confusion[:, number].sum()),
        }
        for metric in ("precision", "recall", "f1"):
            row |= _with_interval(metric, rates[metric][:, number], resamples)
        rows.append(row | {"auc": areas[number]})
    total = confusion.sum()
    whole: dict[str, object] = {
        "emotion": "all",
        "count": int(total),
        "not_predicted": int(((truth >= 0) & (said < 0)).sum()),
        "auc": float(np.nanmean(areas)) if not np.isnan(areas).all() else float("nan"),
        "majority": float(confusion.sum(1).max() / total) if total else float("nan"),
    }
    for metric in EMOTION_METRICS:
        whole |= _with_interval(metric, rates[metric], resamples)
    return pd.DataFrame([*rows, whole])


def decode_table(
    table: pd.DataFrame,
    *,
    thresholds: Mapping[int, float] | None = None,
    decoder: str = "nearest",
    rules: str = "deramgozin2023",
    source: str = "p",
) -> list[str | None]:
    """Decode every row's emotion from its action units.

    Args:
        table: Predictions table.
        thresholds: AU to the probability 0–1 from which it is active; 0.5 where not named.
        decoder: One of `openau.emotion.DECODERS`.
        rules: A key of `openau.emotion.RULES`.
        source: `p` for the network's probabilities, `t` for the truth.

    Returns:
        One emotion per row, None where there is no answer.

    Raises:
        TableError: The table has no action units.
        SettingError: The decoder or the rules are not known.
    """
    aus = tuple(au for au in ACTION_UNITS if f"{au_column(au)}_{source}" in table.columns)
    if not aus:
        raise TableError(f"The predictions table has no AU.._{source} to decode emotions from.")
    levels = [(thresholds or {}).get(au, 0.5) for au in aus]
    values = table[[f"{au_column(au)}_{source}" for au in aus]].to_numpy(np.float32)
    found = (decode_emotion(AUOutput(aus, row), levels, decoder=decoder, rules=rules) for row in values)
    return [None if answer is None else answer.name for answer in found]


def evaluate_decoders(
    table: pd.DataFrame,
    *,
    thresholds: Mapping[int, float] | None = None,
    rules: Sequence[str] = tuple(RULES),
    decoders: Sequence[str] = DECODERS,
) -> pd.DataFrame:
    """Judge every way of reading emotions from action units, with its coverage.

    Args:
        table: Predictions table with `emotion_t` and AU probabilities; rows without a known emotion do not
            count.
        thresholds: AU to the probability 0–1 from which it is active; 0.5 where not named.
        rules: Keys of `openau.emotion.RULES`.
        decoders: Some of `openau.emotion.DECODERS`.

    Returns:
        One row per rule set, decoder and source of the AUs: `rules, decoder, aus` (`predicted`, or `true`
        where the table has the truth: the best that the rules can do), `count, coverage,
        accuracy_on_covered, accuracy` (a missing emotion counts as wrong).

    Raises:
        TableError: A column is missing.
        SettingError: A decoder or rule set is not known.
    """
    known = table[true_emotions(table) >= 0]
    truth = known[EMOTION_TRUTH].astype(str).tolist()
    sources = {"predicted": "p"} | ({"true": "t"} if _has_true_aus(known) else {})
    rows = []
    for name, source in sources.items():
        for rule in rules:
            for decoder in decoders:
                found = decode_table(known, thresholds=thresholds, decoder=decoder, rules=rule, source=source)
                score = score_emotions(found, truth)
                rows.append(
                    {
                        "rules": rule,
                        "decoder": decoder,
                        "aus": name,
                        "count": len(truth),
                        "coverage": score.coverage,
                        "accuracy_on_covered": score.accuracy_on_covered,
                        "accuracy": score.accuracy,
                    }
                )
    return pd.DataFrame(rows)


def decoder_confusion(found: Sequence[str | None], truth: Sequence[str]) -> pd.DataFrame:
    """Count which emotion was decoded for which, faces without an answer in a column of their own.

    Args:
        found: One decoded emotion per face, None where there is none.
        truth: One true emotion per face.

    Returns:
        (E, E + 1) counts, rows true, the last column `NO_EMOTION`.
    """
    columns = [*EMOTIONS, NO_EMOTION]
    counts = np.zeros((len(EMOTIONS), len(columns)), np.int64)
    for name, true in zip(found, truth, strict=True):
        counts[EMOTIONS.index(true), columns.index(name or NO_EMOTION)] += 1
    return pd.DataFrame(counts, index=pd.Index(EMOTIONS, name="true"), columns=columns)


def _has_true_aus(table: pd.DataFrame) -> bool:
    names = [f"{au_column(au)}_t" for au in ACTION_UNITS if f"{au_column(au)}_t" in table.columns]
    return bool(names) and bool(table[names].notna().to_numpy().any())


def _probabilities(table: pd.DataFrame) -> NDArray[np.float64]:
    """Return (N, E) probabilities."""
    if missing := [name for name in emotion_columns() if name not in table.columns]:
        raise TableError(f"The predictions table has no column {missing[0]!r}; train on emotions.")
    return table[emotion_columns()].to_numpy(np.float64)


def _subjects(table: pd.DataFrame) -> pd.Series:
    """Return whose picture each row is; a picture that names nobody is its own subject."""
    alone = pd.Series([f"row {row}" for row in range(len(table))], index=table.index)
    if "subject" not in table.columns:
        return alone
    subject = table["subject"].astype("string")
    return subject.where(subject.notna(), alone).astype(str)


def _cells(
    truth: NDArray[np.int64], said: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return each judged row as one count of the confusion matrix, (K, E·E), and the (K,) row numbers."""
    kept = np.flatnonzero((truth >= 0) & (said >= 0))
    size = len(EMOTIONS)
    return np.eye(size * size)[truth[kept] * size + said[kept]], kept


def _rates(counts: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return rates of (R, E, E) confusion counts: per emotion (R, E), of all (R,)."""
    right = counts.diagonal(axis1=1, axis2=2)
    true, said = counts.sum(2), counts.sum(1)
    recall, f1 = ratio(right, true), ratio(2 * right, true + said)
    return {
        "precision": ratio(right, said),
        "recall": recall,
        "f1": f1,
        "accuracy": ratio(right.sum(1), counts.sum((1, 2))),
        "balanced_accuracy": _mean_defined(recall),
        "macro_f1": _mean_defined(f1),
    }


def _mean_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the last axis of what is defined, NaN where nothing is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(-1), defined.sum(-1).astype(np.float64))


def _areas(truth: NDArray[np.int64], probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each emotion's area under the ROC curve against the rest, (E,)."""
    known = truth >= 0
    return np.array(
        [
            float(roc_auc((truth[known] == number).astype(float), probability[known, number]))
            for number in range(len(EMOTIONS))
        ]
    )


def _with_interval(name: str, values: NDArray[np.float64], resamples: int) -> dict[str, object]:
    found: dict[str, object] = {name: float(values[0])}
    if resamples:
        found[f"{name}_low"], found[f"{name}_high"] = interval(values[1:])
    return found
