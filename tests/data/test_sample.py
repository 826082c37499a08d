"""The sample inside the package: complete, balanced, its truth on its faces, ready to train on."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from openau.data import build_index, prepare, read_landmarks, read_masks, read_parameters, read_sample
from openau.data.sample import sample_archive, sample_folder
from openau.errors import InputError, OutputError
from openau.facs import au_column, au_set
from openau.records import CropSpec
from openau.train import Recipe, train
from openau.train.config import ModelSettings, RunSettings

AUS = au_set("synthetic-23")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, unpacked once."""
    root = tmp_path_factory.mktemp("sample") / "sample"
    build_index("sample", root)
    return root


@pytest.fixture(scope="session")
def table(folder: Path) -> pd.DataFrame:
    return build_index("sample", folder)


def test_it_is_small_enough_for_a_wheel() -> None:
    assert sample_archive().stat().st_size <= 8_000_000


def test_it_has_the_people_and_pictures_it_says(table: pd.DataFrame) -> None:
    assert len(table) == 1560
    assert table["subject"].nunique() == 120
    assert set(table["dataset"]) == {"sample"}
    assert table["path"].nunique() == 1560
    assert all(Path(path).is_file() for path in table["path"])


def test_every_split_has_every_skin_group_and_gender_equally_often(table: pd.DataFrame) -> None:
    people = table.drop_duplicates("subject")
    counts = people.groupby(["split", "skin", "gender"]).size().unstack("split")
    assert counts.shape == (12, 3)
    assert (counts == [1, 8, 1]).all(axis=None)  # test, train, validation
    assert (table.groupby("subject")["split"].nunique() == 1).all()


@pytest.mark.parametrize("au", AUS)
def test_every_action_unit_shows_often_enough_in_every_split(table: pd.DataFrame, au: int) -> None:
    level = table[au_column(au)]
    assert level.between(0, 5).all()
    positive = (
        table[level >= 2].groupby("split").size().reindex(["train", "validation", "test"], fill_value=0)
    )
    assert positive["train"] >= 50
    assert positive["validation"] + positive["test"] >= 8
    assert level.round().nunique() >= 3


def test_all_truth_is_present(table: pd.DataFrame, folder: Path) -> None:
    known = table.drop(columns="emotion")
    assert known.notna().all(axis=None)
    assert {"pitch_deg", "yaw_deg", "roll_deg", "x1", "age", "glasses", "light", "seed"} <= set(known)
    drawn = read_parameters(table.iloc[[7]])[0]
    assert drawn["scene"]["camera"]["yaw_deg"] == pytest.approx(table["yaw_deg"].iloc[7], abs=0.02)
    assert {"expression", "scene", "traits"} <= set(drawn)
    assert json.loads((folder / "synthesis.json").read_text("utf-8"))["images"] == 1560


def test_pictures_landmarks_and_boxes_agree(table: pd.DataFrame) -> None:
    some = table.iloc[::97]
    points = read_landmarks(some)
    for row, face in zip(some.itertuples(), points, strict=True):
        picture = cv2.imread(str(row.path))
        assert picture is not None
        assert picture.shape == (112, 112, 3)
        eyes = face[36:48].mean(axis=0)
        assert row.x1 < eyes[0] < row.x2
        assert row.y1 < eyes[1] < row.y2


@pytest.mark.parametrize(("au", "marks"), [(12, (48, 54)), (26, (57, 66)), (4, (21, 22)), (43, (37, 44))])
def test_masks_lie_where_their_action_unit_moves_the_face(
    table: pd.DataFrame, au: int, marks: tuple[int, int]
) -> None:
    shown = table[(table[au_column(au)] >= 3) & (table["occluder"] == "none") & (table["yaw_deg"].abs() < 15)]
    shown = shown[shown["glasses"] == "none"].iloc[:40]
    masks, points = read_masks(shown, [au])[:, 0], read_landmarks(shown)
    near = np.stack([cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) for mask in masks])
    hits = [near[k, int(y / 2), int(x / 2)] for k, face in enumerate(points) for x, y in face[list(marks)]]
    assert np.mean(hits) > 0.8


def test_masks_are_empty_where_nothing_shows_and_not_where_it_does(table: pd.DataFrame) -> None:
    some = table.iloc[::31]
    masks = read_masks(some, AUS)
    assert masks.shape[2:] == (56, 56)
    levels = some[[au_column(au) for au in AUS]].to_numpy()
    area = masks.sum(axis=(2, 3))
    assert (area[levels == 0] == 0).all()
    assert (area[levels >= 3] > 0).mean() > 0.97  # a hand, hair or glasses may hide all of one


def test_it_is_unpacked_into_the_cache_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = sample_folder()
    assert place.parent == tmp_path / "openau"
    place.parent.mkdir()
    shutil.copytree(folder, place, symlinks=True)
    before = (place / "index.csv").stat().st_mtime_ns
    assert len(read_sample()) == 1560
    assert (place / "index.csv").stat().st_mtime_ns == before


def test_the_example_in_the_documents_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    shutil.copytree(folder, sample_folder())
    page = (Path(__file__).parents[2] / "docs" / "synthetic.md").read_text("utf-8")
    [example] = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(compile(example, "docs/synthetic.md", "exec"), {})
    assert capsys.readouterr().out.startswith("(4, 2, 56, 56) (4, 68, 2) ")


def test_an_interrupted_unpacking_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: zipfile.ZipFile, path: Path) -> None:
        (path / "index.csv").write_text("half", "utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extractall", stop)
    with pytest.raises(OutputError, match="No space left"):
        build_index("sample", tmp_path / "sample")
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_unpacked_into_the_empty_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert len(build_index("sample", Path())) == 1560
    assert Path("landmarks.npy").is_file()
    assert [entry.name for entry in tmp_path.iterdir()] == ["here"]


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(InputError, match="something else than this version's sample"):
        build_index("sample", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numba", "torch", "pyarrow"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from pathlib import Path
from openau.data import build_index, read_masks
table = build_index("sample", Path(sys.argv[1]))
print(len(table), read_masks(table.iloc[:2], [12]).shape)
"""


def test_it_is_read_without_rig_numba_torch_and_pyarrow(folder: Path) -> None:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("OPENAU")}
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(folder)], capture_output=True, text=True, check=True, env=outside
    )
    assert child.stdout == "1560 (2, 1, 56, 56)\n"


def test_a_network_trains_on_it(table: pd.DataFrame, tmp_path: Path) -> None:
    some = pd.concat([rows.iloc[:26] for _, rows in table.groupby("split")])
    store = prepare(some, CropSpec(16), tmp_path / "store", detector="index").store
    recipe = Recipe(name="sample", aus=(12, 25), crop=CropSpec(16), seed=1)
    recipe = replace(
        recipe,
        model=ModelSettings(options={"hidden": 4}),
        data=replace(recipe.data, stores=(str(store),), split="given"),
        run=RunSettings(epochs=1, batch=13, threads=1),
    )
    run = train(recipe, out=tmp_path / "run")
    predictions = pd.read_parquet(run / "predictions.parquet")
    assert predictions["AU12_p"].between(0, 1).all()
    assert set(predictions["dataset"]) == {"sample"}
