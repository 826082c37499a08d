"""EmotioNet: files with tabs and 999, one coded by people; the list of 2020 with quotes; a dead link."""

from __future__ import annotations

from pathlib import Path

from tests.fake.datasets.copy import FakeCopy, put_picture, put_text

FOLDER = "emotioNet_challenge_files_server_challenge_1.2_aws"


def address(number: int) -> str:
    """Return the address of a picture."""
    return f"http://cbcsl.example/N_{number:010d}/N_{number:010d}_{number:05d}.jpg"


def code(au: int, number: int) -> int:
    """Return the invented label; most AUs are never annotated."""
    return (au + number) % 2 if au in (1, 2, 4, 12, 25, 51) else 999


def write(root: Path) -> None:
    """Write two files of the large set; picture 5 could not be loaded."""
    for file, numbers in (("dataFile_0001", (1, 2, 3)), ("dataFile_1000", (4, 5))):
        lines = []
        for number in numbers:
            codes = "\t".join(str(code(au, number)) for au in range(1, 61))
            lines.append(f"{address(number)}\thttp://orig.example/{number}\t{codes}\n")
        put_text(root / FOLDER / f"{file}.txt", "".join(lines))
    for number in range(1, 5):
        put_picture(root / "images" / f"N_{number:010d}" / f"N_{number:010d}_{number:05d}.jpg")


def write_list_of_2020(root: Path) -> None:
    """Write the list of 2020, with its quotes, beside two pictures."""
    header = ",".join(["URL", "URL orig", *(f"'AU {au}'" for au in range(1, 61))])
    lines = [
        ",".join(
            [
                f"'{address(n)}'",
                f"'http://orig.example/{n}'",
                *(str(1 - code(au, n) if code(au, n) < 2 else 999) for au in range(1, 61)),
            ]
        )
        for n in (4, 6)
    ]
    put_text(root / "EmotioNet_FACS_aws_2020_24600.csv", "\n".join([header, *lines]) + "\n")
    put_picture(root / "images" / f"N_{6:010d}_{6:05d}.jpg")


COPY = FakeCopy(
    write=write,
    rows=4,
    labels=FOLDER,
    wrong=(f"{FOLDER}/dataFile_0001.txt", "\t0\t", "\t7\t"),
    picture="images/N_0000000002/N_0000000002_00002.jpg",
    stray="images/N_0000000009/N_0000000009_00001.jpg",
)
