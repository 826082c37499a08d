"""FER2013 as a CSV file, and FER+'s votes beside it."""

from __future__ import annotations

from pathlib import Path

from tests.fake.datasets.copy import FakeCopy, put_picture, put_text

SIDE = 4
ROWS = ((0, "Training"), (3, "Training"), (4, "PublicTest"), (6, "PrivateTest"), (1, "Training"))
VOTES = (
    ("fer0000000.png", "4,0,0,0,6,0,0,0,0,0"),
    ("fer0000001.png", "0,10,0,0,0,0,0,0,0,0"),
    ("", "0,0,0,0,0,0,0,0,0,10"),
    ("fer0000003.png", "5,0,0,5,0,0,0,0,0,0"),
    ("fer0000004.png", "0,0,0,0,0,0,0,0,1,9"),
)
"""Image name (empty where FER+ removed the picture) and ten votes."""


def pixels(row: int) -> list[int]:
    """Return the invented grey values."""
    return [(16 * row + i) % 256 for i in range(SIDE * SIDE)]


def write(root: Path) -> None:
    """Write `fer2013.csv`."""
    lines = [f"{code},{' '.join(map(str, pixels(row)))},{usage}\n" for row, (code, usage) in enumerate(ROWS)]
    put_text(root / "fer2013.csv", "emotion,pixels,Usage\n" + "".join(lines))


def write_icml(root: Path) -> None:
    """Write the variant with other columns first and spaces in the header."""
    lines = [f"{code},{usage},{' '.join(map(str, pixels(row)))}\n" for row, (code, usage) in enumerate(ROWS)]
    put_text(root / "icml_face_data.csv", "emotion, Usage, pixels\n" + "".join(lines))


def write_folders(root: Path) -> None:
    """Write the copy in folders."""
    for part, counts in (("train", {"angry": 2, "happy": 1}), ("test", {"neutral": 1})):
        for name, count in counts.items():
            for number in range(count):
                put_picture(root / part / name / f"Training_{number}.jpg")


def write_plus(root: Path) -> None:
    """Write the votes beside the pixels."""
    write(root)
    write_votes(root)


def write_votes(root: Path) -> None:
    """Write `fer2013new.csv`."""
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
    lines = [f"{usage},{name},{votes}\n" for (_, usage), (name, votes) in zip(ROWS, VOTES, strict=True)]
    put_text(root / "fer2013new.csv", header + "".join(lines))


COPY = FakeCopy(
    write=write,
    rows=len(ROWS),
    labels="fer2013.csv",
    wrong=("fer2013.csv", "\n3,", "\n9,"),
    picture=None,
    stray=None,
)
COPY_PLUS = FakeCopy(
    write=write_plus,
    rows=len(ROWS) - 1,
    labels="fer2013new.csv",
    wrong=("fer2013new.csv", "0,10,0,0", "0,77,0,0"),
    picture=None,
    stray=None,
)
