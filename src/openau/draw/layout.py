"""Where the AU bars of each face go: beside the face where there is room, never outside the picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from openau.draw.ink import SMALLEST_CAP_PX, PixelBox, text_width

ROW_CAPS = 1.75
"""Height of one row of bars, in capital heights."""


@dataclass(frozen=True, slots=True)
class PanelShape:
    """How one face's panel is built, before it has a place.

    Attributes:
        cap_px: Height of a capital letter in pixels.
        rows: Positions in the network's AU order, of the rows shown.
        named: Whether the bars carry the AU's FACS name.
        width: Of the panel, in pixels.
        height: Of the panel, in pixels.
    """

    cap_px: float
    rows: tuple[int, ...]
    named: bool
    width: int
    height: int

    @property
    def row_px(self) -> int:
        """Height of one row in pixels."""
        return max(1, round(self.cap_px * ROW_CAPS))

    @property
    def margin_px(self) -> int:
        """Free space inside the panel's edge."""
        return max(1, round(self.cap_px * 0.5))


def panel_shape(cap_px: float, rows: Sequence[int], names: Sequence[str] | None) -> PanelShape:
    """Measure a panel.

    Args:
        cap_px: Height of a capital letter in pixels.
        rows: Positions of the AUs shown.
        names: The text on each AU's bar, by position; None for bars without names.
    """
    number = text_width("00", cap_px)
    widest = max((text_width(names[row], cap_px) for row in rows), default=0) if names else 0
    bar = max(round(cap_px * (6.5 if names is None else 9)), widest + round(cap_px))
    margin = max(1, round(cap_px * 0.5))
    width = 3 * margin + number + bar
    height = 2 * margin + len(rows) * max(1, round(cap_px * ROW_CAPS))
    return PanelShape(cap_px, tuple(rows), names is not None, width, height)


def text_sizes(picture: tuple[int, int], face_height: int, row_count: int) -> tuple[float, float]:
    """Return the preferred and the smallest acceptable text size for one face, in pixels.

    Args:
        picture: Height and width of the picture.
        face_height: Of the face box, in pixels.
        row_count: How many AUs the panel has.
    """
    short = min(picture)
    low, high = max(SMALLEST_CAP_PX, 0.011 * short), max(9.0, 0.022 * short)
    fitting = face_height * 1.15 / (max(row_count, 1) * ROW_CAPS)
    return min(max(fitting, low), high), low


def strongest_rows(margins: Sequence[float], count: int) -> tuple[int, ...]:
    """Return the `count` positions furthest above their threshold, in the network's order."""
    order = sorted(range(len(margins)), key=lambda i: margins[i], reverse=True)
    return tuple(sorted(order[: max(count, 0)]))


def overlap(a: PixelBox, b: PixelBox) -> int:
    """Return the area in pixels that two boxes share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0


def _spots(face: PixelBox, shape: PanelShape, picture: tuple[int, int]) -> Iterable[tuple[int, int]]:
    """Yield left-top corners worth trying, best first, all inside the picture."""
    height, width = picture
    gap = shape.margin_px
    last_x, last_y = width - shape.width, height - shape.height
    beside = (face[2] + gap, face[0] - gap - shape.width)
    for y in (face[1], (face[1] + face[3] - shape.height) // 2, 0, last_y):
        for x in (*beside, last_x, 0):
            yield min(max(x, 0), last_x), min(max(y, 0), last_y)
    for y in (face[3] + gap, face[1] - gap - shape.height):
        yield min(max(face[0], 0), last_x), min(max(y, 0), last_y)


def _away(face: PixelBox, box: PixelBox) -> int:
    """Return how many pixels lie between two boxes, along the longer way."""
    across = max(box[0] - face[2], face[0] - box[2], 0)
    down = max(box[1] - face[3], face[1] - box[3], 0)
    return max(across, down)


def place(
    face: PixelBox, shapes: Sequence[PanelShape], taken: Sequence[PixelBox], picture: tuple[int, int]
) -> tuple[PanelShape, int, int] | None:
    """Choose shape and place: best one that covers nothing and stays near its face.

    Covering something costs most, then being far from the face (whose is it?), then a smaller panel.

    Args:
        face: The face's visible box.
        shapes: Panels to choose from, best first.
        taken: Boxes to keep free: every face and every panel already placed.
        picture: Height and width of the picture.

    Returns:
        The panel, its left and its top; None where no shape fits, or all would hide much of the face.
    """
    best: tuple[float, PanelShape, int, int] | None = None
    face_area = (face[2] - face[0]) * (face[3] - face[1])
    for rank, shape in enumerate(shapes):
        if shape.height > picture[0] or shape.width > picture[1] or not shape.rows:
            continue
        for x, y in _spots(face, shape, picture):
            box = (x, y, x + shape.width, y + shape.height)
            if overlap(box, face) > 0.35 * face_area:
                continue
            covered = sum(overlap(box, other) for other in taken) / (shape.width * shape.height)
            away = max(0, _away(face, box) - 2 * shape.margin_px) / shape.width
            cost = 0.12 * rank + 8.0 * covered + away
            if best is None or cost < best[0]:
                best = (cost, shape, x, y)
            if cost <= 0.12 * rank:
                break
        if best is not None and best[0] <= 0.12 * (rank + 1):
            break
    return best[1:] if best else None
