"""A recipe survives TOML exactly, and a wrong field is named with what it should be."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openau.data.augment import Augmentation
from openau.errors import OpenAUError, SettingError
from openau.facs import au_set
from openau.records import CropSpec
from openau.train.config import CardSettings, ModelSettings, OptimiserSettings, Recipe, RunSettings
from openau.train.recipe_file import load_recipe, recipe_text

LEAST = 'name = "x"\naus = [1, 2]\n[crop]\nsize = 48\n'


def loaded(tmp_path: Path, text: str) -> Recipe:
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    return load_recipe(tmp_path / "recipe.toml")


def test_fields_left_out_keep_their_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, LEAST) == Recipe("x", (1, 2), CropSpec(48))


def test_every_recipe_survives_toml(tmp_path: Path) -> None:
    recipe = Recipe(
        name='of "quotes" and ü\n',
        aus="disfa-12",
        crop=CropSpec(32, scale=1.25, shift_y=-0.1),
        seed=9,
        model=ModelSettings(
            options={"hidden": 4, "attention": False, "spatial_in": "C"}, mean=(0.1, 0.2, 0.3)
        ),
        optimiser=OptimiserSettings(name="adam", lr=1e-4, schedule="legacy", decay=1e-6),
        augmentation=Augmentation(flip=0.0, zoom=0.3),
        run=RunSettings(epochs=700, precision="bfloat16", out="a b"),
        card=CardSettings(limits=("one, with a comma", "two")),
    )
    assert loaded(tmp_path, recipe_text(recipe)) == recipe


@settings(max_examples=30)
@given(st.text(max_size=20), st.floats(1e-9, 1), st.integers(0, 2**31))
@example("\x7f", 1e-5, 0)
def test_any_text_and_number_survives_toml(name: str, lr: float, seed: int) -> None:
    recipe = Recipe(name, (1,), CropSpec(48), seed, optimiser=OptimiserSettings(lr=lr))
    raw = tomllib.loads(recipe_text(recipe))
    assert (raw["name"], raw["seed"], raw["optimiser"]["lr"]) == (name, seed, lr)


def test_the_recipe_that_ships_is_a_recipe() -> None:
    recipe = load_recipe(Path(str(files("openau") / "assets" / "recipes" / "default.toml")))
    assert recipe.action_units == au_set("openau-18")
    assert recipe.model.name == "compact_resnet"
    assert set(recipe.loss.tasks) == {"aus", "intensity"}
    assert recipe.card.limits


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[run]\nepoch = 3\n", ("run.epoch", "epochs")),
        ("colour = 3\n" + LEAST, ("colour", "augmentation")),
        ("[run]\nepochs = 2.5\n", ("run.epochs", "2.5", "int")),
        ("[run]\nepochs = true\n", ("run.epochs", "True", "int")),
        ("[optimiser]\nlr = 'fast'\n", ("optimiser.lr", "'fast'", "float")),
        ("[loss]\nname = 'mse'\n", ("loss.name", "'mse'", "'focal'")),
        ("[data]\nstores = 'here'\n", ("data.stores", "'here'")),
        ("[model]\nmean = [0.5, 0.5]\n", ("model.mean", "[0.5, 0.5]")),
        ("[model]\noptions = 3\n", ("model.options", "3")),
        ("[optimiser]\nlr = 0\n", ("optimiser.lr", "above 0")),
        ("[optimiser]\naverage = 1\n", ("optimiser.average", "below 1")),
        ("[run]\nepochs = 0\n", ("run.epochs", "at least 1")),
        ("[run]\nbatch = 0\n", ("run.batch", "at least 1")),
        ("[run]\nthreads = -2\n", ("run.threads", "at least 0")),
        ("[loss]\nlimit = 0.5\n", ("loss.limit", "at least 1")),
        ("[augmentation]\nflip = 2\n", ("augmentation.flip", "0-1")),
        ("not toml", ("recipe.toml", "TOML")),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(SettingError) as caught:
        loaded(tmp_path, text if LEAST in text else LEAST + text if text.startswith("[") else text)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("aus", ['"disfa-99"', "[1, 99]", "[]", "3"])
def test_unknown_aus_are_refused(tmp_path: Path, aus: str) -> None:
    with pytest.raises(SettingError):
        loaded(tmp_path, LEAST.replace("[1, 2]", aus))


def test_an_incomplete_recipe_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="crop"):
        loaded(tmp_path, 'name = "x"\naus = [1]\n')
    with pytest.raises(OpenAUError, match="size"):
        loaded(tmp_path, 'name = "x"\naus = [1]\n[crop]\nscale = 1.0\n')


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"gone\.toml"):
        load_recipe(tmp_path / "gone.toml")


def test_a_recipe_knows_the_aus_of_its_set() -> None:
    recipe: Any = Recipe("x", "disfa-8", CropSpec(48))
    assert recipe.action_units == (1, 2, 4, 6, 9, 12, 25, 26)
    assert replace(recipe, aus=(4, 1)).action_units == (4, 1)


def test_a_field_given_by_name_takes_the_place_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(LEAST, encoding="utf-8")
    fields = {
        "optimiser.lr": "1e-5",
        "run.epochs": "3",
        "loss.name": "focal",
        "seed": "7",
        "aus": "[4, 12]",
        "data.stores": '["a", "b"]',
        "run.out": "my run",
    }
    recipe = load_recipe(tmp_path / "recipe.toml", fields)
    assert (recipe.optimiser.lr, recipe.run.epochs, recipe.loss.name, recipe.seed) == (1e-5, 3, "focal", 7)
    assert (recipe.aus, recipe.data.stores, recipe.run.out) == ((4, 12), ("a", "b"), "my run")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("run.epoch", "3", r"no field run\.epoch;"),
        ("run.epochs", "many", r"run\.epochs is .many.; give int"),
        ("loss.name", "hinge", "give 'weighted_bce' or"),
        ("name.first", "x", "name holds a value, not fields"),
        ("optimiser.lr", "0", "must be above 0"),
    ],
)
def test_a_wrong_field_given_by_name_is_one_sentence(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    (tmp_path / "recipe.toml").write_text(LEAST, encoding="utf-8")
    with pytest.raises(SettingError, match=sentence):
        load_recipe(tmp_path / "recipe.toml", {name: value})


def test_a_recipe_that_lacks_something_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('name = "x"\n')
    with pytest.raises(SettingError, match="The recipe lacks aus, crop; a recipe cannot do without"):
        load_recipe(tmp_path / "r.toml")
