"""DISFA: three subjects, one with pictures from 0, one from 1, one with a video only; one a frame short."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from openau.facs import AU_SETS
from tests.fake.datasets.copy import FakeCopy, put_picture, put_text
from tests.fake.media import write_video

FRAMES = {"SN001": range(395, 405), "SN002": range(1, 11), "SN010": range(1, 10)}
"""SN001's frames 398 on are among those that JAA-Net's lists leave out."""


def intensity(subject: str, au: int, frame: int) -> int:
    """Return the invented label."""
    return (int(subject[2:]) + au + frame) % 6


def shade(frame: int) -> int:
    """Return the grey of the video's frame, counted from 0."""
    return 20 * (frame + 1)


def write(root: Path) -> None:
    """Write the copy; names of the video folders differ as in real ones."""
    for subject, frames in FRAMES.items():
        for au in AU_SETS["disfa-12"]:
            lines = [f"{frame},{intensity(subject, au, frame)}\n" for frame in frames]
            put_text(root / "ActionUnit_Labels" / subject / f"{subject}_au{au}.txt", "".join(lines))
    for frame in FRAMES["SN001"]:
        put_picture(root / "Images" / "SN001" / f"{frame - 1}.png")
    put_picture(root / "Images" / "SN001" / "0.png")  # frame 1, which this subject's labels do not have
    (root / "Images" / "SN001" / ".DS_Store").write_bytes(b"\0")
    for frame in FRAMES["SN002"]:
        put_picture(root / "Images" / "SN002" / f"SN002_{frame:05d}.png")
    left = root / "Videos_LeftCamera" / "LeftVideoSN010_comp.avi"
    right = root / "Video_RightCamera" / "RightVideoSN010_Comp.avi"
    for path, offset in ((left, 0), (right, 60)):
        path.parent.mkdir(parents=True, exist_ok=True)
        greys = [np.full((32, 32, 3), shade(i) + offset, np.uint8) for i in range(9)]
        write_video(path, greys, fps=20, codec="mjpeg")
    put_text(root / "Landmark_Points" / "SN001" / "tmp_frame_lm" / "SN001_0000_lm.mat", "not read")


COPY = FakeCopy(
    write=write,
    rows=29,
    labels="ActionUnit_Labels",
    wrong=("ActionUnit_Labels/SN002/SN002_au12.txt", "\n3,", "\n3,7"),
    picture="Images/SN002/SN002_00004.png",
    stray="Images/SN002/SN002_00044.png",
)
