"""The vocabulary: every main facial action unit (FACS 2002), its muscle and region; the field's AU sets.

Source: Ekman, Friesen and Hager, Facial Action Coding System (2002), names and muscles as tabulated in
Parr and Waller (PMC7264164) for AU 1–28 and 41–46. AU 3 and AU 40 are not main facial codes and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from openau.errors import SettingError


class Region(StrEnum):
    """Where on the face an action unit shows."""

    BROW = "brow"
    EYE = "eye"
    CHEEK = "cheek"
    NOSE = "nose"
    MOUTH = "mouth"
    CHIN = "chin"
    JAW = "jaw"
    NECK = "neck"


@dataclass(frozen=True, slots=True)
class ActionUnit:
    """One facial action unit.

    Attributes:
        number: Its FACS number.
        name: Its FACS name.
        muscle: The muscles that make it; empty where FACS names an action, not a muscle.
        region: Where on the face it shows.
    """

    number: int
    name: str
    muscle: str
    region: Region

    @property
    def column(self) -> str:
        """The stem of its table columns: `AU01` for AU 1."""
        return au_column(self.number)


def au_column(number: int) -> str:
    """Return the two-digit column stem of an AU, for instance `AU01`."""
    return f"AU{number:02d}"


_ROWS: tuple[tuple[int, str, str, Region], ...] = (
    (1, "Inner brow raiser", "frontalis, medial part", Region.BROW),
    (2, "Outer brow raiser", "frontalis, lateral part", Region.BROW),
    (4, "Brow lowerer", "corrugator supercilii, depressor supercilii, depressor glabellae", Region.BROW),
    (5, "Upper lid raiser", "levator palpebrae superioris", Region.EYE),
    (6, "Cheek raiser", "orbicularis oculi, orbital part", Region.CHEEK),
    (7, "Lid tightener", "orbicularis oculi, palpebral part", Region.EYE),
    (8, "Lips toward each other", "orbicularis oris", Region.MOUTH),
    (9, "Nose wrinkler", "levator labii superioris alaeque nasi", Region.NOSE),
    (10, "Upper lip raiser", "levator labii superioris", Region.MOUTH),
    (11, "Nasolabial deepener", "zygomaticus minor", Region.CHEEK),
    (12, "Lip corner puller", "zygomaticus major", Region.MOUTH),
    (13, "Sharp lip puller", "levator anguli oris", Region.MOUTH),
    (14, "Dimpler", "buccinator", Region.MOUTH),
    (15, "Lip corner depressor", "depressor anguli oris", Region.MOUTH),
    (16, "Lower lip depressor", "depressor labii inferioris", Region.MOUTH),
    (17, "Chin raiser", "mentalis", Region.CHIN),
    (18, "Lip pucker", "incisivii labii superioris and inferioris", Region.MOUTH),
    (19, "Tongue show", "", Region.MOUTH),
    (20, "Lip stretcher", "risorius, platysma", Region.MOUTH),
    (21, "Neck tightener", "platysma", Region.NECK),
    (22, "Lip funneler", "orbicularis oris", Region.MOUTH),
    (23, "Lip tightener", "orbicularis oris", Region.MOUTH),
    (24, "Lip pressor", "orbicularis oris", Region.MOUTH),
    (
        25,
        "Lips part",
        "depressor labii inferioris, or relaxation of mentalis or orbicularis oris",
        Region.MOUTH,
    ),
    (26, "Jaw drop", "masseter relaxed; temporalis and internal pterygoid relaxed", Region.JAW),
    (27, "Mouth stretch", "pterygoids, digastric", Region.JAW),
    (28, "Lip suck", "orbicularis oris", Region.MOUTH),
    (29, "Jaw thrust", "", Region.JAW),
    (30, "Jaw sideways", "", Region.JAW),
    (31, "Jaw clencher", "masseter", Region.JAW),
    (32, "Lip bite", "", Region.MOUTH),
    (33, "Blow", "", Region.CHEEK),
    (34, "Puff", "", Region.CHEEK),
    (35, "Cheek suck", "", Region.CHEEK),
    (36, "Tongue bulge", "", Region.CHEEK),
    (37, "Lip wipe", "", Region.MOUTH),
    (38, "Nostril dilator", "nasalis, alar part", Region.NOSE),
    (39, "Nostril compressor", "nasalis, transverse part, and depressor septi nasi", Region.NOSE),
    (41, "Lid droop", "levator palpebrae superioris relaxed", Region.EYE),
    (42, "Slit", "orbicularis oculi", Region.EYE),
    (
        43,
        "Eyes closed",
        "levator palpebrae superioris relaxed; orbicularis oculi, palpebral part",
        Region.EYE,
    ),
    (44, "Squint", "orbicularis oculi, palpebral part", Region.EYE),
    (45, "Blink", "levator palpebrae superioris relaxed; orbicularis oculi, palpebral part", Region.EYE),
    (46, "Wink", "levator palpebrae superioris relaxed; orbicularis oculi, palpebral part", Region.EYE),
)

ACTION_UNITS = MappingProxyType({row[0]: ActionUnit(*row) for row in _ROWS})
"""Every main facial action unit by its FACS number."""

AU_SETS = MappingProxyType(
    {
        "disfa-12": (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26),
        "disfa-8": (1, 2, 4, 6, 9, 12, 25, 26),
        "bp4d-12": (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24),
        "bp4d-5": (6, 10, 12, 14, 17),
        "deramgozin2023-13": (1, 2, 4, 5, 6, 7, 9, 12, 15, 17, 20, 23, 26),
        "moreno2024-12": (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26),
        "wang2019-emotionet-11": (1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26),
        "wang2019-ckplus-14": (1, 2, 4, 5, 6, 7, 9, 12, 15, 17, 20, 23, 24, 25),
        "openface-r-17": (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45),
        "openface-c-18": (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45),
        "pyfeat-20": (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43),
        "synthetic-23": (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 43),
        "openau-18": (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26, 43),
    }
)
"""Named AU sets in the order in which the field prints them."""

INTENSITY_LETTERS = ("", "A", "B", "C", "D", "E")
"""FACS intensity 0–5 as letters: absent, trace, slight, marked, severe, maximum."""


def intensity_letter(intensity: float) -> str:
    """Return the FACS letter of an intensity: the nearest of 0 and A to E.

    FACS (2002) scores a trace (A), slight (B), marked or pronounced (C), severe or extreme (D) and maximum
    (E) evidence of an action unit; C and D cover most of the range of appearance. The field writes them as 1
    to 5, with 0 for absent, and computes with numbers between.

    Args:
        intensity: 0-5.

    Returns:
        "" below 0.5, then "A", "B", "C", "D", "E" in steps of 1.

    Raises:
        SettingError: The intensity is no number between 0 and 5.
    """
    if not 0 <= intensity <= 5:
        raise SettingError(f"An intensity is a number between 0 and 5, not {intensity}.")
    return INTENSITY_LETTERS[int(intensity + 0.5)]


def au_set(name: str) -> tuple[int, ...]:
    """Return a named AU set.

    Args:
        name: A key of `AU_SETS`.

    Raises:
        SettingError: No set has this name.
    """
    try:
        return AU_SETS[name]
    except KeyError:
        raise SettingError(f"There is no AU set {name!r}; choose one of {', '.join(AU_SETS)}.") from None


EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""The six basic emotions and neutral, in the order of the AU table and of the rules in `openau.emotion`."""
