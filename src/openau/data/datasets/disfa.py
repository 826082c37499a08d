"""DISFA: Denver Intensity of Spontaneous Facial Action."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.data.datasets import tree
from openau.data.datasets.facts import dataset_facts
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import check_codes, read_numbers
from openau.data.datasets.record import Dataset
from openau.data.pictures import frame_address
from openau.errors import InputError, TableError
from openau.facs import AU_SETS, au_column

TITLE = "DISFA"
FRAMES_PER_S = 20.0
CAMERAS = ("left", "right")

_SUBJECT = re.compile(r"SN\d{3}", re.IGNORECASE)
_NOT_PICTURES = re.compile(r"landmark|label", re.IGNORECASE)


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read the frame-by-frame intensities and find each frame's picture.

    Args:
        root: The folder with `ActionUnit_Labels`.
        notes: Takes what differs.

    Returns:
        One row per labelled frame with a picture, from the left camera where there are both.

    Raises:
        InputError: There are no subjects below the label folder.
    """
    labels = {
        name.upper(): place
        for name, place in tree.folders(tree.need(root, TITLE, "ActionUnit_Labels")).items()
        if _SUBJECT.fullmatch(name)
    }
    if not labels:
        raise InputError(
            f"{root} has no folders SN001, SN002 ... in ActionUnit_Labels; unpack the labels of {TITLE}."
        )
    sources = _sources(root, set(labels), notes)
    parts: list[pd.DataFrame] = []
    lost: list[str] = []
    extra: list[str] = []
    for subject, place in labels.items():
        table = _intensities(place, subject, notes)
        paths = _paths(sources.get(subject), table["frame"].to_numpy(), notes, root)
        table["path"] = [paths.get(frame) for frame in table["frame"]]
        lost += [f"{subject} frame {frame}" for frame in table.loc[table["path"].isna(), "frame"]]
        extra += [f"{subject} frame {frame}" for frame in sorted(set(paths) - set(table["frame"]))]
        parts.append(table)
    notes.differs(
        "{n} labelled frames have no picture and are left out; unpack the videos, or extract every frame.",
        lost,
    )
    notes.differs("{n} pictures have no label and are left out.", extra)
    joined = pd.concat(parts, ignore_index=True)
    return joined[joined["path"].notna()]


def failed_landmarks(subject: str) -> list[tuple[int, int]]:
    """Return the stretches of a subject that JAA-Net's lists leave out: first and last label frame."""
    ranges = dataset_facts("disfa")["failed_landmarks"].get(subject, [])
    return [(int(first), int(last)) for first, last in ranges]


