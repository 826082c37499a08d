"""Faceless pictures painted by formula: what a face detector must learn to leave alone.

No painting looks like the world, but together they hold what it is made of: edges and textures at all sizes
with the statistics of photographs (noise whose power falls with frequency, and dead leaves, shapes that cover
one another), rows of windows and bricks, writing, branches, coins, shaded balls, dots on ovals, and the
backdrops of `openau.synth.backdrop`. All are grey, for the detector sees no colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.scene import draw_backdrop
from openau.synth.texture import float32

Grey = NDArray[np.uint8]  # (H, W)

_FONTS: Final = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)
_LETTERS: Final = np.array(list("ABCDEFGHIKLMNOPRSTUWXYZabcdefghiklmnoprstuwxyz0123456789&%?!.:"))


def paint_clutter(rng: np.random.Generator, side: int) -> Grey:
    """Paint one faceless picture: one kind of clutter, or two joined by a mask.

    Args:
        rng: The source of chance.
        side: Side of the square, pixels.

    Returns:
        (side, side) uint8.
    """
    names = list(KINDS)
    weights = np.array([KINDS[name][0] for name in names])
    chosen = rng.choice(len(names), 2, p=weights / weights.sum())
    picture = _stretched(rng, KINDS[names[chosen[0]]][1](rng, side))
    if rng.random() < 0.35:
        other = _stretched(rng, KINDS[names[chosen[1]]][1](rng, side))
        mask = cloud(rng, side, float(rng.uniform(1.4, 2.4))) > rng.normal(0, 0.5)
        picture = np.where(mask, picture, other)
    if rng.random() < 0.4:
        picture = _bent(rng, picture)
    if rng.random() < 0.5:
        picture = float32(picture * _uneven_light(rng, side))
    return np.asarray(np.rint(np.clip(picture, 0, 1) * 255), np.uint8)


def cloud(rng: np.random.Generator, side: int, fall: float) -> Floats:
    """Return noise whose amplitude falls with frequency, mean 0 and deviation 1.

    Args:
        rng: The source of chance.
        side: Side of the square, pixels.
        fall: Amplitude goes with 1 / frequency ** fall; photographs have about 1.

    Returns:
        (side, side) float32.
    """
    stretch = math.exp(float(rng.normal(0, 0.35)))
    down = np.fft.fftfreq(side)[:, None] * stretch
    across = np.fft.rfftfreq(side)[None] / stretch
    size = np.maximum(np.hypot(down, across), 1 / side)
    phases = np.exp(2j * np.pi * rng.random(size.shape))
    noise = np.fft.irfft2(phases / size**fall, (side, side))
    return float32((noise - noise.mean()) / noise.std())


def _stretched(rng: np.random.Generator, picture: Floats) -> Floats:
    """Lay a picture's levels anywhere in 0-1."""
    low, high = np.percentile(picture, [1, 99])
    first, last = np.sort(rng.uniform(0, 1, 2))
    if last - first < 0.15:
        last = first + 0.15
    if rng.random() < 0.5:
        first, last = 0.03, 0.97
    return float32(
        first + (last - first) * np.clip((picture - low) / max(float(high - low), 1e-3), -0.2, 1.2)
    )


