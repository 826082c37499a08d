"""The store holds what the instrument would cut, with a margin, and counts the faces that were lost."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import psutil  # type: ignore[import-untyped] # has no types
import pytest

from openau.data.crops import prepare, wide_spec
from openau.data.dataset import CropDataset, Crops
from openau.data.index import build_index
from openau.data.one_face import choose_face, overlap
from openau.data.store import CropStore, PixelFile
from openau.errors import InputError, NoInputError, OutputError, SettingError, TableError
from openau.faces import FITTED, TEMPLATE, Detector, crop_face
from openau.read import read_image
from openau.records import Box, CropSpec, Face, Pixels
from tests.fake.synthetic_folder import BOX, NO_FACE, find_marked_face, write_synthetic_folder

SPEC = CropSpec(16, scale=1.1, shift_y=0.05)


def build_fake() -> Detector:
    return find_marked_face


def build_deadly() -> Detector:
    """Build what ends the process that it runs in, unless that is the first one."""
    return lambda rgb: os._exit(1) if multiprocessing.parent_process() else []


def build_blind() -> Detector:
    return lambda rgb: []


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    root = write_synthetic_folder(tmp_path_factory.mktemp("crops") / "faces", subjects=4, per_subject=3)
    return build_index("synthetic", root)


@pytest.fixture(scope="module")
def folder(index: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(index, SPEC, tmp_path_factory.mktemp("stores") / "store", detector=build_fake).store


def test_every_found_face_is_stored_in_the_indexs_order_and_the_lost_one_is_counted(
    index: pd.DataFrame, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    found = prepare(
        index,
        SPEC,
        tmp_path / "s",
        detector=build_fake,
        progress=lambda done, total: told.append((done, total)),
    )
    store = CropStore.open(tmp_path / "s")
    assert (found.found, found.lost, store.lost) == (11, 1, 1)
    assert store.table["path"].tolist() == index["path"].drop(NO_FACE).tolist()
    assert pd.read_csv(tmp_path / "s" / "lost.csv")["path"].tolist() == [index["path"][NO_FACE]]
    assert told[-1] == (12, 12)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s"]


def test_the_stored_crops_centre_is_the_instruments_crop(folder: Path) -> None:
    store = CropStore.open(folder)
    for row in range(len(store.table)):
        rgb = read_image(Path(store.table["path"][row])).rgb
        face = choose_face(find_marked_face(rgb), BOX)
        assert face is not None
        wanted = crop_face(rgb, face, SPEC).pixels.astype(int)
        found = store.crops(np.array([row]))[0].astype(int)
        assert np.abs(found - wanted).max() <= 1  # rounding of equal areas


def test_the_margin_keeps_centre_and_pitch() -> None:
    wide = wide_spec(CropSpec(48, scale=1.1, shift_y=0.05), 1.35)
    assert wide.size == 66
    assert wide.scale / wide.size == pytest.approx(1.1 / 48)
    assert wide.shift_y == 0.05
    assert wide_spec(SPEC, 1.0) == SPEC
    with pytest.raises(SettingError, match="at least 1"):
        wide_spec(SPEC, 0.9)
    with pytest.raises(SettingError, match="margin is nan"):
        wide_spec(SPEC, float("nan"))


def test_true_boxes_can_stand_in_for_a_detector(index: pd.DataFrame, tmp_path: Path) -> None:
    assert prepare(index, SPEC, tmp_path / "s", detector="index").lost == 0
    with pytest.raises(SettingError, match="no face boxes"):
        prepare(index.drop(columns="x1"), SPEC, tmp_path / "t", detector="index")


def many(index: pd.DataFrame) -> pd.DataFrame:
    """Return an index of several chunks."""
    return pd.concat([index] * 8, ignore_index=True)


def contents(store: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in store.iterdir()}


@pytest.mark.slow
def test_two_processes_make_the_same_store(index: pd.DataFrame, tmp_path: Path) -> None:
    for workers in (1, 2):
        prepare(many(index), SPEC, tmp_path / str(workers), detector=build_fake, workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert contents(tmp_path / "1").keys() == {"crops.rgb", "index.parquet", "lost.csv", "store.json"}


@pytest.mark.parametrize("broken_tail", [b"", b"half a line"])
def test_what_was_interrupted_goes_on_to_the_same_store(
    index: pd.DataFrame, tmp_path: Path, broken_tail: bytes
) -> None:
    def stop(done: int, total: int) -> None:
        if done == 64:
            raise KeyboardInterrupt

    told: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        prepare(many(index), SPEC, tmp_path / "s", detector=build_fake, progress=stop)
    part = tmp_path / ".s.part"
    for name in ("crops.rgb", "journal.jsonl"):
        with (part / name).open("ab") as file:
            file.write(broken_tail)
    prepare(many(index), SPEC, tmp_path / "s", detector=build_fake, progress=lambda n, _: told.append(n))
    assert told == [64, 96]
    prepare(many(index), SPEC, tmp_path / "whole", detector=build_fake)
    assert contents(tmp_path / "s") == contents(tmp_path / "whole")
    assert not part.exists()


def test_what_was_begun_for_something_else_is_begun_anew(index: pd.DataFrame, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(many(index), SPEC, tmp_path / "s", detector=build_fake, progress=stop)
    told: list[int] = []
    prepare(
        many(index), CropSpec(8), tmp_path / "s", detector=build_fake, progress=lambda n, _: told.append(n)
    )
    assert told == [32, 64, 96]
    assert CropStore.open(tmp_path / "s").spec == CropSpec(8)


def test_pixels_that_went_missing_are_cut_again(index: pd.DataFrame, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(many(index), SPEC, tmp_path / "s", detector=build_fake, progress=stop)
    (tmp_path / ".s.part" / "crops.rgb").write_bytes(b"")
    prepare(many(index), SPEC, tmp_path / "s", detector=build_fake)
    prepare(many(index), SPEC, tmp_path / "whole", detector=build_fake)
    assert contents(tmp_path / "s") == contents(tmp_path / "whole")


def test_the_labelled_face_is_the_detection_that_overlaps_it() -> None:
    small, good = Face((0, 0, 10, 10), 9.0), Face((18, 18, 82, 82), 0.1)
    assert choose_face([small, good], BOX) is good
    assert choose_face([small], BOX) is None
    assert choose_face([small, good], None) is good
    assert choose_face([], None) is None


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ((0, 0, 2, 2), (1, 1, 3, 3), 1 / 7),
        ((0, 0, 2, 2), (0, 0, 2, 2), 1),
        ((0, 0, 1, 1), (2, 0, 3, 1), 0),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0),
    ],
)
def test_overlap_is_intersection_over_union(one: Box, other: Box, share: float) -> None:
    assert overlap(one, other) == overlap(other, one) == pytest.approx(share)


def test_a_folder_that_exists_is_not_overwritten(index: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists already"):
        prepare(index, SPEC, tmp_path, detector=build_fake)


def test_where_no_face_is_found_nothing_is_written(index: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="Not one face"):
        prepare(index, SPEC, tmp_path / "s", detector=build_blind)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_read_is_listed_with_the_reason(index: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    broken = index.assign(path=[str(tmp_path / "broken.png"), *index["path"][1:]])
    done = prepare(broken, SPEC, tmp_path / "s", detector=build_fake)
    assert (done.found, done.lost, done.unreadable) == (10, 2, 1)
    lost = pd.read_csv(tmp_path / "s" / "lost.csv").set_index("path")["reason"]
    assert "broken.png" in lost[str(tmp_path / "broken.png")]
    assert lost[index["path"][NO_FACE]] == "no face was found"


def test_where_no_picture_can_be_read_one_is_named_and_nothing_is_left(
    index: pd.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    broken = index.assign(path=str(tmp_path / "broken.png"))
    with pytest.raises(InputError, match=r"Not one of 12 pictures.*broken\.png"):
        prepare(broken, SPEC, tmp_path / "s", detector=build_fake)
    assert [p.name for p in tmp_path.iterdir()] == ["broken.png"]
    with pytest.raises(SettingError, match="no detector"):
        prepare(index, SPEC, tmp_path / "s", detector="mine")
    with pytest.raises(SettingError, match="at least 1"):
        prepare(index, SPEC, tmp_path / "s", detector=build_fake, workers=0)
    assert [p.name for p in tmp_path.iterdir()] == ["broken.png"]
    with pytest.raises(TableError):
        prepare(index.drop(columns="path"), SPEC, tmp_path / "s", detector=build_fake)


def test_a_folder_that_is_no_store_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a crop store"):
        CropStore.open(tmp_path)
    facts = json.loads((folder / "store.json").read_text())
    (tmp_path / "store.json").write_text(json.dumps({**facts, "schema": 99}))
    with pytest.raises(InputError, match="another version"):
        CropStore.open(tmp_path)
    (tmp_path / "store.json").write_text(json.dumps(facts))
    (tmp_path / "index.parquet").write_bytes((folder / "index.parquet").read_bytes())
    (tmp_path / "crops.rgb").write_bytes(b"too short")
    with pytest.raises(InputError, match="broken"):
        CropStore.open(tmp_path)


def test_two_stores_are_read_as_one(folder: Path) -> None:
    one, two = Crops([folder]), Crops([folder, folder])
    rows = np.array([12, 0, 21, 10, 11])
    assert len(two.table) == 22
    assert two.lost == 2
    np.testing.assert_array_equal(two.wide(rows), one.wide(rows % 11))


def test_stores_that_were_cut_differently_do_not_mix(
    index: pd.DataFrame, folder: Path, tmp_path: Path
) -> None:
    other = prepare(index, CropSpec(24), tmp_path / "s", detector=build_fake).store
    with pytest.raises(SettingError, match="cut differently"):
        Crops([folder, other])
    with pytest.raises(SettingError, match="at least one"):
        Crops([])


def test_a_dataset_gives_whole_batches_of_its_rows(folder: Path) -> None:
    crops, rows = Crops([folder]), np.array([5, 2, 9])
    target = np.arange(6, dtype=np.float32).reshape(3, 2)
    dataset = CropDataset(crops, rows, {"aus": target, "emotion": target[:, 0]})
    pixels, truth, positions = dataset.__getitems__([2, 0])
    np.testing.assert_array_equal(pixels.numpy(), crops.wide(np.array([9, 5])))
    assert truth["aus"].tolist() == [[4, 5], [0, 1]]
    assert truth["emotion"].tolist() == [4, 0]
    assert positions.tolist() == [2, 0]
    assert len(dataset) == 3


def test_reading_a_whole_store_leaves_no_memory_behind(folder: Path, tmp_path: Path) -> None:
    side, count = 400, 200
    facts = json.loads((folder / "store.json").read_text())
    (tmp_path / "store.json").write_text(json.dumps({**facts, "wide": side}))
    table = pd.concat([pd.read_parquet(folder / "index.parquet")] * 20, ignore_index=True)[:count]
    table.to_parquet(tmp_path / "index.parquet")
    with (tmp_path / "crops.rgb").open("wb") as file:
        file.truncate(count * side * side * 3)  # 92 MiB of nothing
    crops = Crops([tmp_path])
    crops.wide(np.arange(8))
    before = psutil.Process().memory_info().rss
    for start in range(0, count, 8):
        assert crops.wide(np.arange(start, start + 8)).shape == (8, side, side, 3)
    assert psutil.Process().memory_info().rss - before < 20 * 2**20


def test_an_open_store_can_be_sent_to_another_process_without_its_pixels(folder: Path) -> None:
    crops = Crops([folder])
    sent = copy.deepcopy(crops)  # by the same means as sending
    rows = np.array([4, 1])
    np.testing.assert_array_equal(sent.wide(rows), crops.wide(rows))
    assert isinstance(CropStore.open(folder).wide, PixelFile)
    assert len(CropStore.open(folder).wide) == 11


@pytest.mark.slow
def test_a_worker_that_dies_is_one_sentence(index: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"was killed.*fewer workers"):
        prepare(index, SPEC, tmp_path / "s", detector=build_deadly, workers=2)
    assert list(tmp_path.iterdir()) == []


def test_what_the_disk_cannot_hold_is_not_begun(
    index: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=100))
    with pytest.raises(OutputError, match=r"may need 0\.0 GiB and 0\.0 GiB are free"):
        prepare(index, SPEC, tmp_path / "deep" / "s", detector=build_fake)
    assert list(tmp_path.iterdir()) == []


def with_landmarks(index: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The index with landmarks: the k-th point of every picture lies at (k, 2k) / 2."""
    points = np.stack([np.arange(68), 2 * np.arange(68)], axis=1).astype(np.float32) / 2
    np.save(folder / "landmarks.npy", np.repeat(points[None], len(index), axis=0))
    return index.assign(landmarks=str(folder / "landmarks.npy"), row=range(len(index)))


