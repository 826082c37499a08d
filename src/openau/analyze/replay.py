"""Frames that an interrupted run had analysed already, read again for the pictures that need every frame.

The network is not asked again: the readings come from the rows in the partial table, so a report or an
overlay video of a resumed run shows what the table says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from openau.analyze.feed import MAX_FRAMES, Feed, Position
from openau.analyze.pictures import Drawing, Page
from openau.errors import InputError
from openau.records import Frame, Reading


def known_pages(
    feeds: Sequence[Feed], rows: Iterator[Reading], until: Position, *, first: int
) -> Iterator[Page]:
    """Pair frames with the rows written for them.

    Args:
        feeds: All sources of the run.
        rows: The readings in the partial table, in its order.
        until: The first frame that has no row yet.
        first: Number of the first source wanted; the rows before it are passed over.
    """
    groups = groupby(rows, key=lambda row: (row.source, row.frame))
    following = _next_rows(groups)
    for number in range(first, min(until.source + 1, len(feeds))):
        drawings: list[Drawing] = []
        for frame in _frames(feeds[number]):
            if (number, frame.index) >= until:
                break
            while following is not None and not _is_of(frame, following):
                following = _next_rows(groups)
            if following is None:
                break
            drawings.append(Drawing(number, frame, following, has_overlay=number < until.source))
            if len(drawings) == MAX_FRAMES:
                yield Page(tuple(drawings), ())
                drawings = []
        yield Page(tuple(drawings), (number,) if number < until.source else ())


def _frames(feed: Feed) -> Iterator[Frame]:
    """Yield a feed's frames up to where it fails, which the interrupted run has already reported."""
    try:
        yield from feed.open(0)
    except InputError:
        return


def _next_rows(groups: Iterator[tuple[tuple[str, int], Iterator[Reading]]]) -> tuple[Reading, ...] | None:
    group = next(groups, None)
    return None if group is None else tuple(group[1])


def _is_of(frame: Frame, rows: tuple[Reading, ...]) -> bool:
    name = frame.source.encode("utf-8", "backslashreplace").decode()  # as the table writes it
    return (rows[0].source, rows[0].frame) == (name, frame.index)
