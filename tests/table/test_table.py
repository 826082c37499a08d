from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from openau.errors import MissingExtraError, OutputError, TableError
from openau.facs import EMOTIONS
from openau.records import AUOutput, EmotionOutput, Face, Reading
from openau.table import (
    TableWriter,
    partial_path,
    read_readings,
    read_table,
    reading_row,
    table_columns,
    to_table,
)
from tests.fake.tiny_model import tiny_card

CARD = tiny_card((12, 4, 1), intensity=True)
DOC = Path(__file__).parents[2] / "docs" / "table.md"


def reading(
    probability: tuple[float, float, float] = (0.9, 0.4, 0.5), *, source: str = "a.jpg", frame: int = 0
) -> Reading:
    share = tuple((name, 1 / 7) for name in EMOTIONS)
    return Reading(
        source=source,
        frame=frame,
        time_s=frame / 25,
        face=Face((1.234, -2.0, 30.005, 40.0), 12.5, face_id=3),
        output=AUOutput(CARD.aus, np.array(probability, np.float32), np.array([1, 2, 5], np.float32)),
        emotion=EmotionOutput("happiness", share),
    )


def test_columns_are_face_then_aus_in_facs_order_then_emotion() -> None:
    assert table_columns(tiny_card((12, 4))) == [
        *("source", "frame", "time_s", "face_id", "face_score", "x1", "y1", "x2", "y2"),
        *("pitch_deg", "yaw_deg", "roll_deg", "success"),
        *("AU04_p", "AU04_c", "AU12_p", "AU12_c"),
        *("emotion", "emotion_anger_p", "emotion_disgust_p", "emotion_fear_p", "emotion_happiness_p"),
        *("emotion_sadness_p", "emotion_surprise_p", "emotion_neutral_p"),
    ]


def test_intensity_has_a_column_only_where_the_model_gives_it() -> None:
    assert "AU01_r" in table_columns(CARD)
    assert not [c for c in table_columns(tiny_card()) if c.endswith("_r")]


def test_every_column_is_documented_once_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", DOC.read_text("utf-8").split("## Coming from OpenFace")[0], re.M)
    assert rows == [*table_columns(tiny_card((1,), intensity=True)), "x_0", "y_0"]


def test_each_value_follows_its_own_au_and_not_its_position() -> None:
    row = reading_row(reading(), CARD)
    assert [row[c] for c in ("AU12_p", "AU04_p", "AU01_p")] == [0.9, 0.4, 0.5]
    assert [row[c] for c in ("AU12_c", "AU04_c", "AU01_c")] == [1, 0, 1]
    assert [row[c] for c in ("AU12_r", "AU04_r", "AU01_r")] == [1.0, 2.0, 5.0]


def test_occurrence_is_decided_before_rounding() -> None:
    row = reading_row(reading((0.49999, 0.5, 0.50001)), CARD)
    assert [row["AU12_p"], row["AU12_c"], row["AU04_c"], row["AU01_c"]] == [0.5, 0, 1, 1]


def test_what_is_not_known_is_empty_and_never_zero(tmp_path: Path) -> None:
    unknown = (float("nan"), 0.1, 0.2)
    with TableWriter(tmp_path / "t.csv", CARD) as writer:
        writer.write([Reading("b.jpg", 0, None), reading(unknown)])
        writer.finish()
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[1] == "b.jpg,0" + "," * 11 + "0" + "," * 17
    table = read_table(tmp_path / "t.csv")
    assert table["AU12_p"].isna().tolist() == [True, True]
    assert table["AU12_c"].isna().tolist() == [True, True]
    assert table["face_id"].tolist()[1] == 3
    assert table["success"].tolist() == [0, 1]


def test_a_row_has_exactly_these_bytes(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "t.csv", CARD) as writer:
        writer.write([reading(frame=2)])
        writer.finish()
    assert (tmp_path / "t.csv").read_bytes().split(b"\n")[1:] == [
        b"a.jpg,2,0.080000,3,12.5000,1.23,-2.00,30.00,40.00,,,,1,"
        b"0.5000,1,5.0000,0.4000,0,2.0000,0.9000,1,1.0000,happiness," + b",".join([b"0.1429"] * 7),
        b"",
    ]


