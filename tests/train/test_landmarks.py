"""Landmarks are taught where they are after every move, and what was taught runs from one file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from torch import Tensor

from openau.data.augment import AUGMENTATIONS, Augmentation, augment_and_tell
from openau.data.crops import prepare
from openau.data.dataset import Crops
from openau.data.index import build_index
from openau.data.moves import Moves
from openau.data.pictures import read_picture
from openau.data.visibility import visible_by_pose
from openau.errors import ModelError, SettingError
from openau.export import export_any
from openau.faces import MIRRORED_POINTS, LandmarkModel
from openau.faces.landmarks import read_landmark_card
from openau.models.landmark_net import LandmarkNet, split
from openau.models.weights import load_landmark_network, load_network, read_tensors
from openau.records import CropSpec, Face
from openau.train import Recipe, load_recipe, train
from openau.train.config import DataSettings, LossSettings, ModelSettings, OptimiserSettings, RunSettings
from openau.train.landmarks import FaceLandmarks, landmark_errors
from tests.fake.explained import upright_face
from tests.fake.synthetic_folder import BOX, SIDE, write_synthetic_folder

SPEC = CropSpec(32, scale=1.2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces drawn as dots at their landmarks, each elsewhere in its box."""
    root = write_synthetic_folder(tmp_path_factory.mktemp("landmarks") / "faces", subjects=20, per_subject=2)
    random = np.random.default_rng(4)
    index = pd.read_csv(root / "index.csv")
    stored = []
    for path in index["path"]:
        points = upright_face(52.0, *(16 + random.uniform(0, 12, 2)))
        rgb = np.full((SIDE, SIDE, 3), 200, np.uint8)
        for x, y in points:
            cv2.circle(rgb, (round(16 * x), round(16 * y)), 32, (20, 40, 90), -1, cv2.LINE_AA, 4)
        cv2.imwrite(str(root / path), rgb)
        stored.append(points + 0.5)  # the file counts from the corner of the first pixel
    np.save(root / "landmarks.npy", np.stack(stored).astype(np.float32))
    index["pitch_deg"], index["yaw_deg"], index["roll_deg"] = 3.0, np.linspace(-40, 40, len(index)), 7.0
    index["occluder"] = ["hand", *["none"] * (len(index) - 1)]
    index.to_csv(root / "index.csv", index=False)
    table = build_index("synthetic", root)
    return prepare(table, SPEC, root.parent / "store", detector="index", margin=1.5).store


def recipe(store: Path, *, epochs: int = 2) -> Recipe:
    return Recipe(
        name="dots",
        aus=(),
        crop=SPEC,
        seed=3,
        model=ModelSettings("landmark_net"),
        loss=LossSettings(name="landmarks"),
        optimiser=OptimiserSettings(lr=2e-3, warmup=2, average=0.9),
        augmentation=replace(AUGMENTATIONS["default"], rotation_deg=30, cover=0.3),
        run=RunSettings(epochs=epochs, batch=16, threads=1),
        data=DataSettings(stores=(str(store),)),
    )


def taught(store: Path, how: Augmentation, seed: int = 0) -> tuple[Tensor, Tensor, Moves, Crops]:
    """Return the moved pictures of the first eight faces, their targets, and how they were moved."""
    crops, rows, task = Crops([store]), np.arange(8), FaceLandmarks()
    arrays = task.arrays(recipe(store), crops, rows)
    batch = {name: torch.from_numpy(values) for name, values in arrays.items()}
    generator = torch.Generator().manual_seed(seed)
    images, moves = augment_and_tell(torch.from_numpy(crops.wide(rows)), SPEC.size, how, generator)
    return images, task.target(batch, torch.zeros(8, 207), moves), moves, crops


def darkness_at(images: Tensor, points: Tensor) -> float:
    """Return how dark the pictures are at known points, against their mean, of 1."""
    grid = (2 * torch.nan_to_num(points, nan=0.5) - 1)[:, :, None]
    found = torch.nn.functional.grid_sample(images, grid, align_corners=False)[..., 0].mean(1)
    known = ~points.isnan().any(2)
    return float((images.mean((1, 2, 3))[:, None] - found)[known].mean())


