"""The default model's architecture with fresh weights, as its recipe builds it."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from openau.models import build_model
from openau.records import ModelCard
from openau.train import load_recipe


def default_network(card: ModelCard) -> nn.Module:
    """Return the network that the default recipe trains, untrained.

    Args:
        card: The default model's.
    """
    model = load_recipe(Path("default")).model
    return build_model(model.name, len(card.aus), size=card.crop.size, **model.options)