def test_true_landmarks_are_kept_in_pixels_of_the_crop(index: pd.DataFrame, tmp_path: Path) -> None:
    marked = with_landmarks(index, tmp_path)
    store = CropStore.open(prepare(marked, SPEC, tmp_path / "store", detector=build_fake).store)
    face = choose_face(find_marked_face(read_image(Path(store.table["path"][0])).rgb), BOX)
    assert face is not None
    matrix = crop_face(read_image(Path(store.table["path"][0])).rgb, face, wide_spec(SPEC, 1.35)).matrix
    # The file counts from the corner of the first pixel, the crop from its centre.
    wanted = np.array([[33.0, 66.5, 1.0], [4.5, 9.5, 1.0]]) @ matrix.T
    np.testing.assert_allclose(store.points[np.array([0])][0, [67, 10]], wanted, atol=1e-3)
    crops = Crops([tmp_path / "store"])
    np.testing.assert_array_equal(crops.points(np.array([4, 1])), store.points[np.array([4, 1])])


def test_landmarks_are_the_same_after_an_interruption(index: pd.DataFrame, tmp_path: Path) -> None:
    marked = pd.concat([with_landmarks(index, tmp_path)] * 6, ignore_index=True)
    whole = prepare(marked, SPEC, tmp_path / "whole", detector=build_fake).store

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(marked, SPEC, tmp_path / "broken", detector=build_fake, progress=stop)
    prepare(marked, SPEC, tmp_path / "broken", detector=build_fake)
    assert (whole / "points.f32").read_bytes() == (tmp_path / "broken" / "points.f32").read_bytes()


