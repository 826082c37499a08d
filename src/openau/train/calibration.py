"""From the face detector's raw scores to probabilities, fitted on rendered scenes that it has not seen.

Platt's method (1999): a logistic curve of the mean logit that the detector's second look gives, fitted by
maximum likelihood on all answers, right and wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openau.errors import TableError
from openau.faces import Detector
from openau.records import Box
from openau.synth.crowd import Cast, Crowd, draw_crowd

_FAR: Final = 0.35  # sides between the centres of a true box and an answer to it
_RATIO: Final = 1.6  # of their sides
_STEPS: Final = 100


class Answers(NamedTuple):
    """What a detector answered to scenes.

    Attributes:
        score: (N,) its scores, of every answer that can be judged.
        is_face: (N,) whether there was a face.
        faces: How many faces had to be found.
    """

    score: NDArray[np.float64]
    is_face: NDArray[np.bool_]
    faces: int


class Line(NamedTuple):
    """A logistic curve: 1 / (1 + exp(-(slope * logit + intercept)))."""

    slope: float
    intercept: float


def draw_crowds(cast: Cast, count: int, *, side: int = 256, seed: int = 1) -> Iterable[Crowd]:
    """Yield scenes for measuring.

    Args:
        cast: Heads and clutter that the network has not seen.
        count: How many.
        side: Pixels.
        seed: Decides them.
    """
    for number in range(count):
        yield draw_crowd(np.random.default_rng((seed, 0xCA11, number)), cast, side)


def answers(find: Detector, crowds: Iterable[Crowd]) -> Answers:
    """Return what a detector answers to scenes, and whether it is right.

    An answer to a face that may be found or not is left out, as is every face but the best answer to it.

    Args:
        find: The detector; it should drop nothing.
        crowds: The scenes.
    """
    scores: list[float] = []
    right: list[bool] = []
    faces = 0
    for crowd in crowds:
        free = list(range(len(crowd.box_px)))
        faces += int(crowd.counts.sum())
        for face in find(np.dstack([crowd.grey] * 3)):
            fits = [k for k in free if _is_same(face.box_px, crowd.box_px[k])]
            if not fits:
                if not any(_is_same(face.box_px, box) for box in crowd.box_px):
                    scores.append(face.score)
                    right.append(False)
                continue
            free.remove(fits[0])
            if crowd.counts[fits[0]]:
                scores.append(face.score)
                right.append(True)
    return Answers(np.array(scores), np.array(right, bool), faces)


def fit_line(found: Answers) -> Line:
    """Fit the curve to answers whose scores are the logistic function of a logit.

    Args:
        found: Answers of a detector that is not calibrated.

    Raises:
        TableError: All answers are right, or all wrong.
    """
    if found.is_face.all() or not found.is_face.any():
        raise TableError("A curve needs right and wrong answers; draw more scenes.")
    clipped = np.clip(found.score, 1e-6, 1 - 1e-6)
    logit = np.log(clipped / (1 - clipped))
    design = np.stack([logit, np.ones_like(logit)], axis=1)
    # Platt's targets: a little off 0 and 1, so that few answers do not make a cliff.
    positive, negative = int(found.is_face.sum()), int((~found.is_face).sum())
    target = np.where(found.is_face, (positive + 1) / (positive + 2), 1 / (negative + 2))
    weights = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        curvature = design.T @ (design * (probability * (1 - probability))[:, None]) + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, design.T @ (target - probability))
        weights = weights + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return Line(float(weights[0]), float(weights[1]))


def _is_same(found: Box, true: NDArray[np.float32]) -> bool:
    """Return whether an answer is one to this face."""
    side = float(true[2] - true[0])
    middle = (float(true[0] + true[2]) / 2, float(true[1] + true[3]) / 2)
    away = math.dist(((found[0] + found[2]) / 2, (found[1] + found[3]) / 2), middle)
    return away <= _FAR * side and 1 / _RATIO <= (found[2] - found[0]) / side <= _RATIO
