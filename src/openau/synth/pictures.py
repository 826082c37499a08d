"""All pictures of one subject, from chance to disk: drawn, rendered, encoded, told."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from openau.errors import OutputError, SettingError
from openau.facs import au_column
from openau.records import Pixels
from openau.synth.cells import cell_of
from openau.synth.expression import Expression
from openau.synth.identity import Stage, Subject, draw_subject, dress
from openau.synth.labels import face_truth
from openau.synth.masks import pack
from openau.synth.ratios import NEGATIVE, POSITIVE
from openau.synth.render import View, render
from openau.synth.rig import Rig
from openau.synth.sample import draw_expression, squint
from openau.synth.scene import Scene, draw_scene
from openau.synth.truth import picture_truth

_SQUINTING: Final = 0.35
_TRIES: Final = 60
"""How often an expression is drawn until its labels are those planned."""


_PNG_LEVEL: Final = 6  # level 9 saves another fifth of a mask's 700 bytes and takes nine times as long


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of one subject.

    Attributes:
        subject: Its number.
        split: `train`, `validation` or `test`.
        present: To each picture, the AUs that must be present, of those in `planned`.
        planned: The AUs that must be absent where they are not present; empty to draw freely.
    """

    subject: int
    split: str
    present: tuple[frozenset[int], ...]
    planned: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Style:
    """What all pictures of a dataset share.

    Attributes:
        size: Side of a picture, pixels.
        seed: Not negative.
        masks: Whether masks are written.
        grey: Whether every picture is without colour.
    """

    size: int
    seed: int
    masks: bool
    grey: bool


def render_subject(out: Path, stage: Stage, style: Style, order: Order) -> dict[str, Any]:
    """Render all pictures of one subject into its folders.

    Args:
        out: The dataset's folder.
        stage: What subjects share.
        style: What pictures share.
        order: What is wanted.

    Returns:
        `rows`: the index's rows; `points`: (68, 2) landmarks of each.

    Raises:
        OutputError: A picture cannot be written.
        SettingError: The face cannot show the AUs that are wanted together.
    """
    number = order.subject
    subject = draw_subject(stage, np.random.default_rng((style.seed, number)), cell_of(number))
    labels_of = face_labels(stage.rig, subject)
    for kind in ("pictures", "masks") if style.masks else ("pictures",):
        (out / kind / f"{number:05d}").mkdir(parents=True, exist_ok=True)
    rows, points = [], []
    for frame, present in enumerate(order.present):
        rng = np.random.default_rng((style.seed, number, frame))
        expression = draw_planned(rng, labels_of, present, order.planned - present)
        scene = _draw_scene(rng, style)
        if scene.lamp.kind == "sun" and not order.planned and rng.random() < _SQUINTING:
            expression = squint(rng, expression)
        view = View.of(scene, style.size)
        shown = dress(stage, subject, rng)
        picture = render(stage, shown, expression, view, rng, masks=style.masks)
        place = f"{number:05d}/{frame:04d}"
        quality = int(rng.integers(70, 97))
        path = out / "pictures" / f"{place}.jpg"
        _write_image(path, picture.rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
        row = {"path": path.relative_to(out).as_posix(), "split": order.split, "seed": style.seed}
        if picture.masks is not None:
            mask = out / "masks" / f"{place}.png"
            _write_image(mask, pack(picture.masks), [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
            row["mask"] = mask.relative_to(out).as_posix()
        row |= {"subject": f"{number:05d}", "frame": frame}
        rows.append(row | picture_truth(shown, expression, scene, picture))
        points.append(np.round(picture.points.astype(float), 3).tolist())
    return {"rows": rows, "points": points}


def face_labels(rig: Rig, subject: Subject | None = None) -> Callable[[Expression], Mapping[int, float]]:
    """Return the function from an expression to the intensities that a face shows, the stronger side's.

    Args:
        rig: The rig.
        subject: Whose face; None for the mean face.
    """
    resting = rig.vertices if subject is None else subject.vertices

    def labels(expression: Expression) -> dict[int, float]:
        left, right = face_truth(rig, resting, expression)
        return {au: max(left.get(au, 0.0), right.get(au, 0.0)) for au in left.keys() | right.keys()}

    return labels


def draw_planned(
    rng: np.random.Generator,
    labels_of: Callable[[Expression], Mapping[int, float]],
    present: frozenset[int],
    absent: frozenset[int],
) -> Expression:
    """Draw an expression whose labels are as planned; a free one where nothing is.

    Args:
        rng: The source of chance.
        labels_of: Returns the intensities that the face shows.
        present: AUs that reach `POSITIVE`.
        absent: AUs that stay below `NEGATIVE`; on a face that never shows it so, below `POSITIVE`.

    Raises:
        SettingError: The face does not show them so.
    """
    if not present and not absent:
        return draw_expression(rng)
    # What parts the lips at 3 may still leave them together at 2: the labels decide, not the drawing.
    asked_absent = absent - {25} if present else absent
    nearly: Expression | None = None
    for attempt in range(_TRIES):
        expression = draw_expression(rng, present=present, absent=asked_absent)
        if attempt >= _TRIES // 3 and 25 in absent:
            # This face's lips rest apart: its jaw closes a little.
            expression = replace(expression, extra={**expression.extra, "jawOpen": -0.06})
        labels = labels_of(expression)
        if all(labels.get(au, 0.0) >= POSITIVE for au in present):
            if all(labels.get(au, 0.0) < NEGATIVE for au in absent):
                return expression
            if nearly is None and all(labels.get(au, 0.0) < POSITIVE for au in absent):
                nearly = expression
    if nearly is not None:
        return nearly
    names = " and ".join(au_column(au) for au in sorted(present)) or "a face"
    raise SettingError(
        f"{names} without {', '.join(au_column(au) for au in sorted(absent)) or 'others'} cannot be shown: "
        "leave an AU out of the ratios."
    )


def _draw_scene(rng: np.random.Generator, style: Style) -> Scene:
    """Draw what surrounds the subject of one picture."""
    scene = draw_scene(rng)
    return replace(scene, flaws=replace(scene.flaws, grey=True)) if style.grey else scene


def _write_image(file: Path, rgb: Pixels, options: list[int]) -> None:
    """Write a picture whole or not at all, in the format that its name ends in."""
    ok, encoded = cv2.imencode(file.suffix, np.ascontiguousarray(rgb[..., ::-1]), options)
    if not ok:
        raise OutputError(f"The picture {file} could not be encoded.")
    temporary = file.with_suffix(f".{os.getpid()}.part")
    temporary.write_bytes(encoded.tobytes())
    temporary.replace(file)


def write_text(file: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Args:
        file: Where.
        text: What.
    """
    temporary = file.with_name(f"{file.name}.{os.getpid()}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)
