"""What a run of `openau explain` gathers from face to face, and the files it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.draw import draw_panel
from openau.explain.choices import Choices
from openau.explain.portraits import Portrait
from openau.explain.scores import Confusion, FaceScores, enlarge, score_face, summarise
from openau.facs import ACTION_UNITS, au_column
from openau.records import Crop, Floats, ModelCard, Pixels


class Gathered:
    """Rows, means and sums over all faces so far; pictures of some.

    Args:
        card: Of the network.
        choices: What is asked.
        folder: Where panels are drawn.
    """

    def __init__(self, card: ModelCard, choices: Choices, folder: Path) -> None:
        self.faces = 0
        self._choices, self._folder = choices, folder
        self._rows = choices.rows(card.aus)
        self._aus = tuple(card.aus[row] for row in self._rows)
        self._thresholds = np.array(card.thresholds)[self._rows]
        self._table: list[dict[str, Any]] = []
        self._confusion = {str(method): Confusion(self._aus) for method in choices.methods}
        size = card.crop.size
        self._mean_face = np.zeros((size, size, 3))
        self._shown = np.zeros(len(self._aus))
        self._mean_maps = {str(m): np.zeros((len(self._aus), size, size)) for m in choices.methods}

    @property
    def rows(self) -> list[int]:
        """Positions of the chosen AUs in the network's output."""
        return self._rows

    def take(self, portrait: Portrait, probability: Floats, maps: dict[str, Floats]) -> None:
        """Take in one face.

        Args:
            portrait: The face.
            probability: (A,) float32 of the chosen AUs.
            maps: Method to (A, h, w) float32 of the chosen AUs.
        """
        labels = portrait.present(self._aus)
        present = np.where(np.isnan(labels), probability >= self._thresholds, labels == 1)
        regions = self._regions(portrait)
        self._mean_face += portrait.crop.pixels
        self._shown += present
        for method, each in maps.items():
            large = enlarge(each, portrait.crop.pixels.shape[0])
            total = large.sum((1, 2), keepdims=True)
            share = np.divide(large, total, out=np.zeros_like(large), where=total > 0)
            self._mean_maps[method] += share * present[:, None, None]
            scores = None if regions is None else score_face(each, regions)
            if scores is not None:
                self._confusion[method].add(scores, present)
            self._add_rows(portrait, method, large, scores, (probability, labels, present))
        if self.faces < self._choices.panels:
            self._draw(portrait, probability, maps, regions)
        self.faces += 1

    def _regions(self, portrait: Portrait) -> NDArray[np.bool_] | None:
        if self._choices.regions == "none":
            return None
        exact = self._choices.regions == "masks"
        return portrait.masks(self._aus) if exact else portrait.regions(self._aus)

    def _add_rows(
        self,
        portrait: Portrait,
        method: str,
        large: Floats,
        scores: FaceScores | None,
        read: tuple[Floats, NDArray[np.float64], NDArray[np.bool_]],
    ) -> None:
        """Note every AU of a face."""
        back = cv2.invertAffineTransform(portrait.crop.matrix)
        probability, labels, present = read
        for k, au in enumerate(self._aus):
            row, column = np.unravel_index(int(large[k].argmax()), large[k].shape)
            is_flat = not large[k].max() > 0
            x, y = (np.nan, np.nan) if is_flat else back @ (float(column), float(row), 1.0)
            self._table.append(
                {
                    "source": portrait.source,
                    "face": portrait.face,
                    "subject": portrait.subject,
                    "method": method,
                    "au": au,
                    "probability": float(probability[k]),
                    "label": labels[k],
                    "present": bool(present[k]),
                    "map_max": float(large[k].max()),
                    "peak_x": round(float(x), 1),
                    "peak_y": round(float(y), 1),
                }
                | (
                    {}
                    if scores is None
                    else {
                        "energy": scores.energy[k, k],
                        "pointing": scores.peak[k, k],
                        "chance": scores.chance[k],
                    }
                )
            )

    def _draw(
        self,
        portrait: Portrait,
        probability: Floats,
        maps: dict[str, Floats],
        regions: NDArray[np.bool_] | None,
    ) -> None:
        titles = [
            (f"{au_column(au)} {ACTION_UNITS[au].name}", f"probability {p:.2f}")
            for au, p in zip(self._aus, probability, strict=True)
        ]
        panel = draw_panel(portrait.rgb, portrait.crop, maps, titles, regions)
        stem = Path(portrait.source.split("#")[0]).stem
        write_picture(self._folder / "panels" / f"{self.faces:04d}-{stem}-{portrait.face}.png", panel)

    def write(self, *sections: list[str]) -> None:
        """Write tables, averages and the page that sums them up.

        Args:
            *sections: Paragraphs to add to the page.
        """
        table = pd.DataFrame(self._table)
        table.assign(au=table["au"].map(au_column)).to_csv(self._folder / "explanations.csv", index=False)
        parts = [
            f"# What the network looked at\n\n{self.faces} faces, {table['subject'].nunique()} subjects."
        ]
        if "energy" in table:
            parts += self._scores(table)
        parts += [part for section in sections for part in section]
        self._averages()
        (self._folder / "explanations.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")

    def _scores(self, table: pd.DataFrame) -> list[str]:
        """Write scores and confusion; returns their sections."""
        shown = table[table["present"]]
        if shown.empty:
            return ["No face shows any of the AUs, so that there is nothing to score."]
        columns = ["energy", "pointing", "chance"]
        scores = self._by_method(shown, columns)
        pairs = pd.concat([c.table().assign(method=m) for m, c in self._confusion.items()], ignore_index=True)
        scores.to_csv(self._folder / "scores.csv", index=False)
        pairs.to_csv(self._folder / "confusion.csv", index=False)
        say = (
            "Share of a map's energy inside the AU's region, and how often its peak lies there, on faces "
            "that show the AU; chance is the region's share of the crop. 95 % intervals over subjects. "
            f"Regions: {self._choices.regions}. Whose region lights up for whom: confusion.csv."
        )
        return ["## Scores", say, as_markdown(scores)]

    def _by_method(self, table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        found = []
        for method, rows in table.groupby("method", sort=False):
            one = summarise(rows, columns, resamples=self._choices.resamples, seed=self._choices.seed)
            one.insert(0, "method", method)
            found.append(one.drop(columns=["chance_low", "chance_high"]))
        return pd.concat(found, ignore_index=True)

    def _averages(self) -> None:
        """Draw the mean map of each AU over the faces that show it, on the mean face."""
        face = np.rint(self._mean_face / max(self.faces, 1)).astype(np.uint8)
        count = np.maximum(self._shown, 1)[:, None, None]
        maps = {m: (total / count).astype(np.float32) for m, total in self._mean_maps.items()}
        titles = [
            (f"{au_column(au)} {ACTION_UNITS[au].name}", f"mean of {int(n)} faces, share per pixel")
            for au, n in zip(self._aus, self._shown, strict=True)
        ]
        panel = draw_panel(face, Crop(face, np.eye(2, 3)), maps, titles)
        write_picture(self._folder / "averages.png", panel)
        arrays: dict[str, Any] = {"face": face, **maps}
        np.savez_compressed(self._folder / "averages.npz", **arrays)


def as_markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown, numbers to three digits.

    Args:
        table: With plain columns.
    """
    rows = [list(map(str, table.columns)), ["---"] * len(table.columns)]
    rows += [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.3f}"
    return str(value)


def write_picture(path: Path, rgb: Pixels) -> None:
    """Write a PNG, making its folder.

    Args:
        path: The file.
        rgb: (H, W, 3) RGB uint8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    path.write_bytes(data.tobytes())
