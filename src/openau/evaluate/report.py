"""A predictions table → a folder of results: tables for people, programs and papers.

OUT/evaluation.csv, .md and .tex hold every AU, the mean and the pooled row; confusion.csv the counts;
reliability.csv how often an AU occurs where a probability is said; groups-NAME.csv the same judgement by
group; folds.csv each fold of a cross-validation and the mean over them. Where the table has emotions:
emotions.csv, emotion-confusion.csv, and decoders.csv, what rules read from the AUs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

import pandas as pd

from openau.emotion import check_rules
from openau.errors import InputError, OutputError, SettingError, TableError
from openau.evaluate.calibration import reliability
from openau.evaluate.confusion import confusion
from openau.evaluate.emotion import emotion_columns, has_emotions
from openau.evaluate.emotion_report import report_emotions
from openau.evaluate.occurrence import (
    INTENSITY_METRICS,
    evaluate,
    evaluate_folds,
    evaluate_groups,
    overall,
    predicted_aus,
)
from openau.evaluate.tables import as_latex, as_markdown
from openau.evaluate.thresholds import Rule, best_threshold
from openau.facs import ACTION_UNITS, au_column

SHOWN: Final = ("f1", "accuracy", "auc", "average_precision", "matthews")
PREDICTIONS, LEAKAGE = "predictions.parquet", "leakage.json"


@dataclass(frozen=True, slots=True)
class Choices:
    """How a table is to be judged.

    Attributes:
        threshold: A number 0–1, or `f1`, `f0.5`, `careful` or `youden` to choose each AU's on the validation
            rows.
        groups: Columns to judge by.
        resamples: Resamples of the subjects for the 95 % intervals; 0 for none.
        seed: Decides the resamples.
        rules: Keys of `openau.emotion.RULES` to decode emotions with; all where none is named.
    """

    threshold: str = "0.5"
    groups: tuple[str, ...] = ()
    resamples: int = 1000
    seed: int = 0
    rules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse rules that are not there, even where no emotion is judged."""
        for name in self.rules:
            check_rules(name)


def read_predictions(source: Path) -> pd.DataFrame:
    """Read a predictions table.

    Args:
        source: A run folder, or a predictions table as Parquet or CSV.

    Raises:
        InputError: There is none, or it cannot be read.
        TableError: It has neither an AU nor emotions with truth and probability.
    """
    file = source / PREDICTIONS if source.is_dir() else source
    if not file.is_file():
        raise InputError(f"{file} does not exist; give a finished run folder, or a predictions table.")
    try:
        table = pd.read_csv(file) if file.suffix.lower() == ".csv" else pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as a table ({error}); give Parquet or CSV.") from error
    if table.empty:
        raise TableError(f"{file} has no rows; give predictions of at least one picture.")
    columns = [f"{au_column(au)}_{end}" for au in _judged_aus(table) for end in "tp"]
    for name in columns + (emotion_columns() if has_emotions(table) else []):
        numbers = pd.to_numeric(table[name], errors="coerce")
        if (numbers.isna() & table[name].notna()).any() or (numbers < 0).any() or (numbers > 1).any():
            raise TableError(f"{file} holds something else than 0–1 in {name}; leave unknown cells empty.")
        table[name] = numbers
    return table


def judged_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that were kept for testing.

    Args:
        table: Predictions table.

    Returns:
        The rows of the fold `test` where there is one; else all but those of `train` and `validation`.

    Raises:
        TableError: There are none.
    """
    if "fold" not in table.columns:
        return table
    fold = table["fold"].astype(str)
    rows = table[fold == "test"] if (fold == "test").any() else table[~fold.isin(["train", "validation"])]
    if rows.empty:
        raise TableError(
            "The predictions table has no test rows; it needs a fold besides train and validation."
        )
    return rows


def chosen_thresholds(table: pd.DataFrame, aus: Sequence[int], threshold: str) -> tuple[float, ...]:
    """Return one threshold per AU.

    Args:
        table: Predictions table, with its validation rows.
        aus: The A action units.
        threshold: A number 0–1, `f1`, `f0.5`, `careful` or `youden`.

    Returns:
        (A,) 0–1.

    Raises:
        SettingError: `threshold` is something else, or there are no validation rows to choose on.
    """
    rule = next((rule for rule in get_args(Rule) if rule == threshold), None)
    if rule is not None:
        validation = table[table["fold"] == "validation"] if "fold" in table.columns else table.iloc[:0]
        if validation.empty:
            raise SettingError(
                "There are no validation rows to choose thresholds on; give a number, such as 0.5."
            )
        return tuple(
            best_threshold(
                validation[f"{au_column(au)}_t"],
                validation[f"{au_column(au)}_p"],
                rule,
            )
            for au in aus
        )
    try:
        number = float(threshold)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise SettingError(
            f"The threshold is {threshold!r}; give a number from 0 to 1, f1, f0.5, careful or youden."
        )
    return (number,) * len(aus)


def write_evaluation(
    table: pd.DataFrame, out: Path, choices: Choices, *, leakage: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Judge a predictions table and write the results.

    Args:
        table: Predictions table.
        out: Folder; is created, files of the same names are replaced.
        choices: How.
        leakage: What the parts of the split share, from the run folder.

    Returns:
        The rows of `evaluation.csv`; none where the table has emotions alone.

    Raises:
        TableError: A column or all test rows are missing.
        SettingError: A choice is out of range.
        OutputError: The folder cannot be written.
    """
    aus = _judged_aus(table)
    thresholds = chosen_thresholds(table, aus, choices.threshold)
    test = judged_rows(table)
    rows, files, lines = _judge_aus(test, aus, thresholds, choices) if aus else (pd.DataFrame(), {}, ())
    emotions = report_emotions(
        test,
        dict(zip(aus, thresholds, strict=True)),
        rules=choices.rules,
        resamples=choices.resamples,
        seed=choices.seed,
    )
    files |= emotions.files
    files["evaluation.md"] = _page(test, [*lines, *emotions.lines], choices, leakage)
    _write(out, files)
    return rows


