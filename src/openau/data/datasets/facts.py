"""The published facts about the datasets: counts, subjects, folds, frames to leave out. No labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any


@cache
def _all_facts() -> Mapping[str, Any]:
    text = resources.files("openau.data.datasets").joinpath("facts.json").read_text("utf-8")
    return MappingProxyType(json.loads(text))


def dataset_facts(name: str) -> Mapping[str, Any]:
    """Return what is published about a dataset.

    Args:
        name: Its name in the registry.

    Returns:
        Keys as `docs/datasets.md` describes them; empty where nothing is known.
    """
    return MappingProxyType(_all_facts().get(name, {}))
