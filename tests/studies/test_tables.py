"""Result tables keep published and measured numbers apart, in every format."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from openau.errors import SettingError
from openau.studies.page import Section, write_page
from openau.studies.published import Published
from openau.studies.tables import Column, Measured, ResultTable


def printed(text: str, *, impossible: bool = False) -> Published:
    return Published("wang2019", "4", "EmotioNet", "DRML", "AU01", "auc_pct", text, impossible)


TABLE = ResultTable(
    "table4",
    "Table 4: AUC.",
    ["AU01", "AU02"],
    [
        Column("DRML", {"AU01": printed("50.33", impossible=True), "AU02": printed("17.51")}),
        Column("ours_1", {"AU01": Measured(0.5, 0.25, 0.75), "AU02": Measured(math.nan)}),
    ],
    under=("*split:* random.",),
)


def test_a_column_cannot_mix_published_and_measured_numbers() -> None:
    with pytest.raises(SettingError, match="would mix"):
        Column("both", {"AU01": printed("1"), "AU02": Measured(1.0)})


def test_markdown_marks_published_numbers_and_leaves_undefined_ones_a_dash() -> None:
    lines = TABLE.as_markdown().splitlines()
    assert lines[0] == "| AU | *DRML, published* | ours_1 |"
    assert lines[2] == "| AU01 | *50.33 ✗* | 0.500 [0.250, 0.750] |"
    assert lines[3] == "| AU02 | *17.51* | – |"


def test_the_csv_says_of_each_number_which_kind_it_is() -> None:
    frame = TABLE.as_frame()
    assert frame["kind"].tolist() == ["published", "published", "measured", "measured"]
    assert frame["impossible"].tolist() == [True, False, False, False]
    assert frame["value"].tolist()[:3] == ["50.33", "17.51", 0.5]


def test_latex_is_escaped() -> None:
    text = TABLE.as_latex()
    assert r"ours\_1" in text
    assert r"\textit{50.33 $\times$}" in text
    assert text.count(r"\\") == 3


def test_the_label_stands_over_every_table_of_faces(tmp_path: Path) -> None:
    computed = ResultTable("size", "Sizes.", ["a"], [Column("n", {"a": "1"})], of_faces=False)
    page = write_page(
        tmp_path, ["title", "text"], [Section("One", (), [TABLE, computed])], label="**Made up.**"
    )
    text = page.read_text("utf-8")
    assert "**Table 4: AUC.** **Made up.**" in text
    assert "**Sizes.**\n" in text
    assert "*split:* random." in text
    assert (tmp_path / "tables" / "table4.tex").read_text("utf-8").startswith("% Made up.\n")
    assert not list(tmp_path.rglob(".*part*"))
