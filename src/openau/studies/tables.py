"""Tables in the papers' layout: printed numbers beside measured ones, each kind marked, never mixed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from openau.errors import SettingError
from openau.studies.published import Published

MEAN = "mean"
"""The row of means, as `openau.evaluate.overall` names it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One number measured here.

    Attributes:
        value: The number; NaN where it is not defined.
        low: Lower end of its 95 % interval over resamples of the people; NaN where there is none.
        high: Upper end.
    """

    value: float
    low: float = math.nan
    high: float = math.nan


Cell = Published | Measured | str


@dataclass(frozen=True, slots=True)
class Column:
    """One column: either printed numbers or measured ones.

    Attributes:
        title: What it is of.
        cells: Row name to its cell; a row that is missing is a dash.
        digits: Behind the point, of measured numbers.

    Raises:
        SettingError: It has printed and measured numbers.
    """

    title: str
    cells: Mapping[str, Cell]
    digits: int = 3

    def __post_init__(self) -> None:
        """Refuse a mixture."""
        kinds = {type(cell) for cell in self.cells.values()}
        if {Published, Measured} <= kinds:
            raise SettingError(f"The column {self.title!r} would mix published numbers with our own.")

    @property
    def kind(self) -> str:
        """`published`, `measured`, or `text`."""
        kinds = {type(cell) for cell in self.cells.values()}
        return "published" if Published in kinds else "measured" if Measured in kinds else "text"

    def text(self, row: str) -> str:
        """Return a cell as text; a dash where there is none or it is not defined.

        Args:
            row: Name of the row.
        """
        cell = self.cells.get(row)
        if not isinstance(cell, Measured):
            return "–" if cell is None else str(cell)
        if math.isnan(cell.value):
            return "–"
        ends = "" if math.isnan(cell.low) else f" [{cell.low:.{self.digits}f}, {cell.high:.{self.digits}f}]"
        return f"{cell.value:.{self.digits}f}{ends}"


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A table of a result page.

    Attributes:
        key: Its files' name.
        caption: Which of the paper's tables it is, and what its numbers are.
        rows: Names of its rows, in order.
        columns: Its columns.
        corner: Head of the column of names.
        under: What stands under it: protocol, leakage, notes.
        of_faces: Whether its numbers were measured on faces, rendered ones perhaps; not so what is computed
            from a network alone, or only printed.
    """

    key: str
    caption: str
    rows: Sequence[str]
    columns: Sequence[Column]
    corner: str = "AU"
    under: Sequence[str] = ()
    of_faces: bool = True

    def as_markdown(self) -> str:
        """Return the table as Markdown; printed numbers are italic, and their heads say so."""
        head = [self.corner, *(self._head(column) for column in self.columns)]
        lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * len(self.columns)]
        for row in self.rows:
            cells = [self._cell(column, row) for column in self.columns]
            lines.append("| " + " | ".join([row, *cells]) + " |")
        return "\n".join(lines) + "\n"

    def as_frame(self) -> pd.DataFrame:
        """Return one line per cell: `row, column, kind, value, low, high`; printed values are text."""
        lines = []
        for column in self.columns:
            for row in self.rows:
                cell = column.cells.get(row)
                if cell is None:
                    continue
                if isinstance(cell, Measured):
                    ends: tuple[object, object, object] = (cell.value, cell.low, cell.high)
                else:
                    ends = (cell.text if isinstance(cell, Published) else cell, None, None)
                impossible = isinstance(cell, Published) and cell.impossible
                lines.append((row, column.title, column.kind, *ends, impossible))
        names = ["row", "column", "kind", "value", "low", "high", "impossible"]
        return pd.DataFrame(lines, columns=names)

    def as_latex(self) -> str:
        """Return the table in LaTeX (booktabs); printed numbers are italic."""
        head = [self.corner, *(f"{column.title}{_LATEX_MARK[column.kind]}" for column in self.columns)]
        lines = [
            f"% {self.caption}",
            *(f"% {line}" for line in self.under),
            rf"\begin{{tabular}}{{l{'r' * len(self.columns)}}}",
            r"\toprule",
            " & ".join(map(_escaped, head)) + r" \\",
            r"\midrule",
        ]
        for row in self.rows:
            cells = [_latex(column, row) for column in self.columns]
            lines.append(" & ".join([_escaped(row), *cells]) + r" \\")
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"

    def _head(self, column: Column) -> str:
        return f"*{column.title}, published*" if column.kind == "published" else column.title

    def _cell(self, column: Column, row: str) -> str:
        text = column.text(row)
        return f"*{text}*" if column.kind == "published" and text != "–" else text


_LATEX_MARK = {"published": ", published", "measured": "", "text": ""}


def _latex(column: Column, row: str) -> str:
    text = _escaped(column.text(row)).replace("✗", r"$\times$").replace("–", "--")
    return rf"\textit{{{text}}}" if column.kind == "published" and text != "--" else text


def _escaped(text: str) -> str:
    for sign in "&%#_":
        text = text.replace(sign, rf"\{sign}")
    return text
