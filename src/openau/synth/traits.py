"""What a subject is like, before anything is drawn: tone, age, gender, hair, brows, eyes, beard, make-up.

Every colour is linear RGB (reflectance 0-1), not display RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from openau.synth.cells import SKIN_TYPES, Cell, Gender
from openau.synth.lips import LipTones, draw_lip_tones
from openau.synth.palette import (
    Colour,
    draw_eye_colour,
    draw_hair_colour,
    draw_makeup_colours,
    draw_skin_colour,
    reflectance,
)

__all__ = ["SKIN_TYPES", "Brow", "Gender", "Lids", "Makeup", "Traits", "draw_traits"]

HairStyle = Literal["bald", "shaved", "receding", "short", "full", "curly", "afro", "bob", "long", "tied"]
HAIR_STYLES: Final[tuple[HairStyle, ...]] = (
    "bald", "shaved", "receding", "short", "full", "curly", "afro", "bob", "long", "tied",
)  # fmt: skip
BeardStyle = Literal["none", "stubble", "moustache", "goatee", "short", "full"]
LidForm = Literal["double", "single", "hooded"]


@dataclass(frozen=True, slots=True)
class Brow:
    """The shape of the brows; lengths in cm on the mean face.

    Attributes:
        density: 0-1.
        thickness: Factor on the usual height of the band.
        arch: How much the middle of the outer half rises.
        lift: Whole brow up or down.
        tail: Outer end up or down.
        inner: Distance of the inner end from the face's middle.
        outer: Distance of the outer end.
        bushiness: How much single hairs leave the band, 0-1.
    """

    density: float
    thickness: float
    arch: float
    lift: float
    tail: float
    inner: float
    outer: float
    bushiness: float


@dataclass(frozen=True, slots=True)
class Lids:
    """The lids at rest.

    Attributes:
        form: A crease above the lashes (double), none (single, often with an inner fold), or skin that hangs
            over it (hooded).
        crease_cm: Place of the crease above (positive) or below the usual one.
        crease_depth_cm: 0 where there is none.
        hood: How far skin hangs over the upper lid, 0-1.
        inner_fold: How far a fold covers the inner corner, 0-1.
        inner_reach: How far the inner corner lies toward the nose; 1 is usual, less under a fold.
        bag: How full the lower lid is, 0-1.
        tilt: Outer corners up (positive) or down, -1 to 1.
        lash_length: Factor on the usual length.
        lash: Share of the lid that lashes cover, 0-1.
        lid_line: Darkness of the lash line, 0-1.
        circles: Darkness under the eyes, 0-1.
    """

    form: LidForm
    crease_cm: float
    crease_depth_cm: float
    hood: float
    inner_fold: float
    inner_reach: float
    bag: float
    tilt: float
    lash_length: float
    lash: float
    lid_line: float
    circles: float


@dataclass(frozen=True, slots=True, eq=False)
class Makeup:
    """Paint on a face; strengths 0-1, 0 for none.

    Attributes:
        shadow: (3,) float32, colour of the eye shadow.
        shadow_strength: How much of it.
        liner: Eye liner.
        blush: Rouge on the cheeks.
        lipstick: Whether the lips are painted.
    """

    shadow: Colour
    shadow_strength: float
    liner: float
    blush: float
    lipstick: bool


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """One subject's appearance, except the shape of the skull.

    Attributes:
        gender: Apparent gender.
        age: Years, 18-80.
        tone: Skin tone, 0 the lightest and 1 the darkest.
        skin: (3,) float32 reflectance.
        hair: (3,) float32 reflectance.
        brow: (3,) float32 reflectance.
        beard_colour: (3,) float32 reflectance.
        eye: (3,) float32 reflectance of the iris.
        lip: (3,) float32 reflectance.
        lip_strength: How much the lips differ from the skin, 0-1.
        lip_tones: How far the lips are not of one colour.
        hair_style: Which scalp hair.
        dyed: Whether the hair has a colour that skin and age do not give.
        fringe: How far hair hangs over the forehead: 0 not at all, 1 onto the brows.
        beard_style: Which beard.
        beard: Density of the beard or stubble, 0-1.
        beard_length_cm: How far it stands off the skin.
        brows: Their shape.
        lids: Their form.
        makeup: What is painted on.
        freckles: 0-1.
        age_spots: 0-1.
        gloss: Strength of the skin's highlights.
        wrinkling: How deep an expression wrinkles this skin; 1 is middle age.
        sagging: How far cheeks, jowls and lids have sunk, 0-1.
    """

    gender: Gender
    age: float
    tone: float
    skin: Colour
    hair: Colour
    brow: Colour
    beard_colour: Colour
    eye: Colour
    lip: Colour
    lip_strength: float
    lip_tones: LipTones
    hair_style: HairStyle
    dyed: bool
    fringe: float
    beard_style: BeardStyle
    beard: float
    beard_length_cm: float
    brows: Brow
    lids: Lids
    makeup: Makeup
    freckles: float
    age_spots: float
    gloss: float
    wrinkling: float
    sagging: float

    @property
    def skin_type(self) -> int:
        """Skin group 1 (lightest) to 6 (darkest)."""
        return min(SKIN_TYPES, int(self.tone * SKIN_TYPES) + 1)


def draw_traits(rng: np.random.Generator, cell: Cell | None = None) -> Traits:
    """Draw a subject's traits; skin tones are uniform over the whole range, genders even.

    Args:
        rng: The source of chance.
        cell: Skin group and apparent gender; None to draw them too.
    """
    tone, is_male = float(rng.random()), bool(rng.random() < 0.5)
    gender: Gender = "male" if is_male else "female"
    if cell is not None:
        tone, gender = (cell.skin_type - 1 + 0.02 + 0.96 * tone) / SKIN_TYPES, cell.gender
    age = float(18 + 62 * rng.beta(1.2, 1.9))
    skin = draw_skin_colour(rng, tone)
    hair, natural, dyed = draw_hair_colour(rng, tone, age, gender)
    makeup = _draw_makeup(rng, gender, age, tone)
    lip, lip_strength = _lips(rng, skin, tone, makeup)
    beard_style, beard, beard_length = _beard(rng, gender, age)
    old = float(np.clip((age - 38) / 34, 0, 1.2))
    style = _hair_style(rng, gender, age, tone)
    return Traits(
        gender=gender,
        age=age,
        tone=tone,
        skin=skin,
        hair=hair,
        brow=_brow_colour(rng, natural, skin),
        beard_colour=reflectance(natural * rng.uniform(0.7, 1.15) * [1.08, 1.0, 0.95]),
        eye=draw_eye_colour(rng, tone),
        lip=lip,
        lip_strength=lip_strength,
        lip_tones=draw_lip_tones(rng, skin, tone, makeup.lipstick),
        hair_style=style,
        dyed=dyed,
        fringe=_fringe(rng, style, gender),
        beard_style=beard_style,
        beard=beard,
        beard_length_cm=beard_length,
        brows=_draw_brows(rng, gender, age),
        lids=_draw_lids(rng, gender, tone, old, makeup),
        makeup=makeup,
        freckles=float(rng.uniform(0.3, 1)) if tone < 0.45 and rng.random() < 0.2 else 0.0,
        age_spots=float(np.clip(old * rng.uniform(0, 1.2) - 0.15, 0, 1)),
        gloss=float(rng.uniform(0.2, 0.9)),
        wrinkling=float(np.clip(0.35 + (age - 18) / 45 + 0.25 * rng.standard_normal(), 0.1, 1.8)),
        sagging=float(np.clip(old * rng.uniform(0.35, 1.0), 0, 1)),
    )


def _draw_makeup(rng: np.random.Generator, gender: str, age: float, tone: float) -> Makeup:
    """Draw make-up: about half of the women, lips and eyes apart, light mostly, heavy rarely."""
    wears = gender == "female" and rng.random() < (0.55 if age < 60 else 0.35)
    heavy = rng.random() < 0.25
    eyes, lids, cheeks, lips = rng.random(4)
    shadow = draw_makeup_colours(rng, tone)
    strength = rng.uniform(0.35, 0.8, 3) if heavy else rng.uniform(0.1, 0.4, 3)
    return Makeup(
        shadow=shadow,
        shadow_strength=float(strength[0]) if wears and eyes < 0.55 else 0.0,
        liner=float(min(1.0, strength[1] + 0.3)) if wears and lids < 0.65 else 0.0,
        blush=float(strength[2]) if wears and cheeks < 0.6 else 0.0,
        lipstick=bool(wears and lips < 0.65),
    )


def _draw_brows(rng: np.random.Generator, gender: str, age: float) -> Brow:
    """Draw brows: men's lower, straighter and fuller; women's sometimes plucked to a line."""
    male = gender == "male"
    plucked = not male and rng.random() < 0.3
    faint = 0.3 if rng.random() < 0.07 else 1.0
    density = faint * float(rng.beta(2.6, 1.3)) * (1 - 0.35 * float(np.clip((age - 55) / 25, 0, 1)))
    return Brow(
        density=density,
        thickness=float(rng.uniform(0.5, 0.75) if plucked else rng.uniform(0.75, 1.5 if male else 1.2)),
        arch=float(rng.normal(-0.02 if male else 0.1, 0.1)),
        lift=float(rng.normal(-0.42 if male else -0.2, 0.22)),
        tail=float(rng.normal(-0.08, 0.18)),
        inner=float(rng.uniform(0.75, 1.5) if rng.random() < 0.93 else rng.uniform(0.35, 0.75)),
        outer=float(rng.uniform(4.9, 6.0)),
        bushiness=float(rng.uniform(0.35, 1.0) if male else rng.uniform(0.1, 0.6)),
    )


def _draw_lids(rng: np.random.Generator, gender: str, tone: float, old: float, makeup: Makeup) -> Lids:
    """Draw lids: single ones mostly with middle tones, hooded ones with age, a double fold otherwise."""
    middle = float(np.exp(-(((tone - 0.33) / 0.22) ** 2)))
    chances = np.array([0.62, 0.03 + 0.3 * middle, 0.2 + 0.45 * min(old, 1)])
    forms: tuple[LidForm, ...] = ("double", "single", "hooded")
    form = forms[int(rng.choice(3, p=chances / chances.sum()))]
    depth, hood, fold = rng.uniform(0.03, 0.13), rng.uniform(0, 0.25), rng.beta(1, 6)
    if form == "single":
        depth, hood, fold = rng.uniform(0, 0.02), rng.uniform(0.35, 0.7), rng.uniform(0.35, 1)
    elif form == "hooded":
        depth, hood = rng.uniform(0.02, 0.07), rng.uniform(0.45, 1)
    female = gender == "female"
    return Lids(
        form=form,
        crease_cm=float(rng.normal(0, 0.15)),
        crease_depth_cm=float(depth),
        hood=float(np.clip(hood + 0.25 * old * rng.random(), 0, 1)),
        inner_fold=float(fold),
        inner_reach=float(np.clip(rng.normal(1.05, 0.25) - 0.35 * fold, 0.2, 1.6)),
        bag=float(np.clip(rng.beta(1.2, 3) + 0.5 * old * rng.random(), 0, 1)),
        tilt=float(np.clip(rng.normal(0.25 if form == "single" else 0, 0.4) - 0.3 * old, -1, 1)),
        lash_length=float(rng.uniform(0.6, 1.15 if female else 0.95) + 0.3 * makeup.liner),
        lash=float(np.clip(rng.uniform(0.3, 0.9 if female else 0.65) + 0.25 * makeup.liner, 0, 1)),
        lid_line=float(max(rng.uniform(0.3, 0.9 if female else 0.75), makeup.liner)),
        circles=float(np.clip(rng.beta(1.3, 3) + 0.2 * min(old, 1), 0, 1)),
    )


def _lips(rng: np.random.Generator, skin: Colour, tone: float, makeup: Makeup) -> tuple[Colour, float]:
    """Return lip colour and strength: the skin's own, redder, or painted."""
    paint = np.array([0.36, 0.06, 0.075]) * rng.uniform(0.5, 1.3) * (1 - 0.5 * tone)
    paint = paint * (1 + 0.25 * rng.standard_normal(3))
    redness = np.array([0.95, 0.6, 0.62]) * rng.uniform(0.78, 1.05)
    strength = rng.uniform(0.45, 0.95)
    if makeup.lipstick:
        mixed = paint + (skin - paint) * rng.uniform(0, 0.5)
        return reflectance(mixed), float(strength)
    # Pale lips on light skin, browner ones on dark skin.
    return reflectance(skin * (redness + (1 - redness) * 0.45 * tone)), float(strength)


