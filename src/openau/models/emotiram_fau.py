"""EmotiRAM-FAU: what a network has learned about action units, taken to tell emotions."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn

from openau.errors import SettingError
from openau.facs import au_set
from openau.models import build_model, network_needs
from openau.models.fan_heatmap import HEIGHT, FanHeatmap
from openau.models.fan_scc import FanSCC
from openau.models.needs import Needs

WIDTHS = (2048, 1024, 512, 256)
"""Widths of the bottleneck between the heat maps and the emotions."""


class Bottleneck(nn.Sequential):
    """Five dense layers from heat maps to emotion logits, ReLU between them.

    Args:
        values: Values of all maps of a face, 5760 for 10 maps of 24×24.
        emotions: Number E of emotions.
    """

    def __init__(self, values: int, emotions: int) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((values, *WIDTHS)):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        super().__init__(*layers, nn.Linear(WIDTHS[-1], emotions))


class EmotiramFAU(nn.Module):
    """Face crop to emotion logits through an AU network (masur2023's EmotiRAM-FAU).

    With a heat map network (`fan_heatmap`, `fan_scc`) the emotions are read from its maps by five dense
    layers; with any other AU network, such as `me_graph`, from the AUs' probabilities by one. The AU network
    stays whole as `encoder`: load its weights there, and read there what it still says about AUs.

    Args:
        emotions: Number E of emotions.
        size: Side S of the square input; what the AU network was published with where not given.
        au_network: A key of `openau.models.MODELS`.
        aus: Number A of action units of the AU network; those it was published with where not given.
        au_options: The AU network's own options.
        frozen: Whether the AU network stays as it is, batch norm included, and the layers behind it alone
            learn.

    Raises:
        SettingError: `emotions` below 2, or what the AU network refuses.

    Differences from the paper: it states neither activation nor training of the bottleneck. Ours: ReLU
    between the layers, none on the last, maps divided by 255. Freezing is ours; the paper trains everything.

    Reference: P. Masur, W. Costa, L. Figueredo, V. Teichrieb, Leveraging previous facial action units
    knowledge for emotion recognition on faces, 2023.
    """

    reference = (
        "Masur et al., Leveraging previous facial action units knowledge for emotion recognition on faces, "
        "2023"
    )

    needs: Needs = FanHeatmap.needs
    """Those of the AU network."""
    heatmap_layer: str = f"encoder.{FanHeatmap.heatmap_layer}"

    def __init__(
        self,
        emotions: int = 7,
        *,
        size: int | None = None,
        au_network: str = "fan_heatmap",
        aus: int | None = None,
        au_options: Mapping[str, Any] | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        if emotions < 2:
            raise SettingError(f"emotiram_fau was asked for {emotions} emotions; give at least 2.")
        self.needs = network_needs(au_network)
        self.size = self.needs.size if size is None else size
        count = len(au_set(self.needs.aus)) if aus is None else aus
        self.encoder = build_model(au_network, count, size=self.size, **dict(au_options or {}))
        self.heatmap_layer = f"encoder.{self.encoder.heatmap_layer}"
        own: Mapping[str, str] = getattr(self.encoder, "auxiliary", {})
        self.auxiliary = {f"encoder.{layer}": task for layer, task in own.items()}
        if isinstance(self.encoder, FanHeatmap | FanSCC):
            self.head: nn.Module = Bottleneck(sum(self.encoder.points) * (self.size // 4) ** 2, emotions)
        else:
            self.head = nn.Linear(count, emotions)
        self.frozen = frozen
        self.encoder.requires_grad_(not frozen)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; a frozen AU network stays in evaluation mode.

        Args:
            mode: Whether to train.

        Returns:
            The network itself.
        """
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return the emotions.

        Args:
            images: (B, 3, S, S) float, normalised as the AU network needs it.

        Returns:
            (B, E) logits, for a softmax.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        return self.emotions_and_aus(images)[0]

    def emotions_and_aus(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the emotions and what the AU network says about AUs, in one pass.

        Args:
            images: (B, 3, S, S) float, normalised as the AU network needs it.

        Returns:
            (B, E) emotion logits for a softmax and (B, A) AU logits.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            if isinstance(self.encoder, FanHeatmap | FanSCC):
                maps = self.encoder.heatmaps(images)
                aus, read = self.encoder.logits_of(maps), maps.flatten(1) / HEIGHT
            else:
                aus = self.encoder(images)
                read = aus.sigmoid()
        emotions: Tensor = self.head(read)
        return emotions, aus
