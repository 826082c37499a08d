"""A model that wants aligned faces gets them: in pictures, in video, and after an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from openau import Analyzer
from openau.analyze import Settings, analyze_paths
from openau.records import CropSpec, Pixels
from tests.fake.interrupted import StopAt
from tests.fake.media import write_video
from tests.fake.tiny_model import tiny_card, write_tiny_model


@pytest.fixture
def aligned(tmp_path: Path) -> Path:
    """A tiny model that reads the mean colour of aligned faces."""
    card = replace(tiny_card(), crop=CropSpec(16, align="points"))
    write_tiny_model(tmp_path / "aligned.onnx", card)
    return tmp_path / "aligned.onnx"


@pytest.fixture
def clip(tmp_path: Path, astronaut: Pixels) -> Path:
    """40 frames of a real face that wanders and tilts."""

    def frame(number: int) -> Pixels:
        matrix = cv2.getRotationMatrix2D((224, 114), 8 * np.sin(number / 9), 1.0)
        matrix[:, 2] += (-100 + number, 20 + 5 * np.cos(number / 5))
        return np.asarray(cv2.warpAffine(astronaut, matrix, (256, 240)), np.uint8)

    return write_video(tmp_path / "clip.mp4", map(frame, range(40)))


def test_a_photograph_has_landmarks_and_pose(aligned: Path, astronaut: Pixels) -> None:
    analysis = Analyzer(model=aligned, max_faces=1).image(astronaut)
    [reading] = analysis.records
    assert reading.face is not None
    assert reading.face.points is not None
    assert reading.face.points.shape == (68, 2)
    row = analysis.table.iloc[0]
    assert abs(row["roll_deg"]) < 15
    assert analysis.table[["pitch_deg", "yaw_deg", "roll_deg"]].notna().all(axis=None)


def test_the_table_is_the_same_with_any_number_of_threads_and_after_an_interruption(
    aligned: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openau.analyze.run.CHECKPOINT_S", 0.0)
    analyze_paths([clip], tmp_path / "one", Settings(model=aligned, max_faces=1, threads=1))
    analyze_paths([clip], tmp_path / "two", Settings(model=aligned, max_faces=1, threads=2))
    whole = (tmp_path / "one/aus.csv").read_bytes()
    assert (tmp_path / "two/aus.csv").read_bytes() == whole
    with pytest.raises(KeyboardInterrupt):
        analyze_paths(
            [clip], tmp_path / "cut", Settings(model=aligned, max_faces=1, threads=1), listener=StopAt(16)
        )
    analyze_paths([clip], tmp_path / "cut", Settings(model=aligned, max_faces=1, threads=1), resume=True)
    assert (tmp_path / "cut/aus.csv").read_bytes() == whole
    table = pd.read_csv(tmp_path / "one/aus.csv")
    assert table["success"].sum() >= 38
    assert table["roll_deg"].notna().sum() == table["success"].sum()
    seen = table[table["face_id"] == table["face_id"].mode()[0]]  # now and then the cascade sees another
    tilted = 8 * np.sin(seen["frame"].to_numpy() / 9)
    assert np.corrcoef(seen["roll_deg"], tilted)[0, 1] > 0.9


def test_a_model_that_cuts_by_boxes_has_no_pose(tmp_path: Path, astronaut: Pixels) -> None:
    write_tiny_model(tmp_path / "boxes.onnx")
    table = Analyzer(model=tmp_path / "boxes.onnx").image(astronaut).table
    assert table[["pitch_deg", "yaw_deg", "roll_deg"]].isna().all(axis=None)