def _bent(rng: np.random.Generator, picture: Floats) -> Floats:
    """Bend a picture as cloth or water does."""
    side = len(picture)
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    strength = side * float(rng.uniform(0.01, 0.05))
    across, down = (float32(strength * cloud(rng, side, 2.2)) for _ in range(2))
    return float32(
        cv2.remap(picture, columns + across, rows + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    )


def _uneven_light(rng: np.random.Generator, side: int) -> Floats:
    """Return a factor of light, with soft or hard shadows."""
    field = cloud(rng, side, float(rng.uniform(1.6, 2.6)))
    if rng.random() < 0.4:
        edge = float(rng.uniform(1, 30))
        return float32(
            rng.uniform(0.3, 0.8) + (1 - rng.uniform(0.3, 0.8)) * (0.5 + 0.5 * np.tanh(edge * field / 2))
        )
    return float32(np.exp(float(rng.uniform(0.1, 0.4)) * field))


def _noise(rng: np.random.Generator, side: int) -> Floats:
    """Noise like that of clouds, plaster, grass or sand."""
    picture = cloud(rng, side, float(rng.uniform(0.3, 2.0)))
    if rng.random() < 0.4:
        picture = np.abs(picture)  # ridges: marble, veins, water
    if rng.random() < 0.3:
        picture = float32(np.tanh(float(rng.uniform(1, 6)) * picture))
    return float32(picture)


def _leaves(rng: np.random.Generator, side: int) -> Floats:
    """Dead leaves: shapes of all sizes that cover one another, each with its own shading and texture."""
    picture = float32(0.5 + 0.2 * cloud(rng, side, 1.5))
    grain = cloud(rng, side, float(rng.uniform(0.4, 1.6)))
    largest = float(rng.uniform(0.08, 0.4))
    for _ in range(int(rng.integers(60, 260))):
        reach = side * float(np.clip(0.012 * rng.pareto(1.3) + 0.008, 0, largest))
        mask = _shape(rng, side, reach)
        left, top = mask[1]
        high, wide = mask[0].shape
        level = float(rng.uniform(0, 1))
        slope = rng.normal(0, 0.25, 2)
        rows, columns = np.linspace(-1, 1, high)[:, None], np.linspace(-1, 1, wide)[None]
        part = slice(top, top + high), slice(left, left + wide)
        inside = level + slope[0] * rows + slope[1] * columns + rng.uniform(0, 0.12) * grain[part]
        cover = mask[0]
        picture[part] = float32(picture[part] * (1 - cover) + inside * cover)
    return picture


def _shape(rng: np.random.Generator, side: int, reach: float) -> tuple[Floats, tuple[int, int]]:
    """Return the cover of a random shape within the canvas and its left and top."""
    x, y = rng.uniform(0, side, 2)
    long = reach * float(rng.uniform(1, 2.2))
    left, top = max(0, int(x - long)), max(0, int(y - long))
    right, bottom = min(side, int(x + long) + 2), min(side, int(y + long) + 2)
    cover = np.zeros((max(1, bottom - top), max(1, right - left)), np.uint8)
    middle = (x - left, y - top)
    kind, angle = rng.random(), float(rng.uniform(0, 180))
    if kind < 0.4:
        axes = (max(1, int(long)), max(1, int(reach * rng.uniform(0.3, 1))))
        cv2.ellipse(cover, (int(middle[0]), int(middle[1])), axes, angle, 0, 360, 255, -1, cv2.LINE_AA)
    else:
        corners = 4 if kind < 0.7 else int(rng.integers(3, 8))
        around = np.sort(rng.uniform(0, 2 * np.pi, corners)) if kind >= 0.7 else _corners(rng)
        radius = long * (rng.uniform(0.4, 1, corners) if kind >= 0.7 else 1.0)
        turned = around + math.radians(angle)
        points = np.stack([middle[0] + radius * np.cos(turned), middle[1] + radius * np.sin(turned)], axis=1)
        cv2.fillPoly(cover, [np.rint(points).astype(np.int32)], 255, cv2.LINE_AA)
    return float32(cover / 255), (left, top)


def _corners(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the directions of a rectangle's corners."""
    half = float(rng.uniform(0.15, 1.4))
    return np.array([-half, half, np.pi - half, np.pi + half]) / 2


def _rows(rng: np.random.Generator, side: int) -> Floats:
    """Bricks, windows, tiles, fences, shelves, keys: the same thing in rows, seen askew."""
    high, wide = (max(3, int(side * v)) for v in np.exp(rng.uniform(math.log(0.012), math.log(0.2), 2)))
    cell = np.full((high, wide), float(rng.uniform(0.3, 1)), np.float32)
    for _ in range(int(rng.integers(1, 6))):
        first = (int(rng.uniform(0, wide)), int(rng.uniform(0, high)))
        size = (max(1, int(wide * rng.uniform(0.1, 0.6))), max(1, int(high * rng.uniform(0.1, 0.6))))
        level = float(rng.uniform(0, 1))
        if rng.random() < 0.6:
            cv2.rectangle(cell, first, (first[0] + size[0], first[1] + size[1]), level, -1)
        else:
            cv2.ellipse(cell, first, (max(1, size[0] // 2), max(1, size[1] // 2)), 0, 0, 360, level, -1)
    count = (2 * side // high + 2, 2 * side // wide + 2)
    large = np.tile(cell, count)[: 2 * side, : 2 * side]
    if rng.random() < 0.5:  # rows are shifted against each other, as bricks are
        for row in range(1, count[0], 2):
            large[row * high : (row + 1) * high] = np.roll(large[row * high : (row + 1) * high], wide // 2, 1)
    large = large + np.float32(rng.uniform(0, 0.12)) * np.tile(cloud(rng, side, 1.0), (2, 2))
    return _askew(rng, large, side)


def _askew(rng: np.random.Generator, large: Floats, side: int) -> Floats:
    """Return a part of a picture seen from a slanting direction."""
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float64)
    middle = len(large) / 2
    turn = math.radians(float(rng.normal(0, 12) if rng.random() < 0.7 else rng.uniform(0, 180)))
    about = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    seen = (corners - side / 2) * float(rng.uniform(0.5, 1.1)) @ about.T + middle
    seen += rng.normal(0, 0.06 * side, seen.shape)
    matrix = cv2.getPerspectiveTransform(float32(seen), float32(corners))
    return float32(
        cv2.warpPerspective(large, matrix, (side, side), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    )


def _writing(rng: np.random.Generator, side: int) -> Floats:
    """Lines of letters on paper, signs and screens."""
    picture = float32(0.75 + 0.03 * cloud(rng, side, 1.2))
    size = float(math.exp(rng.uniform(math.log(0.35), math.log(3.0))))
    font = int(_FONTS[int(rng.integers(len(_FONTS)))])
    height = int(size * rng.uniform(24, 40))
    thick = max(1, int(size * rng.uniform(0.8, 2.5)))
    for y in range(int(rng.uniform(0, height)), side + height, max(8, height)):
        words = (
            "".join(rng.choice(_LETTERS, 40))
            if rng.random() < 0.3
            else "".join(
                word + " "
                for word in ("".join(rng.choice(_LETTERS, int(rng.integers(2, 9)))) for _ in range(8))
            )
        )
        start = (int(rng.uniform(-0.2 * side, 0.4 * side)), y)
        cv2.putText(picture, words, start, font, size, float(rng.uniform(0, 0.4)), thick, cv2.LINE_AA)
    if rng.random() < 0.3:
        picture = 1 - picture
    return _askew(rng, np.pad(picture, side // 2, mode="reflect"), side) if rng.random() < 0.5 else picture


def _branches(rng: np.random.Generator, side: int) -> Floats:
    """Lines, straight and winding: branches, cables, hair, grass, scaffolds."""
    picture = float32(0.5 + rng.uniform(0, 0.3) * cloud(rng, side, 1.5))
    straight = rng.random() < 0.3
    for _ in range(int(rng.integers(15, 150))):
        count = 2 if straight else int(rng.integers(4, 14))
        heading = float(rng.uniform(0, 2 * np.pi))
        turns = heading + np.cumsum(rng.normal(0, 0.0 if straight else 0.35, count))
        step = side * float(rng.uniform(0.02, 0.12)) * (6 if straight else 1)
        path = rng.uniform(0, side, 2) + np.cumsum(step * np.stack([np.cos(turns), np.sin(turns)], 1), 0)
        thick = max(1, int(side * 0.004 * (1 + rng.pareto(1.5))))
        level = float(rng.uniform(0, 1))
        cv2.polylines(picture, [np.rint(path).astype(np.int32)], False, level, min(thick, 40), cv2.LINE_AA)
    return picture


def _balls(rng: np.random.Generator, side: int) -> Floats:
    """Shaded balls and ovals, bare or with dots and bars placed as in no face: fruit, cups, lamps."""
    picture = float32(0.4 + rng.uniform(0, 0.25) * cloud(rng, side, 1.4))
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    for _ in range(int(rng.integers(2, 14))):
        reach = side * float(math.exp(rng.uniform(math.log(0.03), math.log(0.28))))
        x, y = rng.uniform(0, side, 2)
        turn, ratio = float(rng.normal(0, 0.3)), float(rng.uniform(0.6, 1.0))
        along = (columns - x) * math.cos(turn) + (rows - y) * math.sin(turn)
        across = (rows - y) * math.cos(turn) - (columns - x) * math.sin(turn)
        away = (along / (ratio * reach)) ** 2 + (across / reach) ** 2
        around, level = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.1, 0.8))
        lit = (along * math.cos(around) + across * math.sin(around)) / reach
        ball = level * (0.7 + 0.5 * np.sqrt(np.clip(1 - away, 0, 1)) + 0.35 * lit)
        cover = np.clip((1 - away) * reach / 3, 0, 1)
        picture = float32(picture * (1 - cover) + ball * cover)
        for _ in range(int(rng.integers(0, 7)) if rng.random() < 0.6 else 0):
            _mark(rng, picture, (x, y), reach, ratio)
    return picture


def _mark(
    rng: np.random.Generator, picture: Floats, centre: tuple[float, float], reach: float, ratio: float
) -> None:
    """Put a dot or bar somewhere on an oval, in place."""
    spot = (
        int(centre[0] + ratio * reach * rng.uniform(-0.8, 0.8)),
        int(centre[1] + reach * rng.uniform(-0.8, 0.8)),
    )
    axes = tuple(max(1, int(reach * v)) for v in rng.uniform(0.04, 0.28, 2))
    level = float(rng.uniform(0, 0.9))
    cv2.ellipse(picture, spot, axes, float(rng.uniform(0, 180)), 0, 360, level, -1, cv2.LINE_AA)


def _place(rng: np.random.Generator, side: int) -> Floats:
    """A wall, room, street or wood as behind rendered heads."""
    light = draw_backdrop(rng, side, side) @ float32([0.3, 0.59, 0.11])
    shown = np.clip(light, 0, 2) ** (1 / 2.2)
    return float32(shown + rng.uniform(0, 0.06) * cloud(rng, side, 0.9))


def _spots(rng: np.random.Generator, side: int) -> Floats:
    """Dots, rings and pairs of them: coins, lamps, wheels, buttons, eyes of nobody."""
    picture = float32(rng.uniform(0.2, 0.8) + rng.uniform(0, 0.2) * cloud(rng, side, 1.3))
    reach = side * float(math.exp(rng.uniform(math.log(0.008), math.log(0.08))))
    for _ in range(int(rng.integers(10, 120))):
        radius = max(2, int(reach * math.exp(rng.normal(0, 0.3))))
        x, y = (int(v) for v in rng.uniform(0, side, 2))
        level, inner = rng.uniform(0, 1, 2)
        pair = int(radius * rng.uniform(2.2, 6)) if rng.random() < 0.25 else 0
        for dx in (0, pair) if pair else (0,):
            cv2.circle(picture, (x + dx, y), radius, float(level), -1, cv2.LINE_AA)
            if rng.random() < 0.6:
                cv2.circle(picture, (x + dx, y), max(1, radius // 2), float(inner), -1, cv2.LINE_AA)
    return picture


KINDS: Final[dict[str, tuple[float, Callable[[np.random.Generator, int], Floats]]]] = {
    "noise": (0.12, _noise),
    "leaves": (0.28, _leaves),
    "rows": (0.14, _rows),
    "writing": (0.08, _writing),
    "branches": (0.10, _branches),
    "balls": (0.12, _balls),
    "place": (0.08, _place),
    "spots": (0.08, _spots),
}
"""How often each kind is painted, and how."""
