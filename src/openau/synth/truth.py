"""What the index says about a picture: the columns, and everything that was drawn as one JSON text."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from openau.facs import au_column
from openau.synth.expression import Expression
from openau.synth.identity import Subject
from openau.synth.movements import MOVEMENTS
from openau.synth.render import Picture
from openau.synth.sample import ONE_SIDED
from openau.synth.scene import Scene
from openau.synth.traits import Traits

DATASET: Final = "synthetic"

_WORDS: Final = (
    *("dataset", "subject", "path", "mask", "split", "emotion", "gender", "parameters"),
    *("beard", "glasses", "headwear", "occluder", "light"),
)
_WHOLE: Final = ("sequence", "frame", "seed", "skin", "age")
"""Columns of words and of whole numbers; the others are numbers."""

_EMOTIONS: Final = {"happy": "happiness", "sad": "sadness"}


def index_columns(aus: Collection[int] = tuple(MOVEMENTS), *, masks: bool = True) -> list[str]:
    """Return the columns of the index, in order.

    Args:
        aus: The AUs that are labelled.
        masks: Whether there are masks.
    """
    columns = [
        "dataset",
        "subject",
        "sequence",
        "frame",
        "path",
        *(["mask"] if masks else []),
        "split",
        "seed",
    ]
    columns += [au_column(au) for au in sorted(aus)]
    columns += [
        f"{au_column(au)}_{side}" for au in sorted(ONE_SIDED.intersection(aus)) for side in ("left", "right")
    ]
    columns += [
        "emotion",
        "gender",
        "skin",
        "age",
        "beard",
        "glasses",
        "headwear",
        "occluder",
        "light",
        "pitch_deg",
        "yaw_deg",
        "roll_deg",
        "gaze_left",
        "gaze_up",
    ]
    return [*columns, "lip_gap_cm", "x1", "y1", "x2", "y2", "parameters"]


@contextmanager
def open_index(
    file: Path, aus: Collection[int], *, masks: bool
) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """Open a Parquet file for rows of the index.

    Args:
        file: Where.
        aus: The AUs that are labelled.
        masks: Whether there are masks.

    Yields:
        A function that writes rows, which may have more columns than the index.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = dict.fromkeys(_WORDS, pa.string()) | dict.fromkeys(_WHOLE, pa.int64())
    columns = index_columns(aus, masks=masks)
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in columns])
    with pq.ParquetWriter(file, schema) as writer:
        yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def picture_truth(subject: Subject, expression: Expression, scene: Scene, picture: Picture) -> dict[str, Any]:
    """Return a picture's row, except where it lies and what it belongs to.

    Args:
        subject: Who.
        expression: What was asked of the face.
        scene: Camera, light, backdrop and flaws.
        picture: What was drawn.

    Returns:
        Value by column, for all AUs.
    """
    row: dict[str, Any] = {"dataset": DATASET, "sequence": 0}
    for au in MOVEMENTS:
        left, right = (side.get(au, 0.0) for side in (picture.left, picture.right))
        row[au_column(au)] = round(max(left, right), 3)
        if au in ONE_SIDED:
            row[f"{au_column(au)}_left"], row[f"{au_column(au)}_right"] = round(left, 3), round(right, 3)
    traits = subject.traits
    row["emotion"] = _EMOTIONS.get(expression.emotion or "", expression.emotion)
    row |= {"gender": traits.gender, "skin": traits.skin_type, "age": round(traits.age)}
    row |= {"beard": traits.beard_style, "glasses": subject.worn.glasses, "headwear": subject.worn.headwear}
    row |= {"occluder": subject.worn.occluder, "light": scene.lamp.kind}
    row["lip_gap_cm"] = round(picture.lip_gap_cm, 4)
    for name, value in zip(("pitch_deg", "yaw_deg", "roll_deg"), picture.pose_deg, strict=True):
        row[name] = round(value, 2)
    row |= {"gaze_left": round(expression.gaze[0], 3), "gaze_up": round(expression.gaze[1], 3)}
    row |= {n: round(v, 2) for n, v in zip(("x1", "y1", "x2", "y2"), picture.box_px, strict=True)}
    drawn = plain({"expression": expression, "scene": scene})
    drawn |= {"traits": _plain_traits(traits), "worn": plain(subject.worn)}
    row["parameters"] = json.dumps(drawn, separators=(",", ":"))
    return row


@lru_cache(maxsize=2)
def _plain_traits(traits: Traits) -> Any:
    """Return what all pictures of a subject have in common."""
    return plain(traits)


def plain(value: Any) -> Any:  # noqa: PLR0911 - a record of any shape
    """Return a record as what JSON knows, numbers to five digits.

    Args:
        value: Records, mappings, sequences, small arrays, numbers and words.

    Raises:
        TypeError: It holds something else.
    """
    if isinstance(value, float):  # first, because most values are
        return float(f"{value:.5g}")
    if value is None or isinstance(value, str | int):
        return value
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(v) for key, v in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    raise TypeError(f"A {type(value).__name__} is not written to the index.")
