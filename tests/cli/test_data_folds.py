"""The command says what a split shares before anybody trains on it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from openau.cli.__main__ import main
from openau.data import build_index, prepare
from openau.data.protocols import Folds
from openau.data.tables import write_index
from openau.records import CropSpec
from tests.fake.synthetic_folder import write_synthetic_folder
from tests.fake.tables import dem_table, video_table


@pytest.fixture
def dem(tmp_path: Path) -> Path:
    write_index(dem_table(), tmp_path / "dem.csv")
    return tmp_path / "dem.csv"


def test_a_papers_split_is_reported_with_its_banner_and_written(
    dem: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = dem.with_name("folds.parquet")
    words = [
        "--protocol",
        "moreno2024-augment-first",
        "--rule",
        "moreno2024",
        "--options",
        "seed=2",
        "copies=3",
    ]
    assert main(["data", "folds", str(dem), *words, "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "285 pictures left out: emotion neutral"
    assert lines[1].startswith("*** LEAKY SPLIT: ")
    assert "copies of a training photograph" in lines[1]
    assert lines[-1] == str(out)
    folds = Folds.load(out)
    assert (folds.options["seed"], folds.options["copies"], len(folds.table)) == (2, 3, 1272 + 53 * 3)
    assert main(["data", "folds", str(dem), "--out", str(out)]) == 5


def test_of_many_folds_the_worst_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_index(video_table(8, 5), tmp_path / "index.parquet")
    assert main(["data", "folds", str(tmp_path / "index.parquet"), "--protocol", "loso"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "8 folds, 8 of them share nobody and nothing. The one that shares most:"
    assert lines[1].startswith("Fold video/S00")


def test_faces_that_look_the_same_are_looked_for_where_asked(
    dem: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = write_synthetic_folder(tmp_path / "faces", subjects=4, per_subject=2)
    for name in ("0001", "0003", "0005", "0007"):  # everybody's second picture is the first
        shutil.copy(faces / "pictures/0000.png", faces / f"pictures/{name}.png")
    store = prepare(build_index("synthetic", faces), CropSpec(32), tmp_path / "store", detector="index").store
    words = ["data", "folds", str(store), "--options", "validation=0", "test=0.25"]
    assert main(words) == 0
    assert "near duplicates: not looked for" in capsys.readouterr().out
    assert main([*words, "--near-duplicates"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"LEAKY SPLIT: (50|100)\.0 % look like a training picture", said)
    assert main(["data", "folds", str(dem), "--near-duplicates"]) == 2
    assert "only a crop store has faces" in capsys.readouterr().err


def test_what_is_not_there_is_said(dem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, sentence in (
        (["--protocol", "mine"], "no protocol 'mine'"),
        (["--rule", "mine"], "no label rule 'mine'"),
        (["--options", "seed"], "write NAME=VALUE"),
    ):
        assert main(["data", "folds", str(dem), *words]) == 2
        assert sentence in capsys.readouterr().err
