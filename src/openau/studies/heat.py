"""Heat maps of finished runs on the same faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from openau.draw import enlarged
from openau.errors import ModelError
from openau.explain import Method, RunModel, open_explained
from openau.records import Crop, Floats, Pixels


def heat_maps(
    run: Path, faces: Pixels, aus: Sequence[int], *, method: Method = "grad_cam"
) -> tuple[Floats, Floats]:
    """Return where a finished run's network looks.

    Args:
        run: Its folder.
        faces: (B, S, S, 3) RGB uint8 crops; resized where the network's side is another.
        aus: The K action units wanted; each must be one of the network's.
        method: Key of `openau.explain.METHODS`.

    Returns:
        (B, K, S, S) maps in 0–1, each by its own minimum and maximum, and the (B, K) probabilities.

    Raises:
        ModelError: The folder is no finished run.
    """
    model = open_explained(run)
    if not isinstance(model, RunModel):
        raise ModelError(f"{run} is no run folder; give what openau train made.")
    side, own = faces.shape[1], model.card.crop.size
    matrix = np.eye(2, 3)
    crops = [Crop(cv2.resize(face, (own, own), interpolation=cv2.INTER_AREA), matrix) for face in faces]
    columns = [model.card.aus.index(au) for au in aus]
    read = model.read(crops, method)
    maps = [
        [enlarged(output.heatmaps[number], side) for number in columns]
        for output in read
        if output.heatmaps is not None
    ]
    return np.array(maps, np.float32), np.stack([output.probability[columns] for output in read])