def _judged_aus(table: pd.DataFrame) -> tuple[int, ...]:
    """Return the AUs to judge; none where the table has emotions and no AU whose truth is known."""
    if not has_emotions(table):
        return predicted_aus(table)
    named = (unit.number for unit in ACTION_UNITS.values() if f"{unit.column}_t" in table.columns)
    return tuple(au for au in named if table[f"{au_column(au)}_t"].notna().any())


def _judge_aus(
    test: pd.DataFrame, aus: Sequence[int], thresholds: Sequence[float], choices: Choices
) -> tuple[pd.DataFrame, dict[str, str], tuple[str, ...]]:
    """Return the judgement of the AUs, its files, and its part of the page."""
    parts = [
        judged(test, aus=aus, thresholds=thresholds, resamples=choices.resamples, seed=choices.seed)
        for judged in (evaluate, overall)
    ]
    rows = pd.concat(parts, ignore_index=True)
    shown = (*SHOWN, *(name for name in INTENSITY_METRICS if name in rows.columns))
    files = {
        "evaluation.csv": rows.to_csv(index=False),
        "evaluation.tex": as_latex(rows, shown),
        "confusion.csv": _confusions(test, aus, thresholds).to_csv(index=False),
        "reliability.csv": _reliabilities(test, aus).to_csv(index=False),
    }
    for column in choices.groups:
        part = evaluate_groups(test, column, aus=aus, thresholds=thresholds, resamples=choices.resamples)
        files[f"groups-{column}.csv"] = part.to_csv(index=False)
    if "fold" in test.columns and test["fold"].nunique() > 1:
        folds = evaluate_folds(test, aus=aus, thresholds=thresholds)
        both = pd.concat([folds.by_fold, folds.mean_of_folds.assign(fold="mean of folds")])
        files["folds.csv"] = both.to_csv(index=False)
    return (
        rows,
        files,
        (
            "`f1` is that of the positive class. `accuracy` equals the F1 micro-averaged over both classes.",
            "A dash is a number that is not defined. `mean` is over the AUs that define the number, `pooled`",
            "adds up the counts of all AUs.",
            "",
            as_markdown(rows, shown),
        ),
    )


def read_leakage(source: Path) -> dict[str, Any] | None:
    """Return what a run folder says of its split's leakage, or None where there is nothing.

    Args:
        source: A run folder, or a file.

    Raises:
        InputError: The report cannot be read.
    """
    file = source / LEAKAGE
    if not source.is_dir() or not file.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} cannot be read ({error}); train again, or judge predictions.parquet."
        ) from error
    return found


def _page(
    test: pd.DataFrame, body: Sequence[str], choices: Choices, leakage: Mapping[str, Any] | None
) -> str:
    """Return the page that people read first."""
    subjects = test["subject"].nunique() if "subject" in test.columns else "unknown"
    lines = [
        "# Evaluation",
        "",
        f"{len(test)} test rows of {subjects} subjects; threshold: {choices.threshold}.",
    ]
    if choices.resamples:
        lines += [f"In brackets: 95 % intervals over {choices.resamples} resamples of the subjects."]
    lines += body
    if leakage is not None:
        lines += ["## What the split shares", "", "```json", json.dumps(leakage, indent=1), "```", ""]
    return "\n".join(lines)


def _confusions(test: pd.DataFrame, aus: Sequence[int], thresholds: Sequence[float]) -> pd.DataFrame:
    rows = []
    for au, threshold in zip(aus, thresholds, strict=True):
        counts = confusion(test[f"{au_column(au)}_t"], test[f"{au_column(au)}_p"], threshold)
        names = ("true_positives", "false_positives", "false_negatives", "true_negatives")
        rows.append({"au": au} | {name: int(n) for name, n in zip(names, counts, strict=True)})
    return pd.DataFrame(rows)


def _reliabilities(test: pd.DataFrame, aus: Sequence[int]) -> pd.DataFrame:
    parts = []
    for au in aus:
        part = reliability(test[f"{au_column(au)}_t"], test[f"{au_column(au)}_p"])
        part.insert(0, "au", au)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _write(out: Path, files: Mapping[str, str]) -> None:
    """Write every file under another name, then rename them all."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / f".{name}.part").write_text(text, encoding="utf-8")
        for name in files:
            (out / f".{name}.part").replace(out / name)
    except OSError as error:
        raise OutputError(f"The evaluation cannot be written to {out} ({error.strerror}).") from error
