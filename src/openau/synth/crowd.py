"""Scenes for a face detector: rendered heads pasted onto clutter, and what is known about each.

A scene is small, because the detector looks at every picture in several sizes and knows faces of one range of
sizes only. In it are no, one or several heads, upright or tilted, with painted shoulders, partly outside the
picture, behind one another or behind things; heads without a face, too: seen from behind, upside down, or
with the face scrambled. Then light and camera do what they do: dark, bright, blurred, noisy, compressed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats, Pixels
from openau.synth.clutter import Grey
from openau.synth.coverings import cover_part
from openau.synth.cutout import Cutouts
from openau.synth.snapshot import snapshot, uneven_light
from openau.synth.texture import float32

FIVE: Final = 5
"""Points of a face: the subject's right and left eye, nose tip, right and left corner of the mouth."""

HOUSE_RATIO: Final = 1.09
"""Side of the detector's boxes over that of `openau.synth.render.face_box`. `openau.faces.house_box` is 1.145
times as large on 6,000 rendered faces; a network taught so drew boxes on photographs that were 5.4 % larger
than the house's. Unlike `house_box`, which is built on the eyes' distance, the rendered boxes stay as large
when a head turns."""

_SIDES: Final = (14.0, 92.0)
_AWAY_DEG: Final = 100.0
_TILT_DEG: Final = 52.0
_LEAST_SEEN: Final = 0.45
_LEAST_CONTRAST: Final = 4.0  # deviation of the grey levels; below, nobody could see a face
_COVERED: Final = 0.22  # share of faces that are partly covered
_LUMA: Final = np.array([0.299, 0.587, 0.114])


class Crowd(NamedTuple):
    """One scene.

    Attributes:
        grey: (S, S) uint8.
        box_px: (N, 4) float32 x1, y1, x2, y2 of every head that shows a face; they may reach past the edge.
        points: (N, 5, 2) float32, pixels.
        counts: (N,) whether the face must be found; others may be found or not.
    """

    grey: Grey
    box_px: Floats
    points: Floats
    counts: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """Heads and clutter from which scenes are made.

    Attributes:
        levels: (N, S, S, 4) cut-outs, then the same at half and at a quarter of the size.
        box_px: (N, 4) boxes in the largest.
        points: (N, 5, 2) points in the largest.
        away: (N,) whether the head shows no face.
        clutter: (M, C, C) faceless pictures.
    """

    levels: tuple[Pixels, ...]
    box_px: Floats
    points: Floats
    away: NDArray[np.bool_]
    clutter: NDArray[np.uint8]


def build_cast(cutouts: Cutouts, clutter: NDArray[np.uint8]) -> Cast:
    """Prepare heads and clutter.

    Args:
        cutouts: The heads.
        clutter: (M, C, C) faceless pictures.
    """
    levels = [cutouts.rgba]
    for _ in range(2):
        half = levels[-1].shape[1] // 2
        levels.append(
            np.stack([cv2.resize(one, (half, half), interpolation=cv2.INTER_AREA) for one in levels[-1]])
        )
    away = np.abs(cutouts.pose_deg[:, 1]) > _AWAY_DEG
    return Cast(tuple(levels), _house_boxes(cutouts.box_px), five_points(cutouts.points), away, clutter)


def _house_boxes(box_px: Floats) -> Floats:
    """Return boxes that are as large beside the features as the house's are on photographs, (N, 4)."""
    middle, half = (box_px[:, :2] + box_px[:, 2:]) / 2, (box_px[:, 2:] - box_px[:, :2]) / 2
    return float32(np.concatenate([middle - HOUSE_RATIO * half, middle + HOUSE_RATIO * half], axis=1))


def five_points(points: Floats) -> Floats:
    """Return eyes, nose tip and corners of the mouth of 68 landmarks.

    Args:
        points: (N, 68, 2).

    Returns:
        (N, 5, 2) float32.
    """
    eyes = [points[:, 36:42].mean(1), points[:, 42:48].mean(1)]
    return float32(np.stack([*eyes, points[:, 30], points[:, 48], points[:, 54]], axis=1))


