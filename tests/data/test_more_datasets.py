"""The traps of AffectNet, Aff-Wild2, UNBC, FEAFA and SEMAINE."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openau.data.datasets import Notes, dataset_facts
from openau.data.index import build_index
from openau.data.pictures import read_picture
from openau.errors import NoInputError, TableError
from tests.fake.datasets import frames, sentences, wild, write_copy
from tests.fake.datasets.copy import put_text


def test_affectnets_lists_are_read_with_and_without_a_header(tmp_path: Path) -> None:
    table = build_index("affectnet", write_copy("affectnet", tmp_path))
    assert table["emotion"].fillna("").tolist() == ["happiness", "", "not a face", "contempt"]
    assert table["split"].tolist() == ["train", "train", "train", "validation"]
    assert table["valence"].isna().tolist() == [False, True, True, False]
    assert table[["x1", "y1", "x2", "y2"]].iloc[0].tolist() == [1, 2, 5, 6]


def test_affectnets_later_folders_tell_the_same_number_of_two_sets_apart(tmp_path: Path) -> None:
    wild.write_affectnet_later(tmp_path)
    table = build_index("affectnet", tmp_path)
    assert table["emotion"].tolist() == ["surprise", "neutral", "contempt"]
    assert table["path"].is_unique
    assert table["valence"].isna().all()
    assert table["arousal"].tolist() == [0.25] * 3
    (tmp_path / "val_set" / "annotations" / "0_exp.npy").write_bytes(b"no array")
    with pytest.raises(TableError, match=r"0_exp\.npy cannot be read as a number"):
        build_index("affectnet", tmp_path)


def test_a_list_of_affectnet_with_other_columns_is_refused(tmp_path: Path) -> None:
    root = write_copy("affectnet", tmp_path)
    put_text(root / "Manually_Annotated_file_lists" / "training.csv", "a,b\n1,2\n")
    with pytest.raises(TableError, match="has 2 columns, not 9"):
        build_index("affectnet", root)


def test_aff_wild2_minus_1_is_unknown_and_row_and_image_keep_together(tmp_path: Path) -> None:
    table = build_index("Aff-Wild2", write_copy("aff_wild2", tmp_path)).set_index(["sequence", "frame"])
    assert list(table.loc["7-60"].index) == [1, 3]  # 2 is invalid, 4 has no face
    assert table["AU01"].isna().tolist() == [False, False, False, True, False]
    assert table.loc[("7-60", 3), "AU02"] == 1
    assert str(table.loc[("7-60", 3), "path"]).endswith("7-60/00003.jpg")
    assert table.loc[("12_left", 1), "subject"] == "12"
    assert "1 labelled frame has no picture and is left out: no face" in sentences("aff_wild2", tmp_path)


@pytest.mark.parametrize(
    ("text", "word"),
    [("0,1\n", "does not begin with AU1"), ("AU1,AU2\n0,1\n0\n", "'0' in line 3"), ("", "AU1")],
)
def test_an_aff_wild2_file_that_is_none_is_named(tmp_path: Path, text: str, word: str) -> None:
    root = write_copy("aff_wild2", tmp_path)
    put_text(root / "annotations/AU_Detection_Challenge/Train_Set/12_left.txt", text)
    with pytest.raises(TableError, match=word):
        build_index("aff_wild2", root)


def test_unbc_reads_empty_files_ungraded_aus_and_closed_eyes(tmp_path: Path) -> None:
    table = build_index("unbc", write_copy("unbc", tmp_path))
    one = table[table["sequence"] == "ib109t1aeaff"].drop(columns="dataset").set_index("frame")
    first, empty, ungraded = (one.loc[n].to_dict() for n in (1, 2, 3))
    assert (first["AU04"], first["AU43"], first["AU12"]) == (2, 1, 0)
    assert (empty["AU04"], empty["AU12"], empty["AU43"]) == (0, 0, 0)
    assert table["AU12"].isna().sum() == 1
    assert np.isnan(ungraded["AU12"])
    assert ungraded["AU27"] == 4
    assert table["pspi"].tolist() == [5, 6, 0, 0]
    assert "pain score" not in sentences("unbc", tmp_path)


def test_unbc_aus_that_do_not_add_up_to_the_pain_score_are_told(tmp_path: Path) -> None:
    root = write_copy("unbc", tmp_path)
    put_text(root / frames.FACS.replace("FACS", "PSPI") / "ib109t1aeaff002_facs.txt", "   3.0e+00\n")
    assert "1 frame has AUs that do not add up to their pain score" in sentences("unbc", root)


def test_feafas_values_are_its_own_and_no_aus(tmp_path: Path) -> None:
    table = build_index("feafa", write_copy("feafa", tmp_path))
    assert not [c for c in table.columns if str(c).startswith("AU")]
    for _, found in table.iterrows():
        sequence = int(str(found["sequence"])[2:])
        got = [found[f"value_{n + 1:02d}"] for n in range(24)]
        assert got == pytest.approx([frames.value(sequence, int(found["frame"]), n) for n in range(24)])


def test_semaines_intervals_become_frames_within_the_coded_range(tmp_path: Path) -> None:
    table = build_index("semaine", write_copy("semaine", tmp_path))
    one = table[table["subject"] == "rec1"]
    assert one["frame"].tolist() == [2, 3, 4, 5, 6, 7]
    assert one["AU12"].tolist() == [0, 1, 1, 1, 1, 0]
    assert one["AU12_intensity"].tolist() == [0, 3, 3, 3, 3, 0]
    assert one["AU45"].tolist() == [0] * 6
    assert one["time_s"].tolist() == pytest.approx([0.04, 0.06, 0.08, 0.1, 0.12, 0.14])
    assert dict(zip(table["subject"], table["split"], strict=True)) == {"rec1": "train", "rec9": "validation"}
    assert abs(float(read_picture(one["path"].iloc[2]).mean()) - 100) < 5


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("../rec1.txt", "6 2\n", "first and a last frame"),
        ("rec1.eaf", "<a>", "is no ELAN file"),
        ("rec1.eaf", "<a><TIER TIER_ID='Speech'/></a>", "no tier named after an AU"),
        ("rec1.eaf", frames.ELAN.replace('"ts1"', '"ts9"', 1), "without a time"),
    ],
)
def test_a_semaine_file_that_is_none_is_named(tmp_path: Path, file: str, text: str, word: str) -> None:
    root = write_copy("semaine", tmp_path)
    put_text(root / "SEMAINE-Sessions" / "rec1" / file, text)
    with pytest.raises(TableError, match=word):
        build_index("semaine", root)


def test_semaine_intensities_of_another_kind_are_unknown_and_a_range_ends_with_the_annotations(
    tmp_path: Path,
) -> None:
    root = write_copy("semaine", tmp_path)
    put_text(root / "SEMAINE-Sessions" / "rec1" / "rec1.eaf", frames.ELAN.replace(">C<", ">strong<"))
    put_text(root / "SEMAINE-Sessions" / "rec9.txt", "2 3000\n")
    table = build_index("semaine", root)
    one, nine = (table[table["subject"] == name] for name in ("rec1", "rec9"))
    assert one["AU12"].sum() == 4
    assert one["AU12_intensity"].isna().sum() == 4
    assert nine["frame"].max() == 20
    said = sentences("semaine", root)
    assert "1 intensity is written neither A-E nor 0-5" in said
    assert "rec9.eaf ends at frame 20" in said


def test_aff_wild2s_annotations_are_found_whatever_their_folder_is_called(tmp_path: Path) -> None:
    root = write_copy("aff_wild2", tmp_path)
    (root / "annotations").rename(root / "6th ABAW Annotations")
    assert len(build_index("aff_wild2", root)) == 5


def test_a_semaine_recording_without_labels_or_video_is_told(tmp_path: Path) -> None:
    root = write_copy("semaine", tmp_path)
    (root / "SEMAINE-Sessions/rec1/rec1.eaf").unlink()
    (root / "SEMAINE-Sessions/rec9.txt").unlink()
    notes = Notes()
    with pytest.raises(NoInputError, match="has no labelled picture"):
        build_index("semaine", root, notes)
    said = "\n".join(finding.sentence for finding in notes.findings)
    assert "rec1 has no .eaf file and is left out" in said
    assert "rec9 has no rec9.txt and is left out" in said


def test_fera_2015s_parts_share_no_recording() -> None:
    facts = dataset_facts("semaine")
    assert not set(facts["train"]) & set(facts["validation"])
    assert (len(facts["train"]), len(facts["validation"])) == (16, 15)