@pytest.mark.parametrize("moved", ["none", "turned", "mirrored", "both"])
def test_targets_lie_on_what_is_drawn_however_the_face_is_moved(store: Path, moved: str) -> None:
    how = {
        "none": {},
        "turned": {"rotation_deg": 40.0, "zoom": 0.2, "shift": 0.1},
        "mirrored": {"flip": 1.0},
        "both": {"rotation_deg": 40.0, "flip": 1.0, "zoom": 0.2},
    }[moved]
    images, target, moves, _ = taught(store, replace(AUGMENTATIONS["none"], **how))
    points = split(target).points
    assert darkness_at(images, points) > max(0.15, 2 * darkness_at(images, (points + 0.13) % 1))
    # The subject's right eye stays the subject's right eye: to the left of the other, in its own frame.
    eyes = points[:, 45] - points[:, 36]
    angle = torch.deg2rad(split(target).pose_deg[:, 2] - torch.where(moves.mirrored, -7.0, 7.0))
    upright = eyes[:, 0] * angle.cos() - eyes[:, 1] * angle.sin()
    assert (upright > 0.2).all()
    level = eyes[:, 0] * angle.sin() + eyes[:, 1] * angle.cos()
    assert level.abs().max() < 1e-4  # the drawn faces are level: roll tells exactly how they were turned


def test_a_mirror_turns_the_head_the_other_way(store: Path) -> None:
    _, plain, _, crops = taught(store, AUGMENTATIONS["none"])
    _, mirrored, _, _ = taught(store, replace(AUGMENTATIONS["none"], flip=1.0))
    sign = torch.tensor([1.0, -1.0, -1.0])
    torch.testing.assert_close(split(mirrored).pose_deg, split(plain).pose_deg * sign)
    yaw = torch.from_numpy(crops.table["yaw_deg"].to_numpy(np.float32)[:8])
    torch.testing.assert_close(split(plain).pose_deg[:, 1], yaw)
    seen = split(plain).visible[1:, list(MIRRORED_POINTS)]
    torch.testing.assert_close(split(mirrored).visible[1:], seen)


def test_what_stands_before_a_face_makes_visibility_unknown_and_a_cover_makes_it_0(store: Path) -> None:
    _, target, _, _ = taught(store, AUGMENTATIONS["none"])
    visible = split(target).visible
    assert visible[0].isnan().all()
    assert visible[1, 16] == 1
    assert visible[1, 0] == 0  # turned by -38 degrees, the jaw on the picture's left is hidden
    images, target, moves, _ = taught(store, replace(AUGMENTATIONS["none"], cover=1.0))
    points, visible, _ = split(target)
    covered = moves.covers(points)
    assert 10 < covered.sum() < 8 * 68
    assert (visible[covered] == 0).all()
    plain, *_ = taught(store, AUGMENTATIONS["none"])
    changed = (images != plain).any(1)
    half = 0.5 / SPEC.size  # a cover is made of whole pixels
    deep = moves.covers(points - half) & moves.covers(points + half)
    x, y = (points[deep] * SPEC.size).long().unbind(1)
    assert changed[deep.nonzero()[:, 0], y, x].all()


def test_visibility_follows_the_pose() -> None:
    seen = visible_by_pose(np.array([[0.0, 0, 0], [0, 35, 0], [0, -35, 20], [np.nan, 0, 0]]))
    assert (seen[0] == 1).all()
    assert (seen[1, [13, 14, 15]] == 0).all()  # turned to the picture's right, the right jaw is hidden
    assert (seen[1, [0, 2, 5, 30, 36]] == 1).all()
    np.testing.assert_array_equal(
        seen[2], visible_by_pose(np.array([[0.0, 35, 0]]))[0, list(MIRRORED_POINTS)]
    )
    assert np.isnan(seen[3]).all()


def test_the_errors_of_the_truth_are_none_and_of_a_shift_are_the_shift(store: Path) -> None:
    crops, rows = Crops([store]), np.arange(1, 9)
    task = FaceLandmarks()
    arrays = task.arrays(recipe(store), crops, rows)
    true = (arrays["landmarks"] - (crops.side - SPEC.size) / 2 + 0.5) / SPEC.size
    said = np.concatenate([true.reshape(8, -1), 8 * arrays["visible"] - 4, arrays["pose"]], axis=1)
    found = landmark_errors(crops, rows, said)
    assert all(np.abs(found[name]).max() < 1e-5 for name in found if name.startswith("error"))
    assert (found["visible"] == 1).all()
    apart = np.linalg.norm(true[:, 36:42].mean(1) - true[:, 42:48].mean(1), axis=1)
    said[:, 72:96:2] += 0.05  # the eyes' x
    found = landmark_errors(crops, rows, said)
    np.testing.assert_allclose(found["error_eyes"], 0.05 / apart, rtol=1e-4)
    np.testing.assert_allclose(found["error"], 0.05 / apart * 12 / 68, rtol=1e-4)


