"""Judgement: pure functions of a predictions table. No network is ever touched here.

A predictions table has `sample, dataset, subject, fold` and per AU `AU01_t` (truth 0/1, NaN unknown),
`AU01_p` (probability) and, where known, `AU01_i` (true intensity) and `AU01_r` (predicted intensity).
"""

from openau.evaluate.calibration import brier_score, calibration_error, reliability
from openau.evaluate.confusion import accuracy, confusion, f1_score, matthews, precision, recall, specificity
from openau.evaluate.occurrence import (
    METRICS,
    Folds,
    evaluate,
    evaluate_folds,
    evaluate_groups,
    overall,
    predicted_aus,
)
from openau.evaluate.ranking import average_precision, roc_auc
from openau.evaluate.tables import as_latex, as_markdown
from openau.evaluate.thresholds import Rule, best_threshold

__all__ = [
    "METRICS",
    "Folds",
    "Rule",
    "accuracy",
    "as_latex",
    "as_markdown",
    "average_precision",
    "best_threshold",
    "brier_score",
    "calibration_error",
    "confusion",
    "evaluate",
    "evaluate_folds",
    "evaluate_groups",
    "f1_score",
    "matthews",
    "overall",
    "precision",
    "predicted_aus",
    "recall",
    "reliability",
    "roc_auc",
    "specificity",
]
