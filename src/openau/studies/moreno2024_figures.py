"""The figures of moreno2024: confusion matrices, and heat maps on own, other and external pictures."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from openau.explain import Method
from openau.faces import build_detector, crop_face
from openau.facs import au_column
from openau.read import read_video
from openau.records import CropSpec, Pixels
from openau.studies.figures import Row, draw_panels
from openau.studies.heat import heat_maps
from openau.studies.page import Figure
from openau.studies.parts import confusion_figure, figure_label, tested_faces
from openau.studies.results import PROTOCOL_NAMES, Results
from openau.studies.study import run_key

SHOWN = {"vgg19": "VGG19", "shufflenet_v2": "ShuffleNetV2"}
"""The two networks of which the paper shows figures."""

_OTHER = {"disfa_plus": "dem", "dem": "disfa_plus"}
_METHODS: dict[Method, str] = {"grad_cam": "Grad-CAM", "grad_cam_plus_plus": "Grad-CAM++"}
_AUS = (1, 4, 6, 12, 25)
_FACES = 2


def confusion_figures(results: Results) -> list[Figure]:
    """Draw the confusion matrices of both networks on both datasets.

    Args:
        results: The finished runs.
    """
    protocol = results.setting.protocols[0]
    found = []
    for source in _OTHER:
        for network, paper in SHOWN.items():
            caption = (
                f"Figures 5, 6, 9, 10: {paper} on {results.title(source)}, {PROTOCOL_NAMES[protocol]}, "
                "threshold 0.5."
            )
            run = run_key(source, protocol, network)
            found.append(confusion_figure(results, run, f"confusion-{source}-{network}", caption))
    return found


def panel_figures(results: Results) -> list[Figure]:
    """Draw both networks' heat maps on faces of their own dataset, of the other one, and of neither.

    Args:
        results: The finished runs.
    """
    protocol = results.setting.protocols[-1]
    found = []
    for source in _OTHER:
        crop = results.plans[run_key(source, protocol, "vgg19")].crop
        faces = {
            "own": tested_faces(results, run_key(source, protocol, "vgg19"), _FACES),
            "other": tested_faces(results, f"{_OTHER[source]}-{protocol}-vgg19", _FACES),
            "external": _external_faces(crop),
        }
        for network, paper in SHOWN.items():
            for method, name in _METHODS.items():
                key = f"panels-{source}-{network}-{method.replace('_', '-')}"
                rows = _rows(results, run_key(source, protocol, network), faces, method)
                draw_panels(
                    results.figures / key, rows, label=f"{figure_label(results)} {name}, {paper}".strip()
                )
                caption = (
                    f"Figures 7, 8, 11, 12: {name} of {paper} trained on {results.title(source)}, on test "
                    "faces of its own dataset, of the other one, and of the package's demonstration clip."
                )
                found.append(Figure(key, caption))
    return found


def _rows(results: Results, run: str, faces: Mapping[str, Pixels], method: Method) -> list[Row]:
    """Return a row of a figure per face: which set it is from, itself, its maps and probabilities."""
    rows: list[Row] = []
    for kind, pixels in faces.items():
        maps, probability = heat_maps(results.folders[run], pixels, _AUS, method=method)
        for face, values, heats in zip(pixels, probability, maps, strict=True):
            titles = [f"{au_column(au)} {p:.2f}" for au, p in zip(_AUS, values, strict=True)]
            rows.append((kind, face, dict(zip(titles, heats, strict=True))))
    return rows


def _external_faces(crop: CropSpec) -> Pixels:
    """Return faces of the package's demonstration clip, those with the strongest AUs, far apart in time."""
    folder = Path(str(resources.files("openau") / "assets" / "demo"))
    truth = pd.read_csv(folder / "truth.csv")
    strength = truth[[au_column(au) for au in _AUS]].sum(axis=1).to_numpy()
    half = len(strength) // 2
    wanted = {int(strength[:half].argmax()), half + int(strength[half:].argmax())}
    detector = build_detector()
    faces = []
    for frame in read_video(folder / "clip.mp4"):
        if frame.index in wanted and (found := detector(frame.rgb)):
            faces.append(crop_face(frame.rgb, found[0], crop).pixels)
    return np.stack(faces)