@pytest.fixture(scope="module")
def run(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(recipe(store, epochs=16), out=tmp_path_factory.mktemp("runs") / "dots")


@pytest.fixture(scope="module")
def file(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_any(run, tmp_path_factory.mktemp("files") / "dots.onnx")


def test_landmarks_are_learned(run: Path) -> None:
    log = pd.read_csv(run / "log.csv")
    assert log["loss"].iloc[-1] < 0.7 * log["loss"].iloc[0]
    table = pd.read_parquet(run / "predictions.parquet")
    assert {"error", "error_eyes", "error_yaw", "visible"} <= set(table.columns)
    assert log["validation_error"].iloc[-1] < 0.6 * log["validation_error"].max()


def test_an_interrupted_run_ends_with_the_same_weights(store: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        """A stand-in for whatever ends a run early."""

    def stop(progress: object) -> None:
        if getattr(progress, "step", 0) == 3:
            raise StopError

    whole = train(recipe(store), out=tmp_path / "whole")
    with pytest.raises(StopError):
        train(recipe(store), out=tmp_path / "broken", progress=stop)
    broken = train(recipe(store), out=tmp_path / "broken", resume=True)
    first, second = (
        read_tensors(folder / "checkpoint" / "last.safetensors")[0] for folder in (whole, broken)
    )
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_an_exported_file_is_small_says_what_was_measured_and_finds_the_landmarks(
    run: Path, store: Path, file: Path, tmp_path: Path
) -> None:
    assert file.stat().st_size < 3_000_000
    assert file.read_bytes() == export_any(run, tmp_path / "again.onnx").read_bytes()
    card = read_landmark_card(file)
    table = pd.read_parquet(run / "predictions.parquet")
    whole = next(row for row in card.accuracy if "all landmarks" in row.metric)
    assert whole.value == pytest.approx(100 * table[table["fold"] == "test"]["error"].mean(), abs=0.01)
    assert load_recipe(_written(tmp_path, card.recipe)).name == "dots"
    # The file says in the picture what the network says of the crop and of its mirror image, on average.
    crops = Crops([store])
    rgb = read_picture(crops.table["path"][5])
    [face] = LandmarkModel(file, looks=1)(rgb, [Face(BOX, 1.0)])
    network, _ = load_landmark_network(run / "checkpoint" / "best.safetensors")
    border = (crops.side - SPEC.size) // 2
    crop = crops.wide(np.array([5]))[:, border:-border, border:-border].transpose(0, 3, 1, 2) / 255
    images = (torch.from_numpy(crop.astype(np.float32)) - 0.5) / 0.25
    assert isinstance(network, LandmarkNet)
    with torch.no_grad():
        said, turned = network.landmarks(images), network.landmarks(images.flip(3))
    order = list(MIRRORED_POINTS)
    points = (said.points + turned.points[:, order] * torch.tensor([-1, 1]) + torch.tensor([1, 0])) / 2
    pose = (said.pose_deg + turned.pose_deg * torch.tensor([1, -1, -1])) / 2
    visible = (said.visible.sigmoid() + turned.visible[:, order].sigmoid()) / 2
    side = (BOX[2] - BOX[0]) * SPEC.scale
    left = (BOX[0] + BOX[2]) / 2 - side / 2
    assert face.points is not None
    assert face.visible is not None
    assert face.pose_deg is not None
    np.testing.assert_allclose(face.points, points[0].numpy() * side + left - 0.5, atol=0.1)
    np.testing.assert_allclose(face.pose_deg, pose[0].numpy(), atol=0.2)
    np.testing.assert_allclose(face.visible, visible[0].numpy(), atol=5e-3)


def _written(folder: Path, text: str) -> Path:
    (folder / "recipe.toml").write_text(text, encoding="utf-8")
    return folder / "recipe.toml"


def test_a_landmark_network_is_no_network_of_action_units(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="tells landmarks; give a network of action units"):
        load_network(run / "checkpoint" / "best.safetensors")


def test_stores_without_landmarks_are_refused(tmp_path: Path) -> None:
    root = write_synthetic_folder(tmp_path / "faces", subjects=10, per_subject=1)
    bare = prepare(build_index("synthetic", root), SPEC, tmp_path / "bare", detector="index").store
    with pytest.raises(SettingError, match="know no landmarks to teach"):
        train(recipe(bare), out=tmp_path / "run")


def test_sizes_that_do_not_halve_four_times_are_refused() -> None:
    with pytest.raises(SettingError, match="multiple of 16"):
        LandmarkNet(size=90)


def test_onnxruntime_widens_the_stored_halves(file: Path) -> None:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    points, visible, pose = session.run(None, {"face": np.zeros((2, 3, 32, 32), np.float32)})
    assert (points.dtype, points.shape) == (np.float32, (2, 68, 2))
    assert (visible.shape, pose.shape) == ((2, 68), (2, 3))
    assert ((visible >= 0) & (visible <= 1)).all()
