"""The default model on faces in pictures of public packages: `python -m benchmarks.package_faces PICTURES`.

Test pictures and demonstrations that come inside packages of PyPI and npm: press photographs, portraits,
stills of films, a few paintings; smiling, speaking, frowning, turned aside, covered, blurred, badly lit.
`package_faces.csv` names 88 faces of at least 40 pixels in them, and the AUs that one of us, who is no
certified coder, saw on each, before any model had been run on them: `present` surely there, `unknown` not
to be told, all others absent. Eleven are frames of one man. All but three were picked from what our
detector found, so the share of faces found flatters it. No picture is part of this project, and none may be
trained on. It is a small set, good for telling what is read wrongly; AUs on fewer than three faces are not
counted.

PICTURES holds each archive unpacked into a folder of its name. Those of PyPI are had by `pip download
--no-deps NAME==VERSION` (scikit-image's wheel as `scikit_image-0.26.0`), those of npm, all that hold a
folder `package`, by `npm pack NAME@VERSION` (@vladmandic/human as `vladmandic-human-3.3.6`).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.ledger import Measurement, Result, finish, model_record, parser
from benchmarks.real_faces import LIBRARIES, SEED, area
from openau import Analyzer
from openau.faces import build_detector
from openau.facs import au_column
from openau.read import read_image
from openau.records import ModelCard
from openau.runtime import default_model_path

FACES = Path(__file__).with_name("package_faces.csv")
FEWEST = 3  # faces that show an AU
SIDES = (24, 30, 40)  # pixels to which faces are shrunk
AROUND = 2.2  # sides of the face that the cut reaches to each side
FRAME = 60  # pixels of grey around the shrunk cut
NEAR = 0.35  # of the face's side: how far off the middle of a found face may be


def main() -> None:
    """Measure, print, and store where asked."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("pictures", type=Path, help="folder of the unpacked archives")
    arguments.add_argument("--model", type=Path, default=default_model_path(), help="ONNX file to measure")
    options = arguments.parse_args()
    faces = pd.read_csv(FACES, keep_default_na=False)
    analyzer = Analyzer(model=options.model)
    scores = read_faces(options.pictures, faces, analyzer)
    rows = measure(coded(faces, analyzer.card), scores, analyzer.card, 100 if options.quick else 2000)
    rows += small_faces(options.pictures, faces)
    settings: dict[str, int | float | str | bool] = {"detector": "openau", "fewest": FEWEST}
    card = model_record(options.model, analyzer.card.name)
    finish(Result("package_faces", settings, {"bootstrap": SEED}, LIBRARIES, tuple(rows), card), options)


def coded(faces: pd.DataFrame, card: ModelCard) -> NDArray[np.float64]:
    """Return (N, A) what was seen: 1 present, 0 absent, not a number where it could not be told."""
    truth = np.zeros((len(faces), len(card.aus)))
    for column, value in (("unknown", np.nan), ("present", 1.0)):
        for row, codes in enumerate(faces[column]):
            truth[row, np.isin(card.aus, [int(code) for code in str(codes).split()])] = value
    return truth


def read_faces(folder: Path, faces: pd.DataFrame, analyzer: Analyzer) -> NDArray[np.float64]:
    """Return (N, A) probabilities of the listed faces, not a number where a face was not found."""
    scores = np.full((len(faces), len(analyzer.card.aus)), np.nan)
    for (archive, file), group in faces.groupby(["archive", "file"]):
        path = folder / str(archive) / str(file)
        if not path.is_file():
            raise SystemExit(f"There is no {path}; unpack {archive} there, as the script's head says.")
        high, wide = read_image(path).rgb.shape[:2]
        for reading in analyzer.image(path).records:
            if reading.face is None or reading.output is None:
                continue
            x1, y1, x2, y2 = reading.face.box_px
            away = np.hypot(group["x"] * wide - (x1 + x2) / 2, group["y"] * high - (y1 + y2) / 2)
            for row in group.index[away < NEAR * group["side"] * wide]:
                scores[row] = reading.output.probability
    return scores


