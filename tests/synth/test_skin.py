"""What is painted and sculpted on a face: brows, hairline, make-up, spots, lids, age."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from openau.records import Floats
from openau.synth.cells import Cell
from openau.synth.hairline import Hairline, draw_hairline
from openau.synth.identity import Stage
from openau.synth.sculpt import add_weighted, form_weights
from openau.synth.skin import lid_crease, paint_eye, paint_skin
from openau.synth.texture import float32
from openau.synth.traits import Makeup, Traits, draw_traits

BARE = Hairline(height=10.5, recession=0, peak=0, sideburn=2.5, crown=True, softness=0.4, strength=0.95)


@pytest.fixture(scope="module")
def traits() -> Traits:
    """A young, light-skinned woman with dark hair, bare of paint and spots."""
    rng = np.random.default_rng(0)
    someone = draw_traits(rng, Cell(2, "female"))
    nothing = replace(someone.makeup, shadow_strength=0.0, liner=0.0, blush=0.0, lipstick=False)
    dark = np.array([0.03, 0.02, 0.015], np.float32)
    return replace(someone, makeup=nothing, hair=dark, brow=dark, freckles=0.0, age_spots=0.0, age=25.0)


def painted(stage: Stage, traits: Traits) -> Floats:
    skin, _ = paint_skin(np.random.default_rng(1), traits, BARE, stage.skin_maps)
    return float32(skin[..., :3].mean(axis=2))


def changed(stage: Stage, first: Traits, second: Traits) -> NDArray[np.bool_]:
    return np.asarray(np.abs(painted(stage, first) - painted(stage, second)) > 0.01)


def test_brows_lie_over_the_eyes_and_dense_ones_are_darker(stage: Stage, traits: Traits) -> None:
    thin, thick = (
        replace(traits, brows=replace(traits.brows, density=density, thickness=1.0)) for density in (0.1, 1.0)
    )
    difference = changed(stage, thin, thick)
    x, y = stage.skin_maps.x[difference], stage.skin_maps.y[difference]
    assert 4.0 < np.percentile(y, 1) < np.percentile(y, 99) < 7.5
    assert np.percentile(np.abs(x), 1) > 0.2
    assert np.abs(x).max() < 7
    assert painted(stage, thick)[difference].mean() < painted(stage, thin)[difference].mean()


def test_scalp_hair_darkens_the_forehead_only_behind_the_hairline(stage: Stage, traits: Traits) -> None:
    maps = stage.skin_maps
    skin = painted(stage, traits)
    behind = BARE.inside_cm(maps.x, maps.y, maps.z)
    front = (maps.z > 4) & (maps.ears == 0) & (maps.y > 7) & (stage.surface.inside > 0)
    assert skin[front & (behind > 1)].mean() < 0.4 * skin[front & (behind < -1)].mean()


def test_men_grow_bald_from_the_temples_and_women_hardly(stage: Stage) -> None:
    recession = {
        gender: np.mean(
            [
                draw_hairline(rng, replace(draw_traits(rng, Cell(3, gender)), age=65.0)).recession
                for rng in (np.random.default_rng(k) for k in range(80))
            ]
        )
        for gender in ("male", "female")
    }
    assert recession["male"] > 1.5 * recession["female"]


@pytest.mark.parametrize(
    ("paint", "low", "high"), [("shadow_strength", 2.9, 5.6), ("liner", 2.3, 4.6), ("blush", -4.0, 4.0)]
)
def test_make_up_stays_where_it_belongs(
    stage: Stage, traits: Traits, paint: str, low: float, high: float
) -> None:
    made_up: Makeup = replace(traits.makeup, **{paint: 0.8})  # type: ignore[arg-type]  # the strengths only
    difference = changed(stage, traits, replace(traits, makeup=made_up))
    height = stage.skin_maps.y[difference]
    assert difference.sum() > 200
    assert low < np.percentile(height, 1)
    assert np.percentile(height, 99) < high


def test_freckles_gather_on_nose_and_cheeks(stage: Stage, traits: Traits) -> None:
    difference = changed(stage, traits, replace(traits, freckles=1.0))
    on_face = stage.skin_maps.freckled
    assert difference.sum() > 300
    assert on_face[difference].mean() > 1.5 * on_face[stage.surface.inside > 0].mean()


def test_a_single_lid_has_no_crease(stage: Stage) -> None:
    rng = np.random.default_rng(3)
    crowd = [draw_traits(rng).lids for _ in range(400)]
    depth = {
        form: np.mean([lid_crease(lids, stage.skin_maps).max() for lids in crowd if lids.form == form][:20])
        for form in ("double", "single")
    }
    assert depth["single"] < 0.03
    assert depth["double"] > 0.05
    shares = [np.mean([lids.form == form for lids in crowd]) for form in ("double", "hooded", "single")]
    assert min(shares) > 0.05


def test_a_hood_sinks_over_the_lid_but_leaves_the_lids_margin_where_it_is(stage: Stage) -> None:
    face = stage.rig.vertices.copy()
    add_weighted(face, stage.forms.shapes, {"hood": 1.0})
    moved = face - stage.rig.vertices
    lids = stage.rig.landmarks[[37, 38, 40, 41, 43, 44, 46, 47]]
    assert np.abs(moved[lids]).max() < 0.02  # labels are measured there
    assert moved[:, 1].min() < -0.3
    assert moved[:, 2].max() > 0.1


def test_the_old_sag_and_the_young_do_not(stage: Stage) -> None:
    rng = np.random.default_rng(6)
    crowd = [draw_traits(rng) for _ in range(600)]
    sag = {
        old: [form_weights(t)["sag"] for t in crowd if (t.age > 62 if old else t.age < 38)]
        for old in (False, True)
    }
    assert max(sag[False]) == 0
    assert np.mean(sag[True]) > 0.3


def test_the_leanings_of_gender_widen_the_jaw_and_lower_the_brow(stage: Stage) -> None:
    rig = stage.rig
    wider, brow = (
        float(
            stage.forms.masculine
            @ (rig.identity[:, rig.landmarks[a], k] - rig.identity[:, rig.landmarks[b], k])
        )
        for a, b, k in ((12, 4, 0), (24, 44, 1))
    )
    assert wider > 0.1
    assert brow < 0
    assert np.linalg.norm(stage.forms.masculine) == pytest.approx(1, abs=1e-5)


def test_an_eye_is_dark_in_the_pupil_coloured_in_the_iris_and_light_in_the_white(traits: Traits) -> None:
    eye = paint_eye(
        np.random.default_rng(0), replace(traits, eye=np.array([0.085, 0.125, 0.175], np.float32))
    )
    assert eye[62:66, 62:66].max() < 0.02
    iris, white = eye[63, 63 + 10], eye[63, 63 + 24]
    assert iris[2] > iris[0]
    assert white.min() > 1.5 * iris.max()
