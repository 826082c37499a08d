"""The emotion part of an evaluation: its files, and what its page says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from openau.emotion import RULES
from openau.evaluate.emotion import (
    EMOTION_TRUTH,
    emotion_confusion,
    evaluate_decoders,
    evaluate_emotions,
    has_emotions,
)
from openau.facs import ACTION_UNITS, au_column


@dataclass(frozen=True, slots=True)
class EmotionReport:
    """What is to be written about emotions; empty where a table has none.

    Attributes:
        files: Name to text.
        lines: Of the page, in Markdown.
    """

    files: Mapping[str, str]
    lines: tuple[str, ...]


def report_emotions(
    test: pd.DataFrame,
    thresholds: Mapping[int, float],
    *,
    rules: Sequence[str] = (),
    resamples: int = 0,
    seed: int = 0,
) -> EmotionReport:
    """Judge the emotions of a predictions table, where it has them.

    Args:
        test: Rows to judge.
        thresholds: AU to its threshold 0–1, for the decoders.
        rules: Keys of `openau.emotion.RULES` to decode with; all where none is named.
        resamples: Resamples of the subjects for the 95 % intervals; 0 for none.
        seed: Decides the resamples.

    Raises:
        SettingError: There are no such rules.
    """
    files: dict[str, str] = {}
    lines: list[str] = []
    if has_emotions(test):
        rows = evaluate_emotions(test, resamples=resamples, seed=seed)
        confusion = emotion_confusion(test)
        files |= {"emotions.csv": rows.to_csv(index=False), "emotion-confusion.csv": confusion.to_csv()}
        lines += [
            "",
            "## Emotions",
            "",
            *_told(rows),
            "",
            "Rows true, columns said:",
            "",
            *_grid(confusion),
            "",
        ]
    if EMOTION_TRUTH in test.columns and test[EMOTION_TRUTH].notna().any() and _has_aus(test):
        decoded = evaluate_decoders(test, thresholds=thresholds, rules=tuple(rules) or tuple(RULES))
        files["decoders.csv"] = decoded.to_csv(index=False)
        lines += ["", "## Emotions decoded from action units", "", *_decoded(decoded), ""]
    return EmotionReport(files, tuple(lines))


def _has_aus(table: pd.DataFrame) -> bool:
    return any(f"{au_column(au)}_p" in table.columns for au in ACTION_UNITS)


def _told(rows: pd.DataFrame) -> list[str]:
    """Return the table of emotions, and one sentence of all."""
    metrics = ("precision", "recall", "f1", "auc")
    whole = rows.iloc[-1]
    lines = [
        "| emotion | n | said | " + " | ".join(metrics) + " |",
        "|" + "---|" * (3 + len(metrics)),
    ]
    for row in rows.iloc[:-1].to_dict("records"):
        numbers = " | ".join(_number(row, metric) for metric in metrics)
        lines.append(f"| {row['emotion']} | {int(row['count'])} | {int(row['said'])} | {numbers} |")
    summary = whole.to_dict()
    return [
        *lines,
        "",
        f"Accuracy {_number(summary, 'accuracy')}, mean over emotions "
        f"{_number(summary, 'balanced_accuracy')}, macro F1 {_number(summary, 'macro_f1')}; always saying "
        f"the most frequent emotion gives {_number(summary, 'majority')}. "
        f"{int(summary['count'])} faces judged, {int(summary['not_predicted'])} without an answer.",
    ]


def _decoded(rows: pd.DataFrame) -> list[str]:
    """Return the table of decoders and where their rules come from."""
    columns = ("coverage", "accuracy_on_covered", "accuracy")
    lines = [
        "Coverage is the share of faces with an answer; `accuracy` counts a missing one as wrong.",
        "",
        "| rules | decoder | AUs | n | " + " | ".join(columns) + " |",
        "|" + "---|" * (4 + len(columns)),
    ]
    for row in rows.to_dict("records"):
        numbers = " | ".join(_number(row, name) for name in columns)
        lines.append(f"| {row['rules']} | {row['decoder']} | {row['aus']} | {row['count']} | {numbers} |")
    return [*lines, "", *(f"* {name}: {RULES[name].source}." for name in rows["rules"].unique())]


def _grid(counts: pd.DataFrame) -> list[str]:
    """Return counts as a Markdown table."""
    lines = [
        "| | " + " | ".join(map(str, counts.columns)) + " |",
        "|" + "---|" * (1 + len(counts.columns)),
    ]
    for name, row in zip(counts.index, counts.to_numpy(), strict=True):
        lines.append(f"| {name} | " + " | ".join(str(int(cell)) for cell in row) + " |")
    return lines


def _number(row: Mapping[Any, Any], name: str) -> str:
    """Return a number with its interval, a dash where it is not defined."""
    value, low, high = (row.get(column) for column in (name, f"{name}_low", f"{name}_high"))
    if not isinstance(value, float) or math.isnan(value):
        return "–"
    known = isinstance(low, float) and isinstance(high, float) and not math.isnan(low + high)
    return f"{value:.3f}" + (f" [{low:.3f}, {high:.3f}]" if known else "")
