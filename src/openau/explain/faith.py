"""What a run of `openau explain` gathers on whether maps are faithful to the network: its first faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from openau.explain.choices import Choices
from openau.explain.faithful import deletion_insertion, rank_correlation
from openau.explain.methods import Method
from openau.explain.model import FileModel, RunModel, normalised
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

    Attributes:
        found: One record of plain values for each face, network, method, AU and test.

    Args:
        models: The networks, by name.
        aus: The A action units.
        choices: What is asked.
    """

    def __init__(
        self, models: Mapping[str, RunModel | FileModel], aus: tuple[int, ...], choices: Choices
    ) -> None:
        self._models, self._aus, self._choices = models, aus, choices
        self._twins = {
            name: model.shuffled(choices.seed)
            for name, model in models.items()
            if choices.sanity and isinstance(model, RunModel)
        }
        self.found: list[dict[str, Any]] = []

    def wants(self, number: int) -> bool:
        """Return whether the face of this number is to be tested.

        Args:
            number: From 0.
        """
        return number < max(self._choices.curves, self._choices.sanity)

    def take(
        self, number: int, portraits: Sequence[Portrait], name: str, method: Method, maps: Tensor
    ) -> None:
        """Test some faces.

        Args:
            number: Of the first of them, from 0.
            portraits: B faces.
            name: Of the network.
            method: How the maps were made.
            maps: (B, A, h, w), of the chosen AUs.
        """
        for what, values in {
            **self._curves(portraits[: max(self._choices.curves - number, 0)], name, maps),
            **self._sanity(portraits[: max(self._choices.sanity - number, 0)], name, method, maps),
        }.items():
            for row, portrait in zip(values, portraits, strict=False):  # the first of them only
                for au, value in zip(self._aus, row, strict=True):
                    about = {"subject": portrait.subject, "model": name, "method": method, "au": au}
                    self.found.append(about | {"what": what, "value": float(value)})

    def _curves(
        self, portraits: Sequence[Portrait], name: str, maps: Tensor
    ) -> dict[str, NDArray[np.float64]]:
        """Return areas (B, A) by what they are."""
        if not portraits:
            return {}
        model = self._models[name]
        rows = [model.card.aus.index(au) for au in self._aus]

        def network(images: Tensor) -> Tensor:
            return model.logits(images)[:, rows]

        images = normalised([portrait.cut(model.card.crop) for portrait in portraits], model.card)
        areas = deletion_insertion(network, images, maps[: len(portraits)], seed=self._choices.seed)
        return dict(zip(CURVES, areas.double().numpy(), strict=True))

    def _sanity(
        self, portraits: Sequence[Portrait], name: str, method: Method, maps: Tensor
    ) -> dict[str, NDArray[np.float64]]:
        """Return correlations (B, A) by what they are."""
        if not portraits or name not in self._twins:
            return {}
        twin = self._twins[name]
        rows = [twin.card.aus.index(au) for au in self._aus]
        crops = [portrait.cut(twin.card.crop) for portrait in portraits]
        outputs = twin.read(crops, method, self._choices.layer)
        others = np.stack([output.heatmaps[rows] for output in outputs if output.heatmaps is not None])
        same = rank_correlation(maps[: len(portraits)], torch.from_numpy(others))
        return {"random_weights": same.numpy()}

    def section(self, folder: Path) -> list[str]:
        """Write `faithful.csv` where anything was tested.

        Args:
            folder: Where to.

        Returns:
            Paragraphs for the page.
        """
        if not self.found:
            return []
        found = []
        keys = ["model", "method", "what"]
        for names, rows in pd.DataFrame(self.found).groupby(keys, sort=False):
            means = summarise(rows, ["value"], resamples=self._choices.resamples, seed=self._choices.seed)
            for key, name in reversed(list(zip(keys, names, strict=True))):
                means.insert(0, key, str(name))
            found.append(means)
        table = pd.concat(found, ignore_index=True)
        table.to_csv(folder / "faithful.csv", index=False)
        return ["## Faith", _SAYS, as_markdown(table[table["au"] == "mean"])]
