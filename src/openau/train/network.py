"""From a recipe to its network: what builds it, and what weights it starts with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from openau.data.heatmap import AU_POINTS, point_counts
from openau.errors import ModelError, SettingError
from openau.facs import EMOTIONS
from openau.models import EMOTION_MODELS, LANDMARK_MODELS, model_class
from openau.models.emotiram_fau import EmotiramFAU
from openau.models.fan_heatmap import PointMapNetwork
from openau.models.me_graph import MEGraph
from openau.models.pretrained import load_imagenet
from openau.models.tasks import TaskOutputs, tasks_of
from openau.models.weights import AnySpec, EmotionSpec, LandmarkSpec, NetworkSpec, load_any
from openau.train.config import Recipe


def network_spec(recipe: Recipe) -> AnySpec:
    """Return what builds the recipe's network.

    A network that draws AU points gets as many as its AUs have, where the recipe does not say how many.

    Args:
        recipe: The recipe.
    """
    name, aus, size = recipe.model.name, recipe.action_units, recipe.crop.size
    options = dict(recipe.model.options)
    if name in LANDMARK_MODELS:
        return LandmarkSpec(name, size, options)
    if name not in EMOTION_MODELS:
        return NetworkSpec(name, aus, size, _with_points(name, options, aus))
    if issubclass(model_class(name), EmotiramFAU):
        inner = str(options.get("au_network", "fan_heatmap"))
        own = _with_points(inner, dict(options.get("au_options", {})), aus)
        options |= {"au_network": inner, "aus": len(aus), "au_options": own}
    return EmotionSpec(name, EMOTIONS, {"size": size, **options})


def fresh_network(recipe: Recipe) -> nn.Module:
    """Build the recipe's network, with the weights that the recipe names.

    Args:
        recipe: The recipe.

    Returns:
        The network in training mode.

    Raises:
        SettingError: The network would train behind frozen random layers, or does not fit the weights.
        InputError: The file of ImageNet weights is missing or unreadable.
        ModelError: The run to start from is missing, broken or of another network.
    """
    network, settings = network_spec(recipe).build(), recipe.model
    if settings.weights:
        load_imagenet(network, Path(settings.weights))
    elif getattr(network, "trainable", "all") != "all" and not settings.initial:
        raise SettingError(
            f"{settings.name} would train behind frozen random layers; name ImageNet weights in "
            'model.weights (openau models --fetch), or set model.options = { trainable = "all" }.'
        )
    if settings.initial:
        start_from(network, Path(settings.initial), recipe.action_units)
    elif getattr(network, "frozen", False):
        raise SettingError(
            f"{settings.name} would read emotions from a frozen random AU network; name a run that "
            "trained it in model.initial, or set model.options = { frozen = false }."
        )
    return network


def start_from(network: nn.Module, path: Path, aus: Sequence[int]) -> None:
    """Give a network the weights of an earlier run.

    The run may have trained the same network; the AU network that stands inside a network for emotions; or
    the first stage of ME-GraphAU, of which the second takes over what both have.

    Args:
        network: Is overwritten.
        path: Run folder, or its `checkpoint/best.safetensors`.
        aus: The A action units of `network`, in output order.

    Raises:
        ModelError: The run is missing or broken, or its network is another.
        SettingError: Stage 1 of ME-GraphAU does not fit stage 2.
    """
    source, spec = load_any(path / "checkpoint" / "best.safetensors" if path.is_dir() else path)
    if isinstance(spec, NetworkSpec) and tuple(spec.aus) != tuple(aus):
        raise ModelError(
            f"{path} knows the AUs {_listed(spec.aus)}, the recipe has {_listed(aus)}; give both the same."
        )
    target = network
    if isinstance(network, EmotiramFAU) and isinstance(spec, NetworkSpec):
        target = network.encoder
    if isinstance(target, MEGraph) and isinstance(source, MEGraph) and target.stage != source.stage:
        target.start_from(source)
        return
    if type(target) is not type(source):
        raise ModelError(
            f"{path} holds a {spec.name}, which is not what the recipe's network is made of; name another."
        )
    try:
        target.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise ModelError(
            f"{path} does not fit the recipe's network ({_first_line(error)}); give model.options and "
            "crop.size as that run has them."
        ) from error


def taught(network: nn.Module, tasks: Sequence[Any]) -> TaskOutputs:
    """Return the network with the outputs of its tasks; layers that no task teaches stay as they are.

    Args:
        network: The recipe's network.
        tasks: What it is taught.

    Raises:
        SettingError: The network cannot do a task.
    """
    outputs = TaskOutputs(network, tasks)
    layers = dict(network.named_modules())
    for name, task in getattr(network, "auxiliary", {}).items():
        if task not in tasks and name in layers:
            # Several processes that train together wait for the gradient of every layer that trains.
            layers[name].requires_grad_(False)
    return outputs


def judged(network: nn.Module, lessons: Collection[str] = ()) -> TaskOutputs:
    """Return the network with the outputs that predictions are made of.

    Args:
        network: Any network of `openau.models`.
        lessons: What it was taught; a network tells intensities only if it was taught them.
    """
    told = {"aus", "emotion", "landmarks"} | ({"intensity"} & set(lessons))
    return TaskOutputs(network, [task for task in tasks_of(network) if task in told])


def _with_points(name: str, options: Mapping[str, Any], aus: Sequence[int]) -> dict[str, Any]:
    """Return a network's options with the number of points of each AU, where it draws points."""
    draws = issubclass(model_class(name), PointMapNetwork)
    if not draws or "points" in options or any(au not in AU_POINTS for au in aus):
        return dict(options)
    return {**options, "points": list(point_counts(aus))}


def _listed(aus: Sequence[int]) -> str:
    return ", ".join(map(str, aus))


def _first_line(error: Exception) -> str:
    """Return the first thing that torch found not to fit."""
    lines = [line.strip() for line in str(error).splitlines()]
    return lines[1] if len(lines) > 1 else lines[0]
