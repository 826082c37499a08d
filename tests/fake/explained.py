"""A run folder of an untrained network, and pictures whose masks and landmarks are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch

from openau.models.weights import NetworkSpec, save_network
from openau.records import Floats
from tests.fake.synthetic_folder import SIDE, write_synthetic_folder
from tests.fake.tiny_model import tiny_card

AUS = (1, 12, 25)
AU1_ROWS, AU12_ROWS, COLUMNS = slice(12, 20), slice(28, 36), slice(12, 36)
"""Where AU 1 and AU 12 show, in pixels of the masks, which are half of the pictures'."""


def write_run(folder: Path) -> Path:
    """Write a run folder with what `openau explain` reads of it."""
    torch.manual_seed(3)
    spec = NetworkSpec("attention_cnn", AUS, 16, {"hidden": 4})
    save_network(folder / "checkpoint" / "best.safetensors", spec.build(), spec)
    card = replace(tiny_card(AUS, size=16), architecture="attention_cnn", heatmap_layer="relu5")
    (folder / "card.json").write_text(card.to_json(), encoding="utf-8")
    return folder


def write_masked_folder(root: Path) -> Path:
    """Write twelve pictures of six subjects with masks of AU 1 and AU 12, and landmarks."""
    write_synthetic_folder(root, subjects=6, per_subject=2)
    index = pd.read_csv(root / "index.csv")
    (root / "masks").mkdir()
    for number, row in index.iterrows():
        bgr = np.zeros((SIDE // 2, SIDE // 2, 3), np.uint8)
        bgr[AU1_ROWS, COLUMNS, 2] = row["AU01"] > 0  # plane 0 is the first bit of red
        bgr[AU12_ROWS, COLUMNS, 1] = row["AU12"] > 0  # plane 8, the first bit of green
        cv2.imwrite(str(root / f"masks/{number}.png"), bgr)
    index["mask"] = [f"masks/{number}.png" for number in index.index]
    index["split"] = ["train", "test"] * (len(index) // 2)
    index.to_csv(root / "index.csv", index=False)
    np.save(root / "landmarks.npy", np.stack([upright_face()] * len(index)))
    return root


def upright_face(scale: float = 64.0, x: float = 16.0, y: float = 16.0) -> Floats:
    """Return 68 landmarks of a schematic face, symmetric about the middle of its square."""
    jaw = [(0.5 - 0.4 * np.cos(a), 0.35 + 0.55 * np.sin(a)) for a in np.linspace(0, np.pi, 17)]
    brow = [(0.18 + 0.06 * k, 0.27 - 0.02 * np.sin(k * np.pi / 4)) for k in range(5)]
    eye = [(0.2, 0.37), (0.25, 0.35), (0.31, 0.35), (0.36, 0.37), (0.31, 0.39), (0.25, 0.39)]
    nose = [(0.5, 0.37 + 0.06 * k) for k in range(4)] + [(0.42 + 0.04 * k, 0.6) for k in range(5)]
    outer = [(0.35, 0.72), (0.4, 0.69), (0.45, 0.675), (0.5, 0.68), (0.55, 0.675), (0.6, 0.69), (0.65, 0.72)]
    outer += [(0.6, 0.76), (0.55, 0.78), (0.5, 0.785), (0.45, 0.78), (0.4, 0.76)]
    inner = [(0.37, 0.72), (0.45, 0.71), (0.5, 0.715), (0.55, 0.71), (0.63, 0.72), (0.55, 0.74), (0.5, 0.745)]
    inner += [(0.45, 0.74)]
    turned = [(1 - a, b) for a, b in brow[::-1]]
    other = [(1 - eye[k][0], eye[k][1]) for k in (3, 2, 1, 0, 5, 4)]
    points = np.array([*jaw, *brow, *turned, *nose, *eye, *other, *outer, *inner])
    return (points * scale + (x, y)).astype(np.float32)
