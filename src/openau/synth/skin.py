"""Procedural skin: colour and gloss of a subject's face, painted on the face's texture plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from openau.records import Floats
from openau.synth.rig import Rig
from openau.synth.surface import TEXTURE_SIZE, Surface
from openau.synth.texture import blur, bump, float32, line_distance, resize, smooth_step
from openau.synth.traits import Traits

_BANK: Final = 1024
"""Side of the bank of fine noise from which every subject takes a window, in texels."""


@dataclass(frozen=True, slots=True, eq=False)
class SkinMaps:
    """Regions of the face's texture that every subject paints differently, (S, S) float32 in 0-1 unless said.

    Attributes:
        x: Place to the subject's left, cm.
        y: Place upward, cm.
        blush: Cheeks, nose and chin, where blood shows.
        orbit: Around the eyes.
        upper_rim: Lash line of the upper lids.
        lower_rim: Lash line of the lower lids.
        crease: Distance below (negative) or above the usual lid crease, cm.
        lips: The red of the lips.
        beard: Where a beard grows.
        shine: Forehead, nose and lips.
        fine: (1024, 1024) float32 fine noise, mean 0 and deviation 1.
    """

    x: Floats
    y: Floats
    blush: Floats
    orbit: Floats
    upper_rim: Floats
    lower_rim: Floats
    crease: Floats
    lips: Floats
    beard: Floats
    shine: Floats
    fine: Floats


def build_skin_maps(rig: Rig, surface: Surface) -> SkinMaps:
    """Find the regions of the face on its texture.

    Args:
        rig: The rig, for its landmarks.
        surface: The texture plane.
    """
    x, y = surface.position[..., 0].copy(), surface.position[..., 1].copy()
    side = np.abs(x)
    marks = [(float(p[0]), float(p[1])) for p in rig.vertices[rig.landmarks]]
    upper, _ = line_distance(tuple(marks[i] for i in (42, 43, 44, 45)), side, y)
    lower, _ = line_distance(tuple(marks[i] for i in (42, 47, 46, 45)), side, y)
    lips = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.uint8)
    outline = np.round(surface.texel[48:60] * 8).astype(np.int32)
    cv2.fillPoly(lips, [outline], 255, shift=3)
    soft_lips = blur(lips.astype(np.float32) / 255, 2.0)
    jaw = smooth_step(0.1, -2.6, y - 0.16 * side) * bump(np.maximum(0, -y - 9.5), 1.5)
    fine = np.random.default_rng(11).standard_normal((_BANK, _BANK), np.float32)
    fine = blur(fine, 0.8)
    crease_line = np.interp(side, [1.7, 2.4, 3.3, 4.1, 4.9], [3.5, 4.25, 4.45, 4.25, 3.7])
    return SkinMaps(
        x=x,
        y=y,
        blush=bump(np.hypot(side - 4.2, y + 0.3), 2.2) * 0.6
        + bump(np.hypot(x, y - 0.3), 1.3) * 0.6
        + bump(np.hypot(x, y + 6.8), 1.3) * 0.3,
        orbit=bump(np.hypot((side - 3.1) / 1.9, (y - 2.9) / 1.1), 1.0),
        upper_rim=bump(upper, 0.13),
        lower_rim=bump(lower, 0.10),
        crease=float32(y - crease_line),
        lips=soft_lips,
        beard=jaw * (1 - soft_lips) * (0.5 + 0.5 * (np.hypot(x, y + 2.6) > 1.2)).astype(np.float32),
        shine=0.5 + 0.5 * bump(np.hypot(x, y - 1) / 1.5, 1.5) + 0.6 * soft_lips,
        fine=fine / fine.std(),
    )


def paint_skin(rng: np.random.Generator, traits: Traits, maps: SkinMaps) -> Floats:
    """Paint one subject's face.

    Args:
        rng: The source of chance.
        traits: The subject.
        maps: Regions of the face.

    Returns:
        (S, S, 4) float32: linear RGB reflectance 0-1, and gloss.
    """
    blotch, patch, fine = _patches(rng, 12), _patches(rng, 64), _window(rng, maps.fine)
    tint = 1 + 0.03 * blotch + 0.025 * patch + 0.018 * fine
    red = maps.blush * np.float32(rng.uniform(0.2, 1.0) * (1 - 0.5 * traits.tone))
    shadow = maps.orbit * np.float32(rng.uniform(0.03, 0.28))
    rim = 1 - traits.lid_line * (0.85 * maps.upper_rim + 0.35 * maps.lower_rim)
    beard = maps.beard * np.float32(traits.beard) * np.clip(0.6 + 0.25 * fine, 0, 1)
    brow = _brow_cover(rng, traits, maps, fine)
    lips = maps.lips * np.float32(traits.lip_strength)
    lip_light = 1 + 0.05 * fine
    painted = np.empty((TEXTURE_SIZE, TEXTURE_SIZE, 4), np.float32)
    for c, (redder, darker) in enumerate(((0.10, 0.5), (-0.13, 0.6), (-0.12, 0.5))):
        layer = traits.skin[c] * tint * (1 + np.float32(redder) * red) * (1 - np.float32(darker) * shadow)
        layer = layer * rim
        layer += (traits.lip[c] * lip_light - layer) * lips
        layer += (traits.hair[c] * np.float32(0.8) - layer) * beard
        layer += (traits.brow[c] - layer) * brow
        painted[..., c] = layer
    _spot(rng, painted, traits)
    np.clip(painted[..., :3], 0.004, 0.92, out=painted[..., :3])
    painted[..., 3] = maps.shine * (1 + 0.09 * patch) * (1 - 0.6 * beard)
    return painted


def resting_relief(rng: np.random.Generator, maps: SkinMaps) -> Floats:
    """Return pores, fine skin grain and the lid crease of one subject as heights.

    Args:
        rng: The source of chance.
        maps: Regions of the face.

    Returns:
        (S, S) float32 heights, cm.
    """
    pores = _window(rng, maps.fine) * np.float32(rng.uniform(0.001, 0.0035))
    # Some people have a deep double fold, some a hooded or single lid without one.
    place = np.float32(rng.normal(0, 0.16))
    depth = np.float32(max(0.0, rng.uniform(-0.04, 0.12)))
    on_lid = smooth_step(1.6, 2.2, np.abs(maps.x)) * smooth_step(5.2, 4.6, np.abs(maps.x))
    return float32(pores - bump(maps.crease - place, 0.11) * on_lid * depth)


def _patches(rng: np.random.Generator, count: int) -> Floats:
    """Return smooth noise of `count` blobs across the texture."""
    seed = rng.standard_normal((count, count)).astype(np.float32)
    return resize(seed, (TEXTURE_SIZE, TEXTURE_SIZE), cv2.INTER_CUBIC)


def _window(rng: np.random.Generator, bank: Floats) -> Floats:
    """Return a random window of the noise bank."""
    row, column = rng.integers(0, _BANK - TEXTURE_SIZE, 2)
    return bank[row : row + TEXTURE_SIZE, column : column + TEXTURE_SIZE]


def _brow_cover(rng: np.random.Generator, traits: Traits, maps: SkinMaps, fine: Floats) -> Floats:
    """Return how much brow hair covers each texel, 0-1: a curved band of strokes, the subject's own."""
    side = np.abs(maps.x)
    arch, lift, tail = rng.uniform(-0.15, 0.3), rng.uniform(-0.45, 0.2), rng.uniform(-0.35, 0.25)
    inner = rng.uniform(0.75, 1.45)
    middle = np.interp(
        side,
        [1.05, 1.9, 3.1, 4.3, 5.4],
        [5.15 + lift, 5.55 + lift, 5.8 + lift + arch, 5.65 + lift + arch / 2, 4.95 + lift + tail],
    )
    full = rng.uniform(0.55, 1.35) * (1.1 if traits.gender == "male" else 0.85)
    half = np.interp(side, [0.9, 1.3, 3.2, 5.0, 5.7], [0.18, 0.46, 0.46, 0.30, 0.08]) * full
    edge = smooth_step(0, 1, ((1 - np.abs(maps.y - middle) / half) * 2.0).astype(np.float32))
    ends = smooth_step(inner - 0.3, inner + 0.25, side) * smooth_step(5.9, 5.1, side)
    strokes = 0.5 + 0.5 * np.sin(side * 26 + maps.y * np.float32(14 * rng.uniform(0.6, 1.2)) + 1.2 * fine)
    cover = edge * ends * (0.7 + 0.25 * strokes + 0.12 * fine) * np.float32(0.35 + 0.75 * traits.brow_density)
    return float32(np.clip(blur(cover, 0.7), 0, 0.96))


