"""Where on the picture each action unit shows: bit planes rasterised from the geometry that was drawn.

An AU's mask holds the visible skin that the AU, at its intensity in this picture, moves in any direction by
at least `MOVED_CM` and `MOVED_SHARE` of its largest movement, or wrinkles by at least `WRINKLED_CM`; and, for
an AU that parts the lips, the mouth between them. What stands before the skin (hair, glasses, a hand) is cut
out; a beard counts as skin. An AU's movement is that of the whole expression less that of the expression
without it, so lids that a lowered gaze has closed already are not in AU43's mask. AU25 is measured on the
lips, whoever parts them: its mask is what AU25 of the measured intensity would move.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.facs import au_column
from openau.records import Floats
from openau.synth.compiled import uncounted, uncounted_inline
from openau.synth.expression import Expression, Posed, add_shapes, face_weights
from openau.synth.identity import Stage, Subject, lip_gap
from openau.synth.movements import MOVEMENTS
from openau.synth.raster import Buffer
from openau.synth.rig import BEARD, FACE, MOUTH, TEETH, Rig
from openau.synth.shade import Mesh
from openau.synth.wrinkles import Pair, fold_depth

MOVED_CM: Final = 0.04
"""Skin that an AU displaces less than this is not in its mask."""

MOVED_SHARE: Final = 0.2
"""Nor is skin that it displaces less than this share of its largest movement: cheeks follow a jaw."""

WRINKLED_CM: Final = 0.006
"""Skin that an AU raises or lowers at least this much, as wrinkles, belongs to its mask."""

PARTED_CM: Final = 0.05
"""An AU that widens the gap between the lips at least this much has the visible mouth in its mask."""

PLANES: Final = (*(au_column(au) for au in sorted(MOVEMENTS)), "face")
"""What the bits of a mask mean, lowest first: the AUs by number, then the visible skin of the face."""

_BIT: Final = {au: np.uint32(1 << k) for k, au in enumerate(sorted(MOVEMENTS))}
_FACE_BIT: Final = np.uint32(1 << (len(PLANES) - 1))
_FACE, _MOUTH, _TEETH, _BEARD = FACE, MOUTH, TEETH, BEARD


def draw_masks(
    stage: Stage,
    subject: Subject,
    posed: Posed,
    truth: tuple[Mapping[int, float], Mapping[int, float]],
    buffer: Buffer,
    size: tuple[int, int],
) -> NDArray[np.uint32]:
    """Return the masks of one picture as bit planes.

    Args:
        stage: What subjects share.
        subject: Who was drawn.
        posed: The face as it was asked to be.
        truth: Intensity 0-5 by AU that the picture shows, subject's left and right.
        buffer: What each sample of the picture sees; whole multiples of `size`.
        size: Height and width of the masks, pixels.

    Returns:
        `size` uint32; bit k is the plane `PLANES[k]`.
    """
    aus = sorted(truth[0].keys() | truth[1].keys())
    head, count = subject.head, len(stage.rig.vertices)
    moved = np.zeros((len(head.extra), len(aus)), np.float32)  # 1 where it just belongs to the mask
    bits = np.array([_BIT[au] for au in aus], np.uint32)
    mouth, wrinkled = np.uint32(0), np.zeros(stage.surface.inside.shape, np.uint32)
    for column, au in enumerate(aus):
        levels = (truth[0].get(au, 0.0), truth[1].get(au, 0.0))
        before, offsets = _without(stage.rig, subject, posed, au, levels)
        distance = np.sqrt(np.einsum("ij,ij->i", offsets, offsets))
        moved[:count, column] = distance / max(MOVED_CM, MOVED_SHARE * float(distance.max()))
        if lip_gap(before + offsets, stage.rig) - lip_gap(before, stage.rig) >= PARTED_CM:
            mouth |= _BIT[au]
        for height, level in zip(_envelope(stage, subject, au), reversed(levels), strict=False):
            share = subject.traits.wrinkling * posed.expression.wrinkle_gain * MOVEMENTS[au].share(level)
            depth = fold_depth(subject.folds[au], share)
            if depth > 0:
                np.bitwise_or(wrinkled, _BIT[au], out=wrinkled, where=height >= WRINKLED_CM / depth)
    moved[count : count + len(head.anchor)] = moved[head.anchor]
    out = np.zeros(size, np.uint32)
    _fill(buffer, head.mesh, _Shown(moved, bits, wrinkled, mouth, head.extra), out)
    return out


def planes(masks: NDArray[np.uint32]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the name and the (H, W) mask of every plane that is not empty.

    Args:
        masks: (H, W) bit planes.
    """
    for k, name in enumerate(PLANES):
        plane = (masks >> np.uint32(k)) & np.uint32(1) == 1
        if plane.any():
            yield name, plane