def measure(
    truth: NDArray[np.float64], scores: NDArray[np.float64], card: ModelCard, resamples: int
) -> list[Measurement]:
    """Return how many faces were found, the AUC of each AU, its mean, and how often an absent AU was said."""
    found = ~np.isnan(scores[:, 0])
    note = f"{int(found.sum())} of {len(found)}"
    rows = [Measurement("faces found", float(found.mean()), "share", n=len(found), note=note)]
    truth, scores = truth[found], scores[found]
    shown = [k for k in range(len(card.aus)) if (truth[:, k] == 1).sum() >= FEWEST]
    draws = np.random.default_rng(SEED).integers(0, len(truth), (resamples, len(truth)))
    drawn = np.array([[_auc(truth[draw, k], scores[draw, k]) for k in shown] for draw in draws])
    for column, k in enumerate(shown):
        low, high = np.nanquantile(drawn[:, column], [0.025, 0.975])
        positives = int((truth[:, k] == 1).sum())
        rows.append(
            Measurement(
                f"{au_column(card.aus[k])}, ROC AUC",
                _auc(truth[:, k], scores[:, k]),
                "share",
                n=positives,
                low=float(low),
                high=float(high),
                note="n faces that show it",
            )
        )
    low, high = np.nanquantile(np.nanmean(drawn, axis=1), [0.025, 0.975])
    mean = float(np.mean([_auc(truth[:, k], scores[:, k]) for k in shown]))
    rows.append(
        Measurement(
            "mean ROC AUC", mean, "share", n=len(shown), low=float(low), high=float(high), note="n AUs"
        )
    )
    for k, (au, threshold) in enumerate(zip(card.aus, card.thresholds, strict=True)):
        absent = truth[:, k] == 0
        share = float((scores[absent, k] >= threshold).mean())
        rows.append(
            Measurement(f"{au_column(au)} said to occur where absent", share, "share", n=int(absent.sum()))
        )
    return rows


def small_faces(folder: Path, faces: pd.DataFrame) -> list[Measurement]:
    """Return the share of the listed faces that are found when the pictures around them are shrunk."""
    find = build_detector("openau", thorough=True)
    found: dict[int, list[bool]] = {side: [] for side in SIDES}
    for face in faces.itertuples():
        rgb = read_image(folder / str(face.archive) / str(face.file)).rgb
        high, wide = rgb.shape[:2]
        side = float(face.side) * wide  # type: ignore[arg-type] # a column of numbers
        x, y = float(face.x) * wide, float(face.y) * high  # type: ignore[arg-type] # as above
        left, top = max(0, int(x - AROUND * side)), max(0, int(y - AROUND * side))
        cut = rgb[top : int(y + AROUND * side), left : int(x + AROUND * side)]
        for wanted, hits in found.items():
            scale = wanted / side
            if scale > 1:
                continue
            small = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            framed = np.pad(small, ((FRAME, FRAME), (FRAME, FRAME), (0, 0)), constant_values=120)
            place = np.array([(x - left) * scale + FRAME, (y - top) * scale + FRAME])
            boxes = np.array([one.box_px for one in find(np.asarray(framed, np.uint8))]).reshape(-1, 4)
            away = np.linalg.norm((boxes[:, :2] + boxes[:, 2:]) / 2 - place, axis=1)
            hits.append(bool((away < NEAR * wanted).any()))
    return [
        Measurement(
            f"faces found, shrunk to {side} pixels",
            float(np.mean(hits)),
            "share",
            n=len(hits),
            note=f"{sum(hits)} of {len(hits)}",
        )
        for side, hits in found.items()
    ]


def _auc(truth: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Return the ROC AUC, not a number where a class is missing."""
    negative, positive = scores[truth == 0], scores[truth == 1]
    return area(negative, positive) if len(negative) and len(positive) else float("nan")


if __name__ == "__main__":
    main()
