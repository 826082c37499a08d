"""Teaching landmarks: what rendered faces say about them, and how far a network is from it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openau.data.dataset import Crops
from openau.data.moves import Moves
from openau.data.visibility import visible_by_pose
from openau.errors import SettingError
from openau.faces import MIRRORED_POINTS
from openau.models.landmark_net import split
from openau.records import Floats
from openau.train.config import Recipe

POSE = ("pitch_deg", "yaw_deg", "roll_deg")
PARTS = {
    "jaw": range(17),
    "brows": range(17, 27),
    "nose": range(27, 36),
    "eyes": range(36, 48),
    "mouth": range(48, 68),
}
"""Part of the face to the numbers of its landmarks."""


class FaceLandmarks:
    """Where 68 landmarks are, whether they can be seen, and how the head is turned."""

    def arrays(self, recipe: Recipe, crops: Crops, rows: NDArray[np.int64]) -> dict[str, Floats]:
        """Return landmarks (N, 68, 2) in pixels of the wide crop, visibility (N, 68) and pose (N, 3).

        Raises:
            SettingError: The stores know no landmarks.
        """
        points = crops.points(rows)
        if np.isnan(points).all():
            raise SettingError(
                "The crop stores know no landmarks to teach; prepare them again from an index with landmarks."
            )
        return {"landmarks": points, "visible": _visible(crops, rows), "pose": _pose(crops, rows)}

    def whole(self, arrays: Mapping[str, Floats]) -> Tensor:
        """Return nothing: no loss of landmarks weighs by base rates."""
        return torch.zeros(0)

    def target(self, batch: Mapping[str, Tensor], output: Tensor, moves: Moves) -> Tensor:
        """Return where everything is after the moves, (B, 207); NaN unknown or outside the crop."""
        opposite = list(MIRRORED_POINTS)
        flipped = moves.mirrored[:, None]
        points = (moves.points(batch["landmarks"]) + 0.5) / moves.size
        points = torch.where(flipped[..., None], points[:, opposite], points)
        visible = torch.where(flipped, batch["visible"][:, opposite], batch["visible"])
        inside = ((points > 0) & (points < 1)).all(2)
        visible = torch.where(moves.covers(points), torch.zeros_like(visible), visible)
        visible = torch.where(inside, visible, torch.full_like(visible, torch.nan))
        points = torch.where(inside[..., None], points, torch.full_like(points, torch.nan))
        pitch, yaw, roll = batch["pose"].unbind(1)
        # A crop that is turned clockwise shows the head turned the other way, in which roll counts.
        roll = roll + moves.angle_deg
        sign = torch.where(moves.mirrored, -1.0, 1.0)
        return torch.cat([points.flatten(1), visible, torch.stack([pitch, sign * yaw, sign * roll], 1)], 1)


def _pose(crops: Crops, rows: NDArray[np.int64]) -> Floats:
    """Return pitch, yaw and roll where the index knows them, (N, 3)."""
    return np.array(crops.table.iloc[rows].reindex(columns=list(POSE)), np.float32)


def _visible(crops: Crops, rows: NDArray[np.int64]) -> Floats:
    """Return which landmarks can be seen, (N, 68); unknown where something stands before the face."""
    seen = visible_by_pose(_pose(crops, rows).astype(np.float64))
    if "occluder" in crops.table.columns:
        seen[crops.table["occluder"].iloc[rows].to_numpy() != "none"] = np.nan
    return seen


def landmark_errors(crops: Crops, rows: NDArray[np.int64], said: Floats) -> dict[str, Floats]:
    """Return how far a network is from the truth, face by face.

    Args:
        crops: The stores.
        rows: (N,) row numbers.
        said: (N, 207) what it says of the crops as they are.

    Returns:
        `error` and per part `error_eyes` and so on, the mean distance as a share of the distance between the
        eyes' centres; `error_pitch`, `error_yaw`, `error_roll` in degrees, without sign; `visible`, the share
        of landmarks of which it says rightly whether they can be seen. NaN where the truth is unknown.
    """
    size, wide = crops.spec.size, crops.side
    true = (crops.points(rows) - (wide - size) / 2 + 0.5) / size
    points, visible, pose = (part.numpy() for part in split(torch.from_numpy(said)))
    eyes = true[:, 36:42].mean(1) - true[:, 42:48].mean(1)
    away = np.linalg.norm(points - true, axis=2) / np.linalg.norm(eyes, axis=1)[:, None]
    found = {"error": away.mean(1)}
    found |= {f"error_{name}": away[:, list(part)].mean(1) for name, part in PARTS.items()}
    turns = np.abs(pose - _pose(crops, rows))
    found |= {f"error_{name.removesuffix('_deg')}": turns[:, axis] for axis, name in enumerate(POSE)}
    seen = _visible(crops, rows)
    right = np.where(np.isnan(seen), np.nan, (visible > 0) == (seen > 0.5))
    known = ~np.isnan(right)
    found["visible"] = np.where(known.any(1), np.nansum(right, axis=1) / np.maximum(known.sum(1), 1), np.nan)
    return {name: values.astype(np.float32) for name, values in found.items()}


def judge_landmarks(crops: Crops, rows: NDArray[np.int64], said: Floats) -> dict[str, float]:
    """Return what the log shows of the validation part.

    Args:
        crops: The stores.
        rows: (N,) row numbers.
        said: (N, 207) what the network says of them.

    Returns:
        `loss`, the mean distance over eyes' distance; `auc`, which landmarks do not have and the last weights
        are therefore kept; and the means of `landmark_errors`.
    """
    means = {name: float(np.nanmean(values)) for name, values in landmark_errors(crops, rows, said).items()}
    return {"loss": means["error"], "auc": float("nan"), **means}
