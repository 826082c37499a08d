"""masur2023: which runs the study is made of, and what they start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from openau.data.augment import AUGMENTATIONS
from openau.studies.study import OUR_NETWORK, RunPlan, Setting, repeated
from openau.train import Recipe, load_recipe
from openau.train.config import LossSettings, ModelSettings

PAPER = "masur2023"
"""The study's name."""
CAER = "caer_s"
"""The dataset with emotions."""
BEFORE = {"disfa": "disfa-graph", "bp4d": "bp4d-graph"}
"""AU dataset to the run of ME-GraphAU on it."""

_GRAPH_AUS = {"disfa": "disfa-8", "bp4d": "bp4d-12"}
_EDGE_COST = {"disfa": 0.01, "bp4d": 0.05}
_NEIGHBOURS = {"disfa": 3, "bp4d": 4}
_EMOTION_EPOCHS = 18
"""Of emotions from our network's probabilities at the scale small, where an epoch takes seconds."""
_CENTRED: Mapping[str, Any] = {"mean": OUR_NETWORK.mean, "std": OUR_NETWORK.std}
HOW = {"": "fine-tuned", "-frozen": "AU network frozen", "-scratch": "from scratch"}
"""Ending of an emotion run's key to what becomes of its AU network."""


def plan(setting: Setting) -> list[RunPlan]:
    """Return the runs: AU networks first, then what reads emotions from them.

    Args:
        setting: How the study is run.
    """
    plans = [_run("bp4d-heatmaps", "bp4d", _heatmaps(setting), "subject")]
    for source in BEFORE:
        plans += _graph_runs(setting, source)
    plans.append(_run("caer-baseline", CAER, _recipe(setting, "emotion-baseline"), "paper"))
    for ending in HOW:
        recipe = _emotions(setting, f"emotion-heatmaps{ending}")
        plans.append(_run(f"caer-heatmaps{ending}", CAER, recipe, "paper", after="bp4d-heatmaps"))
    for source, first_run in BEFORE.items():
        for ending in HOW if source == "disfa" else ("",):
            recipe = _emotions(setting, f"emotion-probabilities{ending}", aus=_GRAPH_AUS[source])
            run = _run(f"caer-graph-{source}{ending}", CAER, recipe, "paper", after=first_run)
            plans += repeated(run, setting.scale.seeds if source == "disfa" else 1)
    return plans


def _graph_runs(setting: Setting, source: str) -> list[RunPlan]:
    """Return the two stages of ME-GraphAU on a dataset, or the one run of what takes its place."""
    if setting.has_stand_ins:
        return [_run(BEFORE[source], source, _sooner(setting, source), "subject")]
    first = _run(f"{source}-graph-1", source, _graph(setting, source, stage=1), "subject")
    second = _graph(setting, source, stage=2)
    return [first, _run(BEFORE[source], source, second, "subject", after=first.key)]


def _sooner(setting: Setting, source: str) -> Recipe:
    """Return the recipe of the AU network that gets somewhere on thousands of small pictures."""
    recipe = _recipe(setting, "au-graph-1", model=OUR_NETWORK)
    optimiser = replace(recipe.optimiser, lr=1e-3, warmup=50, clip=5.0)
    flipped = replace(AUGMENTATIONS["none"], flip=0.5)
    loss = LossSettings("weighted_bce", limit=4.0)
    return replace(recipe, aus=_GRAPH_AUS[source], optimiser=optimiser, augmentation=flipped, loss=loss)


def _run(key: str, source: str, recipe: Recipe, protocol: str, *, after: str = "") -> RunPlan:
    """Return a run; one whose recipe starts from another starts from the run `after`."""
    made: Any = partial(_starting, recipe, after) if recipe.model.initial else recipe
    return RunPlan(key, source, recipe.crop, made, protocol)


def _starting(recipe: Recipe, after: str, folders: Mapping[str, Path]) -> Recipe:
    return replace(recipe, model=replace(recipe.model, initial=str(folders[after])))


def _recipe(setting: Setting, name: str, *, smallest: int = 32, model: ModelSettings | None = None) -> Recipe:
    """Return one of the paper's recipes, or with another network in its place, as the scale runs it."""
    recipe = load_recipe(Path(f"{PAPER}/{name}"))
    return setting.scaled(replace(recipe, model=model or recipe.model), multiple=32, smallest=smallest)


def _heatmaps(setting: Setting) -> Recipe:
    """Return the recipe of Fan et al.'s network; the landmarks of a real BP4D come from ours."""
    recipe = _with_backbone(setting, _recipe(setting, "au-heatmaps"))
    return replace(recipe, data=replace(recipe.data, split="subject"))


def _graph(setting: Setting, source: str, *, stage: int) -> Recipe:
    """Return the recipe of ME-GraphAU's stage 1 or 2."""
    recipe = _recipe(setting, "au-graph-1" if stage == 1 else "au-graph", smallest=64)
    options = {**recipe.model.options, "neighbours": _NEIGHBOURS[source]}
    recipe = replace(recipe, aus=_GRAPH_AUS[source], model=replace(recipe.model, options=options))
    more = {"edges": _EDGE_COST[source]} if stage == 2 else {}
    return _with_backbone(setting, replace(recipe, loss=replace(recipe.loss, more=more)))


def _emotions(setting: Setting, name: str, *, aus: str = "bp4d-5") -> Recipe:
    """Return the recipe of EmotiRAM-FAU on an AU network."""
    smallest = 64 if "probabilities" in name and not setting.has_stand_ins else 32
    recipe = replace(_recipe(setting, name, smallest=smallest), aus=aus)
    if "probabilities" in name and setting.has_stand_ins:
        options = {**recipe.model.options, "au_network": OUR_NETWORK.name}
        model = replace(recipe.model, options=options, **_CENTRED)
        return replace(recipe, model=model, run=replace(recipe.run, epochs=_EMOTION_EPOCHS))
    return _with_backbone(setting, recipe)


def _with_backbone(setting: Setting, recipe: Recipe) -> Recipe:
    """Return the recipe with a smaller backbone and, at the scale small, centred pixels."""
    if setting.scale_name == "full":
        return recipe
    if setting.scale_name == "small":
        recipe = replace(recipe, model=replace(recipe.model, **_CENTRED))
    small, options = {"backbone": "resnet18"}, dict(recipe.model.options)
    options |= {"au_options": small} if recipe.model.name == "emotiram_fau" else small
    return replace(recipe, model=replace(recipe.model, options=options))
