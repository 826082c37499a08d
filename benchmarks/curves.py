"""A picture of a few curves, as SVG text: no plotting library is worth its weight for one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 64, 210, 44, 52
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


def draw_curves(curves: Sequence[Curve], *, title: str, x: str, y: str, y_range: tuple[float, float]) -> str:
    """Return the picture.

    Args:
        curves: What to draw, in the order of the legend.
        title: Above the picture.
        x: What the horizontal axis shows.
        y: What the vertical axis shows.
        y_range: Lowest and highest value of the vertical axis.

    Returns:
        SVG 1.1 text.
    """
    largest = max((point[0] for curve in curves for point in curve.points), default=1.0)
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(point: tuple[float, float]) -> tuple[float, float]:
        low, high = y_range
        share = min(max((point[1] - low) / (high - low), 0.0), 1.0)
        return LEFT + inner_width * point[0] / largest, TOP + inner_height * (1 - share)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="15">{escape(title)}</text>',
        f'<text x="{LEFT + inner_width / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x)}</text>',
        f'<text transform="translate(18 {TOP + inner_height / 2:.0f}) rotate(-90)" '
        f'text-anchor="middle">{escape(y)}</text>',
    ]
    for number in range(7):
        value = y_range[0] + (y_range[1] - y_range[0]) * number / 6
        level = place((0, value))[1]
        parts.append(
            f'<line x1="{LEFT}" x2="{LEFT + inner_width}" y1="{level:.1f}" y2="{level:.1f}" stroke="#ddd"/>'
            f'<text x="{LEFT - 8}" y="{level + 4:.1f}" text-anchor="end">{value:.2f}</text>'
        )
    for number in range(6):
        value = largest * number / 5
        across = place((value, y_range[0]))[0]
        parts.append(
            f'<text x="{across:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{value:g}</text>'
        )
    for curve in curves:
        edge = [(a, low) for a, low, _ in curve.spread] + [(a, high) for a, _, high in curve.spread[::-1]]
        if edge:
            around = " ".join(f"{a:.1f},{b:.1f}" for a, b in map(place, edge))
            fill = COLOURS[curve.colour % len(COLOURS)]
            parts.append(f'<polygon points="{around}" fill="{fill}" fill-opacity="0.15"/>')
    for number, curve in enumerate(curves):
        colour = COLOURS[curve.colour % len(COLOURS)]
        style = f'fill="none" stroke="{colour}" stroke-width="2"'
        style += ' stroke-dasharray="6 4"' if curve.dashed else ""
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in map(place, curve.points))
        level = TOP + 10 + 20 * number
        start = WIDTH - RIGHT + 16
        parts.append(f'<polyline points="{line}" {style}/>')
        parts.append(f'<line x1="{start}" x2="{start + 30}" y1="{level}" y2="{level}" {style}/>')
        parts.append(f'<text x="{start + 38}" y="{level + 4}">{escape(curve.label)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
