"""The default model on real photographs it never saw: `python -m benchmarks.real_faces`.

51 people of the Face Research Lab London Set, each once neutral and once smiling (DeBruine and Jones 2017,
doi:10.6084/m9.figshare.5047666, CC BY 4.0), read from `$OPENAU_SHARED/faces/london`. The people were told to
smile, nobody coded their AUs, and several smiles are faint: so this measures whether smiling ranks above
neutral by the AUs that make a smile, not whether the AUs are right. A photograph without a found face is
counted, and it is missing from what follows.

For AU25 that is not even a goal: 22 of the 51 smile with closed lips, so a network that reads every pair of
lips rightly separates smiling from neutral with an AUC of 0.76. `london_lips.csv` therefore names the
photographs in which lips are apart, as one of us saw them on magnified mouths.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.ledger import Measurement, Result, finish, model_record, parser
from openau import Analyzer
from openau.evaluate import roc_auc
from openau.facs import au_column
from openau.records import ModelCard
from openau.runtime import default_model_path

LIPS = Path(__file__).with_name("london_lips.csv")
SEED = 0
SMILE_AUS = (12, 6, 25)
SMALLEST_GROUP = 8
LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pandas")

Score = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


def main() -> None:
    """Measure, print, and store where asked."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--model", type=Path, default=default_model_path(), help="ONNX file to measure")
    options = arguments.parse_args()
    folder = os.environ.get("OPENAU_SHARED")
    if not folder:
        raise SystemExit("Set OPENAU_SHARED to the folder that holds faces/london.")
    analyzer, resamples = Analyzer(model=options.model), 100 if options.quick else 2000
    london = Path(folder) / "faces" / "london"
    photographs = pd.read_csv(london / "faces.csv", dtype={"subject": str})
    apart = set(pd.read_csv(LIPS)["file"])
    photographs["lips_apart"] = photographs["file"].isin(apart)
    readings = read_photographs(london, photographs, analyzer)
    rows = measure(readings, analyzer.card, resamples)
    card = model_record(options.model, analyzer.card.name)
    settings: dict[str, int | float | str | bool] = {
        "resamples": resamples,
        "detector": "openau",
        "smallest group": SMALLEST_GROUP,
    }
    finish(Result("real_faces", settings, {"bootstrap": SEED}, LIBRARIES, tuple(rows), card), options)


def read_photographs(folder: Path, photographs: pd.DataFrame, analyzer: Analyzer) -> pd.DataFrame:
    """Return the photographs with `faces`, how many were found, and the AU probabilities of the largest."""
    rows = []
    for name in photographs["file"]:
        readings = analyzer.image(folder / name).records
        row: dict[str, float] = {"faces": sum(reading.face is not None for reading in readings)}
        if (output := readings[0].output) is not None:
            row |= {column(au): float(p) for au, p in zip(output.aus, output.probability, strict=True)}
        rows.append(row)
    return pd.concat([photographs, pd.DataFrame(rows, index=photographs.index)], axis=1)


def measure(readings: pd.DataFrame, card: ModelCard, resamples: int) -> list[Measurement]:
    """Return detection, separation of smiling from neutral, and false alarms, for all and by group."""
    rows = [*detection(readings), *separation(readings, card, resamples)]
    rows += [*lips(readings, card, resamples), *alarms(readings, card)]
    for trait in ("gender", "ethnicity"):
        for name, part in readings.groupby(trait):
            if part["subject"].nunique() >= SMALLEST_GROUP:
                group = f"{trait} {name}"
                rows += detection(part, group)
                rows += separation(part, card, resamples, group, aus=(12,))
    return rows


def detection(readings: pd.DataFrame, group: str = "") -> list[Measurement]:
    """Return in how many photographs a face was found, and how many more than one."""
    found, count = int((readings["faces"] > 0).sum()), len(readings)
    more = int((readings["faces"] > 1).sum())
    note = f"{found} of {count}; more than one face in {more}"
    return [Measurement("faces found", found / count, "share", n=count, group=group, note=note)]


