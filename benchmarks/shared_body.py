"""Bodies that all runs of `benchmarks.imbalance` share, where whole networks cannot be trained often enough.

A network that starts from nothing needs many pictures before the loss matters. So a body may be trained once
on the other action units (`--body-steps`), or be that of a finished run (`--body`). It is then left alone:
what it says about every picture is worked out once, and a run trains fresh dense layers only.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchmarks.faces_in_parts import Faces
from openau.data.index import au_columns
from openau.data.labels import targets
from openau.losses import build_loss
from openau.models import build_model
from openau.models.convnet import ConvNet, Head
from openau.models.weights import load_network
from openau.records import ModelCard

LR = 1e-3
WEIGHT_DECAY = 0.05
CLIP = 5.0
BATCH = 64


def other_aus(faces: Faces, au: int) -> tuple[int, ...]:
    """Return the AUs of the store but one."""
    return tuple(number for column in au_columns(faces.crops.table) if (number := int(column[2:])) != au)


def train_body(faces: Faces, au: int, options: dict[str, int], steps: int, path: Path) -> ConvNet:
    """Train a network on all AUs of the training part but one, or load what an earlier call saved.

    Args:
        faces: The pictures.
        au: The AU that is kept from it.
        options: The network's own.
        steps: Of 64 pictures each; AdamW, the learning rate falling from 1e-3 to 0 along a cosine.
        path: Where its weights are kept.

    Returns:
        The network in evaluation mode.
    """
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    aus = other_aus(faces, au)
    network = build_model(faces.network, len(aus), size=faces.crops.spec.size, **options)
    assert isinstance(network, ConvNet)
    if path.exists():
        network.load_state_dict(load_file(path))
        return network.eval()
    known = targets(faces.crops.table, aus)
    rows = np.concatenate([faces.positive, faces.negative])
    loss = build_loss("weighted_bce", torch.from_numpy(known[rows]), limit=4.0)
    optimiser = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    started = time.monotonic()
    for step in range(1, steps + 1):
        now = random.choice(rows, min(BATCH, len(rows)), replace=False)
        images = faces.pictures(now, random.random(len(now)) < 0.5)
        optimiser.zero_grad()
        value = loss(network(images), torch.from_numpy(known[now]))
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            left = (time.monotonic() - started) / step * (steps - step) / 60
            print(
                f"body {step}/{steps}: loss {value.item():.3f}, {left:.0f} min left",
                file=sys.stderr,
                flush=True,
            )
    part = path.with_name(f".{path.name}.part")
    save_file(network.state_dict(), part)
    part.replace(path)
    return network.eval()


def finished_body(run: Path) -> tuple[nn.Module, ModelCard]:
    """Return the best network of a finished run, in evaluation mode, and its card.

    Args:
        run: The run folder.
    """
    network, _ = load_network(run / "checkpoint" / "best.safetensors")
    return network.eval(), ModelCard.from_json((run / "card.json").read_text("utf-8"))


@torch.no_grad()
def last_maps(network: nn.Module, faces: Faces, rows: NDArray[np.int64]) -> Tensor:
    """Return what the dense layers read of each picture, plain and mirrored.

    Args:
        network: In evaluation mode.
        faces: The pictures.
        rows: (N,) which.

    Returns:
        (2, N, C, h, w) float32.
    """
    return torch.stack(
        [
            torch.cat(
                [
                    _read(network, faces.pictures(some, np.full(len(some), mirrored)))
                    for some in np.array_split(rows, -(-len(rows) // 128))
                ]
            )
            for mirrored in (False, True)
        ]
    )


def _read(network: nn.Module, images: Tensor) -> Tensor:
    """Return what the dense layers read, (B, C, h, w)."""
    if isinstance(network, ConvNet):
        return network.between(network.features(images))
    read: list[Tensor] = []
    handle = network.get_submodule("dense1").register_forward_pre_hook(lambda _, given: read.append(given[0]))
    try:
        network(images)
    finally:
        handle.remove()
    return read[0][:, :, None, None]


def fresh_head(network: nn.Module) -> nn.Module:
    """Return fresh dense layers for one AU, as wide as a network's own.

    Args:
        network: A `ConvNet`, or the attention network.
    """
    if isinstance(network, ConvNet):
        own = network.head
        widths = [layer.out_features for layer in own.hidden if isinstance(layer, nn.Linear)]
        inputs = next(layer for layer in own.modules() if isinstance(layer, nn.Linear)).in_features
        cells = inputs // own.channels
        return Head(own.channels, widths, 1, pooling=own.pooling, cells=cells, dropout=own.dropout.p)
    dense = [network.get_submodule(name) for name in ("dense1", "dense2")]
    widths = [layer.out_features for layer in dense if isinstance(layer, nn.Linear)]
    inputs = next(layer.in_features for layer in dense if isinstance(layer, nn.Linear))
    return Head(inputs, widths, 1, pooling=None)
