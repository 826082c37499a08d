"""DISFA+: two subjects, two trials each; headers in some files; a picture and a file are missing."""

from __future__ import annotations

from pathlib import Path

from openau.facs import AU_SETS
from tests.fake.datasets.copy import FakeCopy, put_picture, put_text

TRIALS = ("A1_AU1_TrailNo_1", "Y_Happy_TrailNo_2")
PICTURES = 4


def intensity(au: int, number: int) -> int:
    """Return the invented label."""
    return (au + number) % 6


def write(root: Path) -> None:
    """Write the copy."""
    for subject in ("SN001", "SN003"):
        for trial in TRIALS:
            for au in AU_SETS["disfa-12"]:
                if (subject, trial, au) == ("SN003", TRIALS[1], 20):
                    continue  # this trial is left out
                last = PICTURES - 1 if (subject, trial, au) == ("SN001", TRIALS[1], 9) else PICTURES
                header = "# frame intensity\nName Label\n" if au in (1, 12) else ""
                lines = [
                    f"{number:03d}.jpg{' ' * (1 + au % 3)}{intensity(au, number)}\n" for number in range(last)
                ]
                put_text(root / "Labels" / subject / trial / f"AU{au}.txt", header + "".join(lines))
            for number in range(PICTURES):
                put_picture(root / "Images" / subject / trial / f"{number:03d}.jpg")


COPY = FakeCopy(
    write=write,
    rows=4 + 3 + 4,
    labels="Labels",
    wrong=(f"Labels/SN001/{TRIALS[0]}/AU2.txt", "000.jpg", "000.jpg 9 "),
    picture=f"Images/SN001/{TRIALS[0]}/002.jpg",
    stray=f"Images/SN003/{TRIALS[0]}/009.jpg",
)
