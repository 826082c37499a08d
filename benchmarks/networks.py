"""How fast every network of the registry is, beside ResNet-50: `python -m benchmarks.networks`.

Each network runs at its paper's size in turns with torchvision's ResNet-50 at 224 pixels, in PyTorch, one
thread, on random weights: one picture forward, and one training step of two pictures in which everything
trains. The result is the ratio of the two processor times of a turn, for milliseconds mean little on another
machine, and other processes hardly change it.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.models import resnet50

from benchmarks.ledger import Measurement, Result, finish, parser
from openau.losses import binary_cross_entropy
from openau.models import EMOTION_MODELS, MODELS, build_emotion_model, build_model, network_needs

LIBRARIES = ("torch", "torchvision", "pytorchcv")
SEED = 0
AUS = 12
BATCH = 2
"""Pictures of a training step."""
EMOTIONS = 7
PEERS = {"me_graph": ("ME-GraphAU's own code", 1.58), "resnet18": ("LibreFace's ResNet-18", 0.43)}
"""What peers' networks took beside ResNet-50, forward, measured with two threads."""
FREE = {"vgg19", "resnet101", "nasnet_mobile", "mobilenet_v2", "efficientnet_b0"}
"""Networks that would be frozen in part."""


def main() -> None:
    """Time, print, and store where asked."""
    options = _options()
    turns = 2 if options.quick else 5
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    standard = resnet50(weights=None, num_classes=AUS)
    rows = []
    for name in options.networks:
        size = network_needs(name).size
        network = built(name, size)
        rows += compared(name, network, size, standard, turns)
        del network
        gc.collect()
    settings: dict[str, int | float | str | bool] = {
        "turns": turns,
        "threads": 1,
        "aus": AUS,
        "training batch": BATCH,
    }
    finish(Result("networks", settings, {"weights and pictures": SEED}, LIBRARIES, tuple(rows)), options)


def built(name: str, size: int) -> nn.Module:
    """Return a network of which everything trains.

    Args:
        name: Of the network.
        size: Side of its pictures.
    """
    if name in EMOTION_MODELS:
        return build_emotion_model(name, EMOTIONS, size=size).requires_grad_(True)
    return build_model(name, AUS, size=size, **({"trainable": "all"} if name in FREE else {}))


def compared(name: str, network: nn.Module, size: int, standard: nn.Module, turns: int) -> list[Measurement]:
    """Return how many times as long as ResNet-50 a network takes.

    Args:
        name: Of the network.
        network: The network.
        size: Side of its pictures.
        standard: ResNet-50.
        turns: How often both run.
    """
    rows = []
    for kind, task, batch in (("forward", forward, 1), ("training step", training_step, BATCH)):
        ours = task(network, torch.randn(batch, 3, size, size))
        theirs = task(standard, torch.randn(batch, 3, 224, 224))
        times = [(seconds(theirs), seconds(ours)) for _ in range(turns + 1)][1:]  # the first warms up
        ratios = [own / other for other, own in times]
        low, _, high = statistics.quantiles(ratios, n=4)
        rows.append(
            Measurement(
                f"{name}, {kind}",
                statistics.median(ratios),
                "times ResNet-50",
                n=turns,
                iqr=high - low,
                note=f"{size} px, batch {batch}; ResNet-50 took "
                f"{1e3 * statistics.median(other for other, _ in times):.0f} ms{_peer(name, kind)}",
            )
        )
    return rows


def _peer(name: str, kind: str) -> str:
    """Return what is known of the same network elsewhere."""
    if kind != "forward" or name not in PEERS:
        return ""
    whose, ratio = PEERS[name]
    return f"; {whose}: {ratio:.2f}"


def forward(network: nn.Module, images: Tensor) -> Callable[[], object]:
    """Return what runs the network as in use.

    Args:
        network: Any network.
        images: (B, 3, S, S).
    """

    @torch.inference_mode()
    def run() -> Tensor:
        found: Tensor = network.eval()(images)
        return found

    return run


def training_step(network: nn.Module, images: Tensor) -> Callable[[], object]:
    """Return what takes one step: forward, loss, backward, update.

    Args:
        network: Any network.
        images: (B, 3, S, S).
    """
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9)

    def run() -> None:
        network.train()
        optimiser.zero_grad()
        logits = network(images)
        loss = binary_cross_entropy(logits, torch.ones_like(logits))
        torch.autograd.backward(loss)
        optimiser.step()

    return run


def seconds(run: Callable[[], object]) -> float:
    """Return how much processor time a call took: with one thread its duration where nothing else runs."""
    start = time.process_time()
    run()
    return time.process_time() - start


def _options() -> argparse.Namespace:
    found, names = parser(__doc__ or ""), [*MODELS, *EMOTION_MODELS]
    found.add_argument("--networks", nargs="+", default=names, choices=names)
    return found.parse_args()


if __name__ == "__main__":
    main()
