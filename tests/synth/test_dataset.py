"""The folder that `synthesize` leaves: bytes, table, resuming, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from openau.data import build_index, read_landmarks, read_masks
from openau.errors import OutputError, RigError, SettingError
from openau.synth import dataset, pictures, synthesize
from openau.synth.identity import Stage
from openau.synth.movements import MOVEMENTS
from openau.synth.truth import index_columns

IMAGES, SIZE = 7, 64


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def made(rig_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven pictures of three people, made in this process."""
    out = tmp_path_factory.mktemp("synthetic") / "made"
    synthesize(out, IMAGES, size=SIZE, seed=4, per_subject=3, workers=1, rig=rig_file)
    return out


@pytest.fixture
def table(made: Path) -> pd.DataFrame:
    return pd.read_parquet(made / "index.parquet")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    """Reuse the session's stage instead of building one for every run."""
    monkeypatch.setattr(dataset, "build_stage", lambda rig: stage)


def test_the_folder_holds_pictures_table_landmarks_settings_and_nothing_else(made: Path) -> None:
    files = set(contents(made))
    jpegs = {f"pictures/{s:05d}/{f:04d}.jpg" for s in range(3) for f in range(3 if s < 2 else 1)}
    masks = {name.replace("pictures", "masks").replace(".jpg", ".png") for name in jpegs}
    assert files == jpegs | masks | {"index.parquet", "landmarks.npy", "synthesis.json"}


def test_the_table_has_its_columns_and_one_row_per_picture(made: Path, table: pd.DataFrame) -> None:
    assert list(table.columns) == index_columns()
    assert len(table) == IMAGES
    assert table["path"].tolist() == sorted(k for k in contents(made) if k.endswith(".jpg"))
    assert set(table["dataset"]) == {"synthetic"}
    assert table["subject"].tolist() == ["00000"] * 3 + ["00001"] * 3 + ["00002"]


def test_intensities_are_known_everywhere_and_the_whole_is_the_stronger_side(table: pd.DataFrame) -> None:
    for au in MOVEMENTS:
        column = f"AU{au:02d}"
        assert table[column].between(0, 5).all()
        if f"{column}_left" in table:
            both = table[[f"{column}_left", f"{column}_right"]].max(axis=1)
            assert (table[column] == both).all()


def test_a_subject_looks_the_same_in_every_picture_and_is_in_one_split(table: pd.DataFrame) -> None:
    assert (table.groupby("subject")[["gender", "skin", "age", "split"]].nunique() == 1).all(axis=None)


def test_of_ten_subjects_one_validates_and_one_tests() -> None:
    splits = [dataset.split_of(number) for number in range(20)]
    assert splits.count("train") == 16
    assert splits.count("validation") == splits.count("test") == 2


def test_landmarks_stand_in_the_rows_order_inside_the_box(made: Path, table: pd.DataFrame) -> None:
    points = np.load(made / "landmarks.npy")
    assert points.shape == (IMAGES, 68, 2)
    assert points.dtype == np.float32
    eyes = points[:, 36:48].mean(axis=1)
    assert ((eyes[:, 0] > table["x1"]) & (eyes[:, 0] < table["x2"])).all()


def test_pictures_have_the_size_asked_for(made: Path) -> None:
    found = [cv2.imread(str(path)) for path in made.rglob("*.jpg")]
    assert {picture.shape for picture in found if picture is not None} == {(SIZE, SIZE, 3)}
    assert all(picture is not None for picture in found)


def test_the_index_tells_everything_that_was_drawn(table: pd.DataFrame) -> None:
    for row in table.itertuples():
        drawn = json.loads(str(row.parameters))
        assert set(drawn) == {"expression", "scene", "traits", "worn"}
        assert drawn["scene"]["camera"]["yaw_deg"] == pytest.approx(row.yaw_deg, abs=0.02)
        assert drawn["traits"]["gender"] == row.gender
    assert table["parameters"].nunique() == IMAGES
    assert set(table["seed"]) == {4}


def test_masks_lie_on_the_faces_of_their_pictures(made: Path) -> None:
    rows = build_index("synthetic", made)
    aus = sorted(MOVEMENTS)
    face, *units = np.moveaxis(read_masks(rows, [0, *aus]), 1, 0)
    assert face.shape == (IMAGES, SIZE // 2, SIZE // 2)
    assert (face.mean(axis=(1, 2)) > 0.15).all()
    for au, mask in zip(aus, units, strict=True):
        shown = rows[f"AU{au:02d}"].to_numpy()
        assert not mask[shown == 0].any()
        assert mask[shown >= 2].any(axis=(1, 2)).all()


def test_landmarks_read_by_row_are_those_of_the_picture(made: Path) -> None:
    rows = build_index("synthetic", made)
    some = rows.iloc[[5, 2]]
    assert np.array_equal(read_landmarks(some), np.load(made / "landmarks.npy")[[5, 2]] - np.float32(0.5))


@pytest.mark.usefixtures("quick")
def test_the_index_is_written_a_few_subjects_at_a_time(
    made: Path, rig_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "_CHUNK", 1)
    synthesize(tmp_path / "a", IMAGES, size=SIZE, seed=4, per_subject=3, workers=1, rig=rig_file)
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "a" / "index.parquet"), pd.read_parquet(made / "index.parquet")
    )
    assert contents(tmp_path / "a")["landmarks.npy"] == contents(made)["landmarks.npy"]


@pytest.mark.usefixtures("quick")
def test_only_the_aus_asked_for_are_labelled(rig_file: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "a", 1, size=SIZE, aus=(12, 1), masks=False, workers=1, rig=rig_file)
    table = build_index("synthetic", tmp_path / "a")
    assert [c for c in map(str, table.columns) if c.startswith("AU")] == [
        *("AU01", "AU01_left", "AU01_right", "AU12", "AU12_left", "AU12_right")
    ]
    assert "mask" not in table
    assert not (tmp_path / "a" / "masks").exists()


