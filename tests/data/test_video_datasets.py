"""The traps of the datasets of video frames: numbering, codes that mean unknown, other folder names."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from openau.data import CropStore, prepare
from openau.data.datasets import dataset_facts
from openau.data.datasets.disfa import failed_landmarks, landmarks_failed
from openau.data.doctor import check_dataset, describe
from openau.data.index import build_index
from openau.data.labels import label_rule, select_rows
from openau.data.pictures import read_picture
from openau.data.protocols import build_folds
from openau.data.protocols.lists import FOLD_LISTS
from openau.data.tables import write_index
from openau.errors import InputError, TableError
from openau.faces import Detector
from openau.facs import AU_SETS, au_column
from openau.records import CropSpec, Face
from tests.fake.datasets import bp4d, disfa, sentences, write_copy
from tests.fake.datasets.copy import put_picture, put_text


def row(table: pd.DataFrame, subject: str, frame: int) -> dict[str, Any]:
    [found] = table[(table["subject"] == subject) & (table["frame"] == frame)].to_dict("records")
    return {str(column): value for column, value in found.items()}


def test_disfa_finds_its_pictures_whether_they_begin_at_0_or_1(tmp_path: Path) -> None:
    table = build_index("disfa", write_copy("disfa", tmp_path))
    assert row(table, "SN001", 400)["path"].endswith("SN001/399.png")
    assert row(table, "SN002", 4)["path"].endswith("SN002_00004.png")
    for subject, frames in disfa.FRAMES.items():
        for frame in frames:
            for au in AU_SETS["disfa-12"]:
                assert row(table, subject, frame)[au_column(au)] == disfa.intensity(subject, au, frame)
    assert "Images/SN001 are numbered from 0" in sentences("disfa", tmp_path)


def test_disfa_reads_the_left_video_where_no_frames_were_extracted(tmp_path: Path) -> None:
    table = build_index("disfa", write_copy("disfa", tmp_path))
    for frame in (1, 9, 3):  # forwards and back
        found = row(table, "SN010", frame)
        assert "LeftVideoSN010_comp.avi" in found["path"]
        assert found["time_s"] == pytest.approx((frame - 1) / 20)
        assert abs(float(read_picture(found["path"]).mean()) - disfa.shade(frame - 1)) < 4


def test_disfa_takes_the_right_camera_only_where_there_is_no_other_and_says_so(tmp_path: Path) -> None:
    write_copy("disfa", tmp_path)
    (tmp_path / "Videos_LeftCamera" / "LeftVideoSN010_comp.avi").unlink()
    table = build_index("disfa", tmp_path)
    assert "RightVideoSN010_Comp.avi" in row(table, "SN010", 1)["path"]
    assert "right camera only" in sentences("disfa", tmp_path)


def test_disfa_says_which_folder_it_takes_where_there_are_two(tmp_path: Path) -> None:
    write_copy("disfa", tmp_path)
    put_picture(tmp_path / "Second" / "SN002" / "1.png")
    assert "Images/SN002" in row(build_index("disfa", tmp_path), "SN002", 4)["path"]
    assert "1 folder of pictures is passed over" in sentences("disfa", tmp_path)


def test_disfa_marks_the_frames_that_jaanets_lists_leave_out(tmp_path: Path) -> None:
    table = build_index("disfa", write_copy("disfa", tmp_path))
    marked = table[table["failed_landmarks"]]
    assert set(marked["subject"]) == {"SN001"}
    assert sorted(marked["frame"]) == list(range(398, 405))


def test_disfa_pictures_that_begin_elsewhere_are_told(tmp_path: Path) -> None:
    write_copy("disfa", tmp_path)
    (tmp_path / "Images" / "SN002" / "SN002_00001.png").unlink()
    assert "begin at 2, not at 0 or 1" in sentences("disfa", tmp_path)


def test_a_missing_au_file_makes_that_au_unknown_for_its_subject(tmp_path: Path) -> None:
    write_copy("disfa", tmp_path)
    (tmp_path / "ActionUnit_Labels" / "SN002" / "SN002_au12.txt").unlink()
    table = build_index("disfa", tmp_path)
    assert table.loc[table["subject"] == "SN002", "AU12"].isna().all()
    assert table.loc[table["subject"] != "SN002", "AU12"].notna().all()
    assert "SN002 has no file for AU 12" in sentences("disfa", tmp_path)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1,0\n2;0\n", r"'2;0' in line 2"),
        ("1,0\n1,0\n", "a frame twice"),
        ("1,2,3\n", "where 2 numbers belong"),
    ],
)
def test_a_disfa_label_file_that_is_none_is_named(tmp_path: Path, text: str, word: str) -> None:
    write_copy("disfa", tmp_path)
    put_text(tmp_path / "ActionUnit_Labels" / "SN002" / "SN002_au1.txt", text)
    with pytest.raises(TableError, match=word):
        build_index("disfa", tmp_path)


def test_labels_without_subject_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ActionUnit_Labels" / "labels").mkdir(parents=True)
    with pytest.raises(InputError, match="no folders SN001"):
        build_index("disfa", tmp_path)


def test_disfa_plus_leaves_out_incomplete_pictures_and_trials_and_reads_past_headers(tmp_path: Path) -> None:
    table = build_index("disfa_plus", write_copy("disfa_plus", tmp_path))
    assert table.groupby("sequence").size().to_dict() == {
        "SN001/A1_AU1_TrailNo_1": 4, "SN001/Y_Happy_TrailNo_2": 3, "SN003/A1_AU1_TrailNo_1": 4,
    }  # fmt: skip
    assert table["AU01"].tolist()[:4] == [1, 2, 3, 4]
    said = sentences("disfa_plus", tmp_path)
    assert "The trial SN003/Y_Happy_TrailNo_2 has no file for AU 20" in said
    assert "1 picture is not in all AU files" in said


def test_ck_plus_takes_the_last_frame_and_reads_intensity_0_as_present_but_ungraded(tmp_path: Path) -> None:
    table = build_index("ck_plus", write_copy("ck_plus", tmp_path)).set_index("sequence")
    first = table.loc["S005/001"]
    assert (first["AU09"], first["AU09_intensity"]) == (1, 4)
    assert first["AU17"] == 1
    assert np.isnan(first["AU17_intensity"])
    assert (first["AU12"], first["AU12_intensity"]) == (0, 0)
    assert table.loc["S010/001", "frame"] == 17
    assert table.loc["S010/001", "AU54"] == 1
    assert str(table.loc["S010/001", "neutral_path"]).endswith("S010_001_00000014.png")


def test_ck_plus_an_empty_facs_file_is_no_au_and_no_emotion_file_is_no_emotion(tmp_path: Path) -> None:
    table = build_index("ck_plus", write_copy("ck_plus", tmp_path)).set_index("sequence")
    aus = [column for column in table.columns if column.startswith("AU")]
    assert (table.loc["S005/002", aus] == 0).all()
    assert table["emotion"].isna().to_dict() == {"S005/001": False, "S005/002": True, "S010/001": False}
    assert table.loc["S010/001", "emotion"] == "surprise"


def test_a_ck_plus_sequence_without_a_facs_file_has_unknown_aus(tmp_path: Path) -> None:
    write_copy("ck_plus", tmp_path)
    (tmp_path / "FACS/FACS/S005/001/S005_001_00000003_facs.txt").unlink()
    table = build_index("ck_plus", tmp_path).set_index("sequence")
    assert table["AU12"].isna()["S005/001"]
    assert table.loc["S005/001", "emotion"] == "disgust"


@pytest.mark.parametrize("name", ["bp4d", "bp4d_plus"])
def test_bp4d_keeps_occurrence_and_intensity_apart_and_9_is_unknown_in_both(
    name: str, tmp_path: Path
) -> None:
    table = build_index(name, write_copy(name, tmp_path))
    for _, found in table.iterrows():
        for au in AU_SETS["bp4d-12"]:
            assert found[au_column(au)] == bp4d.occurrence(au, found["frame"])
    assert "AU13" not in table  # never coded
    where = (table["subject"] == "F001") & (table["frame"] == 2441)
    assert table.loc[where, "AU12_intensity"].isna().all()
    assert table.loc[where, "AU12"].notna().all()
    assert table.loc[table["AU12_not_codable"].astype(bool), "frame"].tolist() == [2441]
    assert table["AU06_intensity"].max() == 5


def test_bp4d_resolves_picture_names_by_number_and_tells_of_the_frame_without_one(tmp_path: Path) -> None:
    table = build_index("bp4d", write_copy("bp4d", tmp_path))
    assert row(table, "F001", 1)["path"].endswith("F001/T8/001.jpg")
    assert row(table, "F001", 2440)["path"].endswith("F001/T1/2440.jpg")
    assert 189 not in set(table["frame"])
    assert "1 coded frame has no picture" in sentences("bp4d", tmp_path)
    assert set(table["gender"]) == {"F", "M"}


def test_bp4d_without_intensities_or_with_the_older_folders_is_read_too(tmp_path: Path) -> None:
    root = write_copy("bp4d", tmp_path)
    for file in (root / "AUCoding" / "AU_OCC").iterdir():
        file.rename(root / "AUCoding" / file.name)
    (root / "AUCoding" / "AU_OCC").rmdir()
    (root / "AUCoding" / "AU_INT").rename(root / "AU Intensity Codes3.0")
    (root / "Sequences(2D+3D)").rename(root / "BP4D-training")
    table = build_index("bp4d", root)
    assert len(table) == 19
    assert table["AU06_intensity"].notna().any()


def test_bp4d_pictures_that_seem_numbered_from_0_are_told(tmp_path: Path) -> None:
    root = write_copy("bp4d", tmp_path)
    (root / "Sequences(2D+3D)/F001/T8/005.jpg").unlink()
    assert "seem to be numbered from 0" in sentences("bp4d", root)


@pytest.mark.parametrize("text", ["", "frame,AU1\n1,0\n", "0,1,1\n5,0,0\n"])
def test_a_bp4d_file_without_its_header_is_refused(tmp_path: Path, text: str) -> None:
    root = write_copy("bp4d", tmp_path)
    put_text(root / "AUCoding" / "AU_OCC" / "F001_T1.csv", text)
    with pytest.raises(TableError, match=r"F001_T1\.csv does not begin with a row of AU numbers"):
        build_index("bp4d", root)


def test_bp4d_codes_of_another_dataset_are_refused(tmp_path: Path) -> None:
    put_text(tmp_path / "AUCoding" / "AU_OCC" / "a.csv", "0,1")
    with pytest.raises(InputError, match=r"no files F001_T1\.csv"):
        build_index("bp4d", tmp_path)


def test_the_published_counts_add_up() -> None:
    facts = dataset_facts("disfa")
    counts = facts["pictures_per_subject"]
    frames = {s: counts.get(s, counts["default"]) for s in facts["subjects"]}
    assert sum(frames.values()) == facts["pictures"] == 130_814
    failed = {s: sum(last - first + 1 for first, last in failed_landmarks(s)) for s in frames}
    assert (
        sum(frames.values()) - sum(failed.values()) == facts["pictures_without_failed_landmarks"] == 126_144
    )
    kept = {s: frames[s] - failed[s] for s in frames}
    assert (kept["SN001"], kept["SN021"], kept["SN023"], kept["SN029"]) == (4768, 1793, 4423, 4391)
    assert [sum(frames[s] for s in fold) for fold in facts["folds"].values()] == [43_604, 43_605, 43_605]
    assert sorted(chain.from_iterable(facts["folds"].values())) == facts["subjects"]
    for au, count in facts["positives"].items():
        assert sum(facts["intensities"][au][1:]) == count
    weights = {1: 4.97, 2: 4.31, 4: 15.24, 6: 7.89, 9: 4.18, 12: 12.88, 25: 27.71, 26: 8.82}
    for au, percent in weights.items():
        assert 100 * facts["positives"][str(au)] / facts["pictures"] == pytest.approx(percent, abs=0.006)


def whole_disfa() -> pd.DataFrame:
    """Return the index of a complete copy as far as its frames go; the labels are 0."""
    facts = dataset_facts("disfa")
    counts = facts["pictures_per_subject"]
    parts = []
    for subject in facts["subjects"]:
        frames = np.arange(1, counts.get(subject, counts["default"]) + 1)
        failed = landmarks_failed(subject, frames)
        parts.append(pd.DataFrame({"subject": subject, "frame": frames, "failed_landmarks": failed}))
    table = pd.concat(parts, ignore_index=True)
    path = table["subject"] + "/" + table["frame"].astype(str)
    return table.assign(dataset="disfa", sequence=table["subject"], path=path, AU01=0.0, AU12=0.0)


def test_rule_and_folds_give_the_published_populations_of_disfa() -> None:
    table = whole_disfa()
    assert len(select_rows(table, label_rule("disfa-8"))[0]) == 130_814
    kept, left_out = select_rows(table, label_rule("disfa-8-jaa"))
    assert (len(kept), left_out) == (126_144, {"failed_landmarks": 4_670})
    count = kept["subject"].value_counts()
    published = {"SN001": 4768, "SN002": 4818, "SN006": 4788, "SN009": 4737, "SN010": 4844, "SN011": 4824}
    published |= {"SN021": 1793, "SN023": 4423, "SN025": 4758, "SN027": 4763, "SN028": 4714, "SN029": 4391}
    published |= {"SN004": 4830, "SN030": 4708, "SN016": 4845, "SN003": 4845}
    assert {subject: count[subject] for subject in published} == published
    folds = build_folds("fold-lists", table, validation=0.0)
    assert [int((folds.split(n)["split"] == "test").sum()) for n in range(3)] == [43_604, 43_605, 43_605]


def test_the_published_folds_of_bp4d_and_bp4d_plus_cover_everybody_once() -> None:
    facts = dataset_facts("bp4d")
    assert sum(facts["fold_pictures"]["me_graphau"].values()) == facts["pictures"] == 146_847
    assert sum(facts["fold_pictures"]["jaa"].values()) == 146_576
    assert [len(fold) for fold in facts["folds"].values()] == [14, 14, 13]
    assert facts["subjects"] == [f"F{n:03d}" for n in range(1, 24)] + [f"M{n:03d}" for n in range(1, 19)]
    plus = dataset_facts("bp4d_plus")
    assert [len(fold) for fold in plus["folds"].values()] == [35] * 4
    assert plus["subjects"] == [f"F{n:03d}" for n in range(1, 83)] + [f"M{n:03d}" for n in range(1, 59)]
    assert sum(dataset_facts("ck_plus")["emotions"].values()) == 327


def test_the_doctor_tells_first_what_is_missing_of_disfa(tmp_path: Path) -> None:
    lines = describe(check_dataset("DISFA", write_copy("disfa", tmp_path / "disfa")))
    said = "\n".join(lines)
    assert lines[0].startswith("DISFA in ")
    assert "24 of 27 subjects are missing: SN003, SN004" in said
    assert "There are 29 labelled pictures, not 130,814" in said
    assert "SN010 9 instead of 4,844" in said


def test_the_doctor_compares_label_counts_of_a_complete_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = build_index("disfa", write_copy("disfa", tmp_path))
    facts = {
        "source": "made up",
        "pictures": 29,
        "positives_from": 2,
        "positives": {"1": 1, "4": int((table["AU04"] >= 2).sum())},
    }
    monkeypatch.setattr("openau.data.doctor.dataset_facts", lambda name: facts)
    said = "\n".join(describe(check_dataset("disfa", tmp_path)))
    assert f"AU 1 {int((table['AU01'] >= 2).sum())} instead of 1;" in said
    assert "AU 4" not in said


def test_a_copy_whose_pictures_are_all_broken_cannot_be_used(tmp_path: Path) -> None:
    root = write_copy("disfa_plus", tmp_path)
    for path in root.rglob("*.jpg"):
        path.write_bytes(b"")
    diagnosis = check_dataset("disfa_plus", root)
    assert diagnosis.error is not None
    assert "None of the pictures" in str(diagnosis.error)


def test_the_protocols_fold_lists_are_the_published_facts() -> None:
    for name, lists in (("disfa", "disfa"), ("bp4d", "bp4d"), ("bp4d_plus", "bp4dplus")):
        published = {part: sorted(subjects) for part, subjects in dataset_facts(name)["folds"].items()}
        assert {part: sorted(subjects) for part, subjects in FOLD_LISTS[lists].items()} == published


@pytest.mark.parametrize("name", ["disfa", "fer2013"])
def test_crops_are_cut_from_videos_and_from_tables_of_pixels(name: str, tmp_path: Path) -> None:
    table = build_index(name, write_copy(name, tmp_path / "copy"))
    found = prepare(table, CropSpec(8), tmp_path / "store", detector=whole_picture, margin=1.0)
    assert (found.found, found.lost) == (len(table), 0)
    store = CropStore.open(tmp_path / "store")
    wanted = [float(read_picture(path).mean()) for path in store.table["path"]]
    assert store.crops(np.arange(len(table))).reshape(len(table), -1).mean(1).tolist() == pytest.approx(
        wanted, abs=6
    )


def whole_picture() -> Detector:
    return lambda rgb: [Face((0.0, 0.0, float(rgb.shape[1]), float(rgb.shape[0])), 1.0)]


def test_a_table_written_by_index_is_a_dataset_itself(tmp_path: Path) -> None:
    table = build_index("bp4d", write_copy("bp4d", tmp_path / "copy"))
    for suffix in (".csv", ".parquet"):
        file = tmp_path / f"index{suffix}"
        write_index(table, file)
        again = build_index("index", file)
        assert list(again.columns) == list(table.columns)
        assert again["subject"].tolist() == table["subject"].tolist()
        assert again["AU12"].tolist() == table["AU12"].tolist()
    (tmp_path / "words.parquet").write_text("no table", "utf-8")
    with pytest.raises(TableError, match="cannot be read as a table"):
        build_index("index", tmp_path / "words.parquet")
