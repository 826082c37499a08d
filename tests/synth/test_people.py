"""People: tone and hair go together, ages show, neutral faces differ, lips rest closed."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from openau.synth.cells import CELLS, Cell, cell_of
from openau.synth.expression import lid_gap
from openau.synth.hair import grow_hair
from openau.synth.hairline import draw_hairline
from openau.synth.identity import Stage, Subject, draw_subject, lip_gap
from openau.synth.rig import HAIR, LEFT_EYE_LIDS
from openau.synth.traits import SKIN_TYPES, Traits, draw_traits

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@pytest.fixture(scope="module")
def crowd() -> list[Traits]:
    rng = np.random.default_rng(2)
    return [draw_traits(rng) for _ in range(3000)]


def test_skin_types_and_genders_are_even(crowd: list[Traits]) -> None:
    types = np.bincount([t.skin_type for t in crowd], minlength=SKIN_TYPES + 1)[1:]
    assert types.min() > 0.8 * len(crowd) / SKIN_TYPES
    assert sum(t.gender == "female" for t in crowd) / len(crowd) == pytest.approx(0.5, abs=0.04)


def test_darker_tones_reflect_less(crowd: list[Traits]) -> None:
    tone = np.array([t.tone for t in crowd])
    light = np.array([t.skin @ LUMINANCE for t in crowd])
    assert np.corrcoef(tone, light)[0, 1] < -0.95
    assert light[tone < 0.05].mean() > 6 * light[tone > 0.95].mean()


def test_dark_skin_has_dark_hair_unless_it_is_grey(crowd: list[Traits]) -> None:
    young_and_dark = [t.hair @ LUMINANCE for t in crowd if t.tone > 0.6 and t.age < 30 and not t.dyed]
    assert len(young_and_dark) > 100
    assert max(young_and_dark) < 0.1
    young_and_light = [t.hair @ LUMINANCE for t in crowd if t.tone < 0.3 and t.age < 30]
    assert np.percentile(young_and_light, 85) > 0.15


def test_hair_greys_and_wrinkles_deepen_with_age(crowd: list[Traits]) -> None:
    old, young = (
        [t for t in crowd if (t.age > 65) == is_old and (t.age > 65 or t.age < 35)] for is_old in (1, 0)
    )
    grey = [np.mean([t.hair @ LUMINANCE > 0.12 for t in some if t.tone > 0.5]) for some in (old, young)]
    assert grey[0] > 0.5
    assert grey[1] < 0.05
    assert np.mean([t.wrinkling for t in old]) > 1.5 * np.mean([t.wrinkling for t in young])


def test_light_eyes_belong_to_light_skin(crowd: list[Traits]) -> None:
    assert max(t.eye[2] for t in crowd if t.tone > 0.6) < 0.08
    assert max(t.eye[2] for t in crowd if t.tone < 0.3) > 0.2


def test_only_men_grow_beards(crowd: list[Traits]) -> None:
    assert {t.gender for t in crowd if t.beard} == {"male"}
    assert 0.4 < np.mean([t.beard > 0 for t in crowd if t.gender == "male"]) < 0.7


def test_ages_and_reflectances_stay_in_range(crowd: list[Traits]) -> None:
    assert all(18 <= t.age <= 80 for t in crowd)
    colours = np.array([[t.skin, t.hair, t.brow, t.lip, t.eye] for t in crowd])
    assert colours.min() > 0
    assert colours.max() < 1


@pytest.fixture(scope="module")
def subjects(stage: Stage) -> list[Subject]:
    rng = np.random.default_rng(21)
    return [draw_subject(stage, rng) for _ in range(12)]


def test_most_lips_rest_closed(subjects: list[Subject]) -> None:
    assert np.mean([s.lip_gap_cm < 0.2 for s in subjects]) > 0.8


def test_neutral_faces_differ_in_mouth_and_lips(stage: Stage, subjects: list[Subject]) -> None:
    points = np.array([s.vertices[stage.rig.landmarks] for s in subjects])
    curve = (points[:, 48, 1] + points[:, 54, 1]) / 2 - points[:, 62, 1]
    thickness = points[:, 62, 1] - points[:, 51, 1] + points[:, 57, 1] - points[:, 66, 1]
    assert np.std(curve) > 0.05
    assert np.std(thickness) > 0.05


def test_a_subject_is_drawn_alike_from_the_same_seed(stage: Stage) -> None:
    a, b = (draw_subject(stage, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(a.vertices, b.vertices)
    assert np.array_equal(a.skin, b.skin)
    assert np.array_equal(a.head.points, b.head.points)
    assert np.array_equal(a.relief, b.relief)


def test_skin_stays_a_reflectance(subjects: list[Subject]) -> None:
    for someone in subjects:
        assert someone.skin[..., :3].min() > 0
        assert someone.skin[..., :3].max() < 1
        assert someone.lip_gap_cm >= 0


def hair_of(someone: Subject) -> np.ndarray:
    pieces = [piece.points for piece in someone.body if piece.part == HAIR]
    return np.concatenate(pieces) if pieces else np.zeros((0, 3), np.float32)


def test_hair_stands_off_the_skull_and_leaves_the_eyes_free(subjects: list[Subject]) -> None:
    haired = [s for s in subjects if len(hair_of(s)) and s.worn.headwear == "none"]
    assert len(haired) >= 5
    for someone in haired:
        hair = hair_of(someone)
        assert hair[:, 1].max() > someone.vertices[:, 1].max() - 0.5
        before_the_eyes = (hair[:, 2] > 7) & (np.abs(hair[:, 0]) < 5)
        assert hair[before_the_eyes, 1].min() > 4.9  # a fringe reaches the brows, not the lids


def test_the_bald_have_no_hair_to_draw(stage: Stage) -> None:
    rng = np.random.default_rng(0)
    bald = next(t for t in (draw_traits(rng) for _ in range(500)) if t.hair_style == "bald")
    assert grow_hair(rng, bald, draw_hairline(rng, bald), stage.surface, stage.rig.vertices) == ()


def test_every_split_holds_every_cell_alike_over_each_run_of_120_subjects() -> None:
    for start in (0, 120, 37, 1000):
        for digits in (range(8), (8,), (9,)):
            counts = Counter(cell_of(n) for n in range(start, start + 120) if n % 10 in digits)
            assert set(counts) == set(CELLS)
            assert len(set(counts.values())) == 1


def test_a_cell_fixes_skin_group_and_gender_and_leaves_the_rest_to_chance() -> None:
    for cell in CELLS:
        drawn = [draw_traits(np.random.default_rng(k), cell) for k in range(20)]
        assert {(t.skin_type, t.gender) for t in drawn} == {cell}
        assert len({t.age for t in drawn}) == 20


def test_skin_groups_reflect_less_from_first_to_last() -> None:
    rng = np.random.default_rng(8)
    light = [
        np.mean([draw_traits(rng, Cell(skin, "female")).skin @ LUMINANCE for _ in range(40)])
        for skin in range(1, SKIN_TYPES + 1)
    ]
    assert all(b < 0.93 * a for a, b in pairwise(light))


def test_the_mean_face_nearly_closes_its_lips(stage: Stage) -> None:
    assert 0.05 < lip_gap(stage.rig.vertices, stage.rig) < 0.1


def test_eyes_lie_and_open_as_peoples_do(stage: Stage, subjects: list[Subject]) -> None:
    marks = np.stack([subject.vertices[stage.rig.landmarks] for subject in subjects])
    inner = np.linalg.norm(marks[:, 42] - marks[:, 39], axis=1).mean()
    outer = np.linalg.norm(marks[:, 45] - marks[:, 36], axis=1).mean()
    # Farkas (1994), men and women: inner corners 3.3 and 3.2 cm apart, outer ones 9.1 and 8.8.
    assert inner == pytest.approx(3.25, abs=0.25)
    assert outer == pytest.approx(8.95, abs=0.35)
    height = np.mean([lid_gap(subject.vertices, stage.rig, LEFT_EYE_LIDS) for subject in subjects])
    assert 0.8 < height < 1.1
