"""BP4D and BP4D+: two people, two tasks; 3 and 4 digits; a 9 in both codes; a frame without picture."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.fake.datasets.copy import FakeCopy, put_picture, put_text

SEQUENCES = {
    ("F001", "T1"): (2440, 4),
    ("F001", "T8"): (1, 3),
    ("M018", "T1"): (187, 3),
    ("M018", "T8"): (9, 3),
}
"""Subject and task: first digits, and where the coded block begins."""
BLOCK = 5


def occurrence(au: int, frame: int) -> int:
    """Return the invented label; AU 13 is never coded, AU 1 not in the block's first frame."""
    if au in (13, 99):
        return 9
    return (au + frame) % 2


def write(root: Path, *, plus: bool) -> None:
    """Write the copy. BP4D's header counts columns, BP4D+'s names AUs."""
    aus = [1, 2, 4, 6, 7, 10, 12, 13, 14, 15, 17, 23, 24] if plus else list(range(1, 100))
    images = "2D+3D" if plus else "Sequences(2D+3D)"
    header = ",".join(map(str, [1 if plus else 0, *aus]))
    for (subject, task), (first, digits) in SEQUENCES.items():
        frames = range(first, first + BLOCK)
        rows = [",".join(map(str, [n, *(occurrence(au, n) for au in aus)])) for n in frames]
        put_text(root / "AUCoding" / "AU_OCC" / f"{subject}_{task}.csv", "\n".join([header, *rows]) + "\n")
        for au in (6, 10, 12, 14, 17):
            values = [f"{n},{9 if (au, n) == (12, 2441) else (au + n) % 6}" for n in frames]
            name = f"{subject}_{task}_AU{au:02d}.csv"
            put_text(root / "AUCoding" / "AU_INT" / f"AU{au:02d}" / name, "\n".join(values))
        for n in [max(0, first - 1), *frames]:  # a picture before the coded block is the rule
            if (subject, n) != ("M018", 189):
                put_picture(root / images / subject / task / f"{n:0{digits}d}.jpg")


COPY = FakeCopy(
    write=partial(write, plus=False),
    rows=19,
    labels="AUCoding",
    wrong=("AUCoding/AU_OCC/F001_T1.csv", "\n2441,0", "\n2441,5"),
    picture="Sequences(2D+3D)/F001/T1/2442.jpg",
    stray=None,
)
COPY_PLUS = FakeCopy(
    write=partial(write, plus=True),
    rows=19,
    labels="AUCoding",
    wrong=("AUCoding/AU_INT/AU06/F001_T1_AU06.csv", "2440,4", "2440,8"),
    picture="2D+3D/F001/T1/2442.jpg",
    stray=None,
)
