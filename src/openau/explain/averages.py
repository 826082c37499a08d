"""The mean map of each action unit over many faces, on one template."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openau.draw import PanelRow, draw_panel
from openau.explain.journal import Arrays
from openau.explain.portraits import Portrait
from openau.explain.scores import enlarge
from openau.explain.sheets import titled, write_picture
from openau.explain.template import SIDE, crop_square, lay_face, lay_maps, onto_template, outlined
from openau.records import Crop, Floats

_Key = tuple[str, str]


class Averages:
    """Sums of maps, each as shares of its own energy, on the faces that show the AU.

    Faces with landmarks are laid on the template by them; where the first face has none, the crops lie upon
    each other as they were cut.

    Args:
        keys: Network and method of each row.
        aus: The A action units.
    """

    def __init__(self, keys: Sequence[_Key], aus: tuple[int, ...]) -> None:
        self._aus = aus
        self._face = np.zeros((SIDE, SIDE, 3))
        self._count = 0
        self._by_landmarks: bool | None = None
        self._maps = {key: np.zeros((len(aus), SIDE, SIDE)) for key in keys}
        self._shown = {key: np.zeros(len(aus), np.int64) for key in keys}

    def take(
        self,
        portrait: Portrait,
        found: Sequence[tuple[_Key, Crop, Floats]],
        shown: Sequence[NDArray[np.bool_]],
    ) -> None:
        """Take in one face.

        Args:
            portrait: The face.
            found: Network and method, crop and (A, h, w) maps.
            shown: For each, (A,) whether the face shows the AU.
        """
        points = portrait.landmarks
        has_points = points is not None and bool(np.isfinite(points).all())
        if self._by_landmarks is None:
            self._by_landmarks = has_points
        if self._by_landmarks and not has_points:
            return
        aligned = onto_template(points) if self._by_landmarks and points is not None else None
        for (key, crop, maps), present in zip(found, shown, strict=True):
            matrix = crop_square(crop) if aligned is None else aligned
            laid = lay_maps(enlarge(maps[present], crop.pixels.shape[0]), crop, matrix)
            total = laid.sum((1, 2), keepdims=True)
            known = total[:, 0, 0] > 0
            rows = np.flatnonzero(present)[known]
            self._maps[key][rows] += laid[known] / total[known]
            self._shown[key][rows] += 1
        first = crop_square(found[0][1]) if aligned is None else aligned
        self._face += lay_face(portrait.rgb, first)
        self._count += 1

    def state(self) -> Arrays:
        """Return what has to be known to go on."""
        found: Arrays = {"face": self._face, "count": np.array([self._count, self._by_landmarks is True])}
        for number, key in enumerate(self._maps):
            found |= {f"maps{number}": self._maps[key], f"shown{number}": self._shown[key]}
        return found

    def restore(self, state: Arrays) -> None:
        """Go on from a state.

        Args:
            state: From `state`.
        """
        self._face = state["face"]
        self._count, by_landmarks = (int(value) for value in state["count"])
        self._by_landmarks = bool(by_landmarks) if self._count else None
        for number, key in enumerate(self._maps):
            self._maps[key], self._shown[key] = state[f"maps{number}"], state[f"shown{number}"]

    def write(self, folder: Path) -> None:
        """Write `averages.png` and `averages.npz`.

        Args:
            folder: Where to.
        """
        mean = np.rint(self._face / max(self._count, 1)).astype(np.uint8)
        face = outlined(mean) if self._by_landmarks else mean
        square = Crop(mean, np.eye(2, 3))
        rows, arrays = [], {}
        for key, total in self._maps.items():
            counts = self._shown[key]
            maps = (total / np.maximum(counts, 1)[:, None, None]).astype(np.float32)
            arrays[", ".join(key)] = maps
            says = [f"mean of {n} faces, share per pixel" for n in counts]
            rows.append(PanelRow(", ".join(key), square, maps, says))
        write_picture(
            folder / "averages.png",
            draw_panel(face, rows, titled(self._aus), shows=f"mean of {self._count} faces"),
        )
        written: dict[str, Any] = {"face": mean, "aus": np.array(self._aus), **arrays}
        np.savez_compressed(folder / "averages.npz", **written)
