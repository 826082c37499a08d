"""Heat maps of finished runs on the same faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from openau.explain import Method, explain
from openau.models import model_class
from openau.models.weights import load_network
from openau.records import Floats, Pixels
from openau.train import load_recipe
from openau.train.predict import normalise


def heat_maps(
    run: Path, faces: Pixels, aus: Sequence[int], *, method: Method = "grad_cam"
) -> tuple[Floats, Floats]:
    """Return where a finished run's network looks.

    Args:
        run: Its folder.
        faces: (B, S, S, 3) RGB uint8 crops; resized where the network's side is another.
        aus: The K action units wanted; each must be one of the network's.
        method: `grad_cam` or `grad_cam_plus_plus`.

    Returns:
        (B, K, S, S) maps in 0–1, each by its own minimum and maximum, and the (B, K) probabilities.
    """
    network, spec = load_network(run / "checkpoint" / "best.safetensors")
    recipe = load_recipe(run / "recipe.toml")
    side, own = faces.shape[1], recipe.crop.size
    resized = np.stack([cv2.resize(face, (own, own), interpolation=cv2.INTER_AREA) for face in faces])
    images = torch.from_numpy(resized).permute(0, 3, 1, 2).float() / 255
    images = normalise(images, recipe.model)
    layer = str(getattr(model_class(recipe.model.name), "heatmap_layer", ""))
    columns = [spec.aus.index(au) for au in aus]
    with torch.no_grad():
        probability = torch.sigmoid(network.eval()(images))[:, columns]
    maps = explain(network, images, layer=layer, method=method)[:, columns]
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    maps = (maps - low) / (high - low).clamp(min=1e-12)
    large = F.interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)
    return large.clamp(0, 1).numpy(), probability.numpy()
