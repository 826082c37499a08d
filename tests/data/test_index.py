"""A folder becomes an index table, or a sentence that says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from openau.data.index import au_columns, build_index, check_index
from openau.errors import InputError, SettingError, TableError
from tests.fake.synthetic_folder import write_synthetic_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_synthetic_folder(tmp_path / "faces", subjects=3, per_subject=2)


def test_a_synthetic_folder_becomes_an_index_with_absolute_paths(root: Path) -> None:
    table = build_index("synthetic", root)
    assert len(table) == 6
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in table["path"])
    assert au_columns(table) == ["AU01", "AU12", "AU25"]
    assert table["subject"].tolist()[::2] == ["faces/0", "faces/1", "faces/2"]


def test_subjects_of_two_folders_are_not_taken_for_one(root: Path, tmp_path: Path) -> None:
    other = write_synthetic_folder(tmp_path / "more", subjects=3, per_subject=2)
    both = pd.concat([build_index("synthetic", folder) for folder in (root, other)])
    assert both["subject"].nunique() == 6


def test_an_unknown_dataset_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="synthetic"):
        build_index("disfa2", tmp_path)


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="openau synthesize"):
        build_index("synthetic", tmp_path)


def test_an_index_that_is_no_table_is_refused(root: Path) -> None:
    (root / "index.csv").write_bytes(b"")
    with pytest.raises(TableError, match="cannot be read"):
        build_index("synthetic", root)


def test_rendered_stills_are_nobodys_neighbours_in_time(root: Path) -> None:
    table = build_index("synthetic", root)
    assert table["sequence"].is_unique


def test_a_begun_folder_is_told_how_to_finish_it(root: Path) -> None:
    (root / "index.csv").unlink()
    with pytest.raises(InputError, match="the same openau synthesize finishes"):
        build_index("synthetic", root)


def test_a_table_that_is_not_there_or_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no table"):
        build_index("index", tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder; name the table in it"):
        build_index("index", tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [("AU01", "strong", "'strong' for AU01 in row 0"), ("AU12", 5.5, "AU12"), ("AU12", -1, "AU12")],
)
def test_a_value_that_is_no_intensity_is_named(root: Path, column: str, value: object, word: str) -> None:
    table = build_index("synthetic", root)
    table[column] = pd.Series([value] * len(table))
    with pytest.raises(TableError, match=word):
        check_index(table, "The table")


def test_a_missing_column_is_named(root: Path) -> None:
    with pytest.raises(TableError, match="'subject'"):
        check_index(build_index("synthetic", root).drop(columns="subject"), "The table")


def test_an_index_without_rows_or_aus_is_refused(root: Path) -> None:
    table = build_index("synthetic", root)
    with pytest.raises(TableError, match="no rows"):
        check_index(table.iloc[:0], "The table")
    with pytest.raises(TableError, match="no AU column"):
        check_index(table.drop(columns=["AU01", "AU12", "AU25"]), "The table")