def landmarks_failed(subject: str, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which frames JAA-Net's lists leave out.

    Args:
        subject: For instance `SN001`.
        frames: (N,) frames, numbered from 1 as the labels are.

    Returns:
        (N,) bool.
    """
    failed = np.zeros(len(frames), bool)
    for first, last in failed_landmarks(subject):
        failed |= (frames >= first) & (frames <= last)
    return failed


def _intensities(place: Path, subject: str, notes: Notes) -> pd.DataFrame:
    """Return one subject's frames with the intensity of every AU."""
    found = {}
    for au in AU_SETS["disfa-12"]:
        file = tree.find(place, f"{subject}_au{au}.txt", f"{subject}_au{au:02d}.txt")
        if file is None:
            notes.differs(f"{place.name} has no file for AU {au}, which is unknown for this subject.")
            continue
        values = read_numbers(file, 2)
        check_codes(values[:, 1], range(6), file, f"the intensity of AU {au}")
        if len(np.unique(values[:, 0])) != len(values):
            raise TableError(f"{file} has a frame twice; copy it anew from the archive.")
        found[au_column(au)] = pd.Series(values[:, 1], values[:, 0].astype(int))
    table = pd.DataFrame(found)
    table.index.name = "frame"
    table = table.reset_index().astype({"frame": int})
    frame = table["frame"].to_numpy()
    return table.assign(
        subject=subject,
        sequence=subject,
        time_s=(frame - 1) / FRAMES_PER_S,
        failed_landmarks=landmarks_failed(subject, frame),
    )


def _paths(source: Path | None, frames: np.ndarray, notes: Notes, root: Path) -> dict[int, str]:
    """Return the picture of every frame, numbered as the labels are: from 1."""
    if source is None:
        return {}
    if source.is_file():
        return {int(frame): frame_address(source, int(frame) - 1) for frame in frames}
    found = tree.numbered(source)
    base = min(found, default=1)
    if base not in (0, 1):
        notes.differs(
            f"The pictures in {source.relative_to(root)} begin at {base}, not at 0 or 1; they are taken to "
            f"be "
            "numbered as the labels, from 1. Extract every frame if that is wrong."
        )
        base = 1
    if base == 0:
        notes.says(f"The pictures in {source.relative_to(root)} are numbered from 0, the labels from 1.")
    return {number + 1 - base: path for number, path in found.items()}


def _sources(root: Path, subjects: set[str], notes: Notes) -> dict[str, Path]:
    """Return each subject's folder of pictures, or else its video; the left camera before the right."""
    candidates: dict[str, list[Path]] = {subject: [] for subject in subjects}
    for place in _pictures_and_videos(root):
        match = _SUBJECT.search(place.name) or _SUBJECT.search(place.parent.name)
        if match and match[0].upper() in candidates:
            candidates[match[0].upper()].append(place)
    chosen = {subject: min(places, key=_preference) for subject, places in candidates.items() if places}
    several = [
        f"{subject}: {chosen[subject].relative_to(root)}, not {other.relative_to(root)}"
        for subject, places in sorted(candidates.items())
        for other in places
        if other != chosen[subject] and other.is_dir()
    ]
    notes.says("{n} folders of pictures are passed over, since their subjects have another one.", several)
    right = sorted(subject for subject, place in chosen.items() if _camera(place) == "right")
    notes.says("{n} subjects have pictures of the right camera only, which are taken.", right)
    return chosen


def _preference(place: Path) -> tuple[bool, bool, str]:
    return (_camera(place) == "right", place.is_file(), str(place))


def _camera(place: Path) -> str:
    words = f"{place.parent.name} {place.name}".casefold()
    return "right" if "right" in words else "left"


def _pictures_and_videos(root: Path) -> Sequence[Path]:
    """Return the folders that hold numbered pictures and the videos, three folders deep at most."""
    found: list[Path] = []
    level = [root]
    for _ in range(4):
        deeper: list[Path] = []
        for place in level:
            found += tree.files(place, *tree.VIDEOS)
            inside = [c for c in tree.folders(place).values() if not _NOT_PICTURES.search(c.name)]
            if _SUBJECT.search(f"{place.parent.name}/{place.name}") and not inside and tree.numbered(place):
                found.append(place)
            deeper += inside
        level = deeper
    return found


DISFA = Dataset(
    name="disfa",
    title=TITLE,
    content="27 adults watch a four-minute clip; 12 AUs coded frame by frame by one coder, intensity 0-5.",
    access="Request form of M. Mahoor's laboratory, mohammadmahoor.com.",
    licence="Research only; no redistribution of pictures or labels.",
    reference="Mavadati, Mahoor, Bartlett, Trinh, Cohn (2013). DISFA: A spontaneous facial action intensity "
    "database. IEEE Transactions on Affective Computing 4(2).",
    tree="""DISFA/
  ActionUnit_Labels/SN001/SN001_au1.txt ... SN001_au26.txt    12 files per subject, lines `frame,intensity`
  Videos_LeftCamera/LeftVideoSN001_comp.avi                   also Video_LeftCamera, _Comp
  Video_RightCamera/RightVideoSN001_Comp.avi
  Landmark_Points/...                                         not read
Extracted frames, if you have them, in any folder with the subject's name: SN001/0000.png ...""",
    codes="0 absent, 1-5 = A-E. Frames are numbered from 1; frame n is the video's frame n-1. Extracted "
    "pictures "
    "may begin at 0 or 1, which is found out per folder. `failed_landmarks` marks the frames that JAA-Net's "
    "lists leave out.",
    marks=("ActionUnit_Labels",),
    scale="intensity",
    read=read,
)
