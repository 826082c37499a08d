"""What the default detector's network says of places in a picture, read and put together.

The network gives each cell of 8 pixels a logit, a place and a size. A face answers in several cells and on
several levels of the search; answers of one face are joined here.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats

STRIDE: Final = 8
"""Pixels of a cell."""

SIDE_PX: Final = 32.0
"""The side that the network's size output is relative to."""

_SAME = 0.45  # share of the smaller box that two answers of one face have in common, at least
_ALIKE = 0.4  # and how far apart the logarithms of their sides are, at most


class Answers(NamedTuple):
    """What the network says of N places, in pixels of the picture.

    Attributes:
        logit: (N,).
        middle: (N, 2) box centres.
        side: (N,) of the boxes.
    """

    logit: Floats
    middle: Floats
    side: Floats

    def chosen(self, which: NDArray[Any] | slice) -> Answers:
        """Return some of them.

        Args:
            which: (N,) bool, or indices, or a slice.
        """
        return Answers(self.logit[which], self.middle[which], self.side[which])


def sigmoid(logit: Floats) -> Floats:
    """Return the probability of a logit."""
    return np.asarray(1 / (1 + np.exp(-logit)), np.float32)


def logit_of(probability: float) -> float:
    """Return the logit of a probability between 0 and 1."""
    return math.log(probability / (1 - probability))


def peaks(said: Floats, asked: float) -> Answers:
    """Return the cells that are likelier than their neighbours, in pixels of what the network saw.

    Args:
        said: (14, h, w) cells of one picture.
        asked: Least probability.
    """
    heat = said[0]
    tops = (heat >= logit_of(asked)) & (heat == cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    rows, columns = np.nonzero(tops)
    return _read(said[:, rows, columns], rows, columns)


def at_the_middle(said: Floats) -> Answers:
    """Return the best cell near the middle of each of N patches.

    Args:
        said: (N, 14, c, c).
    """
    cells = said.shape[-1]
    reach = 3  # cells either side: three eighths of the patch
    first, last = cells // 2 - reach, cells // 2 + reach + cells % 2
    inner = said[:, 0, first:last, first:last]
    best = inner.reshape(len(said), -1).argmax(1)
    rows, columns = best // inner.shape[2] + first, best % inner.shape[2] + first
    return _read(said[np.arange(len(said)), :, rows, columns].T, rows, columns)


def _read(said: Floats, rows: NDArray[Any], columns: NDArray[Any]) -> Answers:
    """Return what cells (14, N) say, in pixels of what the network saw."""
    middle = np.stack([columns + 0.5 + said[1], rows + 0.5 + said[2]], axis=1) * STRIDE
    side = SIDE_PX * np.exp(np.clip(said[3], -2, 2))
    return Answers(said[0], np.asarray(middle, np.float32), np.asarray(side, np.float32))


def joined(parts: list[Answers]) -> Answers:
    """Return answers one after another, those of at least one list."""
    return Answers(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def grouped(found: Answers) -> Answers:
    """Make one answer of those of the same face, as sure as its surest; likeliest first."""
    order = np.argsort(-found.logit, kind="stable")
    logit, middle, side = found.chosen(order)
    weight = sigmoid(logit)
    left = np.ones(len(order), bool)
    firsts, middles, sides = [], [], []
    for k in range(len(order)):
        if not left[k]:
            continue
        alike = np.abs(np.log(side / side[k])) < _ALIKE
        same = left & alike & (share_in_common(middle, side, middle[k], float(side[k])) > _SAME)
        left &= ~same
        shares = weight[same] / weight[same].sum()
        firsts.append(k)
        middles.append((middle[same] * shares[:, None]).sum(0))
        sides.append(float(np.exp((np.log(side[same]) * shares).sum())))
    return Answers(
        logit[firsts], np.asarray(middles, np.float32).reshape(-1, 2), np.asarray(sides, np.float32)
    )


def share_in_common(middle: Floats, side: Floats, other_middle: Floats, other_side: float) -> Floats:
    """Return which share of the smaller of two square boxes the other covers.

    Args:
        middle: (N, 2) centres of the first boxes.
        side: (N,) their sides.
        other_middle: (2,) centre of the second.
        other_side: Its side.

    Returns:
        (N,) 0-1.
    """
    smaller = np.minimum(side, other_side)
    common = np.clip((side + other_side)[:, None] / 2 - np.abs(middle - other_middle), 0, smaller[:, None])
    return np.asarray(common.prod(1) / smaller**2, np.float32)
