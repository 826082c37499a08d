#!/usr/bin/env python3
"""Render the demo clip: one face through known action units, with the truth of every frame beside it.

Usage: scripts/make-demo [FOLDER]   (default src/openau/assets/demo)
"""

from __future__ import annotations

import csv
import sys
from fractions import Fraction
from pathlib import Path

import av

from openau.facs import au_column
from openau.synth import ClipFrame, ClipSettings, Event, render_clip

SETTINGS = ClipSettings(duration_s=12.0, width=480, height=360, frames_per_s=25, seed=302)
EVENTS = (
    Event({6: 3.5, 12: 4.5, 25: 3.0}, start_s=0.7, apex_s=0.9),  # happy
    Event({1: 4.5, 2: 4.5, 5: 4.0, 26: 4.5}, start_s=2.9, onset_s=0.3, apex_s=0.9),  # surprised
    Event({4: 4.8, 7: 4.0, 23: 4.0}, start_s=4.9, apex_s=0.9),  # angry
    Event({9: 4.5, 10: 2.5, 17: 1.5}, start_s=6.9, apex_s=0.7),  # disgusted
    Event({1: 4.0, 4: 3.0, 15: 4.5, 17: 3.0}, start_s=8.7, apex_s=0.7),  # sad
    Event({43: 5.0}, start_s=10.7, onset_s=0.25, apex_s=0.6, offset_s=0.25),  # eyes closed
)


def write_clip(folder: Path) -> None:
    """Write `clip.mp4` and `truth.csv`.

    Args:
        folder: Is created.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frames: list[ClipFrame] = []
    clip = folder / "clip.part.mp4"
    with av.open(str(clip), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(
            "libx264", rate=SETTINGS.frames_per_s, options={"crf": "23", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = SETTINGS.width, SETTINGS.height, "yuv420p"
        stream.time_base = Fraction(1, SETTINGS.frames_per_s)
        for frame in render_clip(EVENTS, SETTINGS):
            frames.append(frame)
            image = av.VideoFrame.from_ndarray(frame.picture.rgb, format="rgb24")
            image.pts = frame.index
            container.mux(stream.encode(image))
        container.mux(stream.encode())
    write_truth(folder / "truth.part.csv", frames)
    clip.replace(folder / "clip.mp4")
    (folder / "truth.part.csv").replace(folder / "truth.csv")


def write_truth(file: Path, frames: list[ClipFrame]) -> None:
    """Write one row per frame: its time and the intensity 0-5 of every AU.

    Args:
        file: The table.
        frames: The clip.
    """
    aus = list(frames[0].intensity())
    with file.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["frame", "time_s", *map(au_column, aus)])
        for frame in frames:
            values = frame.intensity()
            table.writerow([frame.index, f"{frame.time_s:.3f}", *(f"{values[au]:.2f}" for au in aus)])


if __name__ == "__main__":
    write_clip(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("src/openau/assets/demo"))
