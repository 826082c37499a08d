"""A recipe may name any loss of AU logits, and ImageNet weights for a network that is frozen in part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import torchvision

from openau.errors import InputError, SettingError
from openau.losses import LOSSES, loss_class
from openau.models.weights import read_tensors
from openau.records import CropSpec
from openau.train import Progress, Recipe, load_recipe, recipe_text, train
from openau.train.config import LossName, LossSettings, ModelSettings
from openau.train.network import fresh_network


class StopError(Exception):
    """A stand-in for whatever ends a run early."""


def with_loss(recipe: Recipe, name: Any, **options: Any) -> Recipe:
    return replace(recipe, loss=LossSettings(name=name, options=options), run=replace(recipe.run, epochs=1))


def remembered(run: Path) -> dict[str, torch.Tensor]:
    """What the loss remembers in a run's checkpoint."""
    tensors, _ = read_tensors(run / "checkpoint" / "last.safetensors")
    return {name: tensor for name, tensor in tensors.items() if name.startswith("loss.")}


def test_a_recipe_knows_every_loss_of_one_task() -> None:
    assert set(get_args(LossName)) == {name for name in LOSSES if loss_class(name).takes != "tasks"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("euclidean", {}),
        ("rmse", {}),
        ("msr", {"max_weight": 20.0}),
        ("ad_msr", {"reading": "C"}),
        ("weighted_asymmetric", {}),
    ],
)
def test_every_loss_trains_to_finite_weights(
    recipe: Recipe, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    run = train(with_loss(recipe, name, **options), out=tmp_path / "run")
    tensors, _ = read_tensors(run / "checkpoint" / "last.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    assert bool(remembered(run)) == (name in ("ad_msr", "weighted_asymmetric"))
    assert load_recipe(run / "recipe.toml").loss == LossSettings(name=name, options=options)  # type: ignore[arg-type] # a literal


def test_an_interrupted_run_goes_on_with_what_its_loss_remembered(recipe: Recipe, tmp_path: Path) -> None:
    whole = with_loss(recipe, "ad_msr", reading="B")
    whole = replace(whole, run=replace(whole.run, epochs=2, checkpoint_s=0.0))
    train(whole, out=tmp_path / "whole")

    def stop(now: Progress) -> None:
        if now.step == 3:
            raise StopError

    with pytest.raises(StopError):
        train(whole, out=tmp_path / "broken", progress=stop)
    train(whole, out=tmp_path / "broken", resume=True)
    one, two = remembered(tmp_path / "whole"), remembered(tmp_path / "broken")
    assert one["loss.losses.aus.previous"].any()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_an_option_that_the_loss_does_not_have_is_named(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"'reading'.*msr"):
        train(with_loss(recipe, "msr", reading="A"), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def frozen(**model: Any) -> Recipe:
    settings = ModelSettings(name="mobilenet_v2", **model)
    return Recipe(name="frozen", aus=(1, 12), crop=CropSpec(32), model=settings)


def test_a_body_is_frozen_only_behind_weights_that_mean_something(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"mobilenet_v2 would train behind frozen random layers"):
        fresh_network(frozen())
    fresh_network(frozen(options={"trainable": "all"}))
    torch.manual_seed(0)
    source = torchvision.models.mobilenet_v2()
    torch.save(source.state_dict(), tmp_path / "imagenet.pth")
    found = fresh_network(frozen(weights=str(tmp_path / "imagenet.pth"))).get_submodule("body")
    assert torch.equal(found.get_parameter("0.0.weight"), source.features[0][0].weight)
    with pytest.raises(InputError, match="no weights file"):
        fresh_network(frozen(weights=str(tmp_path / "absent.pth")))


def test_the_weights_are_part_of_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_text(frozen(weights="imagenet.pth")), "utf-8")
    assert load_recipe(path).model.weights == "imagenet.pth"
