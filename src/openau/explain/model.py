"""The network behind a path: a run folder with its weights, or a model file that writes its own maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openau.errors import CardError, ModelError, SettingError
from openau.explain.autograd import evaluating, explain
from openau.explain.methods import Method
from openau.models.weights import load_network
from openau.records import AUOutput, Crop, ModelCard
from openau.runtime import AUModel


class RunModel:
    """A network with its weights.

    Args:
        network: (B, 3, S, S) normalised float to (B, A) logits.
        card: Its AUs, its crop, how its pictures are normalised.
    """

    def __init__(self, network: nn.Module, card: ModelCard) -> None:
        self.card = card
        self.network = network

    def read(self, crops: Sequence[Crop], method: Method, layer: str | None = None) -> list[AUOutput]:
        """Return probabilities and maps of every AU of some crops.

        Args:
            crops: Cut by the card's recipe.
            method: How the maps are made.
            layer: Where they are read; the network's own where None.
        """
        images = self.images(crops)
        with evaluating(self.network), torch.no_grad():
            probability = torch.sigmoid(self.network(images)).numpy()
        maps = explain(self.network, images, layer=layer, method=method).numpy()
        return [
            AUOutput(self.card.aus, p, heatmaps=m.astype(np.float32))
            for p, m in zip(probability, maps, strict=True)
        ]

    def images(self, crops: Sequence[Crop]) -> Tensor:
        """Return crops as the network takes them, (B, 3, S, S) float, normalised.

        Args:
            crops: Cut by the card's recipe.
        """
        pixels = torch.from_numpy(np.stack([crop.pixels for crop in crops])).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(v)[:, None, None] for v in (self.card.mean, self.card.std))
        return (pixels - mean) / std


class FileModel:
    """A model file: Grad-CAM at the layer it was exported with, and nothing else.

    Args:
        path: The ONNX file.

    Raises:
        ModelError: The file cannot be used, or writes no heat maps.
    """

    def __init__(self, path: Path) -> None:
        self._model = AUModel(path)
        self.card = self._model.card
        if self.card.heatmap_layer is None:
            raise ModelError(f"The model {path} writes no heat maps; give the run folder it was made from.")

    def read(self, crops: Sequence[Crop], method: Method, layer: str | None = None) -> list[AUOutput]:
        """Return probabilities and maps of every AU of some crops.

        Args:
            crops: Cut by the card's recipe.
            method: `grad_cam`.
            layer: None, or the card's.

        Raises:
            SettingError: Another method or layer is asked for.
        """
        if method != "grad_cam" or layer not in (None, self.card.heatmap_layer):
            raise SettingError(
                f"A model file knows only grad_cam at {self.card.heatmap_layer}; give the run folder."
            )
        return self._model.predict(crops, heatmaps=True)


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
    try:
        card = ModelCard.from_json((path / "card.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is no run folder ({error}); give what openau train made.") from error
    network, spec = load_network(path / "checkpoint" / "best.safetensors")
    if spec.aus != card.aus or spec.size != card.crop.size:
        raise CardError(f"The card and the weights in {path} do not belong together; train again.")
    return RunModel(network.eval(), card)
