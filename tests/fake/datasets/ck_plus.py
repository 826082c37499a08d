"""CK+: two people, three sequences; an intensity of 0, empty FACS file, empty and nested folders."""

from __future__ import annotations

from pathlib import Path

from tests.fake.datasets.copy import FakeCopy, put_picture, put_text


def write(root: Path) -> None:
    """Write the copy; the frames of S010/001 are 8 digits that begin at 14."""
    lengths = {"S005/001": range(1, 4), "S005/002": range(1, 3), "S010/001": range(14, 18)}
    for name, frames in lengths.items():
        stem = name.replace("/", "_")
        for frame in frames:
            put_picture(root / "cohn-kanade-images" / name / f"{stem}_{frame:08d}.png")
    (root / "cohn-kanade-images" / ".DS_Store").write_bytes(b"\0")
    facs = root / "FACS" / "FACS"  # as some unpack it
    put_text(
        facs / "S005/001/S005_001_00000003_facs.txt",
        "   9.0000000e+00   4.0000000e+00\n   1.7000000e+01   0.0000000e+00\n",
    )
    put_text(facs / "S005/002/S005_002_00000002_facs.txt", "")
    put_text(
        facs / "S010/001/S010_001_00000017_facs.txt",
        "   1.0000000e+00   2.0000000e+00\n   5.4000000e+01   3.0000000e+00\n",
    )
    put_text(root / "Emotion/S005/001/S005_001_00000003_emotion.txt", "   3.0000000e+00\n")
    put_text(root / "Emotion/S010/001/S010_001_00000017_emotion.txt", "   7.0000000e+00\n")
    (root / "Emotion/S005/002").mkdir(parents=True)


COPY = FakeCopy(
    write=write,
    rows=3,
    labels="FACS",
    wrong=("FACS/FACS/S005/001/S005_001_00000003_facs.txt", "4.0000000e+00", "6.0000000e+00"),
    picture="cohn-kanade-images/S005/002",
    stray="cohn-kanade-images/S011/001/S011_001_00000001.png",
)
