"""`openau data check` and `index`: what they print, what they write, how they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from openau.cli.__main__ import main
from openau.data.index import build_index
from openau.data.tables import read_index
from tests.fake.datasets import FAKES


@pytest.fixture
def disfa(tmp_path: Path) -> Path:
    root = tmp_path / "DISFA"
    root.mkdir()
    FAKES["disfa"].write(root)
    return root


def test_check_prints_what_differs_and_ends_with_0_where_the_copy_can_be_used(
    disfa: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "DISFA", "--root", str(disfa)]) == 0
    said = capsys.readouterr().out
    assert "can be used, and differs from the official copy" in said
    assert "24 of 27 subjects are missing" in said


def test_check_ends_with_another_code_where_the_copy_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "disfa", "--root", str(tmp_path)]) == 3
    said = capsys.readouterr().out
    assert "cannot be used" in said
    assert "ActionUnit_Labels/SN001/SN001_au1.txt" in said


def test_an_unknown_dataset_is_answered_with_the_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "disfa3", "--root", str(tmp_path)]) == 2
    assert "choose one of synthetic, " in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_index_writes_the_table_and_says_what_differs(
    disfa: Path, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"index{suffix}"
    assert main(["data", "index", "disfa", "--root", str(disfa), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out == f"29 labelled pictures, 3 subjects, 3 sequences, 12 AUs: {out}\n"
    assert "1 picture has no label" in said.err
    read, built = read_index(out), build_index("disfa", disfa)
    assert list(read) == list(built)
    assert read["path"].tolist() == built["path"].tolist()
    assert read["subject"].tolist() == built["subject"].tolist()
    assert (read["AU12"] == built["AU12"]).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["DISFA", out.name]


def test_index_never_replaces_a_file_and_leaves_nothing_half_written(
    disfa: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["data", "index", "disfa", "--root", str(disfa), "--out"]
    (tmp_path / "index.csv").write_text("mine")
    assert main([*arguments, str(tmp_path / "index.csv")]) == 5
    assert (tmp_path / "index.csv").read_text() == "mine"
    assert main([*arguments, str(tmp_path / "index.xlsx")]) == 2
    assert main([*arguments, str(tmp_path / "no" / "index.csv")]) == 5
    assert (
        main(["data", "index", "disfa", "--root", str(tmp_path / "no"), "--out", str(tmp_path / "i.csv")])
        == 3
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["DISFA", "index.csv"]
    assert len(capsys.readouterr().err.splitlines()) == 4


def test_show_writes_a_page_from_a_copy_and_from_its_index(
    disfa: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, table = tmp_path / "disfa.html", tmp_path / "disfa.parquet"
    assert main(["data", "show", "disfa", "--root", str(disfa), "--out", str(page), "--quiet"]) == 0
    assert f"12 AUs: {page}" in capsys.readouterr().out
    assert "Research only" in page.read_text("utf-8")
    assert main(["data", "index", "disfa", "--root", str(disfa), "--out", str(table), "--quiet"]) == 0
    again = tmp_path / "again.html"
    assert main(["data", "show", "index", "--root", str(table), "--out", str(again), "--quiet"]) == 0
    assert page.read_text("utf-8").count("<img") == again.read_text("utf-8").count("<img") > 0
    assert main(["data", "show", "disfa", "--root", str(disfa), "--out", str(page)]) == 5
    assert (
        main(["data", "show", "disfa", "--root", str(disfa), "--out", str(tmp_path / "no" / "x.html")]) == 5
    )
    assert "exists already" in capsys.readouterr().err
