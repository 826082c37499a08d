"""How well a run reads rendered faces of people it has not seen: `python -m benchmarks.rendered_faces RUN`.

Synthetic faces: their truth is exact, and the numbers say nothing about photographs (`benchmarks.real_faces`
does). RUN is the folder of the run that the default model was exported from.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.ledger import Measurement, Result, finish, model_record, parser
from openau.evaluate import predicted_aus, roc_auc
from openau.evaluate.intensity import icc, intensity_sums
from openau.export.finished import read_finished
from openau.facs import au_column
from openau.runtime import default_model_path, read_card

LIBRARIES = ("numpy", "pandas", "torch")
LEVEL_C = 3.0
LEVEL_B = 2.0
SMALLEST_GROUP = 20


def main() -> None:
    """Measure, print, and store where asked."""
    options = parser(__doc__ or "")
    options.add_argument("run", type=Path, help="the run folder")
    chosen = options.parse_args()
    test = read_finished(chosen.run).test()
    model = model_record(default_model_path(), read_card(default_model_path()).name)
    rows = [*measure(test), *strengths(test), *by_group(test)]
    settings: dict[str, int | float | str | bool] = {"pictures": len(test), "data": "synthetic"}
    finish(
        Result("rendered_faces", settings, {}, LIBRARIES, tuple(rows), model),
        chosen,
    )


def measure(test: pd.DataFrame) -> list[Measurement]:
    """Return each AU's ROC AUC on faces that show it at level C or above against faces that do not show it.

    Args:
        test: Rows of a predictions table with the columns `AU01_p` and `AU01_i`.
    """
    subjects = int(test["subject"].nunique())
    rows: list[Measurement] = []
    for name, floor, note in (
        ("C and above", LEVEL_C, "against absent; weaker ones are left out"),
        ("B and above", LEVEL_B, "against everything weaker"),
    ):
        values = []
        for au in predicted_aus(test):
            intensity = test[f"{au_column(au)}_i"].to_numpy(float)
            counted = (intensity >= floor) | (intensity == 0) if floor == LEVEL_C else intensity >= 0
            truth = (intensity[counted] >= floor).astype(float)
            value = roc_auc(truth, test[f"{au_column(au)}_p"].to_numpy(float)[counted])
            if np.isnan(value):
                continue
            values.append(value)
            rows.append(
                Measurement(f"{au_column(au)} ROC AUC, {name}", value, "share", n=int(truth.sum()), note=note)
            )
        mean = Measurement(f"mean ROC AUC, {name}", float(np.mean(values)), "share", n=subjects)
        rows.append(mean)
    return rows


def strengths(test: pd.DataFrame) -> list[Measurement]:
    """Return how well each AU's intensity is told, ICC(3,1), where the network tells intensities.

    Args:
        test: Rows of a predictions table; `AU01_i` and, where told, `AU01_r`.
    """
    rows: list[Measurement] = []
    for au in predicted_aus(test):
        column = au_column(au)
        if f"{column}_r" in test:
            value = float(icc(intensity_sums(test[f"{column}_i"], test[f"{column}_r"])))
            rows.append(Measurement(f"{column} intensity, ICC(3,1)", value, "share", n=len(test)))
    if rows:
        mean = float(np.mean([row.value for row in rows]))
        rows.append(Measurement("mean intensity, ICC(3,1)", mean, "share", n=len(test)))
    return rows


def by_group(test: pd.DataFrame) -> list[Measurement]:
    """Return the mean ROC AUC, C and above, of the people of each gender, skin group and age.

    Args:
        test: Rows of a predictions table with those columns.
    """
    rows: list[Measurement] = []
    decade = (test["age"] // 20 * 20).astype(int)
    groups = test.assign(age=[f"{low}-{low + 19}" for low in decade])
    for trait in ("gender", "skin", "age"):
        for name, part in groups.groupby(trait):
            if part["subject"].nunique() >= SMALLEST_GROUP:
                mean = next(row for row in measure(part) if row.name == "mean ROC AUC, C and above")
                rows.append(replace(mean, group=f"{trait} {name}"))
    return rows


if __name__ == "__main__":
    main()
