"""Procedural skin: colour and gloss of a subject's face, painted on the face's texture plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from openau.records import Floats
from openau.synth.beard import beard_region
from openau.synth.brows import fit_texels, paint_brows
from openau.synth.coat import base_coat, bound, dim, lay_lit, lay_over
from openau.synth.hairline import Hairline, ScalpPlaces, scalp_places
from openau.synth.lips import LipMaps, lip_maps, tone_lips
from openau.synth.rig import Rig
from openau.synth.surface import TEXTURE_SIZE, Surface
from openau.synth.texture import blur, bump, float32, line_distance, resize, smooth_step
from openau.synth.traits import BeardStyle, Brow, Lids, Traits

_ALL: Final = float32([1, 1, 1])
_BANK: Final = 1024
"""Side of the bank of fine noise from which every subject takes a window, in texels."""


@dataclass(frozen=True, slots=True, eq=False)
class SkinMaps:
    """Regions of the face's texture that every subject paints differently, (S, S) float32 in 0-1 unless said.

    Attributes:
        x: Place to the subject's left, cm.
        y: Place upward, cm.
        z: Place forward, cm.
        blush: Cheeks, nose and chin, where blood shows.
        rouge: Where rouge is put on the cheeks.
        orbit: Around the eyes.
        circles: The crescent under the eyes.
        upper_cm: Distance to the lash line of the upper lids, cm.
        lower_cm: Distance to the lash line of the lower lids, cm.
        crease: Distance below (negative) or above the usual lid crease, cm.
        lips: The red of the lips.
        lip_edge: How far inside the lips, 0 at the edge and 1 in the middle.
        lip_parts: Upper lip, lower lip, and the line where they meet.
        beards: Where each style of beard grows.
        freckled: Where freckles gather.
        shine: Forehead, nose and lips.
        ears: 1 on the ears.
        fine: (1024, 1024) float32 fine noise, mean 0 and deviation 1.
        brow_fits: See `fit_texels`.
        scalp: What all hairlines have in common at each texel.
    """

    x: Floats
    y: Floats
    z: Floats
    blush: Floats
    rouge: Floats
    orbit: Floats
    circles: Floats
    upper_cm: Floats
    lower_cm: Floats
    crease: Floats
    lips: Floats
    lip_edge: Floats
    lip_parts: LipMaps
    beards: Mapping[BeardStyle, Floats]
    freckled: Floats
    shine: Floats
    ears: Floats
    fine: Floats
    brow_fits: tuple[Floats, Floats]
    scalp: ScalpPlaces


def build_skin_maps(rig: Rig, surface: Surface) -> SkinMaps:
    """Find the regions of the face on its texture.

    Args:
        rig: The rig, for its landmarks.
        surface: The texture plane.
    """
    x, y, z = (surface.position[..., k].copy() for k in range(3))
    side = np.abs(x)
    marks = [(float(p[0]), float(p[1])) for p in rig.vertices[rig.landmarks]]
    upper, _ = line_distance(tuple(marks[i] for i in (42, 43, 44, 45)), side, y)
    lower, _ = line_distance(tuple(marks[i] for i in (42, 47, 46, 45)), side, y)
    lips = _lip_mask(surface)
    fine = np.random.default_rng(11).standard_normal((_BANK, _BANK), np.float32)
    fine = blur(fine, 0.8)
    crease_line = np.interp(side, [1.7, 2.4, 3.3, 4.1, 4.9], [3.5, 4.25, 4.45, 4.25, 3.7])
    under = np.interp(side, [1.5, 2.2, 3.2, 4.4], [2.75, 2.3, 2.15, 2.5])
    free = (1 - np.clip(1.3 * lips, 0, 1)) * (1 - surface.ear_map)
    styles: tuple[BeardStyle, ...] = ("moustache", "goatee", "short", "full")
    beards = {style: float32(beard_region(style, x, y, z) * free) for style in styles}
    return SkinMaps(
        x=x,
        y=y,
        z=z,
        blush=bump(np.hypot(side - 4.2, y + 0.3), 2.2) * 0.6
        + bump(np.hypot(x, y - 0.3), 1.3) * 0.6
        + bump(np.hypot(x, y + 6.8), 1.3) * 0.3,
        rouge=bump(np.hypot(side - 4.9, (y - 0.2 - 0.35 * (side - 4.9)) * 1.5), 1.7),
        orbit=bump(np.hypot((side - 3.1) / 1.9, (y - 2.9) / 1.1), 1.0),
        circles=bump(y - under, 0.5) * smooth_step(1.2, 1.9, side) * smooth_step(4.9, 3.6, side),
        upper_cm=upper,
        lower_cm=lower,
        crease=float32(y - crease_line),
        lips=lips,
        lip_edge=np.clip(blur(lips, 5.0) * 1.6 - 0.6, 0, 1),
        lip_parts=lip_maps(rig, x, y, lips),
        beards={**beards, "stubble": beards["short"]},
        freckled=bump(np.hypot(side / 4.5, (y - 0.8) / 2.6), 1.0) + 0.25 * bump(y - 7, 2.5),
        shine=0.5 + 0.5 * bump(np.hypot(x, y - 1) / 1.5, 1.5) + 0.6 * lips,
        ears=surface.ear_map,
        fine=fine / fine.std(),
        brow_fits=fit_texels(surface),
        scalp=scalp_places(x, y, z),
    )


def _lip_mask(surface: Surface) -> Floats:
    """Return the red of the lips with a soft edge."""
    lips = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.uint8)
    outline = np.round(surface.texel[48:60] * 8).astype(np.int32)
    cv2.fillPoly(lips, [outline], 255, shift=3)
    return blur(lips.astype(np.float32) / 255, 2.0)


def paint_skin(
    rng: np.random.Generator, traits: Traits, hairline: Hairline, maps: SkinMaps
) -> tuple[Floats, tuple[Brow, Brow]]:
    """Paint one subject's face.

    Args:
        rng: The source of chance.
        traits: The subject.
        hairline: Where scalp hair begins.
        maps: Regions of the face.

    Returns:
        (S, S, 4) float32: linear RGB reflectance 0-1, and gloss; the right and the left brow as painted.
    """
    blotch, patch, fine = _patches(rng, 12), _patches(rng, 64), _window(rng, maps.fine)
    aged = float(np.clip((traits.age - 30) / 40, 0, 1))
    tint = 1 + 0.03 * blotch + (0.02 + 0.03 * aged) * patch + 0.02 * fine
    red = maps.blush * np.float32(rng.uniform(0.2, 1.1) * (1 - 0.55 * traits.tone)) + 0.12 * aged * patch
    lids = traits.lids
    shadow = maps.orbit * np.float32(rng.uniform(0.03, 0.22)) + maps.circles * np.float32(0.32 * lids.circles)
    rim = np.clip(lids.lid_line * (0.85 * bump(maps.upper_cm, 0.12) + 0.4 * bump(maps.lower_cm, 0.07)), 0, 1)
    lips = maps.lips * np.float32(traits.lip_strength)
    lip_light = 1 + 0.06 * fine - 0.14 * (1 - maps.lip_edge)
    painted = np.empty((TEXTURE_SIZE, TEXTURE_SIZE, 4), np.float32)
    base_coat(painted, float32(traits.skin), float32(tint), float32(red), float32(shadow))
    lay_lit(painted, float32(lips), float32(traits.lip), float32(lip_light))
    tone_lips(painted, traits.lip_tones, maps.lip_parts)
    _spot(rng, painted, traits, maps)
    _make_up(painted, traits, maps)
    dim(painted, float32(rim), _ALL)
    beard = _beard_cover(rng, traits, maps, fine)
    scalp = _scalp_cover(hairline, maps, fine, patch)
    brow, brows = paint_brows(rng, traits.brows, maps.x, maps.y, maps.brow_fits)
    for cover, colour in ((beard, traits.beard_colour), (brow, traits.brow), (scalp, traits.hair)):
        lay_over(painted, float32(cover), float32(colour))
    bound(painted, 0.003, 0.92)
    paint_shine = 0.5 * maps.lips if traits.makeup.lipstick else np.float32(0)
    painted[..., 3] = maps.shine * (1 + 0.09 * patch) * (1 - 0.6 * beard) * (1 - 0.7 * scalp) + paint_shine
    return painted, brows


def resting_relief(rng: np.random.Generator, traits: Traits, maps: SkinMaps) -> Floats:
    """Return pores, fine skin grain and the lid crease of one subject as heights.

    Args:
        rng: The source of chance.
        traits: The subject.
        maps: Regions of the face.

    Returns:
        (S, S) float32 heights, cm.
    """
    old = float(np.clip((traits.age - 40) / 35, 0, 1))
    pores = _window(rng, maps.fine) * np.float32(rng.uniform(0.001, 0.003) + 0.002 * old)
    return float32(pores - lid_crease(traits.lids, maps))


def lid_crease(lids: Lids, maps: SkinMaps) -> Floats:
    """Return how deep the fold of the upper lid is, (S, S) float32, cm.

    Args:
        lids: The subject's lids.
        maps: Regions of the face.
    """
    side = np.abs(maps.x)
    on_lid = smooth_step(1.6, 2.2, side) * smooth_step(5.2, 4.5, side)
    return bump(maps.crease - np.float32(lids.crease_cm), 0.10) * on_lid * np.float32(lids.crease_depth_cm)


def darken_folds(painted: Floats, height: Floats) -> None:
    """Darken the bottom of folds, where little light falls, in place.

    Args:
        painted: (S, S, 4) float32, skin that `paint_skin` painted.
        height: (S, S) float32, cm, negative in folds.
    """
    dim(painted, float32(np.clip(-height * np.float32(4), 0, 0.35)), float32([0.88, 1.0, 1.0]))


def _patches(rng: np.random.Generator, count: int) -> Floats:
    """Return smooth noise of `count` blobs across the texture."""
    seed = rng.standard_normal((count, count)).astype(np.float32)
    return resize(seed, (TEXTURE_SIZE, TEXTURE_SIZE), cv2.INTER_CUBIC)


def _window(rng: np.random.Generator, bank: Floats) -> Floats:
    """Return a random window of the noise bank."""
    row, column = rng.integers(0, _BANK - TEXTURE_SIZE, 2)
    return bank[row : row + TEXTURE_SIZE, column : column + TEXTURE_SIZE]


def _beard_cover(rng: np.random.Generator, traits: Traits, maps: SkinMaps, fine: Floats) -> Floats:
    """Return how much the beard darkens each texel: shaved, stubble, the ground under a beard."""
    shadow = rng.uniform(0.03, 0.2)
    if traits.gender == "male" and traits.beard_style == "none":
        # Shaved dark hair still shows through light skin.
        contrast = float(np.clip(1 - traits.beard_colour.mean() / max(traits.skin.mean(), 1e-3), 0, 1))
        return maps.beards["short"] * np.float32(shadow * contrast)
    if traits.beard_style == "none":
        return np.zeros_like(fine)
    zone = maps.beards[traits.beard_style]
    if traits.beard_style == "stubble":
        return float32(np.clip(zone * (traits.beard * (0.65 + 0.35 * fine)), 0, 0.85))
    rest = maps.beards["short"] * np.float32(0.6 * shadow)
    return float32(np.clip(np.maximum(zone * (0.35 + 0.5 * traits.beard + 0.15 * fine), rest), 0, 0.95))


def _scalp_cover(hairline: Hairline, maps: SkinMaps, fine: Floats, patch: Floats) -> Floats:
    """Return how much scalp hair covers each texel: an uneven edge, single hairs before it."""
    inside = hairline.inside(maps.scalp) + 0.14 * patch + 0.16 * fine
    cover = smooth_step(-hairline.softness, hairline.softness * 1.4, inside)
    cover[maps.y < -8] = 0
    return float32(cover * (1 - maps.ears) * hairline.strength * np.clip(0.95 + 0.1 * fine, 0.5, 1))


def _make_up(painted: Floats, traits: Traits, maps: SkinMaps) -> None:
    """Put on eye shadow, liner and rouge, in place."""
    makeup = traits.makeup
    if makeup.shadow_strength:
        lid = smooth_step(0.55, -0.2, maps.crease) * smooth_step(2.9, 3.5, maps.y + 0.05 * maps.lower_cm)
        lid = (
            lid
            * smooth_step(1.1, 0.4, maps.upper_cm)
            * smooth_step(-0.1, 0.12, maps.lower_cm - maps.upper_cm)
        )
        lay_over(painted, float32(lid * makeup.shadow_strength), float32(makeup.shadow))
    if makeup.liner:
        side = np.abs(maps.x)
        outer = 0.6 + 0.6 * smooth_step(2.2, 4.4, side)
        line = bump(maps.upper_cm, 0.10) * outer + 0.5 * bump(maps.lower_cm, 0.06) * smooth_step(
            2.4, 3.8, side
        )
        dim(painted, float32(np.clip(line * makeup.liner, 0, 0.95)), _ALL)
    if makeup.blush:
        rouge = maps.rouge * np.float32(makeup.blush)
        dim(painted, float32(rouge), float32([-0.08, 0.34, 0.28]))


def _spot(rng: np.random.Generator, painted: Floats, traits: Traits, maps: SkinMaps) -> None:
    """Add moles, freckles and age spots in place."""
    dots = []
    if traits.freckles:
        chosen = np.flatnonzero((maps.freckled > 0.12).ravel())
        count = int(60 + 240 * traits.freckles)
        picked = rng.choice(chosen, count, p=None)
        keep = rng.random(count) < maps.freckled.ravel()[picked]
        dots += [
            (divmod(int(i), TEXTURE_SIZE), rng.uniform(0.7, 1.5), rng.uniform(0.22, 0.55))
            for i in picked[keep]
        ]
    for _ in range(int(25 * traits.age_spots)):
        dots.append((tuple(rng.integers(90, 440, 2)), rng.uniform(1.5, 4.5), rng.uniform(0.1, 0.35)))
    for _ in range(int(rng.integers(0, 6))):
        dots.append((tuple(rng.integers(90, 440, 2)), rng.uniform(0.8, 1.9), rng.uniform(0.3, 0.75)))
    for (row, column), radius, depth in dots:
        reach = int(radius * 2.5) + 1
        if not (reach < row < TEXTURE_SIZE - reach and reach < column < TEXTURE_SIZE - reach):
            continue
        rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
        cover = bump(np.hypot(rows, columns * 0.85).astype(np.float32), radius)[..., None] * np.float32(depth)
        window = painted[row - reach : row + reach + 1, column - reach : column + reach + 1, :3]
        window += (traits.skin * float32([0.5, 0.38, 0.32]) - window) * cover


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
    turn = (np.arctan2(rows - 63.5, columns - 63.5) / (2 * np.pi) + 0.5) * 255
    aged = float(np.clip((traits.age - 40) / 40, 0, 1))
    white = np.array([0.56, 0.515, 0.475]) * (1 - 0.36 * traits.tone) * rng.uniform(0.8, 1.05)
    white = white * (1 - aged * np.array([0.02, 0.05, 0.16]))
    # Blood in the corners: redder away from the iris, in veins.
    veins = np.abs(blur(rng.standard_normal((128, 128)).astype(np.float32), 1.6)) * 3
    corner = smooth_step(0.14, 0.36, radius) * (0.6 + 0.5 * np.clip(1 - veins, 0, 1) * rng.uniform(0.3, 1.3))
    eye = white * (1 - corner[..., None] * np.array([0.14, 0.38, 0.4]))
    iris_radius, pupil_radius = rng.uniform(0.114, 0.126), rng.uniform(0.032, 0.06)
    spokes = blur(rng.standard_normal((16, 256)).astype(np.float32), 1.2)
    ring = np.clip(radius / iris_radius * 15, 0, 15)
    fibre = 1 + 1.1 * cv2.remap(spokes, float32(turn), float32(ring * 0.5), cv2.INTER_LINEAR)
    limbus = 1 - rng.uniform(0.45, 0.8) * bump(radius - iris_radius, 0.024)
    # Around the pupil many irises are browner.
    centre = bump(radius - pupil_radius, 0.022)[..., None] * rng.uniform(0, 0.7)
    iris = traits.eye * (np.clip(fibre, 0.4, 1.8) * limbus)[..., None]
    iris = iris + (np.array([0.09, 0.05, 0.022]) - iris) * centre
    eye += (iris - eye) * smooth_step(iris_radius + 0.012, iris_radius - 0.012, radius)[..., None]
    eye += (0.004 - eye) * smooth_step(pupil_radius + 0.006, pupil_radius - 0.006, radius)[..., None]
    return np.ascontiguousarray(np.clip(eye, 0.002, 0.9), np.float32)
