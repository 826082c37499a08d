"""Text, rectangles and colours at a given size: the few strokes that every picture here is made of.

Sizes are given as the height of a capital letter in pixels (`cap_px`), because legibility depends on nothing
else; stroke widths follow from it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2

from openau.records import Box, Pixels

Colour = tuple[int, int, int]
PixelBox = tuple[int, int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
PALE: Colour = (200, 204, 208)
GREY: Colour = (118, 124, 130)
TRACK: Colour = (52, 56, 60)

FACE_COLOURS: tuple[Colour, ...] = (
    (86, 180, 233),
    (240, 160, 40),
    (80, 200, 140),
    (230, 130, 190),
    (245, 225, 80),
    (170, 150, 245),
    (240, 110, 90),
    (90, 215, 215),
)
"""One colour per face, all light enough for black text; the first ones keep apart for colour-blind eyes."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAP_PX_AT_SCALE_1 = 22.0
SMALLEST_CAP_PX = 7.0
"""Below this height the stroke font stops being readable."""


def face_colour(number: int) -> Colour:
    """Return the colour of a face by its id; ids further apart than the palette is long share colours."""
    return FACE_COLOURS[number % len(FACE_COLOURS)]


def stroke_px(cap_px: float) -> int:
    """Return the stroke width that suits letters of this height."""
    return max(1, round(cap_px / 8))


def plain(text: str) -> str:
    """Return the text with every character the stroke font lacks replaced by `?`."""
    return text.encode("ascii", "replace").decode("ascii")


@lru_cache(maxsize=4096)
def text_width(text: str, cap_px: float) -> int:
    """Return how many pixels wide `write` draws the text."""
    (width, _), _ = cv2.getTextSize(plain(text), _FONT, cap_px / _CAP_PX_AT_SCALE_1, stroke_px(cap_px))
    return int(width)


def shorten(text: str, cap_px: float, width: int) -> str:
    """Return the text, cut with two dots where it would be wider than `width` pixels."""
    if text_width(text, cap_px) <= width:
        return text
    while text and text_width(text + "..", cap_px) > width:
        text = text[:-1]
    return text.rstrip() + ".." if text else ""


def write(rgb: Pixels, text: str, left: int, baseline: int, cap_px: float, colour: Colour) -> None:
    """Write a line of text into the picture, its letters standing on `baseline`."""
    scale = cap_px / _CAP_PX_AT_SCALE_1
    cv2.putText(rgb, plain(text), (left, baseline), _FONT, scale, colour, stroke_px(cap_px), cv2.LINE_AA)


def fill(rgb: Pixels, box: PixelBox, colour: Colour) -> None:
    """Fill `x1, y1, x2, y2` (ends excluded), clipped to the picture."""
    x1, y1, x2, y2 = inside(box, rgb)
    rgb[y1:y2, x1:x2] = colour


def darken(rgb: Pixels, box: PixelBox, keep: float = 0.22) -> None:
    """Darken `x1, y1, x2, y2` so that light text stands out and the picture still shows through."""
    x1, y1, x2, y2 = inside(box, rgb)
    if x2 > x1 and y2 > y1:
        rgb[y1:y2, x1:x2] = cv2.convertScaleAbs(rgb[y1:y2, x1:x2], alpha=keep)


def inside(box: PixelBox, rgb: Pixels) -> PixelBox:
    """Return the part of a box that lies in the picture; empty boxes have x2 == x1 or y2 == y1."""
    height, width = rgb.shape[:2]
    x1, y1 = min(max(box[0], 0), width), min(max(box[1], 0), height)
    return x1, y1, max(x1, min(box[2], width)), max(y1, min(box[3], height))


def visible_box(box_px: Box, rgb: Pixels) -> PixelBox | None:
    """Return the visible part of a face box in whole pixels, or None where nothing of it is in the picture.

    Args:
        box_px: `x1, y1, x2, y2` in pixels; may reach past the picture, may be infinite or NaN.
        rgb: (H, W, 3) the picture.
    """
    height, width = rgb.shape[:2]
    if any(math.isnan(side) for side in box_px):
        return None
    x1, x2 = (round(min(max(side, -1.0), width + 1.0)) for side in (box_px[0], box_px[2]))
    y1, y2 = (round(min(max(side, -1.0), height + 1.0)) for side in (box_px[1], box_px[3]))
    left, top, right, bottom = inside((x1, y1, x2, y2), rgb)
    return (left, top, right, bottom) if right > left and bottom > top else None


def outline(rgb: Pixels, box: PixelBox, colour: Colour, stroke: int) -> None:
    """Draw a frame of `stroke` pixels just inside the box, with a thin dark rim for light backgrounds."""
    x1, y1, x2, y2 = inside(box, rgb)
    for grow, shade in ((1, BLACK), (0, colour)):
        width = stroke + 2 * grow
        a, b, c, d = x1 - grow, y1 - grow, x2 + grow, y2 + grow
        fill(rgb, (a, b, c, b + width), shade)
        fill(rgb, (a, d - width, c, d), shade)
        fill(rgb, (a, b, a + width, d), shade)
        fill(rgb, (c - width, b, c, d), shade)
