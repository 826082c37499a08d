"""Where training stands, on disk: one safetensors file with a JSON header, replaced as a whole.

A kill at any moment leaves either the old checkpoint or the new one.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from openau.errors import ModelError
from openau.models.weights import read_tensors, write_tensors


@dataclass(slots=True)
class Standing:
    """How far a run has come.

    Attributes:
        epoch: Epoch in progress, from 0.
        step: Steps done within it.
        total: Steps done in all.
        loss_sum: Sum of the losses of this epoch's steps.
        seconds: Time spent training in this epoch.
        best: Best validation AUC so far; None before the first.
        stale: Epochs since then.
        finished: Whether training has ended.
        history: One row per finished epoch, the lines of `log.csv`.
    """

    epoch: int = 0
    step: int = 0
    total: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    best: float | None = None
    stale: int = 0
    finished: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)


class WeightAverage:
    """Exponential moving average of a network's weights and buffers.

    Starts as a plain mean, so that the first weights do not linger.

    Args:
        network: The network that trains.
        decay: 0–1; 0 makes the average the network itself, at no cost.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = _held(network)
        if decay:
            self.tensors = {name: tensor.clone() for name, tensor in self.tensors.items()}

    @torch.no_grad()
    def update(self, network: nn.Module, steps: int) -> None:
        """Take in the network's weights after a step.

        Args:
            network: The network that trains.
            steps: Steps done so far.
        """
        now = _held(network)
        if not self.decay:
            self.tensors = now
            return
        keep = min(self.decay, (1 + steps) / (10 + steps))
        real = [name for name, tensor in now.items() if tensor.is_floating_point()]
        # All at once: a large network has a thousand tensors, most of them short.
        torch._foreach_lerp_([self.tensors[name] for name in real], [now[name] for name in real], 1 - keep)
        for name in now.keys() - set(real):
            self.tensors[name].copy_(now[name])


def _held(network: nn.Module) -> dict[str, Tensor]:
    """Return a network's own weights and buffers by name."""
    return {name: tensor.detach() for name, tensor in network.state_dict().items()}


def save_checkpoint(
    path: Path,
    network: nn.Module,
    average: WeightAverage,
    optimiser: Optimizer,
    criterion: nn.Module,
    standing: Standing,
    recipe: str,
) -> None:
    """Write all that the rest of the run depends on.

    Args:
        path: Target file; replaced if it exists.
        network: The network that trains.
        average: Its moving average.
        optimiser: Its Adam, AdamW or SGD.
        criterion: The loss, of which some remember.
        standing: How far the run has come.
        recipe: The recipe's text, to refuse another one on resume.
    """
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    # A copy, for a file holds no memory twice, and an average without decay is the network's own.
    tensors |= {f"average.{name}": tensor.clone() for name, tensor in average.tensors.items()}
    tensors |= {f"loss.{name}": tensor for name, tensor in criterion.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
    write_tensors(path, tensors, {"standing": asdict(standing), "recipe": recipe})


def load_checkpoint(
    path: Path,
    network: nn.Module,
    average: WeightAverage,
    optimiser: Optimizer,
    criterion: nn.Module,
    recipe: str,
) -> Standing:
    """Put network, average, optimiser and loss back where they were.

    Args:
        path: What `save_checkpoint` wrote.
        network: Is overwritten.
        average: Is overwritten.
        optimiser: Is overwritten.
        criterion: The loss; what it remembers is overwritten.
        recipe: The recipe's text.

    Returns:
        How far the run had come.

    Raises:
        ModelError: The file is missing or broken, or belongs to another recipe.
    """
    tensors, header = read_tensors(path)
    if _deciding(header.get("recipe", "")) != _deciding(recipe):
        raise ModelError(f"{path} was made by another recipe; resume with that, or choose another folder.")
    try:
        network.load_state_dict(_part(tensors, "network."))
        average.tensors = _part(tensors, "average.")
        remembered = _part(tensors, "loss.")
        if remembered:  # older checkpoints have none
            criterion.load_state_dict(_by_task(remembered))
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, "optimiser.").items():
            number, field_name = name.split(".", 1)
            state.setdefault(int(number), {})[field_name] = tensor
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        _lay_out(optimiser)
        return Standing(**header["standing"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} does not fit this version of openau ({error}); train again.") from error


def _lay_out(optimiser: Optimizer) -> None:
    """Give the optimiser's state the memory layout of its weights.

    A file holds tensors row by row, and a fused optimiser runs over bare memory: it would pair a weight with
    another weight's moments wherever the network lies channels last.
    """
    for group in optimiser.param_groups:
        for weight in group["params"]:
            held = optimiser.state.get(weight, {})
            for name, value in held.items():
                if torch.is_tensor(value) and value.shape == weight.shape:
                    held[name] = torch.empty_like(weight).copy_(value)


def _deciding(recipe: str) -> dict[str, Any]:
    """Return what of a recipe decides the weights: not where the run lies or how often it is saved."""
    fields = tomllib.loads(recipe)
    for name in ("out", "checkpoint_s", "readers"):
        fields.get("run", {}).pop(name, None)
    # Recipes written before these fields existed.
    for name in ("options", "more", "more_options"):
        fields.setdefault("loss", {}).setdefault(name, {})
    for name in ("weights", "initial"):
        fields.setdefault("model", {}).setdefault(name, "")
    for name, value in (("horizon", 0), ("momentum", 0.9), ("drop", 2000)):
        fields.setdefault("optimiser", {}).setdefault(name, value)
    return fields


def _by_task(remembered: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what the losses remember by task; older checkpoints know the loss of AUs alone."""
    return {name if name.startswith("losses.") else f"losses.aus.{name}": t for name, t in remembered.items()}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors under a prefix, without it."""
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
