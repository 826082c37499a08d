"""What every dataset of the registry keeps to, on a tiny fake copy with the official layout and its traps."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from openau.data.datasets import Notes, dataset_facts
from openau.data.datasets.record import VALUE
from openau.data.doctor import check_dataset, describe
from openau.data.index import DATASETS, build_index, check_index, dataset_name, find_dataset
from openau.data.pictures import picture_file, read_picture
from openau.errors import InputError, NoInputError, OpenAUError, TableError
from tests.fake.datasets import FAKES
from tests.fake.datasets.copy import FakeCopy, put_picture

MEDIA = (".png", ".jpg", ".avi")
RECORDS = sorted(name for name in DATASETS if find_dataset(name) is not None)


UNPACKS_ITSELF = {"sample"}
"""Datasets whose folder need not be there."""

pytestmark = pytest.mark.usefixtures("tiny_sample")


@pytest.fixture(params=RECORDS)
def name(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


@pytest.fixture
def fake(name: str) -> FakeCopy:
    return FAKES[name]


@pytest.fixture
def root(fake: FakeCopy, tmp_path: Path) -> Path:
    root = tmp_path / "copy"
    root.mkdir()
    fake.write(root)
    return root


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def said(name: str, root: Path) -> str:
    return "\n".join(describe(check_dataset(name, root)))


def test_every_dataset_has_a_fake_copy() -> None:
    assert sorted(FAKES) == RECORDS


def test_a_copy_becomes_an_index_of_readable_pictures(name: str, fake: FakeCopy, root: Path) -> None:
    table = check_index(build_index(name, root), name)
    assert len(table) == fake.rows
    assert set(table["dataset"]) == {name}
    assert not table["path"].duplicated().any()
    for path in table["path"]:
        assert picture_file(path).is_absolute()
        assert read_picture(path).ndim == 3


def test_an_unknown_label_is_never_a_number(name: str, root: Path) -> None:
    table = build_index(name, root)
    dataset = find_dataset(name)
    assert dataset is not None
    for column in (c for c in table.columns if VALUE.fullmatch(c)):
        assert table[column].dtype == np.float32
        top = 1 if dataset.scale == "occurrence" and not column.endswith("_intensity") else 5
        assert table[column].dropna().between(0, top).all(), column
        assert table[column].notna().any(), column
    assert ("au_scale" in table) == any(VALUE.fullmatch(c) for c in table.columns)
    if "emotion" in table:
        assert set(table["emotion"].dropna()) <= {
            "anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise",
            "unknown", "not a face",
        }  # fmt: skip


def test_the_same_copy_gives_the_same_index(name: str, root: Path) -> None:
    assert build_index(name, root).equals(build_index(name, root))


def test_the_fake_copy_is_not_taken_for_the_complete_one(name: str, root: Path) -> None:
    diagnosis = check_dataset(name, root)
    assert diagnosis.error is None
    facts = dataset_facts(name)
    if {"pictures", "subjects", "sequences", "splits"} & set(facts):
        assert diagnosis.differs
        assert "differs from the official copy" in said(name, root)


def test_a_folder_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    if name in UNPACKS_ITSELF:
        pytest.skip("it is unpacked where it is not")
    with pytest.raises(InputError, match=r"There is no folder .*nowhere; give the folder of your copy"):
        build_index(name, tmp_path / "nowhere")


def test_an_empty_copy_is_told_from_another_dataset(name: str, tmp_path: Path) -> None:
    if name in UNPACKS_ITSELF:
        pytest.skip("it is unpacked where it is not")
    with pytest.raises(InputError, match="is empty; unpack"):
        build_index(name, tmp_path)


def test_without_its_labels_a_copy_cannot_be_used(name: str, fake: FakeCopy, root: Path) -> None:
    if fake.labels is None:
        pytest.skip("its labels lie beside its pictures, or are their folders")
    remove(root / fake.labels)
    with pytest.raises(InputError, match=r"has no .*; .*\.|is empty; unpack"):
        build_index(name, root)
    diagnosis = check_dataset(name, root)
    assert diagnosis.error is not None
    assert diagnosis.error.exit_code != 0
    assert "cannot be used" in said(name, root)
    assert "as its authors ship it" in said(name, root)


def test_a_renamed_folder_is_told_its_name(name: str, fake: FakeCopy, root: Path) -> None:
    if fake.labels is None or not fake.marked:
        pytest.skip("no name of a folder or file is fixed")
    label = root / fake.labels
    label.rename(label.with_name(f"my_{label.name}"))
    with pytest.raises(InputError, match=rf"my_{label.name} is .* under another name, rename it back"):
        build_index(name, root)


def test_a_doubled_folder_is_found(name: str, fake: FakeCopy, tmp_path: Path) -> None:
    inner = tmp_path / "copy" / "copy" / "copy"
    inner.mkdir(parents=True)
    fake.write(inner)
    notes = Notes()
    found = find_dataset(name)
    assert found is not None
    assert len(found(tmp_path / "copy", notes)) == fake.rows
    assert "lies deeper" in notes.findings[0].sentence


def test_a_wrong_code_is_named_with_its_file(name: str, fake: FakeCopy, root: Path) -> None:
    if fake.wrong is None:
        pytest.skip("it has no label files")
    file, right, wrong = fake.wrong
    text = (root / file).read_text("utf-8")
    assert right in text
    (root / file).write_text(text.replace(right, wrong, 1), "utf-8")
    with pytest.raises(TableError, match=Path(file).name):
        build_index(name, root)
    assert Path(file).name in said(name, root)


def test_a_label_without_its_picture_is_left_out_and_told(name: str, fake: FakeCopy, root: Path) -> None:
    if fake.picture is None:
        pytest.skip("no label of this dataset can be without its picture")
    remove(root / fake.picture)
    assert len(build_index(name, root)) == fake.rows - 1
    assert re.search("(are|is) left out", said(name, root))


def test_a_picture_without_a_label_is_told(name: str, fake: FakeCopy, root: Path) -> None:
    if fake.stray is None:
        pytest.skip("no picture of this dataset is expected to have a label")
    before = said(name, root)
    put_picture(root / fake.stray)
    assert len(build_index(name, root)) == fake.rows
    assert said(name, root) != before


def test_without_any_picture_the_copy_cannot_be_used(name: str, fake: FakeCopy, root: Path) -> None:
    for path in [*root.rglob("*.png"), *root.rglob("*.jpg"), *root.rglob("*.avi")]:
        path.unlink()
    if fake.picture is None:
        pytest.skip("no label of this dataset can be without its picture")
    with pytest.raises(NoInputError, match="has no labelled picture"):
        build_index(name, root)


def test_a_picture_that_cannot_be_read_is_told(name: str, fake: FakeCopy, root: Path) -> None:
    table = build_index(name, root)
    first = picture_file(table["path"].iloc[0])
    if first.suffix == ".csv":
        pytest.skip("its pictures are in the label file")
    first.write_bytes(b"no picture")
    assert "cannot be read" in said(name, root)


def test_the_record_says_what_a_user_must_know(name: str) -> None:
    dataset = find_dataset(name)
    assert dataset is not None
    assert dataset.name == name
    assert dataset_name(dataset.title) == name
    for text in (
        dataset.content,
        dataset.access,
        dataset.licence,
        dataset.reference,
        dataset.tree,
        dataset.codes,
    ):
        assert text.strip()
    assert dataset.reference.endswith(".")


def test_published_facts_name_their_source(name: str) -> None:
    facts = dataset_facts(name)
    assert not facts or facts["source"]


SPOILS: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda data: b"",
    "cut off": lambda data: data[: len(data) // 2],
    "binary": lambda data: bytes(range(256)) * 4,
    "of words": lambda data: b"these are words\nand more of them, too\n",
    "zeroed": lambda data: b"\0" * len(data),
    "in another encoding": lambda data: data.decode("latin-1").encode("utf-16"),
    "with other separators": lambda data: data.replace(b",", b";").replace(b"\t", b";").replace(b"  ", b";"),
    "without its first line": lambda data: data.partition(b"\n")[2],
    "of huge numbers": lambda data: re.sub(rb"(?<![\w.])\d(?![\w.])", b"99999999999999999999", data),
    "negative": lambda data: re.sub(rb"(?<![\w.])(\d)(?![\w.])", rb"-\1", data),
    "of fractions": lambda data: re.sub(rb"(?<![\w.])(\d)(?![\w.])", rb"\1.37", data),
}  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return one copy of each dataset, for tests that leave it as they found it."""

    @cache
    def write(name: str) -> Path:
        root = tmp_path_factory.mktemp(name)
        FAKES[name].write(root)
        return root

    return write