def _spot(rng: np.random.Generator, painted: Floats, traits: Traits) -> None:
    """Add moles, freckles and age spots in place."""
    freckled = traits.tone < 0.35 and rng.random() < 0.2
    count = int(rng.integers(60, 160)) if freckled else int(rng.integers(0, 9))
    for _ in range(count):
        row, column = rng.integers(90, 440, 2)
        radius, depth = (
            rng.uniform(0.8, 1.6 if freckled else 2.5),
            rng.uniform(0.15, 0.3 if freckled else 0.6),
        )
        reach = int(radius * 3) + 1
        rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
        cover = bump(np.hypot(rows, columns).astype(np.float32), radius)[..., None] * np.float32(depth)
        window = painted[row - reach : row + reach + 1, column - reach : column + reach + 1, :3]
        window += (traits.skin * np.float32(0.4) - window) * cover


def paint_eye(rng: np.random.Generator, traits: Traits) -> Floats:
    """Paint an eyeball as its texture wants it: the iris in the middle.

    Args:
        rng: The source of chance.
        traits: The subject.

    Returns:
        (128, 128, 3) float32 linear RGB reflectance 0-1.
    """
    rows, columns = np.mgrid[:128, :128].astype(np.float32)
    radius = np.hypot(columns - 63.5, rows - 63.5) / 128
    angle = np.arctan2(rows - 63.5, columns - 63.5)
    white = np.array([0.60, 0.555, 0.52]) * (1 - 0.25 * traits.tone) * rng.uniform(0.85, 1.08)
    # Blood in the corners: redder away from the iris.
    eye = white * (1 - smooth_step(0.15, 0.4, radius)[..., None] * np.array([0.1, 0.35, 0.38]))
    iris_radius, pupil_radius = rng.uniform(0.115, 0.128), rng.uniform(0.035, 0.06)
    fibre = 1 + 0.25 * np.sin(angle * 23 + 100 * radius) + 0.15 * np.sin(angle * 41)
    ring = 1 - 0.6 * bump(radius - iris_radius + 0.008, 0.018)
    iris = traits.eye * (fibre * ring)[..., None]
    eye += (iris - eye) * smooth_step(iris_radius + 0.008, iris_radius - 0.012, radius)[..., None]
    eye += (0.004 - eye) * smooth_step(pupil_radius + 0.008, pupil_radius - 0.008, radius)[..., None]
    return np.ascontiguousarray(eye, np.float32)
