"""The ledger: every stored result can be judged by a reader, and the scores in it are computed right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from benchmarks import ledger, package_faces
from benchmarks.clips import drifting_face, write_clip
from benchmarks.ledger import Measurement, Result, check_record, summary, table
from benchmarks.real_faces import area, interval, paired_accuracy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import openau
from openau.facs import ACTION_UNITS
from openau.read import read_video, video_info
from openau.runtime import default_model_path, read_card

STORED = sorted(ledger.RESULTS.rglob("*"))
SCORES = arrays.arrays(np.float64, st.integers(1, 20), elements=st.integers(0, 5).map(float))


def result(*measurements: Measurement) -> Result:
    """Return a small valid result."""
    rows = measurements or (Measurement("end to end", 61.0, "frames/s", n=5, iqr=1.5),)
    return Result("speed", {"threads": 2}, {"network input": 0}, ("numpy",), rows)


@pytest.mark.parametrize("path", [p for p in STORED if p.is_file()], ids=lambda p: p.stem)
def test_every_stored_result_can_be_judged(path: Path) -> None:
    record = json.loads(path.read_text("utf-8"))
    check_record(record)
    assert path.name == f"{record['what']}--{record['machine']['name']}.json"
    assert path.parent.name == record["openau"]
    assert not record["uncommitted_changes"], "measured on a tree that no commit describes"


def test_the_ledger_holds_nothing_but_results() -> None:
    assert [p for p in STORED if p.is_file() and p.suffix != ".json"] == []


def test_a_result_is_stored_under_its_machine_and_reads_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "RESULTS", tmp_path)
    monkeypatch.setattr(ledger, "commit", lambda: {"commit": "abcdef1", "uncommitted_changes": False})
    path = ledger.store(result())
    record = json.loads(path.read_text("utf-8"))
    assert path.parent.name == openau.__version__
    assert record["measurements"] == [
        {"name": "end to end", "value": 61.0, "unit": "frames/s", "n": 5, "iqr": 1.5}
    ]
    assert record["versions"] == {"numpy": np.__version__}


def test_a_machine_is_described_without_naming_it() -> None:
    import getpass
    import platform

    text = json.dumps(ledger.machine())
    assert platform.node() not in text
    assert getpass.getuser() not in text.split('"')
    assert ledger.machine()["cores"] >= 1


def without(record: dict[str, Any], field: str) -> dict[str, Any]:
    """Return a record that lacks one field."""
    return {name: value for name, value in record.items() if name != field}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"commit": "latest"}, "no hash"),
        ({"date": "yesterday"}, "yesterday"),
        ({"machine": {"name": "mine"}}, "other fields"),
        ({"measurements": []}, "nothing was measured"),
        ({"measurements": [{"name": "speed", "value": 1.0, "unit": ""}]}, "lacks"),
        ({"measurements": [{"name": "speed", "value": float("nan"), "unit": "ms"}]}, "no value"),
        ({"seeds": None}, "seeds is not a dict"),
        ({"host": "mine"}, "fields differ"),
    ],
)
def test_a_record_that_cannot_be_judged_is_refused(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str
) -> None:
    monkeypatch.setattr(ledger, "commit", lambda: {"commit": "abcdef1", "uncommitted_changes": False})
    good = result().record()
    check_record(good)
    with pytest.raises(ValueError, match=message):
        check_record(good | changes)
    with pytest.raises(ValueError, match="versions"):
        check_record(without(good, "versions"))


def test_repeats_become_their_median_and_quartiles() -> None:
    row = summary("decode", [1.0, 2.0, 3.0, 4.0, 100.0], "ms")
    assert (row.value, row.iqr, row.n) == (3.0, 2.0, 5)
    assert summary("once", [7.0], "ms").iqr is None


def test_the_printed_table_shows_value_interval_and_group() -> None:
    row = Measurement("AU12", 0.9149, "share", n=51, low=0.85, high=0.96, group="gender male")
    line = table(result(row)).splitlines()[1]
    assert "AU12 (gender male)" in line
    assert "0.9149 [0.850, 0.960] share" in line


@given(negative=SCORES, positive=SCORES)
def test_the_auc_is_that_of_scikit_learn(
    negative: np.ndarray[Any, np.dtype[np.float64]], positive: np.ndarray[Any, np.dtype[np.float64]]
) -> None:
    from sklearn.metrics import roc_auc_score

    truth = np.r_[np.zeros(len(negative)), np.ones(len(positive))]
    expected = roc_auc_score(truth, np.r_[negative, positive])
    assert area(negative, positive) == pytest.approx(expected)


def test_paired_accuracy_counts_people_and_halves_ties() -> None:
    neutral, smiling = np.array([0.1, 0.5, 0.9, 0.3]), np.array([0.2, 0.5, 0.4, 0.8])
    assert paired_accuracy(neutral, smiling) == 0.625


def test_every_coded_face_lies_in_its_picture_and_shows_known_aus() -> None:
    faces = pd.read_csv(package_faces.FACES, keep_default_na=False)
    assert len(faces) == 88
    assert faces[["x", "y", "side"]].gt(0).all(axis=None)
    assert faces[["x", "y"]].lt(1).all(axis=None)
    assert faces["side"].lt(1.5).all()  # the box of a face that fills its picture reaches beyond
    for present, unknown in zip(faces["present"], faces["unknown"], strict=True):
        shown, unsure = ({int(au) for au in str(codes).split()} for codes in (present, unknown))
        assert shown | unsure <= set(ACTION_UNITS)
        assert not shown & unsure


def test_a_model_that_reads_coded_faces_rightly_scores_one_and_lost_faces_are_counted() -> None:
    card = read_card(default_model_path())
    truth = package_faces.coded(pd.read_csv(package_faces.FACES, keep_default_na=False), card)
    scores = np.where(truth == 1, 0.999, 0.001)
    scores[0] = np.nan
    rows = {row.name: row for row in package_faces.measure(truth, scores, card, 10)}
    assert rows["faces found"].value == 87 / 88
    assert rows["mean ROC AUC"].value == 1
    assert all(row.value == 0 for name, row in rows.items() if "where absent" in name)


def test_an_interval_holds_the_value_and_narrows_to_it_when_all_agree() -> None:
    random = np.random.default_rng(3)
    neutral, smiling = random.normal(0, 1, 60), random.normal(1, 1, 60)
    low, high = interval(area, neutral, smiling, 200)
    assert low < area(neutral, smiling) < high
    assert interval(area, np.zeros(5), np.ones(5), 50) == (1.0, 1.0)


def test_the_drifting_face_moves_and_stays_in_size() -> None:
    pictures = list(drifting_face(3))
    assert all(picture.shape == (480, 640, 3) and picture.dtype == np.uint8 for picture in pictures)
    assert not np.array_equal(pictures[0], pictures[2])


def test_a_long_clip_has_its_frames_evenly_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.clips.LOOP", 4)
    write_clip(tmp_path / "clip.mp4", 10)
    times = [frame.time_s for frame in read_video(tmp_path / "clip.mp4")]
    assert times == pytest.approx([index / 30 for index in range(10)], abs=1e-3)
    assert video_info(tmp_path / "clip.mp4").frame_count == 10


def test_a_network_is_timed_forward_and_training_beside_resnet_50() -> None:
    import torch
    from benchmarks.networks import compared
    from torch import nn

    torch.manual_seed(0)
    small: nn.Module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 12))
    large = nn.Sequential(nn.Conv2d(3, 64, 7), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 12))
    before = [parameter.detach().clone() for parameter in small.parameters()]
    rows = compared("small", small, 16, large, 3)
    assert [row.name for row in rows] == ["small, forward", "small, training step"]
    assert all(row.value < 0.5 and row.n == 3 for row in rows)
    assert any(not torch.equal(old, new) for old, new in zip(before, small.parameters(), strict=True))
