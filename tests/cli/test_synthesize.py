"""`openau synthesize` on the command line: what it refuses in one sentence, before anything is written."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from openau.cli.__main__ import main
from openau.cli.synthesize import parse_aus
from openau.errors import SettingError
from openau.facs import AU_SETS


@pytest.fixture
def rig() -> list[str]:
    shared = os.environ.get("OPENAU_SHARED", "")
    if not (Path(shared) / "rig" / "ict_facekit.npz").is_file():
        pytest.skip("OPENAU_SHARED does not lead to the face rig")
    return ["--rig", f"{shared}/rig"]


def test_aus_are_named_by_set_number_or_column() -> None:
    assert parse_aus(["disfa-8"]) == AU_SETS["disfa-8"]
    assert parse_aus(["AU12,4", "012", "bp4d-5"]) == (12, 4, 6, 10, 14, 17)
    with pytest.raises(SettingError, match="'disfa'"):
        parse_aus(["disfa"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--images 0", "images is 0; it must be between 1 and 10000000."),
        ("--images 4 --size 2000", "size is 2000; it must be between 48 and 1024."),
        ("--images 4 --aus disfa", "There is no AU or AU set 'disfa'"),
        ("--images 4 --aus 45", "Synthetic faces have no AU 45"),
        ("--images 4 --ratio 5:1", "--ratio needs the AUs it is for"),
        ("--images 4 --test-ratio 5:1", "--test-ratio needs --ratio or --ratios"),
        ("--images 4 --aus 12 --ratio 5", "write it like 30:1"),
        ("--images 4 --ratios 12:5", "'12:5' is not known"),
        ("--images 4 --aus 12 --ratios 1=5:1", "not among the AUs to label"),
        ("--images 4 --sheet sheet.txt", "let it end in .png or .jpg"),
        ("--images 4 --sheet sheet.png --show all", "There is no sheet 'all'"),
        ("--sheet sheet.png", "Name --out and --images"),
    ],
)
def test_a_bad_option_is_one_sentence_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, sentence: str
) -> None:
    assert main(["synthesize", "--out", str(tmp_path / "out"), *options.split()]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("openau: ")
    assert said.err.count("\n") == 1
    assert sentence in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--images 16 --ratios 1=30:1", "AU01 at 30 negatives per positive needs 31 pictures"),
        ("--images 200 --ratios 25=9:1 26=1:1", "A face with AU26 shows AU25, too"),
    ],
)
def test_ratios_that_cannot_be_had_leave_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rig: list[str], options: str, sentence: str
) -> None:
    assert main(["synthesize", "--out", str(tmp_path / "out"), *options.split(), *rig]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_it_prints_where_index_and_sheet_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rig: list[str]
) -> None:
    out = tmp_path / "out"
    options = ["--images", "1", "--size", "48", "--workers", "1", "--no-masks"]
    sheet = ["--sheet", str(tmp_path / "sheet.png")]
    assert main(["synthesize", "--out", str(out), *options, *sheet, *rig]) == 0
    assert capsys.readouterr().out.splitlines() == [str(out / "index.parquet"), sheet[1]]
    assert len(pd.read_parquet(out / "index.parquet")) == 1
    assert (tmp_path / "sheet.png").is_file()


def test_without_a_folder_it_wants_a_sheet_of_the_renderer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synthesize"]) == 2
    assert "Name --out and --images, or --sheet with --show levels" in capsys.readouterr().err
