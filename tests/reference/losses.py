"""Every loss again, slowly: one number at a time, from probabilities, as the papers print them."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isnan, log, sqrt
from typing import Any

Table = Sequence[Sequence[float]]


def sigmoid(logit: float) -> float:
    """Return the logistic function of a number."""
    return 1 / (1 + exp(-logit))


def known_cells(logits: Table, target: Table) -> list[tuple[int, float, float]]:
    """Return (AU, probability, label) of every known cell."""
    return [
        (au, sigmoid(z), y)
        for row, truth in zip(logits, target, strict=True)
        for au, (z, y) in enumerate(zip(row, truth, strict=True))
        if not isnan(y)
    ]


def mean(values: Sequence[float]) -> float:
    """Return the mean, 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def cross_entropy(logits: Table, target: Table, weight: Sequence[float], side: str = "positive") -> float:
    """Return the cross-entropy whose positive, minority or both terms are weighted per AU."""
    found = []
    for au, p, y in known_cells(logits, target):
        w = weight[au]
        onto_positive, onto_negative = {
            "positive": (w, 1.0),
            "minority": (max(w, 1.0), max(1 / w, 1.0)),
            "both": (w, w),
        }[side]
        found.append(-(onto_positive * y * log(p) + onto_negative * (1 - y) * log(1 - p)))
    return mean(found)


def focal(logits: Table, target: Table, gamma: float, alpha: float) -> float:
    """Return the focal loss."""
    return mean(
        [
            -alpha * y * (1 - p) ** gamma * log(p) - (1 - alpha) * (1 - y) * p**gamma * log(1 - p)
            for _, p, y in known_cells(logits, target)
        ]
    )


def distances(logits: Table, target: Table) -> list[float]:
    """Return the Euclidean distance of each sample that has a known label."""
    found = []
    for row, truth in zip(logits, target, strict=True):
        squares = [(sigmoid(z) - y) ** 2 for z, y in zip(row, truth, strict=True) if not isnan(y)]
        if squares:
            found.append(sqrt(sum(squares)))
    return found


def root_mean_square(logits: Table, target: Table) -> float:
    """Return the root of the mean squared gap over all known cells."""
    return sqrt(mean([(p - y) ** 2 for _, p, y in known_cells(logits, target)]))


def msr(logits: Table, target: Table) -> list[float]:
    """Return each AU's loss by equations 2 to 6, for hard labels."""
    found = []
    for wanted in range(len(target[0])):
        cells = [(p, y) for au, p, y in known_cells(logits, target) if au == wanted]
        positive = sum(1 for _, y in cells if y == 1)
        negative = len(cells) - positive
        gamma = negative / positive if positive and negative else 1.0
        above, below = gamma > 1, gamma < 1
        total = 0.0
        for p, y in cells:
            total += gamma ** int(above) * log(p) if y == 1 else gamma ** -int(below) * log(1 - p)
        found.append(-total / len(cells) if cells else 0.0)
    return found


class SlowAdMSR:
    """Equations 8 to 11, for batches in which every AU has a known label."""

    def __init__(self, alpha: float, reading: str, start: str) -> None:
        self.alpha, self.reading = alpha, reading
        self.previous: list[float] | None = None
        self.start = start

    def __call__(self, logits: Table, target: Table) -> float:
        losses = msr(logits, target)
        if self.previous is None:
            self.previous = losses if self.start == "first" else [0.0] * len(losses)
        blended = [
            self.alpha * now + (1 - self.alpha) * before
            for now, before in zip(losses, self.previous, strict=True)
        ]
        level = mean(blended)
        self.previous = blended
        total = 0.0
        for loss in losses:
            beta = (loss - level) / (loss + level) + 1
            if self.reading == "A":
                beta = 0.0 if loss <= level else beta
            elif self.reading == "C":
                beta = max(1.0, beta)
            total += beta * loss
        return total


def weighted_asymmetric(logits: Table, target: Table, weight: Sequence[float]) -> float:
    """Return ME-GraphAU's loss of the AUs."""
    return mean(
        [-weight[au] * (y * log(p) + p * (1 - y) * log(1 - p)) for au, p, y in known_cells(logits, target)]
    )


def chosen(logits: Sequence[float], number: int) -> float:
    """Return -ln of the softmax probability of one class."""
    return -log(exp(logits[number]) / sum(exp(z) for z in logits))


def edges(logits: Any, target: Table) -> float:
    """Return the mean cross-entropy of the known edges; the edge (i, j) of sample b is logits[b][i·A + j]."""
    found = []
    for sample, truth in enumerate(target):
        for i, one in enumerate(truth):
            for j, two in enumerate(truth):
                if not isnan(one) and not isnan(two):
                    row = logits[sample][i * len(truth) + j]
                    found.append(chosen(row, 2 * int(one) + int(two)))
    return mean(found)


def intensity(found: Table, target: Table, stress: float, delta: float = 1.0) -> float:
    """Return the mean smooth distance of all known cells, more for strong ones."""
    cells = []
    for row, truth in zip(found, target, strict=True):
        for f, t in zip(row, truth, strict=True):
            if not isnan(t):
                gap = abs(f - t)
                cost = 0.5 * gap * gap if gap < delta else delta * (gap - 0.5 * delta)
                cells.append(cost * (1 + stress * t))
    return mean(cells)


def maps(found: Any, target: Any) -> float:
    """Return the mean squared gap over all known places."""
    squares = [
        (f - t) ** 2
        for sample, truth in zip(found, target, strict=True)
        for one, wanted in zip(sample, truth, strict=True)
        for row, line in zip(one, wanted, strict=True)
        for f, t in zip(row, line, strict=True)
        if not isnan(t)
    ]
    return mean(squares)


def emotion(logits: Table, target: Sequence[int], weight: Sequence[float] | None) -> float:
    """Return the weighted mean cross-entropy of the known emotions."""
    total = weights = 0.0
    for row, number in zip(logits, target, strict=True):
        if number >= 0:
            w = 1.0 if weight is None else weight[number]
            total += w * chosen(row, number)
            weights += w
    return total / weights if weights else 0.0


def landmarks(output: Any, target: Any) -> float:
    """Return Huber's loss in hundredths of the side, the jaw at half; visibility at 0.3, pose at 0.5."""

    def huber(gap: float, beta: float) -> float:
        gap = abs(gap)
        return gap * gap / (2 * beta) if gap < beta else gap - beta / 2

    points, seen, turns = [], [], []
    for said, true in zip(output, target, strict=True):
        for number, (found, wanted) in enumerate(zip(said, true, strict=True)):
            if isnan(wanted):
                continue
            if number < 136:
                points.append(huber(100 * (found - wanted), 0.5) * (0.5 if number < 34 else 1.0))
            elif number < 204:
                seen.append(log(1 + exp(-found)) + (1 - wanted) * found)
            else:
                turns.append(huber((found - wanted) / 10, 0.2))
    return mean(points) + 0.3 * mean(seen) + 0.5 * mean(turns)