def draw_crowd(rng: np.random.Generator, cast: Cast, side: int) -> Crowd:
    """Make one scene.

    Args:
        rng: The source of chance.
        cast: Heads and clutter.
        side: Of the scene, pixels.
    """
    picture = _background(rng, cast.clutter, side)
    owner = np.full((side, side), -1, np.int16)
    boxes: list[NDArray[np.float64]] = []
    points: list[NDArray[Any]] = []
    states: list[tuple[bool, NDArray[np.bool_]]] = []
    count = int(rng.choice([0, 1, 2, 3, 4, 6], p=[0.1, 0.35, 0.25, 0.15, 0.1, 0.05]))
    common = math.exp(float(rng.uniform(math.log(_SIDES[0]), math.log(_SIDES[1]))))
    common = min(common, 1.6 * side / (1 + math.sqrt(max(count, 1))))
    for _ in range(count):
        size = float(np.clip(common * math.exp(rng.normal(0, 0.15)), *_SIDES))
        number = int(rng.integers(len(cast.box_px)))
        faceless = bool(cast.away[number])
        matrix, upside_down = _place(rng, cast.box_px[number], size, side)
        box, marks = _moved(cast.box_px[number], matrix), cast.points[number] @ matrix[:, :2].T + matrix[:, 2]
        if rng.random() < 0.6:
            _draw_shoulders(rng, picture, matrix, cast, side)
        face = np.zeros((side, side), bool) if faceless else _box_mask(box, side)
        spoilt = not faceless and rng.random() < 0.07
        cover = _paste(rng, picture, cast, number, matrix)
        if spoilt:
            _spoil(rng, picture, box, cast.clutter)
        elif not faceless and rng.random() < _COVERED:
            ground = partial(_background, rng, cast.clutter, side)
            thing = cover_part(rng, picture, float32(marks), float(box[2] - box[0]), ground)
            # The face still counts, so nothing of it is marked as hidden.
            cover = cover | (thing & (owner < 0))
        owner[cover] = len(states)
        boxes.append(box)
        points.append(marks)
        states.append((faceless or upside_down or spoilt, face))
    if not states:
        return Crowd(
            snapshot(rng, picture),
            np.zeros((0, 4), np.float32),
            np.zeros((0, 5, 2), np.float32),
            np.zeros(0, bool),
        )
    faces = [k for k, (is_none, _) in enumerate(states) if not is_none]
    picture = _at_the_edge(rng, picture, owner)
    seen = snapshot(rng, picture)
    counts = [
        _share_seen(boxes[k], states[k][1], owner, k) >= _LEAST_SEEN
        and float(seen[states[k][1]].std()) >= _LEAST_CONTRAST
        for k in faces
    ]
    return Crowd(
        seen,
        float32(np.array([boxes[k] for k in faces]).reshape(-1, 4)),
        float32(np.array([points[k] for k in faces]).reshape(-1, FIVE, 2)),
        np.array(counts, bool),
    )


