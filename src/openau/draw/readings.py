"""The overlay: face boxes with id and emotion, and beside each face a bar per AU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openau.draw import ink
from openau.draw.ink import PixelBox
from openau.draw.layout import (
    ROW_CAPS,
    PanelShape,
    panel_shape,
    place,
    strongest_rows,
    text_sizes,
)
from openau.facs import ACTION_UNITS
from openau.records import AUOutput, ModelCard, Pixels, Reading


def draw_readings(rgb: Pixels, readings: Sequence[Reading], card: ModelCard) -> Pixels:
    """Draw what was found into a copy of the picture.

    Each face gets a box in its own colour, its id, its emotion, and a panel with one bar per AU: the bar is
    the probability of occurrence, the upright tick the card's threshold, and AUs at or above it are coloured.
    Where not all AUs fit, those furthest above their threshold are shown.

    Args:
        rgb: (H, W, 3) RGB uint8; left as it is.
        readings: The readings of this picture; a reading without a face is noted in the corner.
        card: Gives the thresholds.

    Returns:
        (H, W, 3) RGB uint8.
    """
    picture = np.array(rgb, dtype=np.uint8, order="C")
    found: list[tuple[int, Reading, PixelBox]] = []
    for number, reading in enumerate(readings):
        if reading.face is None:
            continue
        box = ink.visible_box(reading.face.box_px, picture)
        if box is not None:
            face_id = reading.face.face_id
            found.append((number if face_id is None else face_id, reading, box))
    if readings and all(reading.face is None for reading in readings):
        _note(picture, "no face found")
    size = picture.shape[0], picture.shape[1]
    for number, _, box in found:
        width = max(1, round(0.004 * min(size)), round(0.012 * (box[3] - box[1])))
        ink.outline(picture, box, ink.face_colour(number), width)
    taken = [box for _, _, box in found]
    labels = [_Label.beside(picture, _text(reading), box) for _, reading, box in found]
    taken += [label.box for label in labels]
    for number, reading, box in found:
        if reading.output is None:
            continue
        chosen = place(box, _shapes(reading.output, card, box, size), taken, size)
        if chosen is not None:
            shape, x, y = chosen
            _draw_panel(picture, reading.output, card, (shape, x, y), ink.face_colour(number))
            taken.append((x, y, x + shape.width, y + shape.height))
    for (number, _, _), label in zip(found, labels, strict=True):
        label.draw(picture, ink.face_colour(number))
    return picture


def _text(reading: Reading) -> str:
    parts = []
    if reading.face is not None and reading.face.face_id is not None:
        parts.append(f"#{reading.face.face_id}")
    if reading.emotion is not None and reading.emotion.name is not None:
        probability = dict(reading.emotion.probability).get(reading.emotion.name)
        parts.append(reading.emotion.name + (f" {probability:.2f}" if probability is not None else ""))
    return " ".join(parts)


@dataclass(frozen=True, slots=True)
class _Label:
    """Id and emotion on a face box's upper edge, moved inwards at the picture's border."""

    text: str
    cap_px: float
    box: PixelBox

    @classmethod
    def beside(cls, picture: Pixels, text: str, face: PixelBox) -> _Label:
        height, width = picture.shape[:2]
        cap, _ = text_sizes((height, width), face[3] - face[1], 12)
        pad = max(2, round(cap * 0.5))
        text = ink.shorten(text, cap, width - 2 * pad)
        wide, high = ink.text_width(text, cap) + 2 * pad, round(cap) + 2 * pad
        left = max(0, min(face[0], width - wide))
        top = face[1] - high if face[1] >= high else min(face[1], height - high)
        if not text or top < 0:
            return cls("", cap, (left, face[1], left, face[1]))
        return cls(text, cap, (left, top, left + wide, top + high))

    def draw(self, picture: Pixels, colour: ink.Colour) -> None:
        if self.text:
            pad = max(2, round(self.cap_px * 0.5))
            ink.fill(picture, self.box, colour)
            ink.write(picture, self.text, self.box[0] + pad, self.box[3] - pad, self.cap_px, ink.BLACK)


def _note(picture: Pixels, text: str) -> None:
    size = picture.shape[0], picture.shape[1]
    cap = max(ink.SMALLEST_CAP_PX, 0.018 * min(size))
    pad = round(cap * 0.6)
    width, height = ink.text_width(text, cap) + 2 * pad, round(cap) + 2 * pad
    if width <= size[1] and height <= size[0]:
        ink.darken(picture, (0, 0, width, height))
        ink.write(picture, text, pad, height - pad, cap, ink.WHITE)


def _margins(output: AUOutput, card: ModelCard) -> list[float]:
    """Return probability minus threshold per AU; AUs the card does not know, or NaN, come last."""
    thresholds = dict(zip(card.aus, card.thresholds, strict=True))
    raw = [float(p) - thresholds.get(au, 2.0) for au, p in zip(output.aus, output.probability, strict=True)]
    return [margin if np.isfinite(margin) else -3.0 for margin in raw]


def _shapes(output: AUOutput, card: ModelCard, box: PixelBox, size: tuple[int, int]) -> list[PanelShape]:
    """Return the panels to try for one face, from the fullest to the smallest."""
    margins = _margins(output, card)
    names = [ACTION_UNITS[au].name for au in output.aus]
    large, small = text_sizes(size, box[3] - box[1], len(margins))
    fitting = int((size[0] - small) / max(1, round(small * ROW_CAPS)))
    some = strongest_rows(margins, min(len(margins), fitting))
    active = tuple(row for row in some if margins[row] >= 0) or some[:1]
    few = strongest_rows(margins, min(max(len(active), 3), fitting))
    full = [panel_shape(cap, some, labels) for cap in (large, small) for labels in (names, None)]
    return [
        *full,
        panel_shape(small, few, names),
        panel_shape(small, few, None),
        panel_shape(small, active, None),
    ]


def _draw_panel(
    picture: Pixels,
    output: AUOutput,
    card: ModelCard,
    where: tuple[PanelShape, int, int],
    colour: ink.Colour,
) -> None:
    shape, left, top = where
    cap, margin, row_px = shape.cap_px, shape.margin_px, shape.row_px
    thresholds = dict(zip(card.aus, card.thresholds, strict=True))
    ink.darken(picture, (left, top, left + shape.width, top + shape.height))
    bar_x1 = left + 2 * margin + ink.text_width("00", cap)
    bar_x2 = left + shape.width - margin
    for place_no, row in enumerate(shape.rows):
        au, probability = output.aus[row], float(output.probability[row])
        threshold = thresholds.get(au)
        active = threshold is not None and probability >= threshold
        y1 = top + margin + place_no * row_px
        y2 = y1 + row_px - max(1, round(cap * 0.2))
        baseline = (y1 + y2 + round(cap)) // 2
        bright = ink.WHITE if active else ink.PALE
        ink.fill(picture, (bar_x1, y1, bar_x2, y2), ink.TRACK)
        if np.isfinite(probability):
            reach = bar_x1 + round(min(max(probability, 0.0), 1.0) * (bar_x2 - bar_x1))
            ink.fill(picture, (bar_x1, y1, reach, y2), _dim(colour) if active else (86, 92, 98))
            edge = max(1, round(cap / 4))
            ink.fill(picture, (max(bar_x1, reach - edge), y1, reach, y2), colour if active else ink.GREY)
        if threshold is not None:
            tick = bar_x1 + round(threshold * (bar_x2 - bar_x1 - 1))
            ink.fill(picture, (tick, y1 - 1, tick + ink.stroke_px(cap), y2 + 1), ink.WHITE)
        number = str(au)
        right = bar_x1 - margin - ink.text_width(number, cap)
        ink.write(picture, number, right, baseline, cap, bright)
        if shape.named:
            ink.write(picture, ACTION_UNITS[au].name, bar_x1 + margin, baseline, cap, bright)


def _dim(colour: ink.Colour) -> ink.Colour:
    """Return the colour dark enough for white text upon it."""
    red, green, blue = (round(part * 0.55) for part in colour)
    return red, green, blue
