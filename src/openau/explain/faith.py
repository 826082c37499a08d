"""What a run of `openau explain` gathers on whether maps are faithful to the network: its first faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from openau.explain.choices import Choices
from openau.explain.faithful import deletion_insertion, randomised, rank_correlation
from openau.explain.methods import Method
from openau.explain.model import RunModel
from openau.explain.portraits import Portrait
from openau.explain.results import as_markdown
from openau.explain.scores import summarise

CURVES = ("deletion", "insertion", "deletion_random", "insertion_random")
"""What `deletion_insertion` returns, in order."""

_SAYS = (
    "Deletion (lower is better) and insertion (higher is better) are areas under the AU's probability; "
    "chance is the same in random order. `random_weights` is the rank correlation with the map of shuffled "
    "weights: near 0 where the map depends on what was learned."
)


class Faith:
    """Curves and sanity check of the first faces.

    Args:
        model: The network.
        choices: What is asked.
    """

    def __init__(self, model: RunModel, choices: Choices) -> None:
        self._model, self._choices = model, choices
        self._rows = choices.rows(model.card.aus)
        self._twin = RunModel(randomised(model.network, choices.seed), model.card) if choices.sanity else None
        self._found: list[dict[str, Any]] = []

    def wants(self, number: int) -> bool:
        """Return whether the face of this number is to be tested.

        Args:
            number: From 0.
        """
        return number < max(self._choices.curves, self._choices.sanity)

    def take(self, number: int, portraits: Sequence[Portrait], method: Method, maps: Tensor) -> None:
        """Test some faces.

        Args:
            number: Of the first of them, from 0.
            portraits: B faces.
            method: How the maps were made.
            maps: (B, A, h, w), of the chosen AUs.
        """
        for name, values in {
            **self._curves(self._choices.curves - number, portraits, maps),
            **self._sanity(self._choices.sanity - number, portraits, method, maps),
        }.items():
            for row, portrait in zip(values, portraits, strict=False):  # the first of them only
                for k, value in zip(self._rows, row, strict=True):
                    about = {"subject": portrait.subject, "method": method, "au": self._model.card.aus[k]}
                    self._found.append(about | {"what": name, "value": value})

    def _curves(
        self, wanted: int, portraits: Sequence[Portrait], maps: Tensor
    ) -> dict[str, NDArray[np.float64]]:
        """Return areas (B, A) by name, of the first faces only."""
        count = min(len(portraits), max(wanted, 0))
        if not count:
            return {}

        def network(images: Tensor) -> Tensor:
            logits: Tensor = self._model.network(images)
            return logits[:, self._rows]

        images = self._model.images([portrait.crop for portrait in portraits[:count]])
        areas = deletion_insertion(network, images, maps[:count], seed=self._choices.seed)
        return dict(zip(CURVES, areas.double().numpy(), strict=True))

    def _sanity(
        self, wanted: int, portraits: Sequence[Portrait], method: Method, maps: Tensor
    ) -> dict[str, NDArray[np.float64]]:
        """Return correlations (B, A) by name, of the first faces only."""
        count = min(len(portraits), max(wanted, 0))
        if not count or self._twin is None:
            return {}
        crops = [portrait.crop for portrait in portraits[:count]]
        outputs = self._twin.read(crops, method, self._choices.layer)
        others = np.stack([output.heatmaps[self._rows] for output in outputs if output.heatmaps is not None])
        return {"random_weights": rank_correlation(maps[:count], torch.from_numpy(others)).numpy()}

    def section(self, folder: Path) -> list[str]:
        """Write `faithful.csv` where anything was tested.

        Args:
            folder: Where to.

        Returns:
            Paragraphs for the page.
        """
        if not self._found:
            return []
        found = []
        for (method, name), rows in pd.DataFrame(self._found).groupby(["method", "what"], sort=False):
            means = summarise(rows, ["value"], resamples=self._choices.resamples, seed=self._choices.seed)
            means.insert(0, "what", str(name))
            means.insert(0, "method", str(method))
            found.append(means)
        table = pd.concat(found, ignore_index=True)
        table.to_csv(folder / "faithful.csv", index=False)
        return ["## Faith", _SAYS, as_markdown(table[table["au"] == "mean"])]