def _background(rng: np.random.Generator, clutter: NDArray[np.uint8], side: int) -> Floats:
    """Return part of a faceless picture, at any size and angle."""
    large = clutter[int(rng.integers(len(clutter)))]
    scale = math.exp(float(rng.uniform(math.log(0.5), math.log(3.0))))
    turn = float(rng.normal(0, 10)) if rng.random() < 0.7 else float(rng.uniform(0, 360))
    spot = rng.uniform(0, len(large), 2)
    matrix = np.asarray(cv2.getRotationMatrix2D((spot[0], spot[1]), turn, scale), np.float64)
    matrix[:, 2] += side / 2 - np.array([len(large), len(large)]) / 2 + rng.normal(0, side, 2)
    if scale < 0.8:
        large = cv2.blur(large, (2, 2))
    part = float32(
        cv2.warpAffine(large, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    )
    if rng.random() < 0.3:
        part = float32(128 + (part - 128) * rng.uniform(-1, 0.6))
    if rng.random() < 0.25:
        part = float32(cv2.GaussianBlur(part, (0, 0), float(rng.uniform(0.7, 4))))
    return part


def _place(rng: np.random.Generator, box: Floats, size: float, side: int) -> tuple[NDArray[np.float64], bool]:
    """Return the (2, 3) map from a cut-out to the scene, and whether the head stands on its head."""
    kind = rng.random()
    upside_down = kind > 0.95
    if upside_down:
        turn = float(rng.uniform(110, 250))
    else:
        turn = float(rng.normal(0, 9)) if kind < 0.45 else float(rng.uniform(-_TILT_DEG, _TILT_DEG))
    scale = size / float(box[2] - box[0])
    cos, sin = scale * math.cos(math.radians(turn)), scale * math.sin(math.radians(turn))
    linear = np.array([[cos, -sin], [sin, cos]])
    if rng.random() < 0.5:
        linear = linear @ np.diag([-1.0, 1.0])
    linear = linear @ np.diag(np.exp(rng.normal(0, 0.04, 2)))
    margin = 0.25 * size
    goal = (
        rng.uniform(-margin, side + margin, 2)
        if rng.random() < 0.15
        else rng.uniform(margin, side - margin, 2)
    )
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    return np.column_stack([linear, goal - linear @ middle]), upside_down


def _moved(box: Floats, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the upright square box after a move: turned about its centre, it keeps its side."""
    middle = matrix[:, :2] @ ((box[:2] + box[2:]) / 2) + matrix[:, 2]
    half = float(box[2] - box[0]) * math.sqrt(abs(float(np.linalg.det(matrix[:, :2])))) / 2
    return np.array([*(middle - half), *(middle + half)])


def _box_mask(box: NDArray[np.float64], side: int) -> NDArray[np.bool_]:
    """Return the pixels of a box that lie in the scene."""
    mask = np.zeros((side, side), bool)
    x1, y1, x2, y2 = (int(v) for v in np.clip(np.rint(box), 0, side))
    mask[y1:y2, x1:x2] = True
    return mask


def _share_seen(
    box: NDArray[np.float64], mask: NDArray[np.bool_], owner: NDArray[np.int16], number: int
) -> float:
    """Return which share of a box lies in the scene and under nothing else."""
    whole = max(float((box[2] - box[0]) * (box[3] - box[1])), 1.0)
    return float((mask & ((owner == number) | (owner < 0))).sum()) / whole


def _draw_shoulders(
    rng: np.random.Generator, picture: Floats, matrix: NDArray[np.float64], cast: Cast, side: int
) -> None:
    """Paint a trunk below a head, mostly upright whatever the head does, in place."""
    size = cast.levels[0].shape[1]
    neck = matrix[:, :2] @ np.array([size / 2, 0.78 * size]) + matrix[:, 2]
    unit = size * math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    half, drop = unit * rng.uniform(0.42, 0.7), unit * rng.uniform(0.05, 0.25)
    lean = math.radians(float(rng.normal(0, 12)))
    outline = np.array(
        [[-0.16, -0.1], [-0.8, 0.35], [-1, 1], [-1.05, 5], [1.05, 5], [1, 1], [0.8, 0.35], [0.16, -0.1]]
    ) * [half, drop]
    turned = outline @ np.array([[math.cos(lean), math.sin(lean)], [-math.sin(lean), math.cos(lean)]]) + neck
    cover = np.zeros((side, side), np.uint8)
    cv2.fillPoly(cover, [np.rint(np.clip(turned, -9999, 9999)).astype(np.int32)], 255)
    cloth = _background(rng, cast.clutter, side)
    level, contrast = rng.uniform(10, 245), rng.uniform(0, 0.5)
    cloth = level + contrast * (cloth - cloth.mean())
    inside = cover > 0
    picture[inside] = cloth[inside]


def _paste(
    rng: np.random.Generator, picture: Floats, cast: Cast, number: int, matrix: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Lay a head onto the scene in a light of its own, in place; return where it covers the scene."""
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    level = int(np.clip(math.floor(-math.log2(max(scale, 1e-3)) + 0.25), 0, len(cast.levels) - 1))
    factor = 2.0**level
    linear = matrix[:, :2] * factor
    # Pixel centres at integers: the centre of a pixel of a smaller level lies between those of the larger.
    shift = matrix[:, :2] @ np.full(2, factor / 2 - 0.0) + matrix[:, 2] - 0.5
    side = len(picture)
    head = cv2.warpAffine(
        cast.levels[level][number],
        np.column_stack([linear, shift - 0.0]),
        (side, side),
        flags=cv2.INTER_LINEAR,
    )
    weights = _LUMA * np.exp(rng.normal(0, 0.35, 3))
    grey = float32(cv2.transform(head, np.append(weights / weights.sum(), 0)[None]))
    cover = float32(head[..., 3]) / np.float32(255)
    inside = cover > 0.5
    if not inside.any():
        return inside
    skin = inside if cast.away[number] else inside & _box_mask(_moved(cast.box_px[number], matrix), side)
    # Where only hair or neck reaches into the scene, these.
    middle = float(grey[skin if skin.any() else inside].mean())
    contrast, gamma = float(np.exp(rng.normal(0, 0.2))), float(np.exp(rng.normal(0, 0.25)))
    target = float(
        rng.uniform(50, 215) if rng.random() < 0.5 else np.clip(middle * np.exp(rng.normal(0, 0.3)), 25, 230)
    )
    lit = 255 * (np.clip(target + contrast * (grey - middle), 0, 255) / 255) ** gamma
    if rng.random() < 0.3:
        lit = lit * uneven_light(rng, side)
    picture += cover * (float32(lit) - picture)
    return np.asarray(inside)


def _spoil(rng: np.random.Generator, picture: Floats, box: NDArray[np.float64], clutter: Pixels) -> None:
    """Take the face out of a head, in place: turn it over, shuffle it, or put something else there."""
    side = len(picture)
    x1, y1, x2, y2 = (int(v) for v in np.clip(np.rint(box), 0, side))
    if x2 - x1 < 8 or y2 - y1 < 8:
        return
    part, kind = picture[y1:y2, x1:x2], rng.random()
    if kind < 0.35:
        picture[y1:y2, x1:x2] = part[::-1].copy()
    elif kind < 0.7:
        order = rng.permutation(9)
        high, wide = (y2 - y1) // 3, (x2 - x1) // 3
        tiles = [
            part[high * (k // 3) : high * (k // 3 + 1), wide * (k % 3) : wide * (k % 3 + 1)].copy()
            for k in range(9)
        ]
        for k, source in enumerate(order):
            part[high * (k // 3) : high * (k // 3 + 1), wide * (k % 3) : wide * (k % 3 + 1)] = tiles[source]
    else:
        cover = np.zeros_like(part)
        middle = ((x2 - x1) // 2, (y2 - y1) // 2)
        cv2.ellipse(
            cover, middle, (max(1, int(0.42 * (x2 - x1))), max(1, int(0.52 * (y2 - y1)))), 0, 0, 360, 1.0, -1
        )
        cover = float32(cv2.GaussianBlur(cover, (0, 0), max(0.5, (x2 - x1) / 20)))
        other = _background(rng, clutter, max(x2 - x1, y2 - y1))[: y2 - y1, : x2 - x1]
        level = float(part.mean())
        smooth = level + rng.uniform(0, 0.5) * (other - other.mean())
        picture[y1:y2, x1:x2] = part + cover * (smooth - part)


def _at_the_edge(rng: np.random.Generator, picture: Floats, owner: NDArray[np.int16]) -> Floats:
    """Now and then let the picture end within the scene; its edge is repeated, as for the detector."""
    if rng.random() >= 0.12:
        return picture
    top, bottom, left, right = (int(v) for v in rng.integers(0, 29, 4) * (rng.random(4) < 0.6))
    inner = picture[top : len(picture) - bottom, left : len(picture) - right]
    there = np.zeros(picture.shape, bool)
    there[top : len(picture) - bottom, left : len(picture) - right] = True
    owner[~there] = np.iinfo(np.int16).max
    return float32(cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_REPLICATE))