def _brow_colour(rng: np.random.Generator, natural: Colour, skin: Colour) -> Colour:
    """Return the brows: mostly darker than the hair, never as light as the skin."""
    return reflectance(np.minimum(natural * rng.uniform(0.45, 0.95), skin * 0.55))


def _beard(rng: np.random.Generator, gender: str, age: float) -> tuple[BeardStyle, float, float]:
    """Draw a beard's style, density and length."""
    styles: tuple[BeardStyle, ...] = ("none", "stubble", "moustache", "goatee", "short", "full")
    style = styles[int(rng.choice(6, p=[0.42, 0.22, 0.07, 0.08, 0.12, 0.09]))]
    dense, long = rng.random(2)
    if gender != "male" or style == "none":
        return "none", 0.0, 0.0
    if style == "stubble":
        return style, float(0.15 + 0.4 * dense), 0.0
    least, most = {"moustache": (0.25, 0.6), "goatee": (0.25, 1.2), "short": (0.2, 0.55), "full": (0.8, 2.6)}[
        style
    ]
    return style, float(0.35 + 0.65 * dense), float(least + (most - least) * long**1.3)


def _hair_style(rng: np.random.Generator, gender: str, age: float, tone: float) -> HairStyle:
    """Draw a hair style usual for gender, age and the hair that goes with the tone."""
    coiled = float(np.clip((tone - 0.45) / 0.4, 0, 1))
    old = float(np.clip((age - 32) / 35, 0, 1))
    weights = dict.fromkeys(HAIR_STYLES, 0.0)
    if gender == "male":
        weights |= {"bald": 0.04 + 0.16 * old, "shaved": 0.1 + 0.18 * coiled, "receding": 0.03 + 0.3 * old}
        weights |= {
            "short": 0.42 - 0.1 * old,
            "full": 0.24 * (1 - 0.8 * coiled),
            "curly": 0.1 + 0.06 * coiled,
        }
        weights |= {"afro": 0.16 * coiled, "long": 0.06, "tied": 0.02}
    else:
        weights |= {"bald": 0.01, "shaved": 0.02 + 0.04 * coiled, "short": 0.05 + 0.1 * old, "full": 0.05}
        weights |= {"curly": 0.14 + 0.1 * coiled, "afro": 0.2 * coiled, "bob": 0.25, "tied": 0.17}
        weights |= {"long": 0.4 * (1 - 0.5 * coiled) * (1 - 0.4 * old)}
    share = np.array(list(weights.values()))
    return HAIR_STYLES[int(rng.choice(len(share), p=share / share.sum()))]


def _fringe(rng: np.random.Generator, style: str, gender: str) -> float:
    """Draw how far hair falls over the forehead, 0 mostly."""
    wears, depth = rng.random(2)
    chance = {"short": 0.2, "full": 0.35, "curly": 0.2, "bob": 0.45, "long": 0.3, "tied": 0.12}.get(
        style, 0.0
    )
    return float(0.15 + 0.85 * depth) if wears < chance * (1.0 if gender == "female" else 0.8) else 0.0
