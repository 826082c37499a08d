"""The photographs of the Face Research Lab London Set as faces to be explained, with 68 landmarks each.

DeBruine and Jones 2017, doi:10.6084/m9.figshare.5047666, CC BY 4.0, read from `$OPENAU_SHARED/faces/london`.
The set comes with 189 hand-placed points for the neutral photographs. Sixty-eight of them, or middles of two,
lie where the iBUG scheme has its landmarks. The smiling photographs have no points: those of the neutral one
are carried over by the shift that lays one photograph's eyes and brows upon the other's. So mouths are where
the neutral mouth was, a few pixels from the smiling one: near enough for regions, not for measuring lips.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.explain import Portrait
from openau.faces import build_detector
from openau.read import read_image
from openau.records import Pixels

# fmt: off
_JAW = (109, 185, 110, 111, 125, 126, 127, 128, 129, 130, 131, 132, 133, 114, 113, 187, 112)
_BROWS = (71, 72, 73, 74, 75, 78, 79, 80, 81, 82)
_BRIDGE = ((51, 57), (52, 58), (53, 59), (54, 60))
_NOSTRILS = (64, 180, 55, 181, 69)
_EYES = (18, 19, 21, 22, 30, 28, 23, 24, 26, 27, 33, 31)
_LIPS = (87, 88, 89, 90, 91, 92, 93, 108, 107, 106, 105, 104, 94, 95, 96, 97, 98, 102, 101, 100)
# fmt: on
_PAIRS = (
    *((k, k) for k in (*_JAW, *_BROWS)),
    *_BRIDGE,
    *((k, k) for k in (*_NOSTRILS, *_EYES, *_LIPS)),
)
"""For each of the 68 landmarks, the two of the 189 points whose middle it is."""


def london_landmarks(folder: Path) -> Iterator[tuple[Path, NDArray[np.float64]]]:
    """Yield each photograph's file and its (68, 2) landmarks.

    Args:
        folder: Holds `faces.csv`, `points189.csv` and the photographs.
    """
    photographs = pd.read_csv(folder / "faces.csv", dtype={"subject": str})
    points = pd.read_csv(folder / "points189.csv").set_index(["file", "point"])[["x", "y"]]
    for _, rows in photographs.groupby("subject", sort=True):
        files = dict(zip(rows["expression"], rows["file"], strict=True))
        neutral = read_image(folder / files["neutral"]).rgb
        landmarks = landmarks_of(points.loc[files["neutral"]].to_numpy(np.float64))
        for expression, file in files.items():
            if expression == "neutral":
                yield folder / file, landmarks
            else:
                yield folder / file, carried(landmarks, neutral, read_image(folder / file).rgb)


def london_portraits(folder: Path) -> Iterator[Portrait]:
    """Find the face of each photograph; one without a face is left out.

    Args:
        folder: Holds `faces.csv`, `points189.csv` and the photographs.
    """
    photographs = pd.read_csv(folder / "faces.csv", dtype={"subject": str})
    points = pd.read_csv(folder / "points189.csv").set_index(["file", "point"])[["x", "y"]]
    find = build_detector()
    for subject, rows in photographs.groupby("subject", sort=True):
        files = dict(zip(rows["expression"], rows["file"], strict=True))
        neutral = read_image(folder / files["neutral"]).rgb
        landmarks = landmarks_of(points.loc[files["neutral"]].to_numpy(np.float64))
        for expression, file in files.items():
            rgb = neutral if expression == "neutral" else read_image(folder / file).rgb
            faces = find(rgb)
            if not faces:
                continue
            face = max(faces, key=lambda one: one.box_px[2] - one.box_px[0])
            here = landmarks if expression == "neutral" else carried(landmarks, neutral, rgb)
            placed = here.astype(np.float32)
            if face.points is None:  # a crop aligned by landmarks needs some
                face = replace(face, points=placed)
            yield Portrait(file, 0, str(subject), rgb, face, placed)


def landmarks_of(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 68 landmarks in iBUG order.

    Args:
        points: (189, 2) as x, y.
    """
    pairs = np.array(_PAIRS)
    return np.asarray((points[pairs[:, 0]] + points[pairs[:, 1]]) / 2, np.float64)


def carried(landmarks: NDArray[np.float64], neutral: Pixels, other: Pixels) -> NDArray[np.float64]:
    """Carry landmarks to another photograph of the same person.

    Args:
        landmarks: (68, 2) of the neutral photograph.
        neutral: (H, W, 3) RGB uint8.
        other: (H, W, 3) RGB uint8.
    """
    first, second = (cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) for rgb in (neutral, other))
    upper = np.concatenate([landmarks[17:31], landmarks[36:48]])
    (left, top), (right, bottom) = np.rint(upper.min(0)).astype(int), np.rint(upper.max(0)).astype(int)
    fits = cv2.matchTemplate(second, first[top:bottom, left:right], cv2.TM_CCOEFF_NORMED)
    row, column = np.unravel_index(int(fits.argmax()), fits.shape)
    return np.asarray(landmarks + np.array((column - left, row - top)), np.float64)