def separation(
    readings: pd.DataFrame,
    card: ModelCard,
    resamples: int,
    group: str = "",
    aus: tuple[int, ...] = SMILE_AUS,
) -> list[Measurement]:
    """Return per AU the ROC AUC of smiling against neutral and how often a person's smile scores higher."""
    rows = []
    for au in (au for au in aus if au in card.aus):
        pairs = readings.pivot_table(index="subject", columns="expression", values=column(au)).dropna()
        neutral, smiling = pairs["neutral"].to_numpy(float), pairs["smiling"].to_numpy(float)
        for name, score in (("ROC AUC", area), ("paired accuracy", paired_accuracy)):
            low, high = interval(score, neutral, smiling, resamples)
            value = score(neutral, smiling)
            rows.append(
                Measurement(
                    f"{au_column(au)} smiling against neutral, {name}",
                    value,
                    "share",
                    n=len(pairs),
                    low=low,
                    high=high,
                    group=group,
                    note="n people, both photographs found",
                )
            )
    return rows


def lips(readings: pd.DataFrame, card: ModelCard, resamples: int) -> list[Measurement]:
    """Return how well AU25 tells lips seen apart from lips seen closed, and what perfect reading would score.

    Args:
        readings: Photographs with `lips_apart` and AU probabilities.
        card: The model's.
        resamples: How many draws of people the interval takes.
    """
    seen = readings[readings["faces"] > 0]
    perfect = area(*(part["lips_apart"].to_numpy(float) for part in _by_expression(seen)))
    rows = [
        Measurement(
            "lips seen apart, smiling against neutral, ROC AUC",
            perfect,
            "share",
            n=seen["subject"].nunique(),
            note="what a perfect reading of AU25 would score",
        )
    ]
    if 25 not in card.aus:
        return rows
    people = [part for _, part in seen.groupby("subject")]
    draws = np.random.default_rng(SEED).integers(0, len(people), (resamples, len(people)))
    values = [_lips_auc(pd.concat([people[number] for number in draw])) for draw in draws]
    low, high = np.nanquantile(values, [0.025, 0.975])
    measured = Measurement(
        "AU25, lips seen apart against closed, ROC AUC",
        _lips_auc(seen),
        "share",
        n=len(seen),
        low=float(low),
        high=float(high),
        note="n photographs; people drawn anew for the interval",
    )
    return [*rows, measured]


def _lips_auc(readings: pd.DataFrame) -> float:
    apart = readings["lips_apart"].to_numpy(bool)
    scores = readings[column(25)].to_numpy(float)
    return area(scores[~apart], scores[apart])


def _by_expression(readings: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return readings[readings["expression"] == "neutral"], readings[readings["expression"] == "smiling"]


def alarms(readings: pd.DataFrame, card: ModelCard) -> list[Measurement]:
    """Return per AU the share of neutral faces, and of smiling ones, at or above the card's threshold."""
    found = readings[readings["faces"] > 0]
    rows = []
    for au, threshold in zip(card.aus, card.thresholds, strict=True):
        for expression, part in found.groupby("expression"):
            share = float((part[column(au)] >= threshold).mean())
            rows.append(
                Measurement(f"{au_column(au)} said to occur in {expression}", share, "share", n=len(part))
            )
    return rows


def area(negative: NDArray[np.float64], positive: NDArray[np.float64]) -> float:
    """Return the ROC AUC of some scores.

    Args:
        negative: (N,) scores.
        positive: (M,) scores.
    """
    truth = np.repeat([0.0, 1.0], [len(negative), len(positive)])
    return roc_auc(truth, np.concatenate([negative, positive]))


def paired_accuracy(negative: NDArray[np.float64], positive: NDArray[np.float64]) -> float:
    """Return the share of people whose positive score is higher than their negative one, ties counted half.

    Args:
        negative: (N,) scores, one per person.
        positive: (N,) scores of the same people.
    """
    return float((positive > negative).mean() + 0.5 * (positive == negative).mean())


def interval(
    score: Score, neutral: NDArray[np.float64], smiling: NDArray[np.float64], resamples: int
) -> tuple[float, float]:
    """Return the 95 % percentile interval over resamples of the people.

    Args:
        score: What to compute.
        neutral: (N,) scores, one per person.
        smiling: (N,) scores of the same people.
        resamples: How many.
    """
    random = np.random.default_rng(SEED)
    draws = random.integers(0, len(neutral), (resamples, len(neutral)))
    values = [score(neutral[draw], smiling[draw]) for draw in draws]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def column(au: int) -> str:
    """Return the probability column of an AU."""
    return f"{au_column(au)}_p"


if __name__ == "__main__":
    main()
