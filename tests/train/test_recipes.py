"""Every recipe that comes with OpenAU is one that can be trained."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from openau.data import PROTOCOLS
from openau.errors import SettingError
from openau.export.portable import portable
from openau.facs import EMOTIONS
from openau.models.tasks import tasks_of
from openau.records import CropSpec
from openau.train import Recipe, load_recipe, recipe_text, train
from openau.train.config import DataSettings, ModelSettings, RunSettings
from openau.train.network import network_spec
from openau.train.recipe_file import packaged_recipes

NAMES = sorted(packaged_recipes())


def test_recipes_are_found_by_name_and_files_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {"default", "attention", "masur2023/au-heatmaps", "masur2023/emotion-heatmaps"} <= set(NAMES)
    assert load_recipe(Path("default")).name == "compact_resnet-synthetic"
    monkeypatch.chdir(tmp_path)
    Path("default").write_text('name = "own"\naus = [1]\n[crop]\nsize = 16\n', "utf-8")
    assert load_recipe(Path("default")).name == "own"
    with pytest.raises(SettingError, match="cannot be read"):
        load_recipe(Path("masur2023/nothing"))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipes_network_can_do_what_it_is_taught(name: str) -> None:
    recipe = load_recipe(Path(name))
    assert recipe.data.split in PROTOCOLS
    with torch.device("meta"):
        network = network_spec(recipe).build()
    assert set(recipe.loss.tasks) <= set(tasks_of(network))
    needs = getattr(network, "needs")  # noqa: B009 - a module's attribute, not a tensor
    assert recipe.crop.size == needs.size
    assert recipe.model.initial == "" or recipe.model.initial.startswith("runs/")


@pytest.mark.parametrize("name", [name for name in NAMES if load_recipe(Path(name)).model.initial])
def test_what_a_recipe_starts_from_is_what_another_makes(name: str) -> None:
    recipe = load_recipe(Path(name))
    made = {load_recipe(Path(other)).run.out: other for other in NAMES}
    first = load_recipe(Path(made[recipe.model.initial]))
    assert first.action_units == recipe.action_units
    assert first.crop == recipe.crop
    assert (first.model.mean, first.model.std) == (recipe.model.mean, recipe.model.std)
    inner = network_spec(recipe).options
    name_of_aus = inner.get("au_network", recipe.model.name)
    assert first.model.name == name_of_aus
    options = dict(network_spec(first).options)
    if "au_network" in inner:
        assert inner["au_options"].get("points") == options.get("points")


def test_a_packaged_recipe_of_emotions_trains_on_small_faces(store: Path, tmp_path: Path) -> None:
    table_path = store / "index.parquet"
    copy = tmp_path / "store"
    copy.mkdir()
    for file in store.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    table = pd.read_parquet(table_path)
    table["emotion"] = [EMOTIONS[n % 7] for n in range(len(table))]
    table.to_parquet(copy / "index.parquet", index=False)
    recipe = load_recipe(Path("masur2023/emotion-baseline"), {"run.epochs": "1", "run.batch": "64"})
    small = replace(recipe, crop=CropSpec(16), data=replace(recipe.data, split="given"))
    run = train(small, stores=[copy], out=tmp_path / "run")
    assert isinstance(load_recipe(run / "recipe.toml"), Recipe)
    assert "emotion_anger_p" in pd.read_parquet(run / "predictions.parquet")


def test_a_card_does_not_say_in_which_folders_its_network_was_trained() -> None:
    recipe = Recipe(
        name="own",
        aus=(12,),
        crop=CropSpec(48),
        data=DataSettings(stores=("/srv/zoe/patients/store", "C/other")),
        model=ModelSettings("attention_cnn", weights="/srv/zoe/weights.pth", initial="runs/first"),
        run=RunSettings(out='/srv/zoe/run "2"'),
    )
    text = portable(recipe_text(recipe))
    assert "zoe" not in text
    told = tomllib.loads(text)
    assert told["data"]["stores"] == ["store", "other"]
    assert (told["model"]["weights"], told["model"]["initial"]) == ("weights.pth", "first")
    assert told["run"]["out"] == 'run "2"'
    same = tomllib.loads(recipe_text(recipe))
    for section, key in (("data", "stores"), ("model", "weights"), ("model", "initial"), ("run", "out")):
        same[section][key] = told[section][key]
    assert told == same  # nothing else is touched
