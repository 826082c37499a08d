"""Things in front of faces, for scenes that teach a detector: sheets, discs, and what hides the eyes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats

_BEFORE_EYES: Final = 0.4  # share of things that hide the eyes; of these, shares of bars, glasses and hands
_EYES: Final = {"bar": 0.5, "glasses": 0.3, "hand": 0.2}
_PLAIN: Final = 0.4  # share of things of one shade

Ground = Callable[[], Floats]


def cover_part(
    rng: np.random.Generator, picture: Floats, points: Floats, size: float, ground: Ground
) -> NDArray[np.bool_]:
    """Put a thing before part of a face, in place.

    Args:
        rng: The source of chance.
        picture: (S, S) grey levels.
        points: (5, 2) the face's points, see `openau.synth.crowd.five_points`.
        size: Side of the face's box, pixels.
        ground: Paints (S, S) what the thing looks like where it is not of one shade.

    Returns:
        (S, S) where the thing is.
    """
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    cover = np.zeros(picture.shape, np.uint8)
    if rng.random() < _BEFORE_EYES:
        kind = str(rng.choice(list(_EYES), p=list(_EYES.values())))
        _DRAWN[kind](rng, cover, points, size)
    else:
        _draw_anywhere(rng, cover, (eyes + mouth) / 2, size)
    inside = cover > 0
    shade = float(rng.uniform(0, 255))
    picture[inside] = shade if rng.random() < _PLAIN else ground()[inside]
    return inside


def _draw_anywhere(rng: np.random.Generator, cover: NDArray[Any], middle: Floats, size: float) -> None:
    """Draw a disc or a sheet that reaches over part of the face."""
    around = float(rng.uniform(0, 2 * np.pi))
    reach = size * float(rng.uniform(0.2, 0.5))
    away = reach * rng.uniform(0.5, 0.9) + size * rng.uniform(0.05, 0.3)
    x, y = middle + away * np.array([math.cos(around), math.sin(around)])
    if rng.random() < 0.5:
        axes = (max(1, int(reach)), max(1, int(reach * rng.uniform(0.3, 1))))
        cv2.ellipse(cover, (int(x), int(y)), axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    else:
        turn = float(rng.choice([0.0, 90.0]) if rng.random() < 0.4 else rng.uniform(0, 180))
        _fill(cover, (x, y), 2 * reach, reach * float(rng.uniform(0.4, 2)), turn)


def _draw_bar(rng: np.random.Generator, cover: NDArray[Any], points: Floats, size: float) -> None:
    """Draw a bar over both eyes, as those that are to make a face unknown."""
    middle = points[:2].mean(0) + rng.normal(0, 0.02 * size, 2)
    long, high = size * float(rng.uniform(0.7, 1.2)), size * float(rng.uniform(0.12, 0.32))
    tilt = 0.0 if rng.random() < 0.3 else _tilt_deg(points) + float(rng.normal(0, 5))
    _fill(cover, (float(middle[0]), float(middle[1])), long, high, tilt)


def _draw_glasses(rng: np.random.Generator, cover: NDArray[Any], points: Floats, size: float) -> None:
    """Draw two dark lenses and the bridge between them."""
    across, high = size * float(rng.uniform(0.13, 0.22)), size * float(rng.uniform(0.09, 0.18))
    tilt = _tilt_deg(points)
    for x, y in points[:2]:
        axes = (max(1, round(across)), max(1, round(high)))
        cv2.ellipse(cover, (round(float(x)), round(float(y + 0.2 * high))), axes, tilt, 0, 360, 255, -1)
    first, last = (tuple(int(v) for v in np.rint(point)) for point in points[:2])
    cv2.line(cover, first, last, 255, max(1, round(0.03 * size)))


def _draw_hand(rng: np.random.Generator, cover: NDArray[Any], points: Floats, size: float) -> None:
    """Draw some fingers side by side that come from one side and reach over the eyes."""
    middle, side = points[:2].mean(0), float(rng.choice([-1.0, 1.0]))
    slant = math.radians(_tilt_deg(points) + float(rng.normal(0, 20)))
    along = side * np.array([math.cos(slant), math.sin(slant)])
    beside = np.array([-along[1], along[0]])
    thick = size * float(rng.uniform(0.07, 0.11))
    for number in range(int(rng.integers(2, 5))):
        tip = middle + along * size * rng.uniform(0.15, 0.45) + beside * thick * (number - 1.5)
        root = tip - along * size * 1.2
        first, last = (tuple(int(v) for v in np.rint(np.clip(p, -9999, 9999))) for p in (tip, root))
        cv2.line(cover, first, last, 255, max(1, round(thick)))


_DRAWN: Final = {"bar": _draw_bar, "glasses": _draw_glasses, "hand": _draw_hand}


def _tilt_deg(points: Floats) -> float:
    """Return how the line between the eyes is tilted, -90 to 90."""
    across, down = points[1] - points[0]
    return math.degrees(math.atan2(float(down), float(across)) if across >= 0 else math.atan2(-down, -across))


def _fill(cover: NDArray[Any], middle: tuple[float, float], wide: float, high: float, tilt: float) -> None:
    """Fill a turned rectangle."""
    corners = cv2.boxPoints(((float(middle[0]), float(middle[1])), (wide, high), tilt))
    cv2.fillPoly(cover, [np.rint(np.clip(corners, -9999, 9999)).astype(np.int32)], 255)
