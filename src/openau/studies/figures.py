"""The papers' figures: curves, confusion matrices, panels of faces with heat maps, as PNG and SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from openau.draw import laid_over
from openau.records import Floats, Pixels

Curve = tuple[Sequence[float], Sequence[float]]
Row = tuple[str, Pixels, Mapping[str, Floats | None]]

_WIDE = 4
_DPI = 110


def draw_curves(
    path: Path, curves: Mapping[str, Mapping[str, Curve]], *, across: str, up: str, label: str = ""
) -> None:
    """Draw groups of curves side by side.

    Args:
        path: File without its ending; `.png` and `.svg` are written.
        curves: Title of a panel to the name of a curve to its x and y; y may be NaN where nothing is known.
        across: What x is.
        up: What y is.
        label: Stands over the figure.
    """
    canvas, places = _grid(len(curves), 3.2, 2.6)
    for place, (title, lines) in zip(places, curves.items(), strict=False):
        for name, (x, y) in lines.items():
            place.plot(x, y, label=name, marker="o", markersize=3, linewidth=1.2)
        place.set(title=title, xlabel=across, ylabel=up)
        place.legend(fontsize=7)
    _save(canvas, path, label)


def draw_confusions(path: Path, counts: Mapping[str, Sequence[int]], *, label: str = "") -> None:
    """Draw one confusion matrix per AU, shares of each row of the truth with their counts.

    Args:
        path: File without its ending.
        counts: AU to true positives, false positives, false negatives and true negatives.
        label: Stands over the figure.
    """
    canvas, places = _grid(len(counts), 1.7, 1.7)
    for place, (name, (tp, fp, fn, tn)) in zip(places, counts.items(), strict=False):
        cells = np.array([[tn, fp], [fn, tp]], float)
        share = cells / np.maximum(cells.sum(1, keepdims=True), 1)
        place.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for row in range(2):
            for column in range(2):
                dark = "white" if share[row, column] > 0.5 else "black"
                place.text(
                    column, row, f"{cells[row, column]:.0f}", ha="center", va="center", color=dark, fontsize=8
                )
        place.set_title(name, fontsize=8)
        place.set_xticks([0, 1], ["absent", "found"], fontsize=6)
        place.set_yticks([0, 1], ["absent", "shown"], fontsize=6)
    _save(canvas, path, label)


def draw_panels(
    path: Path,
    rows: Sequence[Row],
    *,
    label: str = "",
) -> None:
    """Draw faces, each with its heat maps beside it.

    Args:
        path: File without its ending.
        rows: Name of a face, its (S, S, 3) RGB uint8 pixels, and name of a map to (S, S) float 0–1; None
            leaves the place empty.
        label: Stands over the figure.
    """
    wide = 1 + max(len(maps) for _, _, maps in rows)
    canvas = Canvas(figsize=(1.35 * wide, 1.5 * len(rows) + 0.3), dpi=_DPI, layout="constrained")
    axes = canvas.subplots(len(rows), wide, squeeze=False)
    for number, (name, face, maps) in enumerate(rows):
        _show(axes[number, 0], face, "")
        axes[number, 0].set_ylabel(name, fontsize=7)
        for place in axes[number, 1 + len(maps) :]:
            place.axis("off")
        for place, (title, heat) in zip(axes[number, 1:], maps.items(), strict=False):
            if heat is None:
                place.axis("off")
            else:
                _show(place, laid_over(face, heat), title)
    _save(canvas, path, label)


def _show(place: Axes, pixels: Pixels, title: str) -> None:
    place.imshow(pixels)
    place.set_xticks([])
    place.set_yticks([])
    place.set_title(title, fontsize=7)


def _grid(count: int, width: float, height: float) -> tuple[Canvas, list[Axes]]:
    """Return a figure with so many places; those left over are empty."""
    wide = min(_WIDE if width < 3 else 3, count)
    high = math.ceil(count / wide)
    canvas = Canvas(figsize=(width * wide + 0.4, height * high + 0.5), dpi=_DPI, layout="constrained")
    axes: NDArray[Any] = canvas.subplots(high, wide, squeeze=False)
    places: list[Axes] = list(axes.flat)
    for place in places[count:]:
        place.axis("off")
    return canvas, places


def _save(canvas: Canvas, path: Path, label: str) -> None:
    """Write PNG and SVG, the same bytes for the same figure."""
    if label:
        canvas.suptitle(label, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "openau", "svg.fonttype": "none"}):
        for ending, about in (("png", {"Software": None}), ("svg", {"Date": None})):
            part = path.with_name(f".{path.name}.part.{ending}")
            canvas.savefig(part, format=ending, metadata=about)
            part.replace(path.with_name(f"{path.name}.{ending}"))
