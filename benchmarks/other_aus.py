"""Convolutions that have learned every action unit but one: `python -m benchmarks.imbalance --body-steps`.

A network that starts from nothing needs many pictures before the loss matters. So all runs may share one
body, which was trained once on the other AUs and is then left alone; what its last map is for every picture,
plain and mirrored, is worked out once, and a run trains the dense layers only.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.faces_in_parts import Faces
from openau.data.index import au_columns
from openau.data.labels import targets
from openau.losses import build_loss
from openau.models import build_model
from openau.models.convnet import ConvNet

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


@torch.no_grad()
def last_maps(network: ConvNet, faces: Faces, rows: NDArray[np.int64]) -> Tensor:
    """Return what the head reads of each picture, plain and mirrored.

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
                    network.between(network.features(faces.pictures(some, np.full(len(some), mirrored))))
                    for some in np.array_split(rows, -(-len(rows) // 128))
                ]
            )
            for mirrored in (False, True)
        ]
    )