def test_what_marks_no_landmarks_keeps_none(folder: Path, index: pd.DataFrame) -> None:
    assert not (folder / "points.f32").exists()
    assert np.isnan(CropStore.open(folder).points[np.array([0, 1])]).all()


def test_landmarks_of_varied_copies_and_mirror_images_are_unknown(
    index: pd.DataFrame, tmp_path: Path
) -> None:
    prepare(with_landmarks(index, tmp_path), SPEC, tmp_path / "store", detector=build_fake)
    crops = Crops([tmp_path / "store"])
    rows = crops.table.iloc[[0, 1, 2]].assign(copy=[0, 1, 1], mirrored=[False, False, True])
    found = np.isnan(crops.arranged(rows).points(np.arange(3))).all((1, 2))
    assert found.tolist() == [False, True, True]


def test_a_broken_file_of_landmarks_is_refused(index: pd.DataFrame, tmp_path: Path) -> None:
    store = prepare(with_landmarks(index, tmp_path), SPEC, tmp_path / "store", detector=build_fake).store
    with (store / "points.f32").open("ab") as file:
        file.write(b"more")
    with pytest.raises(InputError, match="landmarks of the crop store"):
        CropStore.open(store)
    gone = index.drop(index=NO_FACE).assign(landmarks=str(tmp_path / "nowhere.npy"), row=0)
    with pytest.raises(InputError, match="landmarks"):
        prepare(gone, SPEC, tmp_path / "other", detector=build_fake)


