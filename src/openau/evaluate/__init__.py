"""Judgement: pure functions of a predictions table. No network is ever touched here.

A predictions table has `sample, dataset, subject, fold` and per AU `AU01_t` (truth 0/1, NaN unknown),
`AU01_p` (probability) and, where known, `AU01_i` (true intensity).
"""

from openau.evaluate.occurrence import (
    best_threshold,
    evaluate,
    f1_score,
    predicted_aus,
    roc_auc,
)

__all__ = ["best_threshold", "evaluate", "f1_score", "predicted_aus", "roc_auc"]
