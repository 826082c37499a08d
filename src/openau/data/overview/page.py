"""The page: one HTML file that needs no network."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FunctionLoader, StrictUndefined

from openau.data.datasets import Dataset
from openau.data.overview.examples import Progress, choose_examples, draw_examples
from openau.data.overview.statistics import INTENSITY_OCCURS, Statistics, label_statistics
from openau.errors import OutputError
from openau.facs import ACTION_UNITS

MOST_SUBJECTS = 60


def write_overview(
    table: pd.DataFrame,
    path: Path,
    *,
    title: str,
    dataset: Dataset | None = None,
    examples: int = 3,
    progress: Progress | None = None,
) -> Statistics:
    """Write the page about an index beside its name, then rename it.

    Args:
        table: Index table.
        path: The HTML file.
        title: The dataset's name.
        dataset: Its record, whose terms the page repeats.
        examples: Pictures for each AU and each emotion; 0 for a page without faces.
        progress: Called with (pictures read, pictures in all).

    Returns:
        The numbers on the page.

    Raises:
        OutputError: It cannot be written.
    """
    statistics = label_statistics(table)
    chosen = choose_examples(table, examples) if examples > 0 else []
    drawn = draw_examples(table, chosen, progress)
    text = _environment().get_template("page.html.jinja").render(
        title=title,
        dataset=dataset,
        pictures=len(table),
        sequences=table["sequence"].nunique(),
        statistics=statistics,
        threshold=INTENSITY_OCCURS,
        rows=_rows(statistics),
        subjects=list(statistics.subjects.items())[:MOST_SUBJECTS],
        most=max(statistics.subjects.values(), default=1),
        examples=[(label, list(group)) for label, group in groupby(drawn, key=lambda one: one.label)],
    )  # fmt: skip
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"The page {path} cannot be written ({error}); choose another place.") from error
    finally:
        part.unlink(missing_ok=True)
    return statistics


def _rows(statistics: Statistics) -> list[dict[str, object]]:
    """Return what the page says about each AU."""
    rate, rows = statistics.base_rate, []
    for number, column in enumerate(statistics.aus):
        others = statistics.together[number]
        rows.append({
            "column": column,
            "name": ACTION_UNITS[int(column[2:])].name,
            "known": int(statistics.known[number]),
            "positive": int(statistics.positive[number]),
            "rate": None if np.isnan(rate[number]) else float(rate[number]),
            "levels": statistics.levels[number].tolist() if statistics.levels[number].any() else None,
            "together": [None if np.isnan(share) else float(share) for share in others],
            "lift": [None if np.isnan(lift) else float(lift) for lift in statistics.lift[number]],
        })  # fmt: skip
    return rows


@cache
def _environment() -> Environment:
    def load(name: str) -> str:
        return files("openau.data.overview").joinpath(name).read_text("utf-8")

    return Environment(
        loader=FunctionLoader(load),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
