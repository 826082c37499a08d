"""Parts that several studies' pages share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from openau.data import CropStore
from openau.evaluate import confusion, predicted_aus
from openau.facs import au_column
from openau.records import Pixels
from openau.studies.figures import draw_confusions
from openau.studies.front import synthetic_label
from openau.studies.page import Figure
from openau.studies.published import PublishedTable
from openau.studies.results import Results
from openau.studies.tables import MEAN, Cell, Column


def au_rows(aus: Sequence[int]) -> list[str]:
    """Return the names of a table's rows: the AUs, then the mean."""
    return [*map(au_column, aus), MEAN]


def published_columns(table: PublishedTable, metric: str, *, models: Sequence[str] = ()) -> list[Column]:
    """Return the printed columns of one metric, one per model.

    Args:
        table: Printed numbers of one table.
        metric: As printed: `f1`, `accuracy_pct`.
        models: Those wanted; empty for all that have the metric.
    """
    found = []
    for model in models or table.models:
        cells: dict[str, Cell] = dict(table.by_au(model=model, metric=metric))
        if cells:
            found.append(Column(model, cells))
    return found


def measured_columns(
    results: Results, keys: Mapping[str, str], metric: str, *, percent: bool = False
) -> list[Column]:
    """Return one measured column per protocol.

    Args:
        results: The finished runs.
        keys: Title of a column to the key of its run.
        metric: A metric of `openau.evaluate`.
        percent: Whether to print percent.
    """
    return [results.column(title, key, metric, percent=percent) for title, key in keys.items()]


def confusion_figure(results: Results, run: str, key: str, caption: str) -> Figure:
    """Draw one confusion matrix per AU of a run's test rows.

    Args:
        results: The finished runs.
        run: Key of the run.
        key: The figure's key.
        caption: Its caption.
    """
    table = results.predictions(run)
    names = [str(row) for row in results.judged(run).index if str(row).startswith("AU")]
    counts = {
        name: [int(n) for n in np.asarray(confusion(table[f"{name}_t"], table[f"{name}_p"]))]
        for name in names
    }
    draw_confusions(results.figures / key, counts, label=figure_label(results))
    return Figure(key, caption)


def figure_label(results: Results) -> str:
    """Return what stands over every figure: that its faces are synthetic, where they are."""
    return synthetic_label(results.study, results.setting).replace("*", "")


def tested_faces(results: Results, key: str, count: int) -> Pixels:
    """Return faces that a run was tested on: of different people, each with most of the run's AUs.

    Args:
        results: The finished runs.
        key: Key of the run.
        count: Most faces.

    Returns:
        (B, S, S, 3) RGB uint8.
    """
    plan, tested = results.plans[key], results.predictions(key)
    aus = [au_column(au) for au in predicted_aus(tested)]
    store = CropStore.open(results.store(plan.source, plan.crop))
    table = store.table.reset_index(drop=True)
    strength = table.reindex(columns=aus).sum(axis=1)
    ranked = table.assign(strength=strength)[table["subject"].isin(tested["subject"])]
    ranked = ranked.sort_values("strength", ascending=False, kind="stable")
    return store.crops(ranked.drop_duplicates("subject").head(count).index.to_numpy(np.int64))
