"""The columns of the AU table, and one reading as one row of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from openau.errors import TableError
from openau.facs import EMOTIONS, au_column
from openau.records import AUOutput, EmotionOutput, Face, Floats, ModelCard, Reading

FACE_COLUMNS = (
    "source", "frame", "time_s", "face_id", "face_score", "x1", "y1", "x2", "y2",
    "pitch_deg", "yaw_deg", "roll_deg", "success",
)  # fmt: skip
LANDMARK_COLUMNS = tuple(f"{axis}_{number}" for axis in "xy" for number in range(68))
EMOTION_COLUMNS = ("emotion", *(f"emotion_{name}_p" for name in EMOTIONS))
TEXT_COLUMNS = frozenset({"source", "emotion"})
AU_COLUMN = re.compile(r"AU(\d{2})_([pcr])")

_BOX = ("x1", "y1", "x2", "y2")
_POSE = ("pitch_deg", "yaw_deg", "roll_deg")
_WHOLE = frozenset({"frame", "face_id", "success"})
_DECIMALS = {"time_s": 6} | dict.fromkeys((*_BOX, *_POSE, *LANDMARK_COLUMNS), 2)


def table_columns(card: ModelCard, *, landmarks: bool = False) -> list[str]:
    """Return the AU table's columns for a model: face, its AUs in ascending FACS order, emotion, landmarks.

    Args:
        card: The model's card.
        landmarks: Whether the table has the faces' 68 landmarks.
    """
    parts = ("p", "c", "r") if card.intensity else ("p", "c")
    aus = [f"{au_column(au)}_{part}" for au in sorted(card.aus) for part in parts]
    return [*FACE_COLUMNS, *aus, *EMOTION_COLUMNS, *(LANDMARK_COLUMNS if landmarks else ())]


def reading_row(reading: Reading, card: ModelCard, *, landmarks: bool = False) -> dict[str, object]:
    """Return one row of the AU table, rounded as in the file.

    Args:
        reading: One face in one frame, or a frame without a face.
        card: The card of the model that read it.
        landmarks: Whether the table has the faces' 68 landmarks.

    Returns:
        Column to value for every column of `table_columns`, in that order; an unknown value is None.

    Raises:
        TableError: The reading's AUs are not the card's.
    """
    row: dict[str, object] = dict.fromkeys(table_columns(card, landmarks=landmarks))
    row |= {"source": reading.source, "frame": reading.frame, "success": int(reading.face is not None)}
    row["time_s"] = _rounded("time_s", reading.time_s)
    if reading.face is not None:
        row |= _face_values(reading.face)
        if landmarks and reading.face.points is not None:
            row |= _landmark_values(reading.face.points)
    if reading.output is not None:
        row |= _au_values(reading.output, card)
    if reading.emotion is not None:
        row["emotion"] = reading.emotion.name
        row |= {f"emotion_{name}_p": _rounded("p", p) for name, p in reading.emotion.probability}
    return row


def row_reading(row: Mapping[str, str], card: ModelCard) -> Reading:
    """Return the reading that a row of text was written from, rounded as in the file.

    Args:
        row: Column to text for every column of `table_columns`, with landmarks or without.
        card: The card of the model that read it.
    """
    time_s = float(row["time_s"]) if row["time_s"] else None
    source, frame = row["source"], int(row["frame"])
    if row["success"] == "0":
        return Reading(source, frame, time_s)
    angles = [row[name] for name in _POSE]
    places = [row.get(name, "") for name in LANDMARK_COLUMNS]
    face = Face(
        box_px=(float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"])),
        score=float(row["face_score"]),
        points=np.array(places, np.float32).reshape(2, -1).T if all(places) else None,
        pose_deg=(float(angles[0]), float(angles[1]), float(angles[2])) if all(angles) else None,
        face_id=int(row["face_id"]) if row["face_id"] else None,
    )
    output = AUOutput(
        aus=card.aus,
        probability=_numbers(row, card, "p"),
        intensity=_numbers(row, card, "r") if card.intensity else None,
    )
    probabilities = [(name, row[f"emotion_{name}_p"]) for name in EMOTIONS]
    emotion = None
    if all(text for _, text in probabilities):
        pairs = tuple((name, float(text)) for name, text in probabilities)
        emotion = EmotionOutput(row["emotion"] or None, pairs)
    return Reading(source, frame, time_s, face, output, emotion)


def is_whole(column: str) -> bool:
    """Tell whether a column holds whole numbers."""
    return column in _WHOLE or column.endswith("_c")


def cell_text(column: str, value: object) -> str:
    """Return a value of `reading_row` as the file writes it, with the column's fixed count of decimals."""
    if value is None:
        return ""
    return f"{value:.{_decimals(column)}f}" if isinstance(value, float) else str(value)


def _face_values(face: Face) -> dict[str, object]:
    values: dict[str, object] = {"face_id": face.face_id, "face_score": _rounded("face_score", face.score)}
    values |= {name: _rounded(name, edge) for name, edge in zip(_BOX, face.box_px, strict=True)}
    pose = face.pose_deg or (None, None, None)
    return values | {name: _rounded(name, angle) for name, angle in zip(_POSE, pose, strict=True)}


def _landmark_values(points: Floats) -> dict[str, object]:
    places = points.T.reshape(-1).tolist()
    return {name: _rounded(name, place) for name, place in zip(LANDMARK_COLUMNS, places, strict=True)}


def _au_values(output: AUOutput, card: ModelCard) -> dict[str, object]:
    if output.aus != card.aus:
        raise TableError(f"The reading has the AUs {output.aus}, but the card of {card.name} has {card.aus}.")
    values: dict[str, object] = {}
    for k, (au, threshold) in enumerate(zip(card.aus, card.thresholds, strict=True)):
        stem, probability = au_column(au), float(output.probability[k])
        values[f"{stem}_p"] = _rounded("p", probability)
        # Decided before rounding, so that the file never changes a decision.
        values[f"{stem}_c"] = None if np.isnan(probability) else int(probability >= np.float32(threshold))
        if card.intensity and output.intensity is not None:
            values[f"{stem}_r"] = _rounded("r", float(output.intensity[k]))
    return values


def _decimals(column: str) -> int:
    """Scores, probabilities and intensities have four decimals."""
    return _DECIMALS.get(column, 4)


def _rounded(column: str, value: float | None) -> float | None:
    if value is None or np.isnan(value):
        return None
    return round(float(value), _decimals(column)) + 0.0  # adding 0.0 turns -0.0 into 0.0


def _numbers(row: Mapping[str, str], card: ModelCard, part: str) -> Floats:
    return np.array([float(row[f"{au_column(au)}_{part}"] or "nan") for au in card.aus], np.float32)
