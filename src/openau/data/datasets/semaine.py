"""SEMAINE as FERA 2015 gave it out: recordings with ELAN annotations."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from openau.data.datasets import tree
from openau.data.datasets.facts import dataset_facts
from openau.data.datasets.findings import Notes
from openau.data.datasets.labels import read_numbers, read_text
from openau.data.datasets.record import Dataset
from openau.data.pictures import frame_address
from openau.errors import TableError
from openau.facs import au_column

TITLE = "SEMAINE"
FRAMES_PER_S = 50.0

_SESSION = re.compile(r"rec(\d+)", re.IGNORECASE)
_ACTIVATION = re.compile(r"AU[ _-]?0*(\d{1,2})", re.IGNORECASE)
_INTENSITY = re.compile(r"AU[ _-]?0*(\d{1,2})(?!\d)", re.IGNORECASE)
_LEVELS = {letter: float(level) for level, letter in enumerate("ABCDE", 1)}


def read(root: Path, notes: Notes) -> pd.DataFrame:
    """Read the activation intervals of every recording, frame by frame, within its coded range.

    Args:
        root: The folder with `SEMAINE-Sessions`.
        notes: Takes what differs.

    Returns:
        One row per coded frame; `path` is the frame of the recording's video.
    """
    facts = dataset_facts("semaine")
    sessions = tree.need(root, TITLE, "SEMAINE-Sessions", "Sessions")
    parts: list[pd.DataFrame] = []
    lost: list[str] = []
    for name, folder in tree.folders(sessions).items():
        match = _SESSION.fullmatch(name)
        if match is None:
            continue
        elan, videos = tree.files(folder, ".eaf"), tree.files(folder, ".avi")
        coded = tree.find(sessions, f"{name}.txt") or tree.find(folder, f"{name}.txt")
        if not elan or coded is None:
            missing = f"{name}.txt" if elan else ".eaf file"
            notes.differs(f"{name} has no {missing} and is left out; unpack its labels.")
            continue
        if not videos:
            lost.append(name)
            continue
        table = _frames(elan[0], *_range(coded), notes)
        number = int(match[1])
        table["split"] = next((s for s in ("train", "validation") if number in facts[s]), None)
        table["path"] = [frame_address(videos[0], frame) for frame in table["frame"]]
        parts.append(table.assign(subject=name.casefold(), sequence=name.casefold()))
    notes.differs("{n} labelled recordings have no video and are left out; unpack the videos.", lost)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _range(file: Path) -> tuple[int, int]:
    """Return the first coded frame and the one after the last."""
    values = read_numbers(file, 2)
    if len(values) != 1 or values[0, 0] >= values[0, 1] or values[0, 0] < 0:
        raise TableError(f"{file} has something else than a first and a last frame; copy it anew.")
    return int(values[0, 0]), int(values[0, 1])


def _frames(file: Path, first: int, stop: int, notes: Notes) -> pd.DataFrame:
    """Return the frames of the coded range with every AU's occurrence, and intensity where a tier has it.

    A tier named `AU12` and nothing more is AU 12's activation; another one that names it, its intensity.
    """
    try:
        document = ElementTree.fromstring(read_text(file))
    except ElementTree.ParseError as error:
        raise TableError(f"{file} is no ELAN file ({error}); copy it anew.") from error
    times = {
        slot.get("TIME_SLOT_ID", ""): float(slot.get("TIME_VALUE", "nan"))
        for slot in document.iter("TIME_SLOT")
    }
    last = int(np.nanmax([*times.values(), 0.0]) * FRAMES_PER_S / 1000)
    if stop > last + 1:
        notes.differs(f"{file.name} ends at frame {last}, before its coded range does; the rest is left out.")
    frames = np.arange(first, min(stop, last + 1))
    columns: dict[str, np.ndarray] = {}
    strange: list[str] = []
    for tier in document.iter("TIER"):
        name = tier.get("TIER_ID", "").strip()
        if match := _ACTIVATION.fullmatch(name):
            columns[au_column(int(match[1]))] = _painted(tier, times, frames, file)
        elif match := _INTENSITY.search(name):
            levels = _painted(tier, times, frames, file, strange)
            columns[f"{au_column(int(match[1]))}_intensity"] = levels
    if not columns:
        raise TableError(
            f"{file} has no tier named after an AU, such as AU12; use the file as it is shipped."
        )
    notes.differs("{n} intensities are written neither A-E nor 0-5 and are unknown.", strange)
    return pd.DataFrame(columns).assign(frame=frames, time_s=frames / FRAMES_PER_S)


def _painted(
    tier: ElementTree.Element,
    times: dict[str, float],
    frames: np.ndarray,
    file: Path,
    strange: list[str] | None = None,
) -> np.ndarray:
    """Return 0 outside the tier's intervals, and inside 1, or the level where the tier is one of intensities.

    As in FERA 2015's own parser, an interval reaches from the frame of its start to the frame of its end,
    that one included.
    """
    values = np.zeros(len(frames))
    for note in tier.iter("ALIGNABLE_ANNOTATION"):
        start, stop = (times.get(note.get(key, ""), np.nan) for key in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"))
        if np.isnan([start, stop]).any():
            raise TableError(
                f"{file} has an annotation without a time in {tier.get('TIER_ID')}; copy it anew."
            )
        first, last = (int(time * FRAMES_PER_S / 1000) for time in (start, stop))
        inside = (frames >= first) & (frames <= last)
        values[inside] = 1.0 if strange is None else _level("".join(note.itertext()).strip(), strange)
    return values


def _level(text: str, strange: list[str]) -> float:
    """Return the level of an intensity written A-E or 0-5; NaN where it is not."""
    if text.upper() in _LEVELS:
        return _LEVELS[text.upper()]
    if text.isdigit() and int(text) <= 5:
        return float(text)
    strange.append(repr(text))
    return float("nan")


SEMAINE = Dataset(
    name="semaine",
    title="SEMAINE",
    content="People talk to an operator who plays a character: 31 recordings at 50 frames/s, six AUs by "
    "intervals (FERA "
    "2015).",
    access="Licence agreement, semaine-db.eu.",
    licence="Research only.",
    reference="Valstar, Almaev, Girard, McKeown, Mehu, Yin, Pantic, Cohn (2015). FERA 2015: Second facial "
    "expression "
    "recognition and analysis challenge. FG.",
    tree="""SEMAINE-Sessions/rec1/*.avi
SEMAINE-Sessions/rec1/*.eaf        ELAN: tiers of activation and of intensity per AU, in milliseconds
SEMAINE-Sessions/rec1.txt          first coded frame, and the one after the last""",
    codes="Inside an interval of an AU's tier the AU is present, its last frame included, elsewhere in the "
    "coded range absent; frames outside the range have no row. `AU12_intensity` is the level A-E as 1-5 "
    "where a tier gives it. Frames are counted from "
    "0. `split` is "
    "FERA 2015's; nobody says who is on a recording, so `subject` is the recording.",
    marks=("SEMAINE-Sessions",),
    scale="occurrence",
    read=read,
)
