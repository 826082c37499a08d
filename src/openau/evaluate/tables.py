"""Judgements as tables for a page or a paper."""

from __future__ import annotations

import math

import pandas as pd

from openau.facs import au_column


def as_markdown(rows: pd.DataFrame, metrics: tuple[str, ...], *, digits: int = 3) -> str:
    """Return rows of a judgement as a Markdown table, intervals behind the numbers.

    Args:
        rows: From `evaluate` or `overall`, or both one after the other.
        metrics: Columns to show.
        digits: Behind the point.
    """
    head = ["AU", "n", "positives", *metrics]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows.to_dict("records"):
        numbers = [_number(row, name, digits, " [{}, {}]") for name in metrics]
        cells = [_name(row["au"]), str(row["count"]), str(row["positives"]), *numbers]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def as_latex(rows: pd.DataFrame, metrics: tuple[str, ...], *, digits: int = 3) -> str:
    """Return rows of a judgement as a LaTeX table (booktabs).

    Args:
        rows: From `evaluate` or `overall`, or both one after the other.
        metrics: Columns to show.
        digits: Behind the point.
    """
    head = ["AU", "$n$", "positives", *(name.replace("_", " ") for name in metrics)]
    lines = [
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        r"\toprule",
        " & ".join(head) + r" \\",
        r"\midrule",
    ]
    for row in rows.to_dict("records"):
        numbers = [_number(row, name, digits, r" {{\scriptsize [{}, {}]}}") for name in metrics]
        cells = [_name(row["au"]), str(row["count"]), str(row["positives"]), *numbers]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _name(au: object) -> str:
    return au_column(au) if isinstance(au, int) else str(au)


def _number(row: dict[object, object], name: str, digits: int, form: str) -> str:
    """Return one number with its interval; what is not defined is a dash, never 0."""
    value, low, high = (row.get(column) for column in (name, f"{name}_low", f"{name}_high"))
    if not _is_known(value):
        return "–"
    ends = (
        form.format(f"{low:.{digits}f}", f"{high:.{digits}f}") if _is_known(low) and _is_known(high) else ""
    )
    return f"{value:.{digits}f}{ends}"


def _is_known(value: object) -> bool:
    return isinstance(value, float) and not math.isnan(value)
