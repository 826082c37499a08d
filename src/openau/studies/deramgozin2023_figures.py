"""deramgozin2023's figures: loss curves, and heat maps of every network on the same faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from openau.facs import au_set
from openau.studies.figures import draw_curves, draw_panels
from openau.studies.heat import heat_maps
from openau.studies.page import Figure
from openau.studies.parts import (
    figure_label,
    tested_faces,
)
from openau.studies.results import PROTOCOL_NAMES, Results
from openau.studies.study import run_key


def draw_loss_curves(results: Results, sources: Iterable[str]) -> Figure:
    """Draw Figure 5: training and validation loss by epoch; the paper's split has no validation part.

    Args:
        results: The finished runs.
        sources: The datasets.
    """
    panels: dict[str, dict[str, tuple[Sequence[float], Sequence[float]]]] = {}
    for source in sources:
        lines: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
        for protocol in results.setting.protocols:
            log = results.log(run_key(source, protocol, "attention"))
            for column, name in (("loss", "training"), ("validation_loss", "validation, unweighted")):
                if log[column].notna().any():
                    lines[f"{name}, {PROTOCOL_NAMES[protocol]}"] = (
                        log["epoch"].tolist(),
                        log[column].tolist(),
                    )
        panels[results.title(source)] = lines
    path = results.figures / "figure5-loss"
    draw_curves(path, panels, across="epoch", up="loss", label=figure_label(results))
    return Figure(path.name, "Figure 5: loss by epoch.")


def draw_network_panels(results: Results, aus: Mapping[str, str]) -> list[Figure]:
    """Draw Figures 6 and 7: the same faces seen by every network, one figure per AU that all of them know.

    Args:
        results: The finished runs.
        aus: Dataset to its AU set.
    """
    protocol = results.setting.protocols[-1]
    faces = tested_faces(results, run_key("disfa", protocol, "attention"), 4)
    shared = sorted(set.intersection(*(set(au_set(name)) for name in aus.values())))
    figures = []
    for au in shared:
        maps = {}
        for source in aus:
            heat, probability = heat_maps(
                results.folders[run_key(source, protocol, "attention")], faces, (au,)
            )
            maps[source] = (heat[:, 0], probability[:, 0])
        rows = [
            (
                f"face {number + 1}",
                faces[number],
                {
                    f"{results.title(source)}\n{p[number]:.2f}": heat[number]
                    for source, (heat, p) in maps.items()
                },
            )
            for number in range(len(faces))
        ]
        path = results.figures / f"figure6-au{au:02d}"
        draw_panels(path, rows, label=f"{figure_label(results)} AU {au}".strip())
        caption = (
            f"Figures 6, 7: Grad-CAM of AU {au} at the last convolution, and its probability, by network."
        )
        figures.append(Figure(path.name, caption))
    return figures