@pytest.mark.parametrize("how", SPOILS)
def test_no_spoilt_label_file_ends_in_a_traceback(name: str, how: str, kept: Callable[[str], Path]) -> None:
    root = kept(name)
    files = [p for p in sorted(root.rglob("*")) if p.is_file() and not p.name.lower().endswith(MEDIA)]
    kinds = {kind: [p for p in files if p.suffix == kind] for kind in sorted({p.suffix for p in files})}
    said: list[str] = []
    for chosen in {end: None for same in kinds.values() for end in (same[0], same[-1])}:
        data = chosen.read_bytes()
        chosen.write_bytes(SPOILS[how](data))
        try:
            table = build_index(name, root)  # what is no error of ours fails the test
        except OpenAUError as error:
            said.append(str(error))
        else:
            for column in (c for c in table.columns if VALUE.fullmatch(c)):
                assert table[column].dropna().between(0, 5).all()
        finally:
            chosen.write_bytes(data)
    assert all(sentence.endswith(".") for sentence in said)


def test_everything_the_doctor_says_is_a_whole_sentence(name: str, fake: FakeCopy, root: Path) -> None:
    if fake.picture is not None:
        remove(root / fake.picture)
    for finding in check_dataset(name, root).findings:
        assert finding.sentence.endswith((".", "?")), finding.sentence
        assert "{" not in finding.sentence
        assert not re.search(r"\b1 (labelled |coded )?\w+s (have|are)\b", finding.sentence), finding.sentence
