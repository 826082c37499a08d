"""RAF-DB with aligned pictures and some originals, and RAF-AU with sides, lips and trailing spaces."""

from __future__ import annotations

from pathlib import Path

from tests.fake.datasets.copy import FakeCopy, put_picture, put_text


def write(root: Path) -> None:
    """Write the basic set."""
    lines = ["train_00001.jpg 5", "train_00002.jpg 1", "train_00003.jpg 7", "test_0001.jpg 4"]
    put_text(root / "basic" / "EmoLabel" / "list_patition_label.txt", "\n".join(lines) + "\n\n")
    for line in lines:
        put_picture(root / "basic" / "Image" / "aligned" / line.split()[0].replace(".jpg", "_aligned.jpg"))
    put_picture(root / "basic" / "Image" / "original" / "train_00001.jpg")
    (root / "basic" / "Annotation" / "auto").mkdir(parents=True)


def write_packed_again(root: Path) -> None:
    """Write the copy in folders 1 to 7."""
    for part, code, name in (
        ("train", 1, "train_00002"),
        ("train", 5, "train_00001"),
        ("test", 4, "test_0001"),
    ):
        put_picture(root / "DATASET" / part / str(code) / f"{name}_aligned.jpg")
    put_text(root / "train_labels.csv", "image,label\ntrain_00001_aligned.jpg,5\n")


def write_au(root: Path) -> None:
    """Write RAF-AU."""
    lines = ["0001.jpg 1+2+5+25", "0002.jpg null", "0003.jpg L12+25", "0004.jpg 10+T28 ", "0005.jpg 12"]
    put_text(root / "RAFAU_label.txt", "\n".join(lines) + "\n")
    for line in lines:
        put_picture(root / "aligned" / line.split()[0].replace(".jpg", "_aligned.jpg"))


COPY = FakeCopy(
    write=write,
    rows=4,
    labels="basic/EmoLabel",
    wrong=("basic/EmoLabel/list_patition_label.txt", "00003.jpg 7", "00003.jpg 8"),
    picture="basic/Image/aligned/train_00002_aligned.jpg",
    stray="basic/Image/aligned/train_00044_aligned.jpg",
)
COPY_AU = FakeCopy(
    write=write_au,
    rows=5,
    labels="RAFAU_label.txt",
    wrong=("RAFAU_label.txt", "10+T28", "10+X28"),
    picture="aligned/0003_aligned.jpg",
    stray="aligned/0044_aligned.jpg",
)
