"""UNBC, FEAFA and SEMAINE."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.fake.datasets.copy import FakeCopy, put_picture, put_text
from tests.fake.media import write_video

FACS = "Frame_Labels/FACS/109-ib109/ib109t1aeaff"


def write_unbc(root: Path) -> None:
    """Write two sequences; an empty FACS file, an intensity of 0, closed eyes; the pain scores add up."""
    lines = {
        ("109-ib109", "ib109t1aeaff", 1): (((4, 2), (6, 1), (7, 3), (43, 1)), 6),
        ("109-ib109", "ib109t1aeaff", 2): ((), 0),
        ("109-ib109", "ib109t1aeaff", 3): (((12, 0), (27, 4)), 0),
        ("042-ll042", "ll042t1aaaff", 1): (((9, 1), (10, 5)), 5),
    }
    for (subject, name, frame), (aus, score) in lines.items():
        file = f"{name}{frame:03d}_facs.txt"
        rows = "".join(f"   {au:.7e}   {level:.7e}   0.0000000e+00   0.0000000e+00\n" for au, level in aus)
        put_text(root / "Frame_Labels" / "FACS" / subject / name / file, rows)
        put_text(root / "Frame_Labels" / "PSPI" / subject / name / file, f"   {score:.7e}\n")
        put_picture(root / "Images" / subject / name / f"{name}{frame:03d}.png")


def value(sequence: int, frame: int, action: int) -> float:
    """Return FEAFA's invented value."""
    return ((sequence + frame + action) % 10) / 10


def write_feafa(root: Path) -> None:
    """Write two sequences."""
    for sequence, frames in ((1, (994, 995)), (2, (1,))):
        for frame in frames:
            place = root / f"PV{sequence:03d}.output"
            numbers = " ".join(f"{value(sequence, frame, action):.6f}" for action in range(24))
            put_text(place / f"{frame:08d}.auw", numbers + "\n")
            put_picture(place / f"{frame:08d}.jpg")


ELAN = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT><TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="60"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="120"/>
<TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="400"/>
</TIME_ORDER>
<TIER TIER_ID="Speech"/>
<TIER TIER_ID="AU12"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1"
 TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE></ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="AU12 Intensity"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts1"
 TIME_SLOT_REF2="ts2"><ANNOTATION_VALUE>C</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="AU45"/>
</ANNOTATION_DOCUMENT>
"""
"""AU 12 from 60 to 120 ms: at 50 frames/s the frames 3 to 6."""


def write_semaine(root: Path) -> None:
    """Write a recording of the training and one of the development part, frames 2 to 7 coded."""
    for name in ("rec1", "rec9"):
        place = root / "SEMAINE-Sessions" / name
        put_text(place / f"{name}.eaf", ELAN)
        put_text(place.with_suffix(".txt"), "2 8\n")
        greys = [np.full((32, 32, 3), 20 * (i + 1), np.uint8) for i in range(8)]
        write_video(place / "operator.avi", greys, fps=50, codec="mjpeg")


UNBC = FakeCopy(
    write=write_unbc,
    rows=4,
    labels="Frame_Labels",
    wrong=(f"{FACS}/ib109t1aeaff001_facs.txt", "2.0000000e+00", "7.0000000e+00"),
    picture="Images/109-ib109/ib109t1aeaff/ib109t1aeaff002.png",
    stray="Images/109-ib109/ib109t1aeaff/ib109t1aeaff044.png",
)
FEAFA = FakeCopy(
    write=write_feafa,
    rows=3,
    labels=None,
    wrong=("PV001.output/00000994.auw", "0.5", "1.5"),
    picture="PV001.output/00000995.jpg",
    stray="PV001.output/00000044.jpg",
)
SEMAINE = FakeCopy(
    write=write_semaine,
    rows=12,
    labels="SEMAINE-Sessions",
    wrong=("SEMAINE-Sessions/rec1.txt", "2 8", "2 x"),
    picture=None,
    stray=None,
)
