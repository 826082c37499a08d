"""A picture of a few curves with their legend beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000")
"""Told apart by people who see colours differently (Okabe and Ito 2008)."""


@dataclass(frozen=True)
class Curve:
    """One curve.

    Attributes:
        label: For the legend.
        points: x and y, by rising x.
        colour: Number of its colour.
        dashed: Whether its line is dashed.
        spread: x, lowest and highest y, by rising x, drawn as a pale band; none where empty.
    """

    label: str
    points: Sequence[tuple[float, float]]
    colour: int = 0
    dashed: bool = False
    spread: Sequence[tuple[float, float, float]] = ()


def curve_figure(
    curves: Sequence[Curve], *, title: str, x: str, y: str, y_range: tuple[float, float]
) -> Figure:
    """Return the picture.

    Args:
        curves: What to draw, in the order of the legend.
        title: Above the picture.
        x: What the horizontal axis shows.
        y: What the vertical axis shows.
        y_range: Lowest and highest value of the vertical axis.
    """
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    place = figure.subplots()
    for curve in curves:
        colour = COLOURS[curve.colour % len(COLOURS)]
        if curve.spread:
            across, low, high = zip(*curve.spread, strict=True)
            place.fill_between(across, low, high, color=colour, alpha=0.15, linewidth=0)
        across, up = zip(*curve.points, strict=True)
        place.plot(across, up, "--" if curve.dashed else "-", color=colour, label=curve.label)
    place.set(title=title, xlabel=x, ylabel=y, ylim=y_range)
    place.margins(x=0)
    place.grid(axis="y", color="#ddd")
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def as_svg(figure: Figure) -> str:
    """Return a figure as SVG text, the same for the same figure.

    Args:
        figure: What to write.
    """
    text = StringIO()
    with mpl.rc_context({"svg.hashsalt": "openau", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
