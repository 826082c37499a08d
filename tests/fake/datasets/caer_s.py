"""CAER-S: two parts, an emotion under another name, a folder that is none."""

from __future__ import annotations

from pathlib import Path

from tests.fake.datasets.copy import FakeCopy, put_picture


def write(root: Path) -> None:
    """Write the copy."""
    for part, names in (("train", ("Angry", "Happy", "Neutral")), ("test", ("Anger", "Happy"))):
        for name in names:
            for number in (1, 2):
                put_picture(root / part / name / f"{number:04d}.png")
    put_picture(root / "train" / "notes" / "0001.png")


COPY = FakeCopy(
    write=write,
    rows=10,
    labels=None,
    wrong=None,
    picture=None,
    stray="train/unsorted/0001.png",
)
