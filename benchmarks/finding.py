"""How many faces the detectors find, and where there is none: `python -m benchmarks.finding`.

Real faces are the 102 photographs of the Face Research Lab London Set (DeBruine and Jones 2017,
doi:10.6084/m9.figshare.5047666, CC BY 4.0) from `$OPENAU_SHARED/faces/london`: as they are, tilted, shrunk
and laid on other photographs, blurred, darkened, partly covered, compressed. They were never trained on. A
face is found where a box's centre lies within 0.3 sides of the true one's and its side is right within a
factor of 1.7; the true box is built from the photograph's manual points by the house's convention.

Turned heads are rendered ones of people the network has not seen, by yaw; they need the face rig.

False alarms are counted on pictures without a face: those of scikit-image and scikit-learn, and all pictures
of `--faceless FOLDER`, such as the wallpapers of a Linux distribution (measured so far: Debian's
plasma-workspace-wallpapers, ukui-wallpapers, mate-backgrounds, gnome-backgrounds and lomiri-wallpapers, and
the samples of opencv-doc; photographs and drawings).
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.ledger import Measurement, Result, finish, model_record, parser
from benchmarks.london import london_landmarks
from openau.faces import Detector, build_detector, house_box
from openau.faces.heads import finder_path
from openau.read import read_image
from openau.records import Box, Face, Pixels

LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "scikit-image", "scikit-learn")
SEED = 0
DETECTORS = ("openau", "haar")
FAR, RATIO = 0.3, 1.7
SUBJECTS = range(50_000, 50_024)
TIMED = (640, 480)


class Shown(NamedTuple):
    """One picture with one true face."""

    rgb: Pixels
    box: Box


Change = Callable[[Shown, np.random.Generator], Shown]


def main() -> None:
    """Measure, print, and store where asked."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--faceless", type=Path, help="folder of more pictures without a face")
    arguments.add_argument("--rendered", type=Path, help="folder in which rendered heads are kept")
    options = arguments.parse_args()
    folder = os.environ.get("OPENAU_SHARED")
    if not folder:
        raise SystemExit("Set OPENAU_SHARED to the folder that holds faces/london.")
    photographs = list(photographs_of(Path(folder) / "faces" / "london"))[:: 6 if options.quick else 1]
    rows = []
    for name in DETECTORS:
        find = build_detector(name, thorough=True)
        rows += finding(name, find, photographs)
        rows += turned(name, find, options.rendered, quick=options.quick)
        rows += alarms(name, find, options.faceless)
        rows += speed(name, photographs[0])
        rows += places(name, find, photographs)
    settings: dict[str, int | float | str | bool] = {"thorough": True, "photographs": len(photographs)}
    model = model_record(finder_path(), "face_finder")
    finish(Result("finding", settings, {"conditions": SEED}, LIBRARIES, tuple(rows), model), options)


def photographs_of(folder: Path) -> Iterator[Shown]:
    """Yield every photograph with its true box.

    Args:
        folder: The London set's.
    """
    for file, landmarks in london_landmarks(folder):
        eyes = [landmarks[36:42].mean(0), landmarks[42:48].mean(0)]
        mouth = (landmarks[48] + landmarks[54]) / 2
        points = [(float(x), float(y)) for x, y in (*eyes, mouth)]
        yield Shown(read_image(file).rgb, house_box(*points))


def finding(name: str, find: Detector, photographs: list[Shown]) -> list[Measurement]:
    """Return the share of faces found in every condition."""
    rows = []
    for condition, change in conditions().items():
        random = np.random.default_rng(SEED)
        hits, more = 0, 0
        for photograph in photographs:
            shown = change(photograph, random)
            faces = find(shown.rgb)
            hit = any(is_found(face, shown.box) for face in faces)
            hits, more = hits + hit, more + len(faces) - hit
        note = f"{hits} of {len(photographs)}; {more} boxes that are no face"
        rows.append(
            Measurement(
                f"found, {condition}",
                hits / len(photographs),
                "share",
                len(photographs),
                group=name,
                note=note,
            )
        )
    return rows


def is_found(face: Face, box: Box) -> bool:
    """Return whether a found face is the true one."""
    side = box[2] - box[0]
    away = math.dist(_middle(face.box_px), _middle(box)) / side
    ratio = (face.box_px[2] - face.box_px[0]) / side
    return away <= FAR and 1 / RATIO <= ratio <= RATIO


