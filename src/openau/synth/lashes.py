"""Lashes as single clumps of hair that move with the rig's lash cards, which are themselves not drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.piece import Piece
from openau.synth.rig import FACE, LASH, LOWER_LASH, Rig
from openau.synth.texture import Numbers, float32
from openau.synth.traits import Lids

_UPPER: Final = (34, 0.85, 0.055)
_LOWER: Final = (22, 0.38, 0.035)
"""Clumps on a lid, usual length and width at the root, cm."""


@dataclass(frozen=True, slots=True, eq=False)
class LashLine:
    """Where the lashes of one lid grow.

    Attributes:
        cards: (K,) int64, the vertices of the rig's lash cards there.
        roots: (R, 3) float32, cm, from the inner to the outer corner.
        is_upper: Whether it is an upper lid.
        side: 1 for the subject's left, -1 for the right.
    """

    cards: NDArray[np.int64]
    roots: Floats
    is_upper: bool
    side: int


def find_lash_lines(rig: Rig) -> tuple[LashLine, ...]:
    """Find the four rows of lash roots: the vertices of the lash cards that touch the skin.

    Args:
        rig: The rig.
    """
    skin = rig.vertices[np.unique(rig.triangles[rig.part == FACE])]
    lines = []
    for part in (LASH, LOWER_LASH):
        for side in (1, -1):
            cards = np.unique(rig.triangles[rig.part == part]).astype(np.int64)
            cards = cards[rig.vertices[cards, 0] * side > 0]
            if len(cards):
                lines.append(LashLine(cards, _roots(rig.vertices[cards], skin), part == LASH, side))
    return tuple(lines)


def _roots(cards: Floats, skin: Floats) -> Floats:
    """Return a smooth line through the card vertices that lie on the skin."""
    gap = np.array([np.sqrt(((skin - point) ** 2).sum(axis=1).min()) for point in cards])
    low, high = 1.95, 4.6
    places = np.linspace(low, high, 12)
    side = np.abs(cards[:, 0])
    chosen = []
    for place in places:
        near = np.abs(side - place) < 0.22
        # The few that are nearest to the skin within a short stretch of the lid.
        best = (
            np.flatnonzero(near)[np.argsort(gap[near])[:3]]
            if near.any()
            else [int(np.abs(side - place).argmin())]
        )
        chosen.append(cards[best].mean(axis=0))
    line = np.array(chosen)
    line[:, 0] = places * np.sign(cards[0, 0])
    padded = np.pad(line[:, 1:], ((1, 1), (0, 0)), mode="edge")
    line[:, 1:] = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return float32(line)


def grow_lashes(rng: np.random.Generator, lids: Lids, lines: tuple[LashLine, ...], rig: Rig) -> Piece:
    """Give a subject lashes.

    Args:
        rng: The source of chance.
        lids: Density and length of the lashes.
        lines: Where they grow.
        rig: The rig.
    """
    parts = [_one_lid(rng, lids, line, rig) for line in lines]
    points = np.concatenate([points for points, _ in parts])
    anchors = np.concatenate([anchors for _, anchors in parts])
    first = np.arange(0, len(points), 5)[:, None]
    # Two pairs and a tip: root, root, middle, middle, tip.
    corners = np.array([[0, 1, 2], [1, 3, 2], [2, 3, 4]])
    one = (first[:, None] + corners[None]).reshape(-1, 3)
    triangles = np.concatenate([one, one[:, ::-1]]).astype(np.int32)
    return Piece(
        part=LASH,
        points=float32(points),
        triangles=triangles,
        uv=np.zeros((len(points), 2), np.float32),
        coverage=np.ones(len(triangles), np.float32),
        brightness=np.ones(len(points), np.float32),
        casting=0,
        anchor=anchors,
    )


def _one_lid(
    rng: np.random.Generator, lids: Lids, line: LashLine, rig: Rig
) -> tuple[Floats, NDArray[np.int64]]:
    """Return offsets and anchors of one lid's clumps, five points each."""
    usual, length_cm, width_cm = _UPPER if line.is_upper else _LOWER
    count = max(4, round(usual * (0.35 + 0.65 * lids.lash)))
    place = np.sort(np.clip((np.arange(count) + rng.uniform(0.1, 0.9, count)) / count, 0, 1))
    grid = np.linspace(0, 1, len(line.roots))
    root = np.stack([np.interp(place, grid, line.roots[:, k]) for k in range(3)], axis=1)
    # Longest beyond the middle, fanned out sideways.
    length = (
        length_cm
        * lids.lash_length
        * (0.55 + 0.45 * np.sin(np.pi * place**0.8))
        * rng.uniform(0.7, 1.1, count)
    )
    fan = line.side * (place - 0.42) * 0.9 + 0.12 * rng.standard_normal(count)
    rise = 0.5 if line.is_upper else -0.62
    forward = np.full(count, 0.78)
    way = np.stack([fan, np.full(count, rise), forward], axis=1)
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    bend = np.array([0, -0.16 if line.is_upper else 0.06, 0.05])
    middle = root + way * (0.55 * length)[:, None] + bend * length[:, None]
    tip = root + way * length[:, None]
    across = np.array([width_cm / 2 * (0.7 + 0.6 * lids.lash), 0, 0])
    points = np.stack(
        [root - across, root + across, middle - 0.6 * across, middle + 0.6 * across, tip], axis=1
    )
    cards = rig.vertices[line.cards]
    # The three heights of a clump move with the card vertex that is nearest there.
    nearest = [_nearest(place, cards) for place in (root, middle, tip)]
    anchor = line.cards[np.stack([nearest[k] for k in (0, 0, 1, 1, 2)], axis=1)]
    return float32((points - rig.vertices[anchor]).reshape(-1, 3)), anchor.reshape(-1)


def _nearest(places: Numbers, cards: Floats) -> NDArray[np.int64]:
    """Return the index of the card vertex nearest to each place."""
    return np.asarray(cv2.batchDistance(float32(places), float32(cards), cv2.CV_32F, K=1)[1], np.int64)[:, 0]
