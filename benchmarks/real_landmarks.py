"""The landmark network on real photographs it never saw: `python -m benchmarks.real_landmarks`.

51 people of the Face Research Lab London Set, neutral, with 189 points set by hand (DeBruine and Jones 2017,
doi:10.6084/m9.figshare.5047666, CC BY 4.0), read from `$OPENAU_SHARED/faces/london`. Errors are in per cent
of the distance between the pupils set by hand. Pupils are estimated from the six landmarks of each eye. Of
the 189 points, those are compared that mean the same place as one of the 68: corners of the eyes and of the
mouth, the middle of both lips, the septum. Brows are outlined by eight points each: how far the ten landmarks
of the brows lie outside of these outlines is told (0 for all inside), and how many lie inside.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.ledger import Measurement, Result, finish, parser
from openau.faces import LandmarkModel, build_detector, landmark_model_path, pupil_centres
from openau.read import read_image
from openau.records import Face

SAME_PLACE = {36: 18, 39: 22, 42: 23, 45: 27, 33: 55, 48: 87, 54: 93, 51: 90, 57: 106}
"""Landmark of the 68 to the point of the 189 that means the same place."""

PARTS = {"corners of the eyes": (36, 39, 42, 45), "septum": (33,), "mouth": (48, 51, 54, 57)}
OUTLINES = (
    (range(17, 22), (71, 72, 73, 74, 75, 76, 84, 83)),
    (range(22, 27), (82, 81, 80, 79, 78, 77, 85, 86)),
)
"""Landmarks of each brow, and those of the 189 points that go around it."""
SMALLEST_GROUP = 8
SEED = 0
LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pandas")


def main() -> None:
    """Measure, print, and store where asked."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--model", type=Path, default=landmark_model_path(), help="ONNX file to measure")
    options = arguments.parse_args()
    folder = os.environ.get("OPENAU_SHARED")
    if not folder:
        raise SystemExit("Set OPENAU_SHARED to the folder that holds faces/london.")
    resamples = 100 if options.quick else 2000
    model = LandmarkModel(options.model)
    errors = read_errors(Path(folder) / "faces" / "london", model)
    settings: dict[str, int | float | str | bool] = {
        "resamples": resamples,
        "detector": "haar",
        "model": model.card.name,
        "smallest group": SMALLEST_GROUP,
    }
    rows = measure(errors, resamples)
    finish(Result("real_landmarks", settings, {"bootstrap": SEED}, LIBRARIES, tuple(rows)), options)


def read_errors(folder: Path, model: LandmarkModel) -> pd.DataFrame:
    """Return one row per photograph with points: who it shows, and the errors; NaN where no face was found.

    Args:
        folder: `faces/london`.
        model: The landmark network.
    """
    points = pd.read_csv(folder / "points189.csv")
    people = pd.read_csv(folder / "faces.csv", dtype={"subject": str}).set_index("file")
    find = build_detector("haar", thorough=True)
    rows = []
    for name, part in points.groupby("file"):
        rgb = read_image(folder / str(name)).rgb
        faces = find(rgb)
        true = part.sort_values("point")[["x", "y"]].to_numpy(float)
        row: dict[str, object] = {column: people.at[str(name), column] for column in ("gender", "ethnicity")}
        if faces:
            [face] = model(rgb, [max(faces, key=_side)])
            assert face.points is not None
            row |= errors_of(face.points.astype(float), true)
        rows.append(row)
    columns = ["gender", "ethnicity", "pupils", *PARTS, "brows", "brows inside"]
    return pd.DataFrame(rows).reindex(columns=columns)


def errors_of(found: NDArray[np.float64], true: NDArray[np.float64]) -> dict[str, object]:
    """Return the mean errors of pupils and of each part, as shares of the distance between the pupils.

    Args:
        found: (68, 2) landmarks.
        true: (189, 2) points set by hand, the pupils first.
    """
    apart = float(np.linalg.norm(true[0] - true[1]))
    pupils = pupil_centres(found.astype(np.float32)) - true[:2]
    errors: dict[str, object] = {"pupils": float(np.linalg.norm(pupils, axis=1).mean()) / apart}
    for name, numbers in PARTS.items():
        gaps = found[list(numbers)] - true[[SAME_PLACE[number] for number in numbers]]
        errors[name] = float(np.linalg.norm(gaps, axis=1).mean()) / apart
    outside = outside_brows(found, true)
    return errors | {"brows": float(outside.mean()) / apart, "brows inside": float((outside == 0).mean())}


def outside_brows(found: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each of the ten landmarks of the brows lies outside of its brow, pixels; 0 inside.

    Args:
        found: (68, 2) landmarks.
        true: (189, 2) points set by hand.
    """
    away = [
        -cv2.pointPolygonTest(true[list(outline)].astype(np.float32), (float(x), float(y)), measureDist=True)
        for numbers, outline in OUTLINES
        for x, y in found[list(numbers)]
    ]
    return np.maximum(away, 0.0)


def measure(errors: pd.DataFrame, resamples: int) -> list[Measurement]:
    """Return the mean errors with their intervals, for all and by group.

    Args:
        errors: From `read_errors`.
        resamples: How many draws of people an interval takes.
    """
    found = int(errors["pupils"].notna().sum())
    rows = [Measurement("faces found", found / len(errors), "share", n=len(errors))]
    rows += [_mean(errors, name, resamples) for name in ("pupils", *PARTS, "brows")]
    rows.append(
        Measurement(
            "landmarks of the brows inside them", float(errors["brows inside"].mean()), "share", n=found
        )
    )
    for trait in ("gender", "ethnicity"):
        for name, part in errors.groupby(trait):
            if len(part) >= SMALLEST_GROUP:
                rows.append(_mean(part, "pupils", resamples, f"{trait} {name}"))
    return rows


def _mean(errors: pd.DataFrame, name: str, resamples: int, group: str = "") -> Measurement:
    values = 100 * errors[name].dropna().to_numpy(float)
    draws = np.random.default_rng(SEED).integers(0, len(values), (resamples, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return Measurement(
        f"error of the {name}",
        float(values.mean()),
        "%",
        n=len(values),
        low=float(low),
        high=float(high),
        group=group,
        note="of the distance between the pupils",
    )


def _side(face: Face) -> float:
    return face.box_px[2] - face.box_px[0]


if __name__ == "__main__":
    main()
