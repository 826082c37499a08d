"""Grad-CAM++ of 12 AUs at once beside one AU after the other: `python -m benchmarks.heat_maps`.

Three ways to the same maps, in one run and one thread: ours, from one forward pass; one forward pass and one
backward pass per AU down to the layer; and, as public code does, a forward and a backward pass per AU. Then
the exported default network without heat maps and with each kind, in onnxruntime.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.default_network import default_network
from benchmarks.ledger import Measurement, Result, finish, parser, summary
from benchmarks.speed import session
from openau.explain import explain, grad_cam_plus_plus
from openau.export import export_onnx
from openau.models import build_model
from openau.runtime import HEATMAPS, SWITCHES, default_model_path, read_card

LIBRARIES = ("torch", "torchvision", "onnxruntime")
AUS = 12
NETWORKS = (("attention_cnn", 48, 8), ("resnet101", 224, 1))
"""Network, side of its pictures, pictures at a time."""


def main() -> None:
    """Time, print, and store where asked."""
    options = parser(__doc__ or "").parse_args()
    repeats = 3 if options.quick else 5
    torch.set_num_threads(1)
    rows: list[Measurement] = []
    for name, size, batch in NETWORKS:
        torch.manual_seed(0)
        network = build_model(name, AUS, size=size).eval().requires_grad_(False)
        images = torch.randn(batch, 3, size, size)
        ways: dict[str, Callable[[], Tensor]] = {
            "one pass for all AUs": partial(explain, network, images, method="grad_cam_plus_plus"),
            "one backward pass per AU": partial(one_by_one, network, images),
            "forward and backward pass per AU": partial(one_by_one, network, images, again=True),
        }
        torch.testing.assert_close(
            ways["one pass for all AUs"](), ways["one backward pass per AU"](), rtol=1e-3, atol=1e-5
        )
        rows += _compared(f"{name}, {batch} pictures", ways, repeats)
    rows += exported(10 * repeats)
    settings: dict[str, Any] = {"aus": AUS, "threads": 1, "repeats": repeats}
    finish(Result("heat_maps", settings, {"torch": 0}, LIBRARIES, tuple(rows)), options)


def exported(repeats: int) -> list[Measurement]:
    """Return the time of the default network's file without heat maps, and with each kind beside it.

    Args:
        repeats: How many turns.
    """
    card = read_card(default_model_path())
    torch.manual_seed(0)
    network = default_network(card).eval()
    with tempfile.TemporaryDirectory() as folder:
        data = export_onnx(network, card, Path(folder) / "model.onnx").read_bytes()
    model = session(data, 1)
    given = {output.name for output in model.get_outputs()}
    methods = [method for method, output in HEATMAPS.items() if output in given]
    rows: list[Measurement] = []
    for batch in (1, 32):
        faces = np.random.default_rng(0).normal(size=(batch, 3, card.crop.size, card.crop.size))
        ways: dict[str, Callable[[], object]] = {}
        for wanted in (None, *methods):
            switches = {SWITCHES[method]: np.array(method == wanted) for method in methods}
            feed = {"face": faces.astype(np.float32), **switches}
            ways[wanted or "no heat maps"] = partial(model.run, None, feed)
        rows += _compared(f"ONNX, batch {batch}", ways, repeats)
    return rows


def one_by_one(network: nn.Module, images: Tensor, *, again: bool = False) -> Tensor:
    """Return Grad-CAM++ of every AU by one backward pass each.

    Args:
        network: In evaluation mode.
        images: (B, 3, S, S) float.
        again: Whether each AU runs the network anew, too, and differentiates down to the pictures.

    Returns:
        (B, A, h, w).
    """
    layer = network.get_submodule(str(network.heatmap_layer))
    caught: list[Tensor] = []

    def catch(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        caught.append(output if output.requires_grad else output.requires_grad_())
        return caught[-1].clone()

    handle = layer.register_forward_hook(catch)
    pictures = images.clone().requires_grad_(again)
    logits = network(pictures)
    maps = []
    for au in range(AUS):
        if again and au:
            logits = network(pictures)
        wanted = (caught[-1], pictures) if again else (caught[-1],)
        gradient = torch.autograd.grad(logits[:, au].sum(), wanted, retain_graph=not again)[0]
        maps.append(grad_cam_plus_plus(caught[-1].detach(), gradient))
    handle.remove()
    return torch.stack(maps, dim=1)


def _compared(name: str, ways: Mapping[str, Callable[[], object]], repeats: int) -> list[Measurement]:
    """Return the time of the first way, and how many times as long the others take, turn by turn."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for repeat in range(repeats + 1):
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            if repeat:
                seconds[way].append(time.perf_counter() - start)
    first, *others = ways
    low, _, high = statistics.quantiles(seconds[first], n=4)
    middle = statistics.median(seconds[first])
    rows = [Measurement(f"{name}, {first}", 1e3 * middle, "ms", n=repeats, iqr=1e3 * (high - low))]
    for way in others:
        # Within one turn both ways met the same machine; on a busy one the fastest turns say more.
        turns = [each / own for each, own in zip(seconds[way], seconds[first], strict=True)]
        rows.append(summary(f"{name}, {way}", turns, "times as long"))
        best = min(seconds[way]) / min(seconds[first])
        rows.append(Measurement(f"{name}, {way}, fastest turns", best, "times as long", n=repeats))
    return rows


if __name__ == "__main__":
    main()