def test_a_recipe_aligned_by_points_turns_the_stored_crops_with_the_true_landmarks(
    index: pd.DataFrame, tmp_path: Path
) -> None:
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = ((TEMPLATE - 0.5) @ turn.T * 30 + 40).astype(np.float32)
    np.save(tmp_path / "landmarks.npy", np.repeat(points[None] + 0.5, len(index), axis=0))
    marked = index.assign(landmarks=str(tmp_path / "landmarks.npy"), row=range(len(index)))
    spec = CropSpec(16, scale=1.1, shift_y=0.05, align="points")
    store = CropStore.open(prepare(marked, spec, tmp_path / "store", detector=build_fake).store)
    assert store.spec == spec
    wide = wide_spec(spec, 1.35)
    wanted = crop_face(read_image(Path(store.table["path"][0])).rgb, Face(BOX, 1.0, points), wide)
    np.testing.assert_array_equal(store.wide[np.array([0])][0], wanted.pixels)
    # In the stored crop the face stands upright: its template, scaled about the middle of the crop.
    upright = (TEMPLATE - 0.5 - (0, 0.05)) * 16 / 1.1 + wide.size / 2 - 0.5
    fitted = list(FITTED)
    np.testing.assert_allclose(store.points[np.array([0])][0][fitted], upright[fitted], atol=0.02)


def test_where_the_data_have_no_landmarks_the_landmark_network_finds_them(
    astronaut: Pixels, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), astronaut[..., ::-1])
    row = {"dataset": "own", "subject": "a", "sequence": "a", "frame": 0, "path": str(tmp_path / "face.png")}
    index = pd.DataFrame([row | {"AU12": 1.0, "x1": 174.0, "y1": 64.0, "x2": 274.0, "y2": 164.0}])
    store = CropStore.open(
        prepare(index, CropSpec(48, align="points"), tmp_path / "store", detector="index").store
    )
    points = store.points[np.array([0])][0] - (store.wide.shape[1] - 48) / 2
    # The face stands in its crop as the template does.
    assert np.abs(points[list(FITTED)] - (TEMPLATE[list(FITTED)] * 48 - 0.5)).max() < 4
    plain = prepare(index, CropSpec(48), tmp_path / "plain", detector="index").store
    assert np.isnan(CropStore.open(plain).points[np.array([0])]).all()
