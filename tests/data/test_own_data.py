"""Somebody's own tables: columns by their usual names, unknown codes, tables that other tools write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from openau.data.datasets.columns import au_columns, find_column
from openau.data.index import build_index
from openau.data.pictures import read_picture
from openau.errors import InputError, SettingError, TableError
from tests.fake.datasets import sentences, write_copy
from tests.fake.datasets.copy import put_picture, put_text
from tests.fake.media import write_video


def video(path: Path, count: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(
        path, [np.full((32, 32, 3), 40 * (i + 1), np.uint8) for i in range(count)], codec="mjpeg"
    )


@pytest.mark.parametrize(
    ("name", "kind", "au"),
    [
        ("AU01", "main", 1), ("AU1", "main", 1), ("au_12", "main", 12), ("'AU 25'", "main", 25),
        ("ActionUnit4", "main", 4), ("AU12_r", "intensity", 12), ("AU12_c", "occurrence", 12),
        ("AU12_p", "probability", 12), ("au_1_intensity", "intensity", 1), ("AU06_left", "left", 6),
        ("L12", "left", 12), ("Occ_AU_4", "occurrence", 4), ("int_au_4", "intensity", 4),
        ("AU4_occ", "occurrence", 4),
    ],
)  # fmt: skip
def test_the_usual_names_of_au_columns_are_known(name: str, kind: str, au: int) -> None:
    assert au_columns([name]) == {kind: {au: name}}


def test_r_is_the_right_side_beside_a_left_one_and_an_intensity_otherwise() -> None:
    assert au_columns(["AU12_l", "AU12_r"]) == {"left": {12: "AU12_l"}, "right": {12: "AU12_r"}}
    assert au_columns(["AU12_r"]) == {"intensity": {12: "AU12_r"}}


@pytest.mark.parametrize("name", ["AUC", "audio", "AU", "AU123", "L1_distance", "frame", "AU12_x"])
def test_other_columns_are_no_aus(name: str) -> None:
    assert au_columns([name]) == {}


def test_the_surest_name_of_a_column_wins() -> None:
    assert find_column(["video", "Image Name", "file"], "path") == "Image Name"
    assert find_column(["a", "b"], "path") is None


def test_a_table_is_read_by_its_columns_names(tmp_path: Path) -> None:
    table = build_index("table", write_copy("table", tmp_path))
    assert table["subject"].tolist() == ["ann", "ann", "bob"]
    assert table["AU12"].tolist()[0] == 3
    assert table["AU12"].isna().tolist() == [False, True, False]
    assert table["AU01"].isna().tolist() == [False, False, True]
    assert table["AU25"].isna().tolist() == [False, False, True]
    assert table["emotion"].fillna("").tolist() == ["happiness", "", "sadness"]
    assert set(table["au_scale"]) == {"intensity"}
    said = sentences("table", tmp_path)
    assert "AU1 of labels.csv has 999 in 1 row, which is read as unknown" in said
    assert "are taken for intensity" in said


@pytest.mark.parametrize("suffix", [".parquet", ".tsv"])
def test_parquet_and_tabs_are_read_too(tmp_path: Path, suffix: str) -> None:
    root = write_copy("table", tmp_path)
    wanted = build_index("table", root)
    raw = pd.read_csv(root / "labels.csv")
    (root / "labels.csv").unlink()
    raw.to_parquet(root / "labels.parquet") if suffix == ".parquet" else raw.to_csv(
        root / "labels.tsv", sep="\t"
    )
    pd.testing.assert_frame_equal(build_index("table", root), wanted)


def test_the_table_itself_may_be_named(tmp_path: Path) -> None:
    root = write_copy("table", tmp_path)
    assert len(build_index("table", root / "labels.csv")) == 3


def test_probabilities_become_occurrences_and_stay_beside_them(tmp_path: Path) -> None:
    put_text(tmp_path / "a.csv", "path,AU12\n1.png,0.7\n2.png,0.2\n3.png,\n")
    for number in (1, 2, 3):
        put_picture(tmp_path / f"{number}.png")
    table = build_index("table", tmp_path)
    assert table["AU12"].fillna(-1).tolist() == [1, 0, -1]
    assert table["AU12_p"].fillna(-1).tolist() == [0.7, 0.2, -1]
    assert set(table["au_scale"]) == {"occurrence"}


def test_sides_are_kept_and_the_au_is_the_stronger_one(tmp_path: Path) -> None:
    put_text(tmp_path / "a.csv", "path,AU12_L,AU12_R\n1.png,2,0\n2.png,,3\n")
    for number in (1, 2):
        put_picture(tmp_path / f"{number}.png")
    table = build_index("table", tmp_path)
    assert table["AU12"].tolist() == [2, 3]
    assert table["AU12_left"].isna().tolist() == [False, True]
    assert table["AU12_right"].tolist() == [0, 3]


def test_columns_toml_names_what_is_not_found(tmp_path: Path) -> None:
    put_text(tmp_path / "a.csv", "bild,smile,mood\n./p7_1.png,4,2\nF:\\old\\p8_1.png,0,1\n")
    put_text(tmp_path / "other.csv", "x\n1\n")
    settings = [
        'table = "a.csv"',
        'pictures = "img"',
        'path = "bild"',
        'subject_pattern = "(p\\\\d+)_"',
        'emotion = "mood"',
    ]
    settings += [
        'scale = "intensity"',
        "[aus]",
        'AU12 = "smile"',
        "[emotions]",
        '1 = "anger"',
        '2 = "happiness"',
    ]
    put_text(tmp_path / "columns.toml", "\n".join(settings))
    for number in (7, 8):
        put_picture(tmp_path / "img" / f"p{number}_1.png")
    table = build_index("table", tmp_path)
    assert table["subject"].tolist() == ["p7", "p8"]
    assert table["AU12"].tolist() == [4, 0]
    assert table["emotion"].tolist() == ["happiness", "anger"]


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        ("paht = 'x'", SettingError, "has the key 'paht'"),
        ("path = 3", SettingError, "give text"),
        ("aus = 'AU1'", SettingError, "give a table"),
        ("scale = 'percent'", SettingError, "scale 'percent'"),
        ("path = ", SettingError, "cannot be read as TOML"),
        ("path = 'nope'", TableError, "has no column 'nope'"),
    ],
)
def test_a_mistake_in_columns_toml_is_named(
    tmp_path: Path, text: str, error: type[Exception], word: str
) -> None:
    root = write_copy("table", tmp_path)
    put_text(root / "columns.toml", text)
    with pytest.raises(error, match=word):
        build_index("table", root)


def test_numbered_emotions_are_not_guessed(tmp_path: Path) -> None:
    put_text(tmp_path / "a.csv", "path,emotion\n1.png,3\n")
    put_picture(tmp_path / "1.png")
    with pytest.raises(TableError, match=r"numbers its emotions \(3\); say in columns\.toml"):
        build_index("table", tmp_path)


def test_frames_of_a_video_are_addressed_by_their_number(tmp_path: Path) -> None:
    put_text(tmp_path / "a.csv", "video,frame,AU4\nclip,0,1\nclip,3,0\n")
    video(tmp_path / "videos" / "clip.avi")
    table = build_index("table", tmp_path)
    assert [round(float(read_picture(path).mean()), -1) for path in table["path"]] == [40, 160]
    assert set(table["sequence"]) == {"clip"}


OPENFACE = "frame, face_id, timestamp, confidence, success, AU01_r, AU12_r, AU01_c, AU12_c, AU28_c\n"


def test_openfaces_table_of_a_video_gives_labels_from_its_frame_1(tmp_path: Path) -> None:
    rows = [
        "1, 0, 0.0, 0.98, 1, 0.4, 2.5, 0.0, 1.0, 0.0",
        "2, 0, 0.04, 0.1, 0, 0, 0, 0, 0, 0",
        "3, 0, 0.08, 0.9, 1, 1.2, 0, 1, 0, 0",
    ]
    put_text(tmp_path / "clip.csv", OPENFACE + "\n".join(rows) + "\n")
    video(tmp_path / "clip.avi")
    table = build_index("table", tmp_path)
    assert table["path"].str.extract(r"frame=(\d+)")[0].tolist() == ["0", "2"]
    assert table["AU12"].tolist() == [1, 0]
    assert table["AU12_intensity"].tolist() == [2.5, 0]
    assert "AU28_intensity" not in table
    assert table["time_s"].tolist() == [0, 0.08]
    assert "1 frame of clip.csv has success 0" in sentences("table", tmp_path)


def test_openfaces_table_of_a_folder_of_pictures_is_about_them_in_order(tmp_path: Path) -> None:
    put_text(tmp_path / "clip.csv", OPENFACE + "1, 0, 0, 1, 1, 0, 1, 0, 1, 0\n2, 0, 0, 1, 1, 0, 1, 0, 1, 0\n")
    for number in (100, 101):
        put_picture(tmp_path / "frames" / "clip" / f"{number}.png")
    table = build_index("table", tmp_path)
    assert [Path(path).name for path in table["path"]] == ["100.png", "101.png"]


def test_py_feats_table_gives_occurrences_and_the_likeliest_emotion(tmp_path: Path) -> None:
    header = "FaceScore,AU01,AU12,anger,disgust,fear,happiness,sadness,surprise,neutral,input,frame"
    rows = ["0.9,0.1,0.9,0,0,0,0.8,0,0,0.2,C:/data/one.png,0", "0.9,0.8,0.2,0,0,0.5,0,0,0.4,0.1,clip.avi,2"]
    put_text(tmp_path / "fex.csv", "\n".join([header, *rows]) + "\n")
    put_picture(tmp_path / "one.png")
    video(tmp_path / "clip.avi")
    table = build_index("table", tmp_path)
    assert table["AU12"].tolist() == [1, 0]
    assert table["emotion"].tolist() == ["happiness", "fear"]
    assert [Path(path).name for path in table["path"]] == ["one.png", "clip.avi#frame=2"]


def test_openaus_own_table_gives_labels(tmp_path: Path) -> None:
    header = "source,frame,time_s,face_id,success,AU12_p,AU12_c,AU12_r,emotion,emotion_anger_p"
    put_text(tmp_path / "aus.csv", f"{header}\nclip.avi,2,0.08,0,1,0.8,1,3.5,happiness,0.1\n")
    video(tmp_path / "clip.avi")
    table = build_index("table", tmp_path)
    assert table["path"].tolist() == [f"{tmp_path.resolve()}/clip.avi#frame=2"]
    assert (table["AU12"][0], table["AU12_intensity"][0], table["emotion"][0]) == (1, 3.5, "happiness")


def test_two_rows_about_one_picture_are_told(tmp_path: Path) -> None:
    put_text(tmp_path / "a.csv", "path,AU4\n1.png,1\n1.png,0\n")
    put_picture(tmp_path / "1.png")
    assert build_index("table", tmp_path)["AU04"].tolist() == [1]
    assert "1 row is about a picture that had one already" in sentences("table", tmp_path)


def test_a_folder_of_pictures_without_a_table_is_told_what_is_needed(tmp_path: Path) -> None:
    put_picture(tmp_path / "1.png")
    with pytest.raises(InputError, match=r"has no table \(\.csv"):
        build_index("table", tmp_path)


def test_folders_named_after_emotions_and_aus_are_labels(tmp_path: Path) -> None:
    table = build_index("folder", write_copy("folder", tmp_path))
    assert table["split"].tolist() == ["test", "train", "train"]
    assert sorted(table["emotion"].dropna()) == ["happiness", "sadness"]
    assert table["AU12"].dropna().tolist() == [1]
    assert "1 folder is named neither" in sentences("folder", tmp_path)


def test_a_copy_of_ck_plus_in_emotion_folders_keeps_its_people(tmp_path: Path) -> None:
    put_text(tmp_path / "columns.toml", r"subject_pattern = '(S\d+)_'")
    for name in ("anger/S010_004_00000017.png", "happy/S010_006_00000014.png", "happy/S011_006_00000013.png"):
        put_picture(tmp_path / name)
    table = build_index("folder", tmp_path)
    assert table["subject"].tolist() == ["S010", "S010", "S011"]


def test_folders_named_otherwise_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put_picture(tmp_path / name / "1.png")
    with pytest.raises(InputError, match="name the folders so, or give a table"):
        build_index("folder", tmp_path)


def test_dem_keeps_intensities_even_where_all_are_0_and_1(tmp_path: Path) -> None:
    table = build_index("dem", write_copy("dem", tmp_path))
    assert set(table["au_scale"]) == {"intensity"}
    assert table["subject"].tolist() == ["p1", "p2"]


def test_gft_takes_the_person_from_the_file_and_the_conversation_from_the_person(tmp_path: Path) -> None:
    table = build_index("gft", write_copy("gft", tmp_path))
    assert table["subject"].unique().tolist() == ["001A", "002C"]
    assert table["group"].unique().tolist() == ["001", "002"]
    assert table.loc[table["frame"] == 2, "AU12"].isna().all()
    assert set(table["au_scale"]) == {"occurrence"}
    assert table["path"].iloc[-1].endswith("002C_occ.avi#frame=3")
