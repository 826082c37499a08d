"""How well a map points: the share of its energy inside a region, and whether its peak lies there.

Both are 1 for a map that lies wholly inside, and for a map without preference the region's share of the
picture, which is printed beside them as chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.errors import SettingError
from openau.evaluate.bootstrap import Resamples, interval
from openau.facs import au_column
from openau.records import Floats


def enlarge(maps: Floats, size: int) -> Floats:
    """Return maps in the pixels of the crop, bilinearly.

    Args:
        maps: (A, h, w) float32.
        size: Side S of the crop in pixels.

    Returns:
        (A, S, S).
    """
    large = [cv2.resize(one, (size, size), interpolation=cv2.INTER_LINEAR) for one in maps]
    return np.stack(large).astype(np.float32) if large else np.zeros((0, size, size), np.float32)


def energy_inside(maps: Floats, regions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of each map's sum that lies inside each region.

    Args:
        maps: (A, S, S) float32, not negative.
        regions: (R, S, S).

    Returns:
        (A, R) in 0–1; NaN where the map is 0 everywhere or the region is empty.

    Reference: Wang et al., Score-CAM, CVPR workshops 2020, the energy-based pointing game.
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    inside = flat @ regions.reshape(len(regions), -1).T.astype(np.float64)
    return _defined(inside / np.where(flat.sum(1) > 0, flat.sum(1), np.nan)[:, None], regions)


def peak_inside(maps: Floats, regions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return whether each map's highest place lies in each region.

    Args:
        maps: (A, S, S) float32, not negative.
        regions: (R, S, S).

    Returns:
        (A, R): 0 or 1, or between where several places tie for the highest; NaN as in `energy_inside`.

    Reference: Zhang et al., Top-down neural attention by excitation backprop, ECCV 2016, the pointing game,
    without its margin.
    """
    flat = maps.reshape(len(maps), -1)
    top = flat.max(1, initial=0)[:, None]
    highest = np.asarray((flat == top) & (top > 0), np.float64)
    count = highest.sum(1)
    inside = highest @ regions.reshape(len(regions), -1).T.astype(np.float64)
    return _defined(inside / np.where(count > 0, count, np.nan)[:, None], regions)