@pytest.mark.usefixtures("quick")
def test_grey_pictures_have_no_colour(rig_file: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "a", 2, size=SIZE, grey=True, workers=1, rig=rig_file)
    for path in build_index("synthetic", tmp_path / "a")["path"]:
        bgr = cv2.imread(path)
        assert bgr is not None
        assert np.ptp(bgr.astype(int), axis=2).max() <= 4


@pytest.mark.usefixtures("quick")
def test_a_split_has_the_negatives_per_positive_asked_for(rig_file: Path, tmp_path: Path) -> None:
    ratios = {12: 5.0, 4: 2.0}
    synthesize(
        tmp_path / "a",
        *(120,),
        size=48,
        ratios=ratios,
        test_ratio=1.0,
        per_subject=6,
        masks=False,
        workers=1,
        rig=rig_file,
    )
    table = build_index("synthetic", tmp_path / "a")
    for split, rows in table.groupby("split"):
        for au, ratio in ratios.items():
            wanted = len(rows) / (1 + (ratio if split == "train" else 1.0))
            level = rows[f"AU{au:02d}"]
            assert (level >= 2).sum() == pytest.approx(wanted, abs=1)
            assert not ((level >= 1) & (level < 2)).any()


def test_settings_tell_seed_and_rig(made: Path) -> None:
    settings = json.loads((made / "synthesis.json").read_text("utf-8"))
    assert settings["seed"] == 4
    assert len(settings["rig"]) == 64


def test_two_processes_write_the_same_bytes_as_one(made: Path, rig_file: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "two", IMAGES, size=SIZE, seed=4, per_subject=3, workers=2, rig=rig_file)
    assert contents(tmp_path / "two") == contents(made)


@pytest.mark.usefixtures("quick")
def test_another_seed_writes_other_faces(made: Path, rig_file: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "a", 1, size=SIZE, seed=5, workers=1, rig=rig_file)
    assert contents(tmp_path / "a")["pictures/00000/0000.jpg"] != contents(made)["pictures/00000/0000.jpg"]


@pytest.mark.usefixtures("quick")
def test_a_longer_run_begins_with_the_pictures_of_a_shorter_one(
    made: Path, rig_file: Path, tmp_path: Path
) -> None:
    synthesize(tmp_path / "a", 2, size=SIZE, seed=4, per_subject=3, workers=1, rig=rig_file)
    short = contents(tmp_path / "a")
    assert all(contents(made)[name] == data for name, data in short.items() if name.endswith(".jpg"))


@pytest.mark.usefixtures("quick")
def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(
    made: Path, rig_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, told = tmp_path / "again", list[tuple[int, int]]()

    def stop_after_three(done: int, wanted: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    def run(progress: dataset.Progress) -> None:
        settings: dict[str, Any] = {"size": SIZE, "seed": 4, "per_subject": 3, "workers": 1}
        synthesize(out, IMAGES, rig=rig_file, progress=progress, **settings)

    with pytest.raises(KeyboardInterrupt):
        run(stop_after_three)
    assert not (out / "index.parquet").exists()
    run(lambda done, wanted: told.append((done, wanted)))
    assert told == [(3, 7), (6, 7), (7, 7)]
    assert contents(out) == contents(made)


def test_a_finished_folder_is_left_as_it_is(made: Path, rig_file: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in made.rglob("*")}
    index = synthesize(made, IMAGES, size=SIZE, seed=4, per_subject=3, workers=1, rig=rig_file)
    assert index == made / "index.parquet"
    assert {p: p.stat().st_mtime_ns for p in made.rglob("*")} == before


def test_a_folder_of_other_settings_is_refused_and_left_alone(made: Path, rig_file: Path) -> None:
    before = contents(made)
    with pytest.raises(OutputError, match="other settings: choose another folder"):
        synthesize(made, IMAGES, size=SIZE, seed=9, per_subject=3, workers=1, rig=rig_file)
    assert contents(made) == before


def test_a_folder_with_something_else_is_refused(rig_file: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="already exists and is not empty"):
        synthesize(tmp_path, 1, size=SIZE, workers=1, rig=rig_file)
    assert contents(tmp_path) == {"mine.txt": b"mine"}


def test_a_file_in_the_folders_place_is_refused(rig_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", "utf-8")
    with pytest.raises(OutputError, match="out already exists"):
        synthesize(tmp_path / "out", 1, size=SIZE, workers=1, rig=rig_file)


@pytest.mark.usefixtures("quick")
def test_a_picture_that_cannot_be_written_ends_in_one_sentence(
    rig_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pictures, "_write_image", full)
    with pytest.raises(OutputError, match=r"out cannot be written: .*No space left on device"):
        synthesize(tmp_path / "out", 1, size=SIZE, workers=1, rig=rig_file)
    assert not (tmp_path / "out" / "index.parquet").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("images", 0), ("size", 20), ("size", 5000), ("seed", -1), ("per_subject", 0), ("workers", 0)],
)
def test_numbers_out_of_range_are_named_before_anything_is_written(
    tmp_path: Path, name: str, value: int
) -> None:
    settings: dict[str, Any] = {"images": 4, "size": SIZE} | {name: value}
    with pytest.raises(SettingError, match=f"^{name} is {value}; it must be between"):
        synthesize(tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_a_missing_rig_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RigError, match="does not exist"):
        synthesize(tmp_path / "out", 1, rig=tmp_path / "nothing.npz")
    assert not (tmp_path / "out").exists()
