"""What training measured is what the instrument computes, from the picture on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from openau.data.one_face import choose_face
from openau.export import export_run
from openau.faces import crop_face
from openau.read import read_image
from openau.runtime import AUModel
from tests.fake.synthetic_folder import BOX, find_marked_face


def test_the_instrument_repeats_the_runs_predictions(run: Path, tmp_path: Path) -> None:
    model = AUModel(export_run(run, tmp_path / "model.onnx"), threads=1)
    table = pd.read_parquet(run / "predictions.parquet")
    crops = []
    for path in table["sample"]:
        rgb = read_image(Path(path)).rgb
        face = choose_face(find_marked_face(rgb), BOX)
        assert face is not None
        crops.append(crop_face(rgb, face, model.card.crop))
    found = model.predict(crops, heatmaps=True)
    wanted = table[["AU01_p", "AU12_p", "AU25_p"]].to_numpy()
    np.testing.assert_allclose([output.probability for output in found], wanted, atol=0.01)
    assert all(output.heatmaps is not None and output.heatmaps.shape == (3, 2, 2) for output in found)
    plain = model.predict(crops)
    assert all(output.heatmaps is None for output in plain)
    np.testing.assert_array_equal(plain[3].probability, found[3].probability)


def test_the_card_holds_thresholds_and_synthetic_accuracy(run: Path, tmp_path: Path) -> None:
    card = AUModel(export_run(run, tmp_path / "model.onnx", rule="youden")).card
    areas = {row.au: row.value for row in card.accuracy if row.metric == "ROC AUC"}
    assert areas[1] > 0.9
    assert areas[12] > 0.9
    assert {row.data for row in card.accuracy} == {"synthetic"}
    assert card.thresholds != (0.5, 0.5, 0.5)
    assert [row.count for row in card.accuracy if row.metric == "mean F1"] == [12]