def test_minus_zero_is_written_as_zero(tmp_path: Path) -> None:
    odd = Reading("a", 0, -1e-9, Face((-0.001, 0.0, 1.0, 1.0), -0.0, face_id=0))
    assert reading_row(odd, CARD)["x1"] == 0
    with TableWriter(tmp_path / "t.csv", CARD) as writer:
        writer.write([odd])
        writer.finish()
    assert b"-0" not in (tmp_path / "t.csv").read_bytes()


def test_readings_of_another_model_are_refused() -> None:
    with pytest.raises(TableError, match="has the AUs"):
        reading_row(reading(), tiny_card((1, 4, 12)))


@settings(max_examples=25)
@given(
    probability=stn.arrays(np.float32, 3, elements=st.floats(0, 1, width=32)),
    box=st.tuples(*[st.floats(-1e4, 1e4)] * 4),
    source=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1),
    time_s=st.none() | st.floats(0, 1e5),
)
def test_what_is_written_is_read_back_rounded(
    tmp_path_factory: pytest.TempPathFactory,
    probability: np.ndarray[tuple[int], np.dtype[np.float32]],
    box: tuple[float, float, float, float],
    source: str,
    time_s: float | None,
) -> None:
    path = tmp_path_factory.mktemp("table") / "t.csv"
    written = Reading(source, 4, time_s, Face(box, 1.0, face_id=0), AUOutput(CARD.aus, probability))
    with TableWriter(path, CARD) as writer:
        writer.write([written])
        writer.finish()
    table = read_table(path)
    assert table["source"].tolist() == [source]
    assert table["x2"].iloc[0] == round(box[2], 2)
    assert table["AU12_p"].iloc[0] == round(float(probability[0]), 4)
    pd.testing.assert_frame_equal(table, to_table([written], CARD))
    (again,) = read_readings(path, CARD)
    decided = dict.fromkeys(("AU12_c", "AU04_c", "AU01_c"))  # may differ once the probability is rounded
    assert reading_row(again, CARD) | decided == reading_row(written, CARD) | decided


def test_landmarks_follow_the_emotion_and_come_back(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(-9, 999, (68, 2)).astype(np.float32)
    marked = replace(reading(), face=Face((1, 2, 3, 4), 1.0, points))
    rows = [marked, reading(), Reading("b.jpg", 0, None)]
    path = tmp_path / "t.csv"
    with TableWriter(path, CARD, landmarks=True) as writer:
        writer.write(rows)
        writer.finish()
    table = read_table(path)
    assert list(table.columns) == table_columns(CARD, landmarks=True)
    assert list(table.columns[-136:]) == [f"{axis}_{k}" for axis in "xy" for k in range(68)]
    assert table["x_67"].iloc[0] == round(float(points[67, 0]), 2)
    assert table["y_0"].iloc[0] == round(float(points[0, 1]), 2)
    assert table.iloc[1:, -136:].isna().all(axis=None)
    pd.testing.assert_frame_equal(table, to_table(rows, CARD, landmarks=True))
    again, without, _ = read_readings(path, CARD)
    assert again.face is not None
    assert again.face.points is not None
    np.testing.assert_allclose(again.face.points, points, atol=0.00501)
    assert without.face is not None
    assert without.face.points is None


def test_a_table_with_some_landmarks_is_refused(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "t.csv", CARD, landmarks=True) as writer:
        writer.write([reading()])
        writer.finish()
    pd.read_csv(tmp_path / "t.csv").drop(columns="y_7").to_csv(tmp_path / "less.csv", index=False)
    with pytest.raises(TableError, match="column y_7 is missing"):
        read_table(tmp_path / "less.csv")


def test_a_source_named_like_a_missing_value_stays_a_name(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "t.csv", CARD) as writer:
        writer.write([reading(source="NA"), reading(source="null")])
        writer.finish()
    assert read_table(tmp_path / "t.csv")["source"].tolist() == ["NA", "null"]


def test_a_name_that_is_not_utf8_is_written_visibly(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "t.csv", CARD) as writer:
        writer.write([reading(source="caf\udce9.jpg")])
        writer.finish()
    assert read_table(tmp_path / "t.csv")["source"].tolist() == ["caf\\udce9.jpg"]


def test_the_table_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with TableWriter(path, CARD) as writer:
        writer.write([reading()])
        writer.flush()
        assert not path.exists()
        assert partial_path(path).read_text().count("\n") == 2
        assert writer.finish() == path
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


@settings(max_examples=25)
@given(cut=st.integers(0, 5), lost=st.integers(0, 3))
def test_a_resumed_table_has_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, cut: int, lost: int
) -> None:
    rows = [reading((i / 9, 0.5, 1.0), frame=i) for i in range(6)]
    folder = tmp_path_factory.mktemp("table")
    with TableWriter(folder / "whole.csv", CARD) as writer:
        writer.write(rows)
        writer.finish()
    with TableWriter(folder / "parts.csv", CARD) as writer:
        writer.write(rows[:cut])
        offset = writer.flush()
        writer.write(rows[cut : cut + lost])  # beyond the offset: written, but not recorded
    with partial_path(folder / "parts.csv").open("ab") as file:
        file.write(b"half a ro")
    with TableWriter(folder / "parts.csv", CARD, resume_at=offset) as writer:
        writer.write(rows[cut:])
        writer.finish()
    assert (folder / "parts.csv").read_bytes() == (folder / "whole.csv").read_bytes()


