#!/usr/bin/env python3
"""Print the template of `openau.faces.align`: the mean face of rendered people at rest, in the house box.

Usage: python scripts/make_face_template.py FOLDER   (a folder made by openau synthesize)

The default template is of `openau synthesize FOLDER --images 24000 --per-subject 8 --seed 0 --no-masks`, but
for its brows: since landmarks follow the brows that are drawn (decision 0034), they are those of a folder of
40000 such pictures, laid on the other points as faces are aligned. Networks know the frame of those others.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openau.data import build_index, read_landmarks
from openau.data.index import au_columns
from openau.faces import MIRRORED_POINTS, house_box, turned_box

MOST_DEG = 8.0  # a head turned further is not frontal
ROUNDS = 10
Complex = NDArray[np.complex128]


def resting_faces(folder: Path) -> Complex:
    """Return the (N, 68) landmarks of training people at rest who face the camera, as x + iy."""
    table = build_index("synthetic", folder)
    calm = table[au_columns(table)].max(axis=1) < 1
    frontal = table[["pitch_deg", "yaw_deg"]].abs().max(axis=1) < MOST_DEG
    chosen = table[calm & frontal & (table["split"] == "train") & (table["occluder"] == "none")]
    points = read_landmarks(chosen).astype(np.float64)
    return np.asarray(points[..., 0] + 1j * points[..., 1])


def mean_shape(faces: Complex) -> Complex:
    """Return the symmetric mean of faces moved, turned and scaled onto it (generalised Procrustes)."""
    centred = faces - faces.mean(axis=1, keepdims=True)
    mean = centred[0]
    for _ in range(ROUNDS):
        turns = (np.conj(centred) * mean).sum(axis=1) / (np.abs(centred) ** 2).sum(axis=1)
        mean = (turns[:, None] * centred).mean(axis=0)
        mean = (mean - np.conj(mean[list(MIRRORED_POINTS)])) / 2
        mean /= np.abs(mean).mean()
    return mean


def in_house_box(shape: Complex) -> NDArray[np.float64]:
    """Return the shape as (68, 2) x, y in units of its house box, the upper left corner being 0, 0."""
    eyes = [shape[36:42].mean(), shape[42:48].mean()]
    mouth = (shape[48] + shape[54]) / 2
    x1, y1, x2, _ = house_box(*((float(point.real), float(point.imag)) for point in (*eyes, mouth)))
    # Points are measured at pixel centres, boxes at pixel edges: half a pixel apart.
    return np.stack([shape.real + 0.5 - x1, shape.imag + 0.5 - y1], axis=1) / (x2 - x1)


def brows_on_template(shape: Complex) -> NDArray[np.float64]:
    """Return the shape's brows, (10, 2), where they fall when it is aligned to the template in use."""
    points = np.stack([shape.real, shape.imag], axis=1) * 100
    box = turned_box(points.astype(np.float32))
    angle = math.radians(box.angle_deg)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.asarray((points[17:27] + 0.5 - (box.x, box.y)) @ turn / box.side + 0.5)


def main() -> None:
    """Print the constant, then the brows for the template in use."""
    faces = resting_faces(Path(sys.argv[1]))
    shape = mean_shape(faces)
    for what, places in (
        (f"The mean of {len(faces)} faces", in_house_box(shape)),
        ("Its brows, laid on the template in use", brows_on_template(shape)),
    ):
        print(f"# {what}, in ten-thousandths of the house box.")
        print("\n".join(f"({x}, {y})," for x, y in np.rint(places * 10_000).astype(int)))


if __name__ == "__main__":
    main()
