"""The traps of the datasets of stills: pixels in tables, votes, sides, codes that mean unknown."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from openau.data.datasets import dataset_facts
from openau.data.index import build_index
from openau.data.pictures import read_picture
from openau.errors import InputError, TableError
from tests.fake.datasets import emotionet, fer, raf, sentences, write_copy
from tests.fake.datasets.copy import put_picture, put_text


def test_fer2013_pictures_are_read_from_the_table_without_unpacking(tmp_path: Path) -> None:
    table = build_index("fer2013", write_copy("fer2013", tmp_path))
    assert table["emotion"].tolist() == ["anger", "happiness", "sadness", "neutral", "disgust"]
    assert table["split"].tolist() == ["train", "train", "validation", "test", "train"]
    for row in (3, 0, 4):
        assert table["path"][row].endswith(f"fer2013.csv#row={row}")
        rgb = read_picture(table["path"][row])
        assert rgb.shape == (fer.SIDE, fer.SIDE, 3)
        assert rgb[..., 1].ravel().tolist() == fer.pixels(row)


def test_the_variant_with_spaces_in_its_header_gives_the_same(tmp_path: Path) -> None:
    fer.write_icml(tmp_path)
    (tmp_path / "other").mkdir()
    fer.write(tmp_path / "other")
    one, other = build_index("fer2013", tmp_path), build_index("fer2013", tmp_path / "other")
    assert one.drop(columns="path").equals(other.drop(columns="path"))
    assert (read_picture(one["path"][2]) == read_picture(other["path"][2])).all()


def test_fer2013_in_folders_is_read_and_its_lost_order_is_told(tmp_path: Path) -> None:
    fer.write_folders(tmp_path)
    table = build_index("fer2013", tmp_path)
    assert table.groupby(["split", "emotion"]).size().to_dict() == {
        ("test", "neutral"): 1, ("train", "anger"): 2, ("train", "happiness"): 1,
    }  # fmt: skip
    assert "order of the rows is lost" in sentences("fer2013", tmp_path)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("emotion,pixels\n0,1 2 3 4\n", "no column 'Usage'"),
        ("emotion,pixels,Usage\n0,1 2 3 4,Trainig\n", "usage 'Trainig'"),
        ("emotion,pixels,Usage\nx,1 2 3 4,Training\n", "'x' for the emotion"),
        ("", "cannot be read"),
    ],
)
def test_a_fer2013_table_that_is_none_is_named(tmp_path: Path, text: str, word: str) -> None:
    put_text(tmp_path / "fer2013.csv", text)
    with pytest.raises(TableError, match=word):
        build_index("fer2013", tmp_path)


@pytest.mark.parametrize("pixels", ["1 2 3", "1 2 3 256", "1 2 x 4", ""])
def test_a_row_without_a_square_of_pixels_is_named(tmp_path: Path, pixels: str) -> None:
    put_text(tmp_path / "fer2013.csv", f"emotion,pixels,Usage\n0,{pixels},Training\n")
    [path] = build_index("fer2013", tmp_path)["path"]
    with pytest.raises(InputError, match="no square of grey values 0-255 in row 0"):
        read_picture(path)


def test_an_address_beyond_the_file_is_refused(tmp_path: Path) -> None:
    root = write_copy("fer2013", tmp_path)
    with pytest.raises(InputError, match="has no row 5"):
        read_picture(f"{root}/fer2013.csv#row=5")
    put_text(root / "other.csv", "a,b\n1,2\n")
    with pytest.raises(InputError, match="no column 'pixels'"):
        read_picture(f"{root}/other.csv#row=0")
    with pytest.raises(InputError, match="cannot be read"):
        read_picture(f"{root}/nothing.csv#row=0")
    disfa = write_copy("disfa", tmp_path / "disfa")
    with pytest.raises(InputError, match="ends before frame 9"):
        read_picture(f"{disfa}/Videos_LeftCamera/LeftVideoSN010_comp.avi#frame=9")


def test_fer_plus_takes_the_majority_of_ten_votes_and_leaves_out_removed_pictures(tmp_path: Path) -> None:
    table = build_index("fer_plus", write_copy("fer_plus", tmp_path))
    assert table["emotion"].fillna("").tolist() == ["anger", "happiness", "", "not a face"]
    assert table["path"].str[-6:].tolist() == ["#row=0", "#row=1", "#row=3", "#row=4"]
    assert table["votes_neutral"].tolist() == [4, 0, 5, 0]
    assert "1 picture has no name in FER+" in sentences("fer_plus", tmp_path)


def test_fer_plus_finds_the_pictures_its_authors_script_wrote(tmp_path: Path) -> None:
    fer.write_votes(tmp_path)
    for name in ("fer0000000.png", "fer0000001.png", "fer0000004.png"):
        put_picture(tmp_path / "data" / "FER2013Train" / name)
    table = build_index("fer_plus", tmp_path)
    assert table["emotion"].tolist() == ["anger", "happiness", "not a face"]
    assert "1 picture with votes is not there" in sentences("fer_plus", tmp_path)


def test_fer_plus_with_another_fer2013_or_without_is_refused(tmp_path: Path) -> None:
    fer.write_votes(tmp_path)
    with pytest.raises(InputError, match="votes but no pixels"):
        build_index("fer_plus", tmp_path)
    put_text(tmp_path / "fer2013.csv", "emotion,pixels,Usage\n0,1 2 3 4,Training\n")
    with pytest.raises(TableError, match="do not have the same rows"):
        build_index("fer_plus", tmp_path)


def test_raf_db_codes_become_emotions_and_the_aligned_picture_comes_first(tmp_path: Path) -> None:
    table = build_index("RAF-DB", write_copy("raf_db", tmp_path))
    assert table["emotion"].tolist() == ["sadness", "surprise", "neutral", "happiness"]
    assert table["split"].tolist() == ["train", "train", "train", "test"]
    assert all(path.endswith("_aligned.jpg") for path in table["path"])
    assert table["original_path"].notna().tolist() == [True, False, False, False]
    assert table["subject"].isna().all()


def test_raf_db_packed_again_gives_the_same_labels(tmp_path: Path) -> None:
    raf.write_packed_again(tmp_path)
    table = build_index("raf_db", tmp_path)
    assert sorted(zip(table["split"], table["emotion"], strict=True)) == [
        ("test", "happiness"), ("train", "sadness"), ("train", "surprise"),
    ]  # fmt: skip


def test_raf_au_reads_sides_and_lips_and_null(tmp_path: Path) -> None:
    table = build_index("raf_au", write_copy("raf_au", tmp_path)).set_index("sequence")
    sided, both, none = (table.loc[f"aligned/000{n}_aligned.jpg"] for n in (3, 5, 2))
    assert (sided["AU12"], sided["AU12_left"], sided["AU12_right"]) == (1, 1, 0)
    assert (both["AU12"], both["AU12_left"], both["AU12_right"]) == (1, 1, 1)
    assert (none[["AU01", "AU12", "AU28", "AU12_left"]] == 0).all()
    assert table.loc["aligned/0004_aligned.jpg", "AU28"] == 1


def test_caer_s_classes_under_other_names_are_one_and_strange_folders_are_told(tmp_path: Path) -> None:
    table = build_index("CAER-S", write_copy("caer_s", tmp_path))
    assert table["emotion"].value_counts().to_dict() == {"anger": 4, "happiness": 4, "neutral": 2}
    assert table["sequence"].is_unique
    assert "train/notes is no class" in sentences("caer_s", tmp_path)


def test_emotionet_999_is_unknown_and_people_are_told_from_the_machine(tmp_path: Path) -> None:
    table = build_index("emotionet", write_copy("emotionet", tmp_path))
    assert [c for c in table.columns if str(c).startswith("AU")] == [
        "AU01",
        "AU02",
        "AU04",
        "AU12",
        "AU25",
        "AU51",
    ]
    for _, found in table.iterrows():
        for au in (1, 12, 51):
            assert found[f"AU{au:02d}"] == emotionet.code(au, int(found["frame"]))
    assert dict(zip(table["frame"], table["coder"], strict=True)) == {
        4: "people",
        1: "machine",
        2: "machine",
        3: "machine",
    }
    assert table["subject"].isna().all()
    assert "1 labelled picture is not there" in sentences("emotionet", tmp_path)


def test_emotionets_list_of_2020_is_read_and_wins(tmp_path: Path) -> None:
    root = write_copy("emotionet", tmp_path)
    emotionet.write_list_of_2020(root)
    table = build_index("emotionet", root).set_index("frame")
    assert sorted(table.index) == [1, 2, 3, 4, 6]
    assert table["coder"][[4, 6]].tolist() == ["people", "people"]
    assert table["AU12"][4] == 1 - emotionet.code(12, 4)
    assert "1 picture is labelled twice" in sentences("emotionet", root)


def test_emotionets_spreadsheet_must_be_saved_as_csv(tmp_path: Path) -> None:
    (tmp_path / "EmotioNet_FACS_aws_2020_24600.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"save it as EmotioNet_FACS_aws_2020_24600\.csv"):
        build_index("emotionet", tmp_path)


def test_an_emotionet_list_of_addresses_only_is_refused(tmp_path: Path) -> None:
    put_text(tmp_path / emotionet.FOLDER / "dataFile_0001.txt", "http://a/b.jpg\thttp://c\t1\n")
    with pytest.raises(TableError, match="3 columns, not 62"):
        build_index("emotionet", tmp_path)


def test_the_published_counts_of_pictures_add_up() -> None:
    for name in ("fer2013", "raf_db", "affectnet", "fer_plus"):
        facts = dataset_facts(name)
        assert sum(facts["splits"].values()) == facts["pictures"], name
    for name in ("fer2013", "raf_db", "affectnet", "dem"):
        facts = dataset_facts(name)
        assert sum(facts["emotions"].values()) == facts["pictures"], name
    raf_db = dataset_facts("raf_db")
    assert sum(raf_db["emotions_train"].values()) == 12_271
    assert sum(raf_db["emotions_test"].values()) == 3_068
    plus = dataset_facts("fer_plus")
    assert plus["rows"] - sum(plus["removed"].values()) == plus["pictures"]
    assert (
        sum(plus["majority_train"].values()) == plus["splits"]["train"] + plus["removed"]["train"] == 28_709
    )


def test_pictures_of_no_video_are_nobodys_neighbours(tmp_path: Path) -> None:
    for name in ("raf_db", "fer2013", "caer_s"):
        table = build_index(name, write_copy(name, tmp_path / name))
        assert table["sequence"].is_unique
        assert pd.api.types.is_integer_dtype(table["frame"])