def _defined(shares: NDArray[np.float64], regions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return shares with NaN where a region is empty."""
    return np.where(np.asarray(regions.any((1, 2)))[None], shares, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class FaceScores:
    """One face's maps, each against the region of each AU.

    Attributes:
        energy: (A, A) share of the map's sum (rows) inside the region (columns), NaN where undefined.
        peak: (A, A) whether the map's highest place lies in the region, NaN where undefined.
        chance: (A,) the region's share of the crop, what a map without preference would have for both.
    """

    energy: NDArray[np.float64]
    peak: NDArray[np.float64]
    chance: NDArray[np.float64]


def score_face(maps: Floats, regions: NDArray[np.bool_]) -> FaceScores:
    """Score one face's maps.

    Args:
        maps: (A, h, w) float32, not negative.
        regions: (A, S, S), where each AU shows; empty where it does not.

    Raises:
        SettingError: Maps and regions differ in number.
    """
    if len(maps) != len(regions):
        raise SettingError(f"{len(maps)} maps and {len(regions)} regions do not fit together.")
    large = enlarge(maps, regions.shape[-1])
    area = regions.mean((1, 2))
    chance = np.where(area > 0, area, np.nan)
    return FaceScores(energy_inside(large, regions), peak_inside(large, regions), chance)


class Confusion:
    """Whose region each AU's map lights up, on the faces that show the AU.

    Attributes:
        sums: (3, A, A) over faces, by map and region: how many, energy, chance.

    Args:
        aus: The A action units.
    """

    def __init__(self, aus: Sequence[int]) -> None:
        self._aus = tuple(aus)
        self.sums = np.zeros((3, len(aus), len(aus)))

    def add(self, scores: FaceScores, present: NDArray[np.bool_]) -> None:
        """Take in one face.

        Args:
            scores: Of the face.
            present: (A,), which AUs it shows.
        """
        known = present[:, None] & np.isfinite(scores.energy)
        chance = np.broadcast_to(scores.chance, scores.energy.shape)
        for sums, values in zip(self.sums, (np.ones_like(chance), scores.energy, chance), strict=True):
            sums += np.where(known, values, 0.0)

    def table(self) -> pd.DataFrame:
        """Return one row per pair that was seen.

        Returns:
            `au`, `region`, `faces`, mean `energy`, mean `chance`, and `lift`, their ratio: 1 for a map
            without preference.
        """
        names = [au_column(au) for au in self._aus]
        count, energy, chance = (part.ravel() for part in self.sums)
        table = pd.DataFrame(
            {
                "au": np.repeat(names, len(names)),
                "region": np.tile(names, len(names)),
                "faces": count.astype(int),
            }
        )
        seen = np.where(count > 0, count, np.nan)
        table = table.assign(energy=energy / seen, chance=chance / seen)
        return table.assign(lift=table["energy"] / table["chance"])[count > 0].reset_index(drop=True)


def summarise(
    scores: pd.DataFrame, values: Sequence[str], *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return the mean of some scores by AU, with 95 % intervals over resamples of the subjects.

    Args:
        scores: One row per face and AU: `subject`, `au`, and the scores, NaN where undefined.
        values: Columns to average.
        resamples: How many; 0 for no intervals.
        seed: Decides the draws.

    Returns:
        One row per AU and a last one, `au` "mean", for the mean over AUs: `faces` and `subjects` with the
        first score defined, then each score with `_low` and `_high`.
    """
    draws = Resamples(scores["subject"], resamples, seed)
    aus = sorted(scores["au"].unique())
    rows: list[dict[str, object]] = []
    every: dict[str, list[NDArray[np.float64]]] = {value: [] for value in values}
    for au in aus:
        here = (scores["au"] == au).to_numpy()
        first = scores[here & scores[values[0]].notna().to_numpy()]
        row: dict[str, object] = {
            "au": au_column(au),
            "faces": len(first),
            "subjects": first["subject"].nunique(),
        }
        for value in values:
            means = _means(scores, np.flatnonzero(here & scores[value].notna().to_numpy()), value, draws)
            every[value].append(means)
            row |= _with_interval(value, means)
        rows.append(row)
    defined = [row for row in rows if row["faces"]]
    last: dict[str, object] = {
        "au": "mean",
        "faces": sum(int(str(row["faces"])) for row in defined),
        "subjects": scores.loc[scores[values[0]].notna(), "subject"].nunique(),
    }
    for value in values:
        last |= _with_interval(value, _mean_of_defined(every[value]))
    return pd.DataFrame([*rows, last])


def _means(
    scores: pd.DataFrame, kept: NDArray[np.int64], value: str, draws: Resamples
) -> NDArray[np.float64]:
    """Return the mean over the kept rows, then the same in every resample: (1 + R,)."""
    numbers = scores[value].to_numpy(np.float64)[kept]
    cells = np.stack([numbers, np.ones_like(numbers)], axis=1)
    total = np.concatenate([cells.sum(0, keepdims=True), draws.total(cells, kept)])
    return total[:, 0] / np.where(total[:, 1] > 0, total[:, 1], np.nan)


def _mean_of_defined(means: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean over AUs that have a value, (1 + R,)."""
    stacked = np.stack(means)
    known = np.isfinite(stacked)
    count = known.sum(0)
    total = np.where(known, stacked, 0.0).sum(0)
    return np.asarray(total / np.where(count > 0, count, np.nan), np.float64)


def _with_interval(name: str, means: NDArray[np.float64]) -> dict[str, object]:
    low, high = interval(means[1:])
    return {name: float(means[0]), f"{name}_low": low, f"{name}_high": high}
