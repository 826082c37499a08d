"""A folder in the layout of a synthetic dataset; its AUs are plain: AU 1 green above, AU 12 red below."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from openau.facs import au_column
from openau.records import Face, Pixels

BOX = (16.0, 16.0, 80.0, 80.0)
SIDE = 96
NO_FACE = 7
"""Number of the picture in which `find_marked_face` finds nothing."""


def write_synthetic_folder(
    root: Path, *, subjects: int = 20, per_subject: int = 6, aus: tuple[int, ...] = (1, 12, 25)
) -> Path:
    """Write pictures and `index.csv`; intensities 0, 1, 3 and 4 occur, AU 25 shows nowhere."""
    random = np.random.default_rng(5)
    (root / "pictures").mkdir(parents=True)
    rows = []
    for number in range(subjects * per_subject):
        subject = number // per_subject
        values = {au: float(random.choice([0, 0, 1, 3, 4])) for au in aus}
        rgb = np.full((SIDE, SIDE, 3), random.integers(60, 190), np.uint8)
        rgb[24:40, 24:72, 1] = 90 + 40 * int(values.get(1, 0))
        rgb[56:72, 24:72, 0] = 90 + 40 * int(values.get(12, 0))
        if number == NO_FACE:
            rgb[0, 0] = (255, 0, 255)
        path = f"pictures/{number:04d}.png"
        cv2.imwrite(str(root / path), rgb[..., ::-1])
        rows.append(
            {
                "dataset": "synthetic",
                "subject": subject,
                "sequence": 0,
                "frame": number % per_subject,
                "path": path,
                "split": {8: "validation", 9: "test"}.get(subject % 10, "train"),
                **{au_column(au): value for au, value in values.items()},
                **dict(zip(("x1", "y1", "x2", "y2"), BOX, strict=True)),
            }
        )
    pd.DataFrame(rows).to_csv(root / "index.csv", index=False)
    return root


def find_marked_face(rgb: Pixels) -> list[Face]:
    """Detect the fake's face a little off its true box, beside a false alarm; nothing in a marked picture."""
    if tuple(rgb[0, 0]) == (255, 0, 255):
        return []
    x1, y1, x2, y2 = BOX
    return [Face((0, 0, 12, 12), 9.0), Face((x1 + 1, y1 + 1, x2 + 1, y2 + 1), 1.0)]
