"""Contact sheets: what a dataset looks like, every action unit at its levels, people, lights, masks."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pandas as pd

from openau.errors import InputError, OutputError, SettingError
from openau.facs import ACTION_UNITS, INTENSITY_LETTERS, au_column, intensity_letter
from openau.records import Pixels
from openau.synth.cells import CELLS
from openau.synth.expression import Expression
from openau.synth.identity import Stage, Subject, build_stage, draw_subject
from openau.synth.masks import planes
from openau.synth.movements import MOVEMENTS
from openau.synth.render import Picture, View, render
from openau.synth.rig import load_rig
from openau.synth.sample import draw_expression
from openau.synth.scene import Camera, Flaws, Scene, draw_scene, studio_lamp
from openau.synth.wardrobe import NOTHING

_BAR: Final = 18
"""Height of a label, pixels."""

_INK: Final = (25, 25, 25)
_PAPER: Final = 250
_LIGHTS: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One picture of a sheet.

    Attributes:
        rgb: (H, W, 3) RGB uint8.
        label: What stands above it.
    """

    rgb: Pixels
    label: str


def lay_out(cells: Sequence[Cell], columns: int, size: int) -> Pixels:
    """Lay pictures out in rows, each with its label above.

    Args:
        cells: The pictures, row after row.
        columns: Pictures in a row.
        size: Side of a picture on the sheet, pixels.

    Returns:
        (H, W, 3) RGB uint8.
    """
    rows = -(-len(cells) // columns)
    sheet = np.full((rows * (size + _BAR), columns * (size + 2), 3), _PAPER, np.uint8)
    for number, cell in enumerate(cells):
        top, left = number // columns * (size + _BAR), number % columns * (size + 2)
        shown = cv2.resize(cell.rgb, (size, size), interpolation=cv2.INTER_AREA)
        sheet[top + _BAR : top + _BAR + size, left : left + size] = shown
        strip = sheet[top : top + _BAR, left : left + size]
        sheet[top : top + _BAR, left : left + size] = _written(strip, cell.label)
    return sheet


def write_sheet(sheet: Pixels, file: Path) -> None:
    """Write a sheet as PNG or JPEG, whole or not at all.

    Args:
        sheet: (H, W, 3) RGB uint8.
        file: Where; its name ends in .png or .jpg.

    Raises:
        SettingError: It ends in something else.
        OutputError: It cannot be written.
    """
    check_name(file)
    options = [] if file.suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, 76]
    _, encoded = cv2.imencode(file.suffix.lower(), np.ascontiguousarray(sheet[..., ::-1]), options)
    temporary = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(encoded.tobytes())
        temporary.replace(file)
    except OSError as error:
        raise OutputError(f"The sheet {file} cannot be written ({error}); choose another place.") from error


def check_name(file: Path) -> None:
    """Refuse a sheet's name that is no picture's.

    Args:
        file: The name.

    Raises:
        SettingError: It does not end in .png, .jpg or .jpeg.
    """
    if file.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise SettingError(f"The sheet {file} has no picture's name; let it end in .png or .jpg.")


def dataset_sheet(folder: Path, count: int = 48, columns: int = 8) -> Pixels:
    """Return the contact sheet of a synthetic dataset: pictures of all its subjects, with their AUs.

    Args:
        folder: A finished dataset.
        count: Pictures at most, evenly spread over the dataset.
        columns: Pictures in a row.

    Returns:
        (H, W, 3) RGB uint8.

    Raises:
        InputError: The folder or a picture cannot be read.
    """
    try:
        table = pd.read_parquet(folder / "index.parquet")
    except OSError as error:
        raise InputError(f"{folder} is no finished synthetic dataset ({error}).") from error
    chosen = table.iloc[np.unique(np.linspace(0, len(table) - 1, min(count, len(table))).astype(int))]
    cells = []
    for row in chosen.to_dict("records"):
        bgr = cv2.imread(str(folder / row["path"]))
        if bgr is None:
            raise InputError(f"The picture {folder / row['path']} cannot be read; synthesize it again.")
        levels = {au: row[au_column(au)] for au in MOVEMENTS if au_column(au) in row}
        cells.append(Cell(np.asarray(bgr[..., ::-1], np.uint8), describe(levels)))
    return lay_out(cells, columns, max(112, min(160, cells[0].rgb.shape[0])))


def describe(levels: dict[int, float]) -> str:
    """Return intensities as FACS writes them: `6C+12D`; `neutral` where there are none.

    Args:
        levels: Intensity 0-5 by AU.
    """
    shown = [f"{au}{intensity_letter(value)}" for au, value in sorted(levels.items()) if value >= 1]
    return "+".join(shown) or "neutral"


def levels_sheet(
    stage: Stage, *, size: int = 112, seed: int = 0, aus: Collection[int] = tuple(MOVEMENTS)
) -> Pixels:
    """Return every action unit at levels A to E: a row each, the neutral face first.

    Args:
        stage: What subjects share.
        size: Side of a picture, pixels.
        seed: Whose face.
        aus: Which AUs.

    Returns:
        (H, W, 3) RGB uint8.
    """
    rng = np.random.default_rng(seed)
    subject = draw_subject(stage, rng, wardrobe=NOTHING)
    cells = []
    for au in aus:
        for level, letter in enumerate(INTENSITY_LETTERS):
            picture = _shoot(stage, subject, Expression.both({au: float(level)}), size)
            cells.append(Cell(picture.rgb, f"AU{au}{letter}" if letter else ACTION_UNITS[au].name))
    return lay_out(cells, 2 * len(INTENSITY_LETTERS), size)


