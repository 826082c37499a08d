"""A subject: one face shape with its skin, hair, eyes and resting face, ready to be posed and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from openau.records import Floats
from openau.synth.beard import BeardZone, find_beard_zone, grow_beard
from openau.synth.brow_marks import BrowMarks, BrowZone, find_brow_zone, mark_brows
from openau.synth.cells import Cell
from openau.synth.expression import add_shapes
from openau.synth.glasses import make_glasses
from openau.synth.hair import grow_hair
from openau.synth.hairline import Hairline, draw_hairline
from openau.synth.head import Head, join_pieces
from openau.synth.headwear import make_headwear
from openau.synth.lashes import LashLine, find_lash_lines, grow_lashes
from openau.synth.occluder import make_occluder
from openau.synth.piece import Piece
from openau.synth.raster import add_modes
from openau.synth.rig import (
    BEARD,
    CLOTHES,
    FRAME,
    HAIR,
    HAND,
    HEAD,
    HEADWEAR,
    LASH,
    LENS,
    LOWER_LASH,
    MOUTH,
    OBJECT,
    TEETH,
    Rig,
    load_rig,
)
from openau.synth.sculpt import Forms, add_weighted, build_forms, form_weights
from openau.synth.skin import (
    SkinMaps,
    build_skin_maps,
    darken_folds,
    lid_crease,
    paint_eye,
    paint_skin,
    resting_relief,
)
from openau.synth.surface import Surface, build_surface
from openau.synth.texture import float32, halved, smooth_step
from openau.synth.traits import Traits, draw_traits
from openau.synth.wardrobe import Wardrobe, Worn, draw_occluder, draw_worn
from openau.synth.wrinkles import AGEING, Fold, Pair, build_wrinkles, draw_folds

_GUMS: Final = (0.36, 0.12, 0.11)

# Deviation of each resting weight among people: nobody's neutral face is the mean face. Mouths at rest
# differ by up to level B of several AUs; with less, networks took wide mouths of photographs for AU20.
_RESTING: Final = {
    "browDown": 0.15,
    "browInnerUp": 0.12,
    "browOuterUp": 0.12,
    "eyeBlink": 0.09,
    "eyeSquint": 0.18,
    "mouthSmile": 0.09,
    "mouthFrown": 0.13,
    "mouthStretch": 0.15,
    "mouthDimple": 0.12,
    "mouthPress": 0.10,
    "mouthUpperUp": 0.05,
    "cheekRaiser": 0.12,
    "cheekSquint": 0.10,
    "noseSneer": 0.06,
}
_RESTING_MIDDLE: Final = {
    "mouthRollUpper": 0.15,
    "mouthRollLower": 0.15,
    "mouthShrugLower": 0.09,
    "mouthPucker": 0.09,
}


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Everything that subjects share, built once per process.

    Attributes:
        rig: The rig.
        surface: The face's texture plane.
        skin_maps: Its regions.
        wrinkles: Height maps by AU, one pair for each pattern in which people wrinkle.
        forms: Lids, ageing tissue and directions among the identity modes.
        lash_lines: Where lashes grow.
        beard_zone: Where beards grow.
        brow_zone: Where brows can be.
    """

    rig: Rig
    surface: Surface
    skin_maps: SkinMaps
    wrinkles: Mapping[int, tuple[Pair, ...]]
    forms: Forms
    lash_lines: tuple[LashLine, ...]
    beard_zone: BeardZone
    brow_zone: BrowZone


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One synthetic person.

    Attributes:
        traits: How the subject looks.
        worn: What `head` shows.
        vertices: (N, 3) float32, cm, the resting face of the rig.
        body: Hair, beard, lashes and headwear, which are in every picture.
        glasses: Their pieces, none without glasses.
        cover: (N,) float32, how much hair colours each vertex, 0-1.
        head: All of that as one mesh.
        skin: (S, S, 4) float32, linear RGB and gloss.
        relief: (S, S) float32, cm: pores, lid crease and wrinkles at rest.
        coarse_skin: (S / 2, S / 2, 4), `skin` for pictures whose pixels are far larger than a texel.
        coarse_relief: (S / 2, S / 2), `relief` for them.
        eye: (128, 128, 3) float32, linear RGB.
        lip_gap_cm: Distance between the inner lips at rest.
        solid: (CLOTHES + 1, 3) float32, reflectance by part, then that of the clothes.
        clothed: (N,) float32, how much clothes cover each vertex, 0-1.
        folds: How this skin folds, by AU.
        brow_marks: Where the landmarks of the brows are.
    """

    traits: Traits
    worn: Worn
    vertices: Floats
    body: tuple[Piece, ...]
    glasses: tuple[Piece, ...]
    cover: Floats
    head: Head
    skin: Floats
    relief: Floats
    coarse_skin: Floats
    coarse_relief: Floats
    eye: Floats
    lip_gap_cm: float
    solid: Floats
    clothed: Floats
    folds: Mapping[int, Fold]
    brow_marks: BrowMarks


def build_stage(rig: Rig | None = None) -> Stage:
    """Prepare what every subject shares.

    Args:
        rig: The rig; None to load it from where the environment says.

    Raises:
        RigError: The rig is absent or not the one expected.
    """
    rig = rig if rig is not None else load_rig()
    surface = build_surface(rig)
    return Stage(
        rig=rig,
        surface=surface,
        skin_maps=build_skin_maps(rig, surface),
        wrinkles=build_wrinkles(surface),
        forms=build_forms(rig),
        lash_lines=find_lash_lines(rig),
        beard_zone=find_beard_zone(rig, surface),
        brow_zone=find_brow_zone(rig),
    )


def draw_subject(
    stage: Stage, rng: np.random.Generator, cell: Cell | None = None, wardrobe: Wardrobe | None = None
) -> Subject:
    """Draw a new person, dressed as usual and with nothing before the face; see `dress` for single pictures.

    Args:
        stage: What subjects share.
        rng: The source of chance.
        cell: Skin group and apparent gender; None to draw them too.
        wardrobe: How often people wear what; None for the usual shares.
    """
    rig, traits = stage.rig, draw_traits(rng, cell)
    worn = draw_worn(rng, traits.gender, traits.age, wardrobe or Wardrobe())
    vertices = rig.vertices.copy()
    modes = rig.identity.reshape(len(rig.identity), -1)
    add_modes(vertices.reshape(-1), modes, float32(_draw_modes(rng, stage, traits)))
    add_weighted(vertices, stage.forms.shapes, form_weights(traits))
    add_shapes(vertices, rig, _resting_face(rng, rig))
    add_shapes(vertices, rig, {"jawOpen": _jaw_rest(rng, vertices, rig)})
    hairline = draw_hairline(rng, traits)
    clothes = (rng.uniform(0.02, 0.6) * (1 + 0.35 * rng.uniform(-1, 1, 3))).astype(np.float32)
    teeth = float32(
        np.array([0.76, 0.71, 0.6])
        * rng.uniform(0.65, 1.1, 1)
        * [1, 1, rng.uniform(0.75, 1.1)]
        * (1 - 0.2 * traits.tone)
    )
    body = _grow(rng, stage, traits, hairline, vertices, worn)
    cover = _scalp_cover(stage, hairline)
    glasses = make_glasses(rng, worn.glasses, vertices, rig)
    skin, brows = paint_skin(rng, traits, hairline, stage.skin_maps)
    folds = draw_folds(rng.spawn(1)[0])
    ageing = _ageing(rng, stage, traits, folds)
    relief = resting_relief(rng, traits, stage.skin_maps) + ageing
    darken_folds(skin, ageing - lid_crease(traits.lids, stage.skin_maps))
    return Subject(
        traits=traits,
        worn=worn,
        vertices=vertices,
        body=body,
        glasses=glasses,
        cover=cover,
        head=join_pieces(rig, stage.surface, cover, (*body, *glasses)),
        skin=skin,
        relief=relief,
        coarse_skin=halved(skin),
        coarse_relief=halved(relief),
        eye=paint_eye(rng, traits),
        lip_gap_cm=lip_gap(vertices, rig),
        solid=_solid_colours(rng, traits, worn, teeth, clothes),
        clothed=_clothed(rng, rig),
        folds=folds,
        brow_marks=mark_brows(stage.brow_zone, *brows),
    )


def dress(
    stage: Stage, subject: Subject, rng: np.random.Generator, wardrobe: Wardrobe | None = None
) -> Subject:
    """Return the subject as one picture shows it: sometimes without its glasses or behind a hand or thing.

    Args:
        stage: What subjects share.
        subject: As `draw_subject` made it.
        rng: The source of chance; as many numbers are drawn whatever the wardrobe is.
        wardrobe: How often; None for the usual shares.
    """
    wardrobe = wardrobe or Wardrobe()
    keeps = bool(rng.random() < wardrobe.glasses_kept)
    occluder = draw_occluder(rng, wardrobe)
    place = np.random.default_rng(int(rng.integers(2**62)))
    if keeps and occluder == "none":
        return subject
    glasses = subject.glasses if keeps else ()
    thing = make_occluder(place, occluder, subject.vertices, stage.rig)
    head = join_pieces(stage.rig, stage.surface, subject.cover, (*subject.body, *glasses, *thing))
    shown = subject.worn.glasses if keeps else "none"
    return replace(subject, head=head, worn=replace(subject.worn, glasses=shown, occluder=occluder))


def lip_gap(vertices: Floats, rig: Rig) -> float:
    """Return the largest of the three distances between inner upper and inner lower lip.

    Args:
        vertices: (N, 3) float32, cm.
        rig: The rig, for its landmarks.

    Returns:
        Centimetres; 0 where the lips overlap.
    """
    upper, lower = vertices[rig.landmarks[[61, 62, 63]]], vertices[rig.landmarks[[67, 66, 65]]]
    return float(np.maximum(upper[:, 1] - lower[:, 1], 0).max())


def _draw_modes(rng: np.random.Generator, stage: Stage, traits: Traits) -> Floats:
    """Draw identity coefficients: by chance, leaning toward what goes with gender and ancestry."""
    modes = np.clip(rng.standard_normal(len(stage.rig.identity)), -2.4, 2.4) * 1.08
    modes += (1.15 if traits.gender == "male" else -1.15) * stage.forms.masculine
    modes += (1.7 * traits.tone - 0.8) * stage.forms.broad_nose
    return float32(modes)


def _grow(
    rng: np.random.Generator, stage: Stage, traits: Traits, hairline: Hairline, vertices: Floats, worn: Worn
) -> tuple[Piece, ...]:
    """Return lashes, beard, and hair or what hides it."""
    lashes = grow_lashes(rng, traits.lids, stage.lash_lines, stage.rig)
    beard = grow_beard(rng, traits, stage.beard_zone, stage.rig, vertices)
    hair = grow_hair(rng, traits, hairline, stage.surface, vertices)
    covered, shown = make_headwear(rng, worn.headwear, stage.surface, vertices, hair)
    return (lashes, *beard, *shown, *covered)


def _scalp_cover(stage: Stage, hairline: Hairline) -> Floats:
    """Return how much hair colours each vertex behind the face; the face itself has it painted on."""
    rig, surface = stage.rig, stage.surface
    inside = hairline.inside_cm(*rig.vertices.T)
    cover = smooth_step(-hairline.softness, hairline.softness, inside) * np.float32(hairline.strength)
    # Where face and back of the head meet, both are coloured: no seam.
    cover[surface.ear | (rig.vertices[:, 1] < -9) | ~surface.head_vertex] = 0
    return float32(cover)


def _solid_colours(
    rng: np.random.Generator, traits: Traits, worn: Worn, teeth: Floats, clothes: Floats
) -> Floats:
    """Return the colour of every part that has a single one."""
    solid = np.zeros((CLOTHES + 1, 3), np.float32)
    solid[HEAD], solid[MOUTH], solid[TEETH] = traits.skin * 0.97, _GUMS, teeth
    # Mascara darkens what may be as light as the brows.
    solid[LASH] = solid[LOWER_LASH] = np.minimum(traits.brow * 0.6, 0.012 if traits.makeup.liner else 0.05)
    solid[HAIR], solid[BEARD] = traits.hair, traits.beard_colour
    frames = np.array(
        [[0.01, 0.01, 0.01], [0.05, 0.022, 0.01], [0.3, 0.29, 0.28], [0.35, 0.25, 0.1], [0.1, 0.02, 0.03]]
    )
    solid[FRAME] = frames[int(rng.choice(5, p=[0.45, 0.2, 0.17, 0.1, 0.08]))]
    solid[LENS] = 0.02 if worn.glasses == "sunglasses" else 0.6
    solid[HEADWEAR] = rng.uniform(0.015, 0.5) * (1 + 0.5 * rng.uniform(-1, 1, 3))
    solid[HAND] = traits.skin
    solid[OBJECT] = rng.uniform(0.02, 0.7) * (1 + 0.4 * rng.uniform(-1, 1, 3))
    solid[CLOTHES] = clothes
    return solid


def _resting_face(rng: np.random.Generator, rig: Rig) -> dict[str, float]:
    """Draw shape weights of a neutral face, a little lopsided."""
    weights: dict[str, float] = {}
    for name, deviation in _RESTING.items():
        shared = rng.standard_normal()
        for end in ("_L", "_R"):
            value = float(deviation * (shared + 0.3 * rng.standard_normal()))
            # The rig's mean eye is open by 0.83 cm, people's by 1.0 (Farkas 1994); staring ones would be AU5.
            weights[name + end] = max(value - 0.1, -0.22) if name == "eyeBlink" else value
    for name, deviation in _RESTING_MIDDLE.items():
        weights[name] = float(deviation * rng.standard_normal())
    return {name: weight for name, weight in weights.items() if name in rig.expression}


def _jaw_rest(rng: np.random.Generator, vertices: Floats, rig: Rig) -> float:
    """Return the jaw's resting weight: it meets the lips of this face, or leaves them a little apart."""
    upper, lower = vertices[rig.landmarks[62]], vertices[rig.landmarks[66]]
    wanted = rng.uniform(0.02, 0.1) if rng.random() < 0.93 else rng.uniform(0.1, 0.3)
    per_weight = 3.28  # cm that the inner lower lip drops against the upper one at jawOpen 1
    return float(np.clip((wanted - (upper[1] - lower[1])) / per_weight, -0.15, 0.15))


def _ageing(rng: np.random.Generator, stage: Stage, traits: Traits, folds: Mapping[int, Fold]) -> Floats:
    """Return wrinkles that stay at rest: with age, and by chance on anybody."""
    old = float(np.clip((traits.age - 35) / 35, 0, 1.2))
    total = np.zeros_like(stage.surface.inside)
    for au, share in AGEING.items():
        depth = share * old * rng.uniform(0.4, 1.8) + (rng.uniform(0, 0.35) if rng.random() < 0.2 else 0.0)
        if depth > 0.02:
            right, left = stage.wrinkles[au][folds[au].pattern]
            for half in (right, left):
                cv2.scaleAdd(half, depth, total, total)
    return total


def _clothed(rng: np.random.Generator, rig: Rig) -> Floats:
    """Draw a collar: how much clothes cover each vertex."""
    x, y, z = rig.vertices.T
    collar = (
        rng.uniform(-15.5, -11) - rng.uniform(0, 0.5) * np.maximum(z, 0) + rng.uniform(0, 0.15) * np.abs(x)
    )
    return smooth_step(0.5, -0.5, y - collar)
