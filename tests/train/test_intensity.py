"""Training learns intensities beside occurrences, and the file tells them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from openau.data.crops import prepare
from openau.data.store import CropStore
from openau.errors import TableError
from openau.evaluate import evaluate
from openau.export import export_run
from openau.export.finished import read_finished
from openau.records import Crop, CropSpec
from openau.runtime import AUModel
from openau.train import train
from tests.train.conftest import build_fake
from tests.train.small_tasks import SIDE, TINY, recipe


def test_intensities_that_are_plain_to_see_are_learned_and_exported(
    stores: dict[int, Path], tmp_path: Path
) -> None:
    plain = recipe(stores, "compact_resnet", "bce", epochs=6, **TINY)
    run = train(replace(plain, loss=replace(plain.loss, more={"intensity": 1.0})), out=tmp_path / "run")
    model = AUModel(export_run(run, tmp_path / "model.onnx"), threads=1)
    assert model.card.intensity
    assert {row.metric for row in model.card.accuracy} >= {"ICC(3,1)", "mean ICC(3,1)"}
    table = pd.read_parquet(run / "predictions.parquet")
    assert table["AU12_r"].between(0, 5).all()
    assert np.corrcoef(table["AU12_r"], table["AU12_i"])[0, 1] > 0.6
    store = CropStore.open(stores[SIDE])
    faces = [Crop(pixels, np.eye(2, 3)) for pixels in store.crops(np.arange(3))]
    found = model.predict(faces, heatmaps=True)
    assert all(one.intensity is not None and one.intensity.shape == (2,) for one in found)


def test_a_file_tells_intensities_stretched_where_the_recipe_wants_it(
    stores: dict[int, Path], tmp_path: Path
) -> None:
    plain = recipe(stores, "compact_resnet", "bce", epochs=2, **TINY)
    loss = replace(plain.loss, more={"intensity": 1.0}, more_options={"intensity": {"delta": 5.0}})
    card = replace(plain.card, intensities="stretched")
    run = train(replace(plain, loss=loss, card=card), out=tmp_path / "run")
    finished = read_finished(run)
    stretches = finished.stretches
    assert any(stretch != (1.0, 0.0) for stretch in stretches)
    model = AUModel(export_run(run, tmp_path / "model.onnx"), threads=1)
    told = finished.test().set_index("sample")
    assert not told["AU12_r"].equals(finished.raw.set_index("sample")["AU12_r"])
    store = CropStore.open(stores[SIDE])
    rows = np.flatnonzero(store.table["path"].isin(told.index))[:3]
    for path, output in zip(
        store.table["path"].iloc[rows],
        model.predict([Crop(p, np.eye(2, 3)) for p in store.crops(rows)]),
        strict=True,
    ):
        assert output.intensity is not None
        wanted = told.loc[path, [f"AU{au:02d}_r" for au in output.aus]].to_numpy(float)
        assert output.intensity == pytest.approx(wanted, abs=1e-3)
    [icc] = [row.value for row in model.card.accuracy if row.metric == "ICC(3,1)" and row.au == 12]
    assert icc == pytest.approx(float(evaluate(finished.test(), aus=[12])["icc"].iloc[0]), abs=1e-4)


def test_an_untaught_intensity_is_neither_told_nor_promised(stores: dict[int, Path], tmp_path: Path) -> None:
    run = train(recipe(stores, "compact_resnet", "bce", **TINY), out=tmp_path / "run")
    assert "AU12_r" not in pd.read_parquet(run / "predictions.parquet")
    assert not AUModel(export_run(run, tmp_path / "model.onnx"), threads=1).card.intensity


def test_an_index_of_mere_occurrences_teaches_no_intensity(
    faces: pd.DataFrame, tmp_path: Path, stores: dict[int, Path]
) -> None:
    marks = faces.assign(**{name: (faces[name] >= 2).astype(float) for name in ("AU01", "AU12")})
    store = prepare(marks, CropSpec(SIDE), tmp_path / "marks", detector=build_fake).store
    plain = recipe({SIDE: store}, "compact_resnet", "bce", **TINY)
    wanted = replace(plain, loss=replace(plain.loss, more={"intensity": 1.0}))
    with pytest.raises(TableError, match="no AU intensities"):
        train(wanted, out=tmp_path / "run")
