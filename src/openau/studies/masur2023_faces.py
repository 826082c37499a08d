"""Faces with the heat maps that an AU network draws before and after it was trained on emotions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from openau.data import CropStore
from openau.evaluate.emotion import EMOTION_TRUTH, said_emotions, true_emotions
from openau.evaluate.forgetting import SMILE
from openau.evaluate.report import judged_rows, read_predictions
from openau.facs import EMOTIONS
from openau.models.emotiram_fau import EmotiramFAU
from openau.models.fan_heatmap import PointMapNetwork
from openau.models.weights import load_any
from openau.records import Floats, Pixels
from openau.studies.figures import draw_panels
from openau.studies.page import Figure
from openau.train import Recipe, load_recipe
from openau.train.predict import normalise

_FACES = 4


def draw_faces(
    before: Path, after: Path, store: Path, path: Path, *, right: bool, label: str = ""
) -> Figure | None:
    """Draw test faces with the heat maps of the smile's AUs before and after.

    Args:
        before: Run of the AU network.
        after: Run that trained it on emotions.
        store: Crop store of the emotion faces.
        path: The figure's file without its ending.
        right: Whether to take faces whose emotion `after` tells rightly, or those it tells wrongly.
        label: Stands over the figure.

    Returns:
        The figure; None where there is no such face.
    """
    table = judged_rows(read_predictions(after))
    truth, said = true_emotions(table), said_emotions(table)
    chosen = _spread(np.flatnonzero((truth >= 0) & ((said == truth) == right)), truth)
    if not len(chosen):
        return None
    crops = CropStore.open(store)
    faces = crops.crops(_rows(crops.table, table["sample"].iloc[chosen].tolist()))
    recipe = load_recipe(after / "recipe.toml")
    panels = [(when, *_maps(run, recipe, faces)) for when, run in (("before", before), ("after", after))]
    rows = []
    for number, place in enumerate(chosen):
        maps: dict[str, Floats | None] = {}
        for column, au in enumerate(SMILE):
            for when, heat, probability in panels:
                title = f"AU {au} {when}\n{probability[number, column]:.2f}"
                maps[title] = heat[number, column]
        name = f"{table[EMOTION_TRUTH].iloc[place]}\nsaid {EMOTIONS[said[place]]}"
        rows.append((name, faces[number], maps))
    draw_panels(path, rows, label=label)
    which = "rightly" if right else "wrongly"
    which_figure = "3" if right else "4"
    return Figure(path.name, f"Figure {which_figure}: faces whose emotion is told {which}, AU 6 and AU 12.")


def _spread(rows: NDArray[np.int64], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a few rows of as many emotions as there are, happiness first."""
    happiness = EMOTIONS.index("happiness")
    seen: dict[int, int] = {}
    ranks = []
    for row in rows:
        emotion = int(truth[row])
        ranks.append((seen.get(emotion, 0), emotion != happiness, emotion, int(row)))
        seen[emotion] = seen.get(emotion, 0) + 1
    return np.array([row for *_, row in sorted(ranks)[:_FACES]], np.int64)


def _rows(table: pd.DataFrame, samples: list[str]) -> NDArray[np.int64]:
    """Return the rows of a store by their samples."""
    places = {path: row for row, path in enumerate(table["path"])}
    return np.array([places[sample] for sample in samples], np.int64)


@torch.no_grad()
def _maps(run: Path, recipe: Recipe, faces: Pixels) -> tuple[Floats, Floats]:
    """Return the (B, 2, S, S) maps of the smile's AUs by a face's largest, and (B, 2) probabilities."""
    network: nn.Module = load_any(run / "checkpoint" / "best.safetensors")[0]
    encoder = network.encoder if isinstance(network, EmotiramFAU) else network
    assert isinstance(encoder, PointMapNetwork)
    images = normalise(torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255, recipe.model)
    logits, maps = encoder.eval().logits_and_heatmaps(images)
    columns = [recipe.action_units.index(au) for au in SMILE]
    maps = maps[:, columns] / maps[:, columns].amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    large = nn.functional.interpolate(maps, size=faces.shape[1:3], mode="bilinear", align_corners=False)
    return large.clamp(0, 1).numpy(), torch.sigmoid(logits[:, columns]).numpy()
