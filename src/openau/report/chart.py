"""SVG paths of the timeline: what the page shows even without scripts, and on paper.

A lane is drawn in a box of `WIDTH` x `HEIGHT` units that the page stretches; probability 1 is at the top.
Where a value is not known the path breaks: a gap is never drawn as zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from openau.report.timeline import Clock

WIDTH = 2000
HEIGHT = 100

Ints = NDArray[np.int64]
Values = NDArray[np.float64]


def time_axis(clock: Clock) -> Values:
    """Return (T,) the middle of each bucket in seconds."""
    used = clock.used
    return (clock.start_s[:used] + clock.end_s[:used]) / 2


def across(times: Values, span: tuple[float, float]) -> Ints:
    """Return the x of each time, in 0–WIDTH over `span` seconds."""
    length = span[1] - span[0]
    share = (times - span[0]) / length if length > 0 else np.full(len(times), 0.5)
    return np.rint(np.clip(share, 0, 1) * WIDTH).astype(np.int64)


def height_of(values: Values) -> Ints:
    """Return the y of each value in 0–1; larger values are higher up."""
    return np.rint((1 - np.clip(values, 0, 1)) * HEIGHT).astype(np.int64)


def runs(known: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield start and end (excluded) of each stretch of known values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _polyline(x: Ints, y: Ints) -> str:
    steps = np.stack([np.diff(x), np.diff(y)], axis=1).ravel().tolist()
    # A lone point becomes a dot: a step of no length under a round line end.
    return f"M{x[0]} {y[0]}l{' '.join(map(str, steps)) if steps else '0 0'}".replace(" -", "-")


def line_path(x: Ints, values: Values) -> str:
    """Return the SVG path of a curve, broken wherever a value is NaN."""
    known = np.isfinite(values)
    y = height_of(np.where(known, values, 0))
    return "".join(_polyline(x[a:b], y[a:b]) for a, b in runs(known))


def band_path(x: Ints, low: Values, high: Values, known: NDArray[np.bool_]) -> str:
    """Return the SVG path of the area between two curves, broken wherever it is not known."""
    top, bottom = height_of(np.where(known, high, 0)), height_of(np.where(known, low, 0))
    parts = []
    for a, b in runs(known):
        around = np.concatenate([x[a:b], x[a:b][::-1]]), np.concatenate([top[a:b], bottom[a:b][::-1]])
        parts.append(_polyline(*around) + "z")
    return "".join(parts)


def segments(
    clock: Clock, span: tuple[float, float], slots: Sequence[int]
) -> list[tuple[int, int, int, float, float]]:
    """Join neighbouring buckets of the same slot.

    Args:
        clock: Gives the buckets' times.
        span: First and last second of the lane.
        slots: (T,) a slot per bucket; -1 where there is nothing.

    Returns:
        Slot, x, width, first second, last second of each stretch; nothing for slot -1.
    """
    used = clock.used
    starts = clock.start_s[:used]
    # A bucket reaches to the next one's start, because its last frame is shown until then.
    ends = np.append(starts[1:], span[1])
    left, right = across(starts, span), across(ends, span)
    array = np.asarray(slots)
    out = []
    for slot in sorted(set(slots) - {-1}):
        for a, b in runs(array == slot):
            width = max(1, int(right[b - 1] - left[a]))
            out.append((slot, int(left[a]), width, float(starts[a]), float(ends[b - 1])))
    return sorted(out, key=lambda part: part[1])


def ticks(span: tuple[float, float], count: int = 6) -> list[tuple[float, str]]:
    """Return positions in percent and labels of a time axis, at round steps."""
    length = span[1] - span[0]
    if length <= 0:
        return [(50.0, clock_time(span[0]))]
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)
    step = next((s for s in steps if length / s <= count), 86400)
    first = np.ceil(span[0] / step - 1e-9) * step + 0.0  # -0.0 would be written as such
    times = np.arange(first, span[1] + step * 1e-6, step)
    digits = 1 if step < 1 else 0
    return [(100 * (t - span[0]) / length, clock_time(float(t), digits)) for t in times.tolist()]


def clock_time(time_s: float, digits: int = 2) -> str:
    """Return a time for reading: `7.25 s` below a minute, then `2:07.25`, `1:02:07.25`."""
    rounded = round(time_s, digits)
    if rounded < 60:
        return f"{rounded:.{digits}f} s"
    minutes, seconds = divmod(rounded, 60)
    width = 2 if digits == 0 else 3 + digits
    hours, minutes = divmod(int(minutes), 60)
    clock = f"{minutes:02d}" if hours else str(minutes)
    return (f"{hours}:" if hours else "") + f"{clock}:{seconds:0{width}.{digits}f}"