def test_a_partial_table_that_lost_rows_is_not_resumed(tmp_path: Path) -> None:
    partial_path(tmp_path / "t.csv").write_bytes(b"short")
    with pytest.raises(OutputError, match="shorter than when the run stopped"):
        TableWriter(tmp_path / "t.csv", CARD, resume_at=100)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        TableWriter(tmp_path / "absent" / "t.csv", CARD)


def test_parquet_holds_the_same_table_in_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr("openau.table.parquet.ROW_GROUP", 4)
    rows = [Reading("x", 0, None), *(reading(frame=i) for i in range(1, 9))]
    for name in ("t.csv", "t.parquet"):
        with TableWriter(tmp_path / name, CARD) as writer:
            writer.write(rows)
            writer.finish()
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), read_table(tmp_path / "t.csv"))
    file = pq.ParquetFile(tmp_path / "t.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [4, 4, 1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.parquet"]


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"openau\[parquet\]"):
        TableWriter(tmp_path / "t.parquet", CARD)
    assert not list(tmp_path.iterdir())


def good_lines(tmp_path: Path) -> list[str]:
    with TableWriter(tmp_path / "good.csv", CARD) as writer:
        writer.write([reading()])
        writer.finish()
    return (tmp_path / "good.csv").read_text().splitlines()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("face_id,", "", "column face_id is missing"),
        ("success,", "succes,", "column success is missing"),
        ("emotion,", "AU99_p,emotion,", "column AU99_c is missing"),
        ("emotion,", "gaze,emotion,", "unknown column gaze"),
        ("AU01_c,AU01_r", "AU01_r,AU01_c", "not in the order"),
    ],
)
def test_wrong_columns_are_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    header, row = good_lines(tmp_path)
    assert old in header
    (tmp_path / "t.csv").write_text(f"{header.replace(old, new, 1)}\n{row}\n")
    with pytest.raises(TableError, match=sentence):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("0.9000", "1.0100", "outside 0–1 in the column AU12_p"),
        ("5.0000", "9.0000", "outside 0–5 in the column AU01_r"),
        ("0.9000", "high", "a value that its column does not allow"),
        ("a.jpg,0,", "a.jpg,0.5,", "a value that its column does not allow"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    header, row = good_lines(tmp_path)
    assert old in row
    (tmp_path / "t.csv").write_text(f"{header}\n{row.replace(old, new, 1)}\n")
    with pytest.raises(TableError, match=sentence):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n1,2,3\n4,5,6,7\n"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(TableError, match=r"t\.csv"):
        read_table(tmp_path / "t.csv")


def test_an_absent_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path / "absent.csv")
