"""A finished run's predictions: what its model file is told about thresholds, intensities and accuracy.

What is chosen is chosen on the validation part; what is claimed is measured on the test part.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from openau.errors import ModelError
from openau.evaluate import best_threshold, evaluate, evaluate_emotions
from openau.evaluate.emotion import EMOTION_TRUTH
from openau.evaluate.stretch import Stretch, best_stretch
from openau.evaluate.thresholds import Rule
from openau.facs import au_column
from openau.records import Accuracy, ModelCard
from openau.runtime import read_run_card

_TRACE = 0.5  # below this intensity an AU is not there
_FEW = 10  # faces; the median of fewer is chance


@dataclass(frozen=True)
class Finished:
    """A run that has ended.

    Attributes:
        card: The card that the run began with.
        about: The recipe's own words for the card.
        created: The day on which it began.
        validation: The validation part of the predictions table, as the network tells it.
        raw: The test part, as the network tells it.
    """

    card: ModelCard
    about: Mapping[str, Any]
    created: str
    validation: pd.DataFrame
    raw: pd.DataFrame

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """How each AU's intensity is stretched; none where the recipe does not want it."""
        if not self.card.intensity or self.about.get("intensities", "plain") != "stretched":
            return ()
        columns = [au_column(au) for au in self.card.aus]
        return tuple(
            best_stretch(self.validation[f"{column}_i"], self.validation[f"{column}_r"]) for column in columns
        )

    def test(self) -> pd.DataFrame:
        """Return the test part as the model file tells it, with intensities stretched where it does so."""
        columns = [f"{au_column(au)}_r" for au in self.card.aus]
        told = zip(columns, self.stretches, strict=False)  # none is stretched, or all are
        return self.raw.assign(**{column: stretch(self.raw[column]) for column, stretch in told})

    def completed_card(self, rule: Rule | None = None) -> ModelCard:
        """Return the card with thresholds, accuracy and the neutral face.

        Args:
            rule: How a threshold is chosen; None for the recipe's rule.
        """
        card, test = self.card, self.test()
        chosen: Rule = rule or self.about.get("thresholds", "f1")
        thresholds = tuple(_threshold(self.validation, au, chosen) for au in card.aus)
        data = self.about["test_data"] or ", ".join(sorted(set(test["dataset"])))
        return replace(
            card,
            thresholds=thresholds,
            accuracy=(*_accuracy(test, card.aus, thresholds, data), *_emotion_accuracy(test, card, data)),
            created=self.created,
            neutral=_neutral(self.validation, card.aus),
        )


def read_finished(run: Path) -> Finished:
    """Read what a finished run left behind.

    Args:
        run: Run folder.

    Raises:
        ModelError: The folder holds no finished run.
        CardError: The run's card is malformed.
    """
    card = read_run_card(run)
    try:
        table = pd.read_parquet(run / "predictions.parquet")
        fold = table["fold"]
        about = tomllib.loads((run / "recipe.toml").read_text(encoding="utf-8"))["card"]
        started = json.loads((run / "environment.json").read_text(encoding="utf-8"))["started"]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{run} is not a finished training run ({error}); train or resume it.") from error
    return Finished(card, about, started[:10], table[fold == "validation"], table[fold == "test"])


def _threshold(validation: pd.DataFrame, au: int, rule: Rule) -> float:
    """Return the threshold that serves an AU best; 0.5 where no label of it is known to choose by."""
    known = validation[validation[f"{au_column(au)}_t"].notna()]
    if not len(known):
        return 0.5
    return round(best_threshold(known[f"{au_column(au)}_t"], known[f"{au_column(au)}_p"], rule), 4)


def _emotion_accuracy(test: pd.DataFrame, card: ModelCard, data: str) -> tuple[Accuracy, ...]:
    """Return accuracy and macro F1 of the emotions on the test part, where the network tells them."""
    if not card.emotions or not test[EMOTION_TRUTH].notna().any():
        return ()
    whole = evaluate_emotions(test).set_index("emotion").loc["all"].to_dict()
    protocol = "test part of the run's split, weights chosen on the validation part"
    return tuple(
        Accuracy(data, protocol, title, round(float(whole[metric]), 4), count=int(whole["count"]))
        for metric, title in (("accuracy", "accuracy of emotions"), ("macro_f1", "macro F1 of emotions"))
    )


def _accuracy(
    test: pd.DataFrame, aus: tuple[int, ...], thresholds: tuple[float, ...], data: str
) -> tuple[Accuracy, ...]:
    """Return AUC, F1 and, of intensities, ICC on the test part: means over AUs, then each AU."""
    rows = evaluate(test, aus=aus, thresholds=thresholds)
    protocol = (
        f"test part of the run's split ({test['subject'].nunique()} subjects), weights and thresholds chosen "
        "on the validation part; count of an AU = its positives"
    )
    found: list[Accuracy] = []
    for metric, column in (("ROC AUC", "auc"), ("F1", "f1"), ("ICC(3,1)", "icc")):
        if column not in rows.columns:
            continue  # the network was not taught intensities
        defined = rows[rows[column].notna()]
        if len(defined):
            mean = round(float(defined[column].mean()), 4)
            found.append(Accuracy(data, protocol, f"mean {metric}", mean, count=len(test)))
        for au, value, positives in zip(defined["au"], defined[column], defined["positives"], strict=True):
            found.append(Accuracy(data, protocol, metric, round(float(value), 4), int(au), int(positives)))
    return tuple(found)


def _neutral(validation: pd.DataFrame, aus: tuple[int, ...]) -> tuple[float, ...]:
    """Return the median probability of each AU on faces without any AU; nothing where there are few."""
    columns = [au_column(au) for au in aus]
    intensity = validation.reindex(columns=[f"{column}_i" for column in columns])  # unknown is not at rest
    at_rest = validation[(intensity < _TRACE).all(axis=1)]
    if len(at_rest) < _FEW:
        return ()
    return tuple(round(float(at_rest[f"{column}_p"].median()), 4) for column in columns)
