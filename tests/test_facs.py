"""The vocabulary against the field's published sets and facts."""

from __future__ import annotations

import re

import pytest

from openau.errors import SettingError
from openau.facs import (
    ACTION_UNITS,
    AU_SETS,
    INTENSITY_LETTERS,
    Region,
    au_column,
    au_set,
    intensity_letter,
)


def test_every_main_facial_code_is_there_and_the_two_that_are_none_are_not() -> None:
    assert set(ACTION_UNITS) == set(range(1, 47)) - {3, 40}


@pytest.mark.parametrize(
    ("number", "name", "muscle", "region"),
    [
        (1, "Inner brow raiser", "frontalis", Region.BROW),
        (4, "Brow lowerer", "corrugator", Region.BROW),
        (5, "Upper lid raiser", "levator palpebrae superioris", Region.EYE),
        (6, "Cheek raiser", "orbicularis oculi, orbital", Region.CHEEK),
        (7, "Lid tightener", "orbicularis oculi, palpebral", Region.EYE),
        (9, "Nose wrinkler", "levator labii superioris alaeque nasi", Region.NOSE),
        (11, "Nasolabial deepener", "zygomaticus minor", Region.CHEEK),
        (12, "Lip corner puller", "zygomaticus major", Region.MOUTH),
        (14, "Dimpler", "buccinator", Region.MOUTH),
        (17, "Chin raiser", "mentalis", Region.CHIN),
        (20, "Lip stretcher", "risorius", Region.MOUTH),
        (26, "Jaw drop", "masseter", Region.JAW),
        (43, "Eyes closed", "levator palpebrae superioris relaxed", Region.EYE),
    ],
)
def test_names_and_muscles_are_those_of_facs(number: int, name: str, muscle: str, region: Region) -> None:
    unit = ACTION_UNITS[number]
    assert unit.name == name
    assert unit.muscle.startswith(muscle)
    assert unit.region is region


def test_each_unit_stands_under_its_own_number() -> None:
    assert all(unit.number == number for number, unit in ACTION_UNITS.items())


def test_no_two_units_share_a_name() -> None:
    names = [unit.name for unit in ACTION_UNITS.values()]
    assert len(set(names)) == len(names)


def test_columns_always_have_two_digits() -> None:
    assert ACTION_UNITS[1].column == au_column(1) == "AU01"
    assert au_column(12) == "AU12"
    assert all(re.fullmatch(r"AU\d\d", unit.column) for unit in ACTION_UNITS.values())


def test_every_named_set_holds_known_units_once_and_in_rising_order() -> None:
    for name, units in AU_SETS.items():
        assert set(units) <= set(ACTION_UNITS), name
        assert list(units) == sorted(set(units)), name


def test_a_set_that_ends_in_a_number_has_so_many_units() -> None:
    counted = {name: int(match[1]) for name in AU_SETS if (match := re.search(r"-(\d+)$", name))}
    assert counted == {name: len(AU_SETS[name]) for name in counted}
    assert len(counted) == len(AU_SETS)


def test_published_sets_are_as_printed() -> None:
    assert au_set("disfa-12") == (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
    assert au_set("bp4d-12") == (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
    assert set(au_set("disfa-8")) < set(au_set("disfa-12"))
    assert set(au_set("bp4d-5")) < set(au_set("bp4d-12"))
    assert set(au_set("openface-c-18")) - set(au_set("openface-r-17")) == {28}


def test_an_unknown_set_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(SettingError, match=r"'disfa-13'.*disfa-12"):
        au_set("disfa-13")


def test_intensity_letters_follow_the_scale() -> None:
    assert INTENSITY_LETTERS.index("A") == 1
    assert INTENSITY_LETTERS.index("E") == 5
    assert len(INTENSITY_LETTERS) == 6


@pytest.mark.parametrize(
    ("intensity", "letter"), [(0, ""), (0.49, ""), (0.5, "A"), (1.4, "A"), (3, "C"), (4.49, "D"), (5, "E")]
)
def test_an_intensity_has_the_letter_that_is_nearest(intensity: float, letter: str) -> None:
    assert intensity_letter(intensity) == letter


@pytest.mark.parametrize("intensity", [-0.1, 5.1, float("nan")])
def test_what_is_no_intensity_has_no_letter(intensity: float) -> None:
    with pytest.raises(SettingError, match="between 0 and 5"):
        intensity_letter(intensity)