def people_sheet(stage: Stage, *, size: int = 160, seed: int = 0) -> Pixels:
    """Return twelve people, one of each skin group and gender, each with a neutral face and an expression.

    Args:
        stage: What subjects share.
        size: Side of a picture, pixels.
        seed: Which people.

    Returns:
        (H, W, 3) RGB uint8.
    """
    cells = []
    for number, cell in enumerate(CELLS):
        rng = np.random.default_rng((seed, number))
        subject = draw_subject(stage, rng, cell)
        label = f"skin {cell.skin_type}, {cell.gender}, {subject.traits.age:.0f}"
        drawn = _first_expression(rng)
        picture = _shoot(stage, subject, drawn, size)
        cells += [Cell(_shoot(stage, subject, Expression(), size).rgb, label)]
        cells += [Cell(picture.rgb, describe(_stronger(picture)))]
    return lay_out(cells, 8, size)


def lights_sheet(stage: Stage, *, size: int = 160, seed: int = 0) -> Pixels:
    """Return one person in eight kinds of light.

    Args:
        stage: What subjects share.
        size: Side of a picture, pixels.
        seed: Whose face, and which light of each kind.

    Returns:
        (H, W, 3) RGB uint8.
    """
    rng = np.random.default_rng(seed)
    subject, scenes = draw_subject(stage, rng, wardrobe=NOTHING), dict[str, Scene]()
    while len(scenes) < _LIGHTS:
        scene = draw_scene(rng)
        scenes.setdefault(scene.lamp.kind, scene)
    cells = []
    for kind, scene in sorted(scenes.items()):
        backdrop = View.of(scene, size).backdrop
        view = View(Camera(yaw_deg=12), scene.lamp, Flaws(), backdrop)
        face = Expression.both({6: 2.5, 12: 3.0})
        cells.append(Cell(render(stage, subject, face, view, np.random.default_rng(0)).rgb, kind))
    return lay_out(cells, 4, size)


def masks_sheet(stage: Stage, *, size: int = 128, seed: int = 0) -> Pixels:
    """Return where each action unit shows at level C, in red on the face.

    Args:
        stage: What subjects share.
        size: Side of a picture, pixels.
        seed: Whose face.

    Returns:
        (H, W, 3) RGB uint8.
    """
    subject, cells = draw_subject(stage, np.random.default_rng(seed), wardrobe=NOTHING), []
    for au in MOVEMENTS:
        picture = _shoot(stage, subject, Expression.both({au: 3.0}), size)
        rgb = picture.rgb.copy()
        if picture.masks is not None and (mask := dict(planes(picture.masks)).get(au_column(au))) is not None:
            there = cv2.resize(mask.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST) > 0
            rgb[there] = (rgb[there] * 0.55 + np.array([230, 30, 30]) * 0.45).astype(np.uint8)
        cells.append(Cell(rgb, f"AU{au} {ACTION_UNITS[au].name}"))
    return lay_out(cells, 8, size)


SHEETS: Final[dict[str, Callable[[Stage], Pixels]]] = {
    "levels": levels_sheet,
    "people": people_sheet,
    "lights": lights_sheet,
    "masks": masks_sheet,
}
"""Sheets of the renderer itself, which need no dataset."""


def renderer_sheet(name: str, rig: Path | None = None) -> Pixels:
    """Return a sheet that shows what the renderer can do.

    Args:
        name: A key of `SHEETS`.
        rig: The rig's file or folder; None to look where the environment says.

    Returns:
        (H, W, 3) RGB uint8.

    Raises:
        SettingError: There is no such sheet.
        RigError: The rig is absent or not the one expected.
    """
    if name not in SHEETS:
        raise SettingError(f"There is no sheet {name!r}; choose pictures, {', '.join(SHEETS)}.")
    return SHEETS[name](build_stage(load_rig(rig)))


def _shoot(stage: Stage, subject: Subject, expression: Expression, size: int) -> Picture:
    """Render from the front in a studio, with masks."""
    backdrop = np.full((size, size, 3), 0.42, np.float32)
    view = View(Camera(span_cm=22.0, yaw_deg=8.0), studio_lamp(), Flaws(), backdrop)
    return render(stage, subject, expression, view, np.random.default_rng(0), masks=True)


def _first_expression(rng: np.random.Generator) -> Expression:
    """Draw expressions until one is plain to see."""
    while True:
        drawn = draw_expression(rng)
        if sum(value >= 3 for value in drawn.left.values()) >= 2:
            return drawn


def _stronger(picture: Picture) -> dict[int, float]:
    """Return the stronger side's intensity of each AU."""
    aus = picture.left.keys() | picture.right.keys()
    return {au: max(picture.left.get(au, 0.0), picture.right.get(au, 0.0)) for au in aus}


def _written(strip: Pixels, text: str) -> Pixels:
    """Write a label, as large as its strip allows."""
    scale = 0.42
    while (width := cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0]) > strip.shape[1] - 4:
        scale *= 0.96
        if scale < 0.33:
            text, scale = text[:-6].rpartition("+")[0] + "+..." if "+" in text[:-6] else text[:-3], 0.36
    drawn = np.ascontiguousarray(strip)
    start = ((strip.shape[1] - width) // 2, _BAR - 5)
    cv2.putText(drawn, text, start, cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)
    return drawn