def conditions() -> dict[str, Change]:
    """Return what is done to the photographs, by name."""
    grounds = faceless_pictures()
    changes: dict[str, Change] = {"as it is": lambda shown, _: shown}
    changes |= {f"tilted {tilt}°": partial(_either_way, degrees=tilt) for tilt in (10, 20, 30, 40)}
    changes |= {f"{side} px": partial(shrunk, side=side, grounds=grounds) for side in (24, 32, 48)}
    for share in (2, 4, 6):
        changes[f"blurred by {share} % of the side"] = partial(blurred, share=share / 100)
    changes |= {f"darkened to {share} %": partial(dark, share=share / 100) for share in (20, 8)}
    changes |= {f"{part} covered": partial(covered, part=part) for part in ("mouth", "eyes", "left half")}
    changes["JPEG quality 8, at a third"] = compressed
    return changes


def _either_way(shown: Shown, random: np.random.Generator, degrees: float) -> Shown:
    return tilted(shown, degrees * float(random.choice([-1, 1])))


def tilted(shown: Shown, degrees: float) -> Shown:
    """Turn a picture about its face."""
    height, width = shown.rgb.shape[:2]
    x, y = _middle(shown.box)
    matrix = cv2.getRotationMatrix2D((x, y), degrees, 1.0)
    rgb = cv2.warpAffine(shown.rgb, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return Shown(np.asarray(rgb, np.uint8), shown.box)


def shrunk(shown: Shown, random: np.random.Generator, side: int, grounds: list[Pixels]) -> Shown:
    """Lay a picture whose face has a given side onto another."""
    scale = side / (shown.box[2] - shown.box[0])
    small = cv2.resize(shown.rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    fitting = [g for g in grounds if g.shape[0] > small.shape[0] and g.shape[1] > small.shape[1]]
    ground = fitting[int(random.integers(len(fitting)))].copy()
    top = int(random.integers(ground.shape[0] - small.shape[0]))
    left = int(random.integers(ground.shape[1] - small.shape[1]))
    ground[top : top + small.shape[0], left : left + small.shape[1]] = small
    x1, y1, x2, y2 = (v * scale for v in shown.box)
    return Shown(ground, (x1 + left, y1 + top, x2 + left, y2 + top))


def blurred(shown: Shown, _: np.random.Generator, share: float) -> Shown:
    """Blur a picture by a share of the face's side."""
    deviation = share * (shown.box[2] - shown.box[0])
    return Shown(np.asarray(cv2.GaussianBlur(shown.rgb, (0, 0), deviation), np.uint8), shown.box)


def dark(shown: Shown, random: np.random.Generator, share: float) -> Shown:
    """Take light away, and add the noise of a sensor in the dark."""
    noisy = shown.rgb * share + 3.0 * random.standard_normal(shown.rgb.shape)
    return Shown(np.asarray(np.clip(noisy, 0, 255), np.uint8), shown.box)


def covered(shown: Shown, _: np.random.Generator, part: str) -> Shown:
    """Lay a grey sheet before part of a face."""
    x1, y1, x2, y2 = (round(v) for v in shown.box)
    side = x2 - x1
    rgb = shown.rgb.copy()
    area = {
        "mouth": (slice(y1 + round(0.55 * side), y2 + side // 4), slice(x1, x2)),
        "eyes": (slice(y1 + round(0.2 * side), y1 + round(0.45 * side)), slice(x1, x2)),
        "left half": (slice(y1, y2), slice(x1, x1 + side // 2)),
    }[part]
    rgb[area] = 110
    return Shown(rgb, shown.box)


def compressed(shown: Shown, _: np.random.Generator) -> Shown:
    """Shrink to a third and compress hard."""
    small = cv2.resize(shown.rgb, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 8])[1]
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if decoded is None:
        raise SystemExit("OpenCV could not read back its own JPEG.")
    x1, y1, x2, y2 = (v / 3 for v in shown.box)
    return Shown(np.asarray(decoded[..., ::-1], np.uint8), (x1, y1, x2, y2))


def turned(name: str, find: Detector, folder: Path | None, *, quick: bool) -> list[Measurement]:
    """Return the share of rendered heads found, by yaw, where the rig is there."""
    from openau.errors import RigError
    from openau.synth.cutout import read_cutouts, write_cutouts
    from openau.synth.identity import build_stage
    from openau.synth.rig import load_rig

    with tempfile.TemporaryDirectory() as temporary:
        kept = folder or Path(temporary)
        subjects = SUBJECTS[:4] if quick else SUBJECTS
        try:
            write_cutouts(kept, lambda: build_stage(load_rig()), subjects)
        except RigError as error:
            print(f"Turned heads are left out: {error}")
            return []
        heads = read_cutouts(kept, subjects)
    yaw = np.abs(heads.pose_deg[:, 1])
    rows = []
    for low, high in ((0, 15), (15, 30), (30, 45), (45, 60), (60, 85)):
        chosen = np.flatnonzero((yaw >= low) & (yaw < high))
        hits = 0
        for number in chosen:
            cover = heads.rgba[number, ..., 3:] / 255
            rgb = np.asarray(heads.rgba[number, ..., :3] * cover + 128 * (1 - cover), np.uint8)
            large = np.asarray(cv2.resize(rgb, None, fx=2, fy=2), np.uint8)
            x1, y1, x2, y2 = (2 * float(v) for v in heads.box_px[number])
            hits += any(is_found(face, (x1, y1, x2, y2)) for face in find(large))
        value = hits / max(len(chosen), 1)
        rows.append(
            Measurement(
                f"found, rendered, yaw {low}-{high}°", value, "share", max(len(chosen), 1), group=name
            )
        )
    return rows


def alarms(name: str, find: Detector, folder: Path | None) -> list[Measurement]:
    """Return the boxes found per picture without a face."""
    rows = []
    pictures = {"of scikit-image and scikit-learn": faceless_pictures()}
    if folder is not None:
        pictures["more"] = [read_image(file).rgb for file in sorted(folder.iterdir())]
    for which, these in pictures.items():
        counts = [len(find(rgb)) for rgb in these]
        note = f"{sum(count > 0 for count in counts)} pictures have one"
        mean = sum(counts) / len(counts)
        rows.append(
            Measurement(f"false alarms, {which}", mean, "per picture", len(counts), group=name, note=note)
        )
    return rows


def faceless_pictures() -> list[Pixels]:
    """Return photographs of things that two libraries bring."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    names = (
        "brick",
        "chelsea",
        "clock",
        "coffee",
        "coins",
        "grass",
        "gravel",
        "hubble_deep_field",
        "moon",
        "rocket",
    )
    pictures = [np.asarray(getattr(data, name)()) for name in names]
    pictures += [np.asarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    return [np.dstack([p] * 3) if p.ndim == 2 else np.ascontiguousarray(p[..., :3]) for p in pictures]


def speed(name: str, shown: Shown) -> list[Measurement]:
    """Return the processor time of a search of a 640x480 frame, and of looking again."""
    width, height = TIMED
    middle = cv2.resize(shown.rgb, (height, height))
    beside = (width - height) // 2
    frame = np.asarray(cv2.copyMakeBorder(middle, 0, 0, beside, beside, cv2.BORDER_REFLECT), np.uint8)
    find = build_detector(name)
    faces = find(frame)
    rows = [_timed("search of 640x480", lambda: find(frame), name)]
    again = getattr(find, "again", None)
    if again is not None and faces:
        rows.append(_timed("looking again", lambda: again(frame, faces), name))
    return rows


def _timed(what: str, work: Callable[[], object], group: str) -> Measurement:
    times = []
    for _ in range(30):
        start = time.thread_time()
        work()
        times.append(1000 * (time.thread_time() - start))
    return Measurement(what, statistics.median(times), "ms", len(times), group=group, note="processor time")


def places(name: str, find: Detector, photographs: list[Shown]) -> list[Measurement]:
    """Return how found boxes lie beside the true ones: mean offset, mean scale, and their spread."""
    offsets, scales = [], []
    for shown in photographs:
        side = shown.box[2] - shown.box[0]
        faces = [face for face in find(shown.rgb) if is_found(face, shown.box)]
        if not faces:
            continue
        box = faces[0].box_px
        offsets.append((np.array(_middle(box)) - _middle(shown.box)) / side)
        scales.append((box[2] - box[0]) / side)
    if len(scales) < 2:
        return []
    across, down = np.array(offsets).T
    rows = (
        ("box right of the convention", across.mean(), across.std()),
        ("box below the convention", down.mean(), down.std()),
        ("box side over the convention's", np.mean(scales), np.std(scales)),
    )
    return [
        Measurement(what, float(value), "sides", len(scales), group=name, note=f"deviation {deviation:.3f}")
        for what, value, deviation in rows
    ]


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


if __name__ == "__main__":
    main()
