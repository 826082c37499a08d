"""The network behind a path: a run folder with its weights, or a model file that writes its own maps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openau.errors import CardError, SettingError
from openau.explain.autograd import evaluating, explain
from openau.explain.faithful import randomised
from openau.explain.methods import Method
from openau.explain.occlusion import occlusion
from openau.models.jacobian import best_map
from openau.models.weights import load_network
from openau.records import AUOutput, Crop, ModelCard
from openau.runtime import AUModel, read_run_card

_SMALLEST = 1e-7  # float32 probabilities near 1 come in steps of this size


class RunModel:
    """A network with its weights: every method at every layer.

    Args:
        network: (B, 3, S, S) normalised float to (B, A) logits.
        card: Its AUs, its crop, how its pictures are normalised.
    """

    def __init__(self, network: nn.Module, card: ModelCard) -> None:
        self.card = card
        self.network = network
        self._digest = ""
        self.recommended: Method = card.heatmap_method or best_map(network)

    def read(self, crops: Sequence[Crop], method: Method, layer: str | None = None) -> list[AUOutput]:
        """Return probabilities and maps of every AU of some crops.

        Args:
            crops: Cut by the card's recipe.
            method: How the maps are made.
            layer: Where they are read; the network's own where None.
        """
        images = normalised(crops, self.card)
        probability = torch.sigmoid(self.logits(images)).numpy()
        maps = explain(self.network, images, layer=layer, method=method).numpy()
        return [
            AUOutput(self.card.aus, p, heatmaps=m.astype(np.float32))
            for p, m in zip(probability, maps, strict=True)
        ]

    @property
    def digest(self) -> str:
        """What tells this network from every other, card and weights."""
        if not self._digest:
            found = hashlib.sha256(self.card.to_json().encode())
            for name, weight in self.network.state_dict().items():
                found.update(name.encode() + weight.detach().cpu().contiguous().numpy().tobytes())
            self._digest = found.hexdigest()
        return self._digest

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits of pictures, (B, A).

        Args:
            images: (B, 3, S, S) float, normalised.
        """
        with evaluating(self.network), torch.no_grad():
            found: Tensor = self.network(images)
        return found

    def shuffled(self, seed: int) -> RunModel:
        """Return the same network after it has forgotten what it learned, see `randomised`.

        Args:
            seed: Decides the shuffle.
        """
        return RunModel(randomised(self.network, seed), self.card)


class FileModel:
    """A model file: the heat maps that it was exported with, and whatever needs nothing but its answers.

    Args:
        path: The ONNX file.

    Raises:
        ModelError: The file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._model = AUModel(path)
        self.card = self._model.card
        self.methods: tuple[Method, ...] = (*self._model.heatmap_methods, "occlusion")
        self.recommended: Method = self._model.heatmap_method or "occlusion"
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()

    def read(self, crops: Sequence[Crop], method: Method, layer: str | None = None) -> list[AUOutput]:
        """Return probabilities and maps of every AU of some crops.

        Args:
            crops: Cut by the card's recipe.
            method: One of `methods`.
            layer: None, or the card's.

        Raises:
            SettingError: Another method or layer is asked for.
        """
        if method not in self.methods or layer not in (None, self.card.heatmap_layer):
            raise SettingError(
                f"The model file {self.card.name} knows {', '.join(self.methods)} at its own layer "
                f"{self.card.heatmap_layer}; give the run folder it was made from."
            )
        if method != "occlusion":
            return self._model.predict(crops, heatmaps=method)
        maps = occlusion(self.logits, normalised(crops, self.card)).relu().numpy()
        return [
            replace(output, heatmaps=one)
            for output, one in zip(self._model.predict(crops), maps, strict=True)
        ]

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits of pictures, (B, A), as far as float32 probabilities tell them: within ±16.

        Args:
            images: (B, 3, S, S) float, normalised.
        """
        probability = torch.from_numpy(self._model.probabilities(images.numpy()))
        return torch.logit(probability, eps=_SMALLEST)


def normalised(crops: Sequence[Crop], card: ModelCard) -> Tensor:
    """Return crops as a network takes them, (B, 3, S, S) float32.

    Args:
        crops: Cut by the card's recipe.
        card: Says how they are normalised.
    """
    pixels = torch.from_numpy(np.stack([crop.pixels for crop in crops])).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (card.mean, card.std))
    return (pixels - mean) / std


def open_explained(path: Path) -> RunModel | FileModel:
    """Open a run folder or a model file.

    Args:
        path: What `openau train` or `openau export` made.

    Raises:
        ModelError: It is neither, or is broken.
        CardError: Its card is malformed, or does not fit its weights.
    """
    if not path.is_dir():
        return FileModel(path)
    card = read_run_card(path)
    network, spec = load_network(path / "checkpoint" / "best.safetensors")
    if spec.aus != card.aus or spec.size != card.crop.size:
        raise CardError(f"The card and the weights in {path} do not belong together; train again.")
    return RunModel(network.eval(), card)
