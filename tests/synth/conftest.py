"""The stage and one subject, built once, where the face rig is; a small rig for tests without it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from openau.synth.cells import Cell
from openau.synth.identity import Stage, Subject, build_stage, draw_subject
from openau.synth.rig import FACE, Rig, Shape, load_rig
from openau.synth.texture import float32
from openau.synth.wardrobe import NOTHING


@pytest.fixture(scope="session")
def rig_file() -> Path:
    """The packed face rig."""
    folder = os.environ.get("OPENAU_RIG") or os.environ.get("OPENAU_SHARED", "") + "/rig"
    file = Path(folder) / "ict_facekit.npz" if Path(folder).is_dir() else Path(folder)
    if not file.is_file():
        pytest.skip("neither OPENAU_RIG nor OPENAU_SHARED leads to the face rig")
    return file


@pytest.fixture(scope="session")
def stage(rig_file: Path) -> Stage:
    """What all subjects share."""
    return build_stage(load_rig(rig_file))


@pytest.fixture(scope="session")
def subject(stage: Stage) -> Subject:
    """Somebody."""
    return draw_subject(stage, np.random.default_rng(335), Cell(2, "female"), NOTHING)


@pytest.fixture(scope="session")
def plane() -> Rig:
    """A rig of our own: a square sheet of 21 × 21 vertices in the place of a face, with three shapes."""
    across, up = np.meshgrid(np.linspace(-8, 8, 21), np.linspace(-8, 8, 21))
    vertices = np.stack([across.ravel(), up.ravel(), np.full(441, 10.0)], axis=1).astype(np.float32)
    corner = (np.arange(20)[:, None] * 21 + np.arange(20)[None, :]).ravel()
    lower = np.stack([corner, corner + 1, corner + 22], axis=1)
    upper = np.stack([corner, corner + 22, corner + 21], axis=1)
    triangles = np.concatenate([lower, upper]).astype(np.int32)
    ones = np.ones((441, 3), np.float32)
    shapes = {"jawOpen": Shape(np.array([0, 5]), float32([[0, -1, 0], [0, -2, 0]]))}
    for name in ("browDown_L", "browDown_R"):
        shapes[name] = Shape(np.arange(441), ones)
    return Rig(
        vertices=vertices,
        triangles=triangles,
        uv=((vertices[:, :2] + 8) / 16).astype(np.float32),
        uv_triangles=triangles,
        part=np.full(len(triangles), FACE, np.int8),
        identity=np.zeros((100, 441, 3), np.float32),
        expression=shapes,
        landmarks=np.arange(68) * 6,
        checksum="0",
    )
