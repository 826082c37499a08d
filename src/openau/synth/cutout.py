"""Heads cut out of their pictures, to be put into scenes: what a face detector learns from.

Each subject is one file of a few heads with how much of each pixel they cover, in a wide frame, so that hair,
neck and shoulders are there. Heads look anywhere: most of them toward the camera, some in profile, some away,
for a detector must also know the back of a head. Noise, blur and compression are left to the scene.

Layout: `OUT/00012.npz`, see `Cutouts`. Subject s is drawn from (seed, s) alone; files there are kept.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openau.errors import OutputError, TableError
from openau.records import Floats, Pixels
from openau.synth.cells import cell_of
from openau.synth.identity import Stage, Subject, draw_subject, dress
from openau.synth.render import View, render
from openau.synth.sample import draw_expression
from openau.synth.scene import Camera, Scene, draw_scene
from openau.synth.texture import float32
from openau.synth.wardrobe import Wardrobe

SIZE: Final = 160
"""Side of a cut-out, pixels; a face is about 60 of them wide."""

WARDROBE: Final = Wardrobe(glasses=0.3, headwear=0.2, occluder=0.15)
"""Detectors lose covered faces first, so there are more of them than in life."""

_SPAN_CM: Final = (40.0, 46.0)


@dataclass(frozen=True, slots=True, eq=False)
class Cutouts:
    """Heads cut out of their pictures.

    Attributes:
        rgba: (N, S, S, 4) uint8 RGB and cover.
        points: (N, 68, 2) float32 landmarks, pixels.
        box_px: (N, 4) float32 face boxes x1, y1, x2, y2.
        pose_deg: (N, 3) float32 pitch, yaw, roll.
    """

    rgba: Pixels
    points: Floats
    box_px: Floats
    pose_deg: Floats

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.rgba)


def write_cutouts(
    out: Path,
    stage: Callable[[], Stage],
    subjects: Iterable[int],
    *,
    per_subject: int = 10,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Render the heads of some subjects, one file each; those that are there are kept.

    Args:
        out: Folder; is created.
        stage: Returns what subjects share; is called only if a subject is missing.
        subjects: Their numbers.
        per_subject: Heads of each.
        seed: Not negative; decides every pixel.
        progress: Is called with the number of each finished subject.

    Raises:
        OutputError: A file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    missing = [number for number in subjects if not _file(out, number).exists()]
    if not missing:
        return
    ready = stage()
    for number in missing:
        made = _render_subject(ready, number, per_subject, seed)
        temporary = out / f".{number:05d}.{os.getpid()}.part"
        try:
            with temporary.open("wb") as file:
                np.savez_compressed(
                    file, rgba=made.rgba, points=made.points, box_px=made.box_px, pose_deg=made.pose_deg
                )
            temporary.replace(_file(out, number))
        except OSError as error:
            raise OutputError(f"The heads in {out} cannot be written: {error}.") from error
        if progress is not None:
            progress(number)


def read_cutouts(folder: Path, subjects: Iterable[int]) -> Cutouts:
    """Read the heads of some subjects.

    Args:
        folder: As `write_cutouts` wrote it.
        subjects: Their numbers.

    Raises:
        TableError: One of them is missing.
    """
    parts = []
    for number in subjects:
        file = _file(folder, number)
        if not file.is_file():
            raise TableError(f"{file} is missing; render the heads again.")
        with np.load(file) as stored:
            parts.append([stored[name] for name in ("rgba", "points", "box_px", "pose_deg")])
    return Cutouts(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def draw_pose(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw pitch, yaw and roll of a head that may look anywhere, in degrees.

    Args:
        rng: The source of chance.
    """
    kind, side = rng.random(), float(rng.choice([-1.0, 1.0]))
    if kind < 0.45:
        yaw = float(rng.normal(0, 14))
    elif kind < 0.80:
        yaw = float(rng.uniform(-70, 70))
    elif kind < 0.92:
        yaw = side * float(rng.uniform(60, 85))
    else:
        yaw = side * float(rng.uniform(115, 180))
    pitch = float(np.clip(rng.normal(0, 13), -38, 38))
    return pitch, yaw, float(np.clip(rng.normal(0, 8), -20, 20))


def _render_subject(stage: Stage, number: int, count: int, seed: int) -> Cutouts:
    """Render all heads of one subject."""
    rng = np.random.default_rng((seed, 0xC0, number))
    subject = draw_subject(stage, rng, cell_of(number), WARDROBE)
    pictures = [_render_head(stage, subject, rng) for _ in range(count)]
    rgba, points, boxes, poses = zip(*pictures, strict=True)
    return Cutouts(np.stack(rgba), np.stack(points), float32(boxes), float32(poses))


def _render_head(
    stage: Stage, subject: Subject, rng: np.random.Generator
) -> tuple[Pixels, Floats, NDArray[np.float32], tuple[float, float, float]]:
    """Render one head; return its pixels with their cover, landmarks, box and pose."""
    scene = _in_wide_frame(draw_scene(rng), rng)
    shown = dress(stage, subject, rng, WARDROBE)
    picture = render(stage, shown, draw_expression(rng), View.of(scene, SIZE), rng)
    cover = np.rint(255 * picture.cover).astype(np.uint8)
    box = np.array(picture.box_px, np.float32)
    return np.dstack([picture.rgb, cover]), picture.points, box, picture.pose_deg


def _in_wide_frame(scene: Scene, rng: np.random.Generator) -> Scene:
    """Return a scene with hair, neck and shoulders in the frame, seen by a camera without flaws."""
    pitch, yaw, roll = draw_pose(rng)
    camera = Camera(
        pitch_deg=pitch,
        yaw_deg=yaw,
        roll_deg=roll,
        distance_cm=float(np.clip(math.exp(rng.normal(4.5, 0.45)), 40, 300)),
        span_cm=float(rng.uniform(*_SPAN_CM)),
        shift_cm=(0.0, 0.0),
    )
    flaws = replace(
        scene.flaws,
        blur_px=0.0, motion_px=0.0, noise=0.0, grey=False, vignette=0.0, haze=0.0, detail=1.0, jpeg_quality=0,
    )  # fmt: skip
    return replace(scene, camera=camera, flaws=flaws)


def _file(folder: Path, number: int) -> Path:
    """Return where a subject's heads lie."""
    return folder / f"{number:05d}.npz"
