"""The graph layers of masur2023's networks beside public code's form: `python -m benchmarks.graphs`.

Both forms compute the same numbers from the same weights (the tests hold them to it). One thread, evaluation
mode and training mode's forward pass, at the sizes of the papers.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from tests.reference import direct
from torch import Tensor

from benchmarks.ledger import Measurement, Result, finish, parser
from openau.models.fan_scc import SemanticCorrespondence
from openau.models.me_graph.graph import EdgeFeatures

LIBRARIES = ("torch",)
BATCH = 2
CORRESPONDENCES = ((256, 16), (128, 32), (64, 64))
"""Channels and side of the maps of the three correspondence convolutions."""
GRAPHS = (8, 12)
"""AUs of DISFA's and BP4D's graph."""


def main() -> None:
    """Time, print, and store where asked."""
    options = parser(__doc__ or "").parse_args()
    repeats = 3 if options.quick else 15
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows: list[Measurement] = []
    for channels, side in CORRESPONDENCES:
        layer = SemanticCorrespondence(side * side)
        nodes = torch.randn(BATCH, channels, side * side)
        rows += _compared(
            f"correspondence of {channels} maps of {side}x{side}",
            layer,
            partial(layer.convolve, nodes),
            partial(direct.edge_convolution, layer, nodes),
            repeats,
        )
    for aus in GRAPHS:
        edges = EdgeFeatures(aus, 512)
        units, tokens = torch.randn(BATCH, aus, 49, 512), torch.randn(BATCH, 49, 512)
        rows += _compared(
            f"edges between {aus} AUs",
            edges,
            partial(edges.forward, units, tokens),
            partial(direct.edge_features, edges, units, tokens),
            repeats,
        )
    settings: dict[str, Any] = {"batch": BATCH, "threads": 1, "repeats": repeats}
    finish(Result("graphs", settings, {"torch": 0}, LIBRARIES, tuple(rows)), options)


def _compared(
    name: str, layer: torch.nn.Module, ours: Callable[[], Tensor], public: Callable[[], Tensor], repeats: int
) -> list[Measurement]:
    """Return the time of ours, and how many times as long the public form takes, in both modes."""
    rows = []
    for mode in ("evaluation", "training"):
        layer.train(mode == "training")
        own, theirs = _times(ours, repeats), _times(public, repeats)
        low, _, high = statistics.quantiles(own, n=4)
        rows.append(
            Measurement(
                f"{name}, {mode}", 1e3 * statistics.median(own), "ms", n=repeats, iqr=1e3 * (high - low)
            )
        )
        ratio = statistics.median(theirs) / statistics.median(own)
        rows.append(Measurement(f"{name}, {mode}, public form", ratio, "times as long", n=repeats))
    return rows


def _times(run: Callable[[], Tensor], repeats: int) -> list[float]:
    """Return the seconds of repeated runs after a first one that does not count."""
    seconds = []
    with torch.no_grad():
        for repeat in range(repeats + 1):
            start = time.process_time()
            run()
            if repeat:
                seconds.append(time.process_time() - start)
    return seconds


if __name__ == "__main__":
    main()
