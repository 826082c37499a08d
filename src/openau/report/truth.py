"""Found against true: the judgement of a clip whose action units are known because it was rendered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from openau.errors import TableError
from openau.records import Floats
from openau.report.packing import pack_array, unpack_array

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class Truth:
    """The true AUs of one clip, and beside them what was found.

    Attributes:
        frame: (F,) frame indices, ascending.
        value: (F, A) true value in the model's AU order; NaN where not known.
        found: (F, A) found probability; NaN where there was no face.
        time_s: (F,) time of each frame as analysed; NaN before.
        full_scale: The true value that the top of a lane stands for.
        present_from: An AU is truly present where its value is at least this.
        source: The clip; the first video analysed where None.
    """

    frame: NDArray[np.int64]
    value: NDArray[np.float64]
    found: NDArray[np.float64]
    time_s: NDArray[np.float64]
    full_scale: float
    present_from: float
    source: str | None = None

    @classmethod
    def from_table(
        cls, table: pd.DataFrame, aus: tuple[int, ...], full_scale: float, present_from: float
    ) -> Truth:
        """Read the columns `frame` and `AU01`, `AU02`, ...

        Raises:
            TableError: The table lacks `frame` or has none of the model's AUs, or a frame comes twice.
        """
        if "frame" not in table.columns:
            raise TableError("The truth table has no column 'frame'; give each row the number of its frame.")
        columns = {
            int(m[1]): name for name in table.columns if (m := re.fullmatch(r"AU(\d\d)(?:_t)?", str(name)))
        }
        if not set(columns) & set(aus):
            raise TableError("The truth table has none of the model's AUs; name its columns AU01, AU02, ...")
        ordered = table.sort_values("frame")
        frame = ordered["frame"].to_numpy(np.int64)
        if len(np.unique(frame)) != len(frame):
            raise TableError("The truth table names a frame twice; give one row per frame.")
        value = np.full((len(frame), len(aus)), np.nan)
        for row, au in enumerate(aus):
            if au in columns:
                value[:, row] = ordered[columns[au]].to_numpy(np.float64)
        found = np.full(value.shape, np.nan)
        return cls(frame, value, found, np.full(len(frame), np.nan), full_scale, present_from)

    def see(self, source: str, frame: int, time_s: float | None, probability: Floats | None) -> None:
        """Set what was found in a frame beside its truth; frames of other sources are passed over."""
        if self.source is None and time_s is not None:
            self.source = source
        place = int(np.searchsorted(self.frame, frame))
        if source != self.source or place == len(self.frame) or self.frame[place] != frame:
            return
        if time_s is not None:
            self.time_s[place] = time_s
        if probability is not None:
            self.found[place] = probability

    def rows(self) -> list[tuple[int, int, int, float | None]]:
        """Return per AU the frames compared, those truly present, those truly absent, and the ROC AUC."""
        out = []
        for row in range(self.value.shape[1]):
            both = np.isfinite(self.value[:, row]) & np.isfinite(self.found[:, row])
            present = self.value[both, row] >= self.present_from
            found = self.found[both, row]
            auc = area_under_roc(found[present], found[~present])
            out.append((int(both.sum()), int(present.sum()), int((~present).sum()), auc))
        return out

    def state(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        arrays = {name: pack_array(getattr(self, name)) for name in ("frame", "value", "found", "time_s")}
        return {
            **arrays,
            "full_scale": self.full_scale,
            "present_from": self.present_from,
            "source": self.source,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Truth:
        """Return the truth that `state` describes."""
        values: dict[str, Any] = {k: unpack_array(v) if isinstance(v, dict) else v for k, v in state.items()}
        return cls(**values)


def area_under_roc(present: NDArray[np.float64], absent: NDArray[np.float64]) -> float | None:
    """Return the share of pairs in which the present frame has the higher probability; ties count half.

    Args:
        present: (P,) probabilities where the AU is truly present.
        absent: (Q,) probabilities where it is not.

    Returns:
        The ROC AUC in 0–1, or None where one side is empty and it is not defined.

    Reference: Hanley and McNeil (1982), the Wilcoxon statistic.
    """
    if not len(present) or not len(absent):
        return None
    ordered = np.sort(absent)
    below = np.searchsorted(ordered, present, side="left")
    not_above = np.searchsorted(ordered, present, side="right")
    return float((below + not_above).sum() / (2 * len(present) * len(absent)))
