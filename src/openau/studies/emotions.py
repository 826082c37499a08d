"""Emotions decoded from the AUs of a predictions table, by every decoder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from openau.emotion import DECODERS, RULES, EmotionAgreement, decode_emotion, score_emotions
from openau.facs import au_column
from openau.records import AUOutput
from openau.studies.results import Results
from openau.studies.tables import Cell, Column, Measured

_RULES = "deramgozin2023"
NUMBERS = {
    "coverage": "faces with an emotion",
    "accuracy_on_covered": "right among those",
    "accuracy": "right among all",
}
"""The three numbers of `openau.emotion.EmotionAgreement`, and what they are called."""


def emotion_agreement(table: pd.DataFrame, decoder: str) -> EmotionAgreement:
    """Judge the emotions that the found AUs name, against those that the true AUs name.

    Args:
        table: Predictions table whose true AUs are patterns of emotions.
        decoder: One of `openau.emotion.DECODERS`.

    Raises:
        SettingError: A row's true AUs are no emotion's.
    """
    aus = RULES[_RULES].aus
    found = table[[f"{au_column(au)}_p" for au in aus]].to_numpy(np.float32)
    truth = table[[f"{au_column(au)}_t" for au in aus]].to_numpy(np.float32)
    named = [_emotion(row, aus, decoder) for row in found]
    true = [_emotion(row, aus, "exact") for row in truth]
    return score_emotions(named, [name or "no emotion" for name in true])


def emotion_table(results: Results, runs: Mapping[str, str]) -> tuple[list[Column], list[str]]:
    """Return the measured columns of a table of emotions, and the names of their rows.

    Args:
        results: The finished runs.
        runs: What a run is called to its key.
    """
    cells: dict[str, dict[str, Cell]] = {title: {} for title in NUMBERS.values()}
    rows = []
    for name, key in runs.items():
        table = results.predictions(key)
        for decoder in DECODERS:
            row = f"ours, {name}, {decoder}"
            rows.append(row)
            agreement = emotion_agreement(table, decoder)
            for field, title in NUMBERS.items():
                cells[title][row] = Measured(100 * float(getattr(agreement, field)))
    return [Column(title, column, digits=1) for title, column in cells.items()], rows


def _emotion(probability: np.ndarray, aus: tuple[int, ...], decoder: str) -> str | None:
    """Return the emotion of one row of probabilities, None where there is none."""
    output = AUOutput(aus=aus, probability=probability)
    read = decode_emotion(output, (0.5,) * len(aus), decoder=decoder, rules=_RULES)
    return None if read is None else read.name
