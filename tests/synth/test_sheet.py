"""Contact sheets: every picture in its place under its label, in a file that is a picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from openau.errors import InputError, OutputError, SettingError
from openau.synth.identity import Stage
from openau.synth.sheet import (
    Cell,
    dataset_sheet,
    describe,
    lay_out,
    levels_sheet,
    lights_sheet,
    renderer_sheet,
    write_sheet,
)


def plain(value: int, label: str = "label") -> Cell:
    return Cell(np.full((40, 40, 3), value, np.uint8), label)


def test_pictures_stand_in_rows_with_labels_above() -> None:
    sheet = lay_out([plain(10), plain(20), plain(30)], columns=2, size=80)
    height, width = sheet.shape[:2]
    assert (height, width) == (2 * 98, 2 * 82)
    assert sheet[18:98, :80].min() == sheet[18:98, :80].max() == 10
    assert (sheet[116:196, :80] == 30).all()
    assert (sheet[116:196, 82:] == 250).all()
    assert (sheet[:18, :80] < 120).any()  # ink


@pytest.mark.parametrize(
    "label", ["AU1", "1C+2C+4D+5B+20B+25D+26C+43E+10B", "a very long name without any signs"]
)
def test_a_label_never_runs_over_its_picture(label: str) -> None:
    sheet = lay_out([plain(10, label), plain(10, "")], columns=2, size=96)
    strip = sheet[:18]
    assert (strip[:, :96] < 120).any()
    assert (strip[:, 96:] == 250).all()


def test_levels_are_written_as_facs_does() -> None:
    assert describe({12: 4.0, 6: 2.6, 1: 0.4}) == "6C+12D"
    assert describe({12: 0.2}) == "neutral"


def test_a_dataset_shows_its_pictures_from_first_to_last(tmp_path: Path) -> None:
    rows = []
    for number in range(9):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((112, 112, 3), 20 * number, np.uint8))
        rows.append({"path": f"{number}.png", "AU12": 3.0 if number else 0.0})
    pd.DataFrame(rows).to_parquet(tmp_path / "index.parquet")
    sheet = dataset_sheet(tmp_path, count=3, columns=3)
    assert [int(sheet[60, 50 + 114 * k, 0]) for k in range(3)] == [0, 80, 160]
    (tmp_path / "8.png").unlink()
    with pytest.raises(InputError, match=r"8\.png cannot be read"):
        dataset_sheet(tmp_path)


def test_each_level_of_an_action_unit_is_farther_from_the_neutral_face(stage: Stage) -> None:
    sheet = levels_sheet(stage, size=64, aus=(27,)).astype(int)
    faces = [sheet[18:82, 66 * k : 66 * k + 64] for k in range(6)]
    change = [np.abs(face - faces[0]).mean() for face in faces]
    assert change == sorted(change)
    assert change[5] > 2


def test_eight_lights_are_eight_pictures(stage: Stage) -> None:
    sheet = lights_sheet(stage, size=48)
    faces = [sheet[18 + 66 * r : 66 + 66 * r, 50 * c : 50 * c + 48] for r in range(2) for c in range(4)]
    assert len({face.tobytes() for face in faces}) == 8


def test_a_sheet_is_written_as_the_picture_its_name_says(tmp_path: Path) -> None:
    sheet = lay_out([plain(90)], columns=1, size=48)
    for name in ("a.png", "b.JPG"):
        write_sheet(sheet, tmp_path / "new" / name)
        read = cv2.imread(str(tmp_path / "new" / name))
        assert read is not None
        assert read.shape == sheet.shape
    with pytest.raises(SettingError, match=r"end in \.png or \.jpg"):
        write_sheet(sheet, tmp_path / "a.txt")
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        write_sheet(sheet, tmp_path / "file" / "a.png")


def test_an_unknown_sheet_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SettingError, match="choose pictures, levels, people, lights, masks"):
        renderer_sheet("everything")