def pack(masks: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return bit planes as the channels of a picture: bits 0-7 red, 8-15 green, 16-23 blue.

    Args:
        masks: (H, W) bit planes.

    Returns:
        (H, W, 3) RGB uint8.
    """
    return np.stack([(masks >> np.uint32(shift)).astype(np.uint8) for shift in (0, 8, 16)], axis=-1)


def _without(
    rig: Rig, subject: Subject, drawn: Posed, au: int, levels: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Return the face without an AU, (N, 3) cm, and how the AU moves it, the same."""
    expression = drawn.expression
    offsets = np.zeros_like(subject.vertices)
    asked = max(expression.left.get(au, 0.0), expression.right.get(au, 0.0)) > 0
    if au == 25 or not asked:
        alone = Expression({au: levels[0]}, {au: levels[1]})
        add_shapes(offsets, rig, face_weights(rig, subject.vertices, alone))
        return subject.vertices, offsets
    left, right = ({a: v for a, v in side.items() if a != au} for side in (expression.left, expression.right))
    others = face_weights(rig, subject.vertices, replace(expression, left=left, right=right))
    by_name = {n: drawn.weights.get(n, 0.0) - others.get(n, 0.0) for n in {**drawn.weights, **others}}
    add_shapes(offsets, rig, {name: weight for name, weight in by_name.items() if weight})
    return drawn.vertices - offsets, offsets


def _envelope(stage: Stage, subject: Subject, au: int) -> tuple[Floats, ...]:
    """Return how high a subject's wrinkles of one AU stand around each texel; nothing where it has none."""
    return _envelopes(stage)[au][subject.folds[au].pattern] if au in stage.wrinkles else ()


@lru_cache(maxsize=2)
def _envelopes(stage: Stage) -> dict[int, tuple[Pair, ...]]:
    """Return how high each pattern stands around each texel, valleys between two ridges filled."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))

    def envelope(height: Floats) -> Floats:
        closed = cv2.morphologyEx(np.abs(height), cv2.MORPH_CLOSE, kernel)
        return np.asarray(cv2.dilate(closed, near), np.float32)

    return {
        au: tuple((envelope(right), envelope(left)) for right, left in patterns)
        for au, patterns in stage.wrinkles.items()
    }


class _Shown(NamedTuple):
    """What decides a mask, for A action units.

    Attributes:
        moved: (N, A) float32, movement of each vertex, 1 where it just belongs to the mask.
        bits: (A,) uint32, the AUs' planes.
        wrinkled: (S, S) uint32, planes of each texel of the skin.
        mouth: Planes of those that part the lips.
        cover: (N,) float32, how much painted hair covers the skin, 0-1.
    """

    moved: Floats
    bits: NDArray[np.uint32]
    wrinkled: NDArray[np.uint32]
    mouth: np.uint32
    cover: Floats


@uncounted_inline
def _planes_at(
    t: int, w0: np.float32, w1: np.float32, mesh: Mesh, shown: _Shown
) -> np.uint32:  # pragma: no cover - compiled
    """Return the planes of one place on a triangle."""
    found, part, w2 = np.uint32(0), mesh.part[t], np.float32(1.0) - w0 - w1
    if part in (_MOUTH, _TEETH):
        return shown.mouth
    if part not in (_FACE, _BEARD):
        return found
    a, b, c = mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2]
    if part == _FACE:
        if w0 * shown.cover[a] + w1 * shown.cover[b] + w2 * shown.cover[c] >= 0.5:
            return found
        texels = shown.wrinkled.shape[0]
        ua, ub, uc = mesh.uv_triangles[t, 0], mesh.uv_triangles[t, 1], mesh.uv_triangles[t, 2]
        u = w0 * mesh.uv[ua, 0] + w1 * mesh.uv[ub, 0] + w2 * mesh.uv[uc, 0]
        v = w0 * mesh.uv[ua, 1] + w1 * mesh.uv[ub, 1] + w2 * mesh.uv[uc, 1]
        i = min(max(int((1 - v) * texels), 0), texels - 1)
        j = min(max(int(u * texels), 0), texels - 1)
        found |= shown.wrinkled[i, j] | _FACE_BIT
    for k in range(len(shown.bits)):
        if w0 * shown.moved[a, k] + w1 * shown.moved[b, k] + w2 * shown.moved[c, k] >= 1.0:
            found |= shown.bits[k]
    return found


@uncounted
def _fill(
    buffer: Buffer, mesh: Mesh, shown: _Shown, out: NDArray[np.uint32]
) -> None:  # pragma: no cover - compiled
    """Set the bits of each mask pixel that at least two of the four samples around its middle have."""
    height, width = out.shape
    step = buffer.triangle.shape[0] // height
    first, second = (step - 1) // 2, step // 2
    for y in range(height):
        for x in range(width):
            once, twice = np.uint32(0), np.uint32(0)
            for sample in range(4):
                row = y * step + (first if sample < 2 else second)
                column = x * step + (first if sample % 2 == 0 else second)
                t = buffer.triangle[row, column]
                if t >= 0:
                    w0, w1 = buffer.weight0[row, column], buffer.weight1[row, column]
                    found = _planes_at(t, w0, w1, mesh, shown)
                    twice |= once & found
                    once |= found
            out[y, x] = twice
