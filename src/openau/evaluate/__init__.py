"""Judgement: pure functions of a predictions table. No network is ever touched here.

A predictions table has `sample, dataset, subject, fold` and per AU `AU01_t` (truth 0/1, NaN unknown),
`AU01_p` (probability) and, where known, `AU01_i` (true intensity) and `AU01_r` (predicted intensity). With
emotions it has `emotion_t` (the true one's name) and per emotion `emotion_anger_p`.
"""

from openau.evaluate.calibration import brier_score, calibration_error, reliability
from openau.evaluate.confusion import accuracy, confusion, f1_score, matthews, precision, recall, specificity
from openau.evaluate.emotion import (
    decode_table,
    decoder_confusion,
    emotion_confusion,
    evaluate_decoders,
    evaluate_emotions,
)
from openau.evaluate.forgetting import forgetting, smiles
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
    "decode_table",
    "decoder_confusion",
    "emotion_confusion",
    "evaluate",
    "evaluate_decoders",
    "evaluate_emotions",
    "evaluate_folds",
    "evaluate_groups",
    "f1_score",
    "forgetting",
    "matthews",
    "overall",
    "precision",
    "predicted_aus",
    "recall",
    "reliability",
    "roc_auc",
    "smiles",
    "specificity",
]
