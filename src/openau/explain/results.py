"""What a run of `openau explain` gathers from face to face, and the files it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openau.draw import PanelRow
from openau.explain.averages import Averages
from openau.explain.choices import Choices
from openau.explain.journal import Arrays, Facts, cut_off, size_of
from openau.explain.portraits import Portrait
from openau.explain.scores import Confusion, FaceScores, enlarge, score_face, summarise
from openau.explain.sheets import Sheets
from openau.facs import au_column
from openau.records import Crop, Floats, ModelCard

TABLE = "explanations.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What one network said about one face, and where it looked by one method.

    Attributes:
        model: The network's name.
        method: How the maps were made.
        crop: The face as the network read it.
        probability: (A,) float32.
        maps: (A, h, w) float32.
    """

    model: str
    method: str
    crop: Crop
    probability: Floats
    maps: Floats

    @property
    def key(self) -> tuple[str, str]:
        """Network and method."""
        return self.model, self.method


class Gathered:
    """Rows, means and sums over all faces so far; pictures of some. Rows go to the disk as they come.

    Args:
        cards: Of the networks, by name.
        aus: The A action units.
        choices: What is asked.
        folder: Where everything is written.
    """

    def __init__(
        self, cards: Mapping[str, ModelCard], aus: tuple[int, ...], choices: Choices, folder: Path
    ) -> None:
        self.faces = 0
        self._choices, self._folder, self._aus = choices, folder, aus
        self._thresholds = {
            name: np.array([card.thresholds[card.aus.index(au)] for au in aus])
            for name, card in cards.items()
        }
        keys = [(name, str(method)) for name in cards for method in choices.methods]
        self._confusion = {key: Confusion(aus) for key in keys}
        self._averages = Averages(keys, aus)
        self._sheets = Sheets(folder, aus, choices.panels)
        self._is_one = len(cards) == 1

    def take(self, portrait: Portrait, found: Sequence[Found]) -> None:
        """Take in one face.

        Args:
            portrait: The face.
            found: Of every network and method, in order.
        """
        labels = portrait.present(self._aus)
        rows: list[dict[str, Any]] = []
        panel: list[PanelRow] = []
        shown: list[NDArray[np.bool_]] = []
        for one in found:
            says = one.probability >= self._thresholds[one.model]
            present = np.where(np.isnan(labels), says, labels == 1)
            regions = self._regions(portrait, one.crop)
            scores = None if regions is None else score_face(one.maps, regions)
            if scores is not None:
                self._confusion[one.key].add(scores, present)
            rows += self._rows(portrait, one, scores, labels, present)
            name = one.method if self._is_one else f"{one.model}, {one.method}"
            probability = [f"probability {p:.2f}" for p in one.probability]
            panel.append(PanelRow(name, one.crop, one.maps, probability, regions))
            shown.append(present)
        self._averages.take(portrait, [(one.key, one.crop, one.maps) for one in found], shown)
        self._sheets.take(portrait, panel, self.faces)
        is_first = self.faces == 0
        pd.DataFrame(rows).to_csv(
            self._folder / TABLE, mode="w" if is_first else "a", header=is_first, index=False
        )
        self.faces += 1

    def state(self) -> tuple[Facts, Arrays]:
        """Return what has to be known to go on."""
        facts = {"faces": self.faces, "bytes": size_of(self._folder / TABLE), "sheets": self._sheets.state()}
        sums = {f"confusion{k}": each.sums for k, each in enumerate(self._confusion.values())}
        return facts, sums | self._averages.state()

    def restore(self, facts: Facts, arrays: Arrays) -> None:
        """Go on from a state.

        Args:
            facts: From `state`.
            arrays: From `state`.
        """
        self.faces = facts["faces"]
        cut_off(self._folder / TABLE, facts["bytes"])
        self._sheets.restore(facts["sheets"])
        for number, each in enumerate(self._confusion.values()):
            each.sums = arrays[f"confusion{number}"]
        self._averages.restore(arrays)

    def _regions(self, portrait: Portrait, crop: Crop) -> NDArray[np.bool_] | None:
        if self._choices.regions == "none":
            return None
        exact = self._choices.regions == "masks"
        return portrait.masks(self._aus, crop) if exact else portrait.regions(self._aus, crop)

    def _rows(
        self,
        portrait: Portrait,
        one: Found,
        scores: FaceScores | None,
        labels: NDArray[np.float64],
        present: NDArray[np.bool_],
    ) -> list[dict[str, Any]]:
        """Return a row for every AU of a face."""
        back = cv2.invertAffineTransform(one.crop.matrix)
        large = enlarge(one.maps, one.crop.pixels.shape[0])
        rows = []
        for k, au in enumerate(self._aus):
            height, (y, x) = float(large[k].max()), np.unravel_index(int(large[k].argmax()), large[k].shape)
            peak = back @ (float(x), float(y), 1.0) if height > 0 else (np.nan, np.nan)
            row = {
                "source": portrait.source,
                "frame": portrait.frame,
                "time_s": portrait.time_s,
                "face": portrait.number,
                "subject": portrait.subject,
                "model": one.model,
                "method": one.method,
                "au": au_column(au),
                "probability": float(one.probability[k]),
                "label": labels[k],
                "present": bool(present[k]),
                "map_max": height,
                "peak_x": round(float(peak[0]), 1),
                "peak_y": round(float(peak[1]), 1),
            }
            if scores is not None:
                row |= {
                    "energy": scores.energy[k, k],
                    "pointing": scores.peak[k, k],
                    "chance": scores.chance[k],
                }
            rows.append(row)
        return rows

    def write(self, *sections: list[str]) -> None:
        """Write tables, averages and the page that sums them up.

        Args:
            *sections: Paragraphs to add to the page.
        """
        self._sheets.finish()
        has_scores = self._choices.regions != "none"
        columns = ["subject", "model", "method", "au", "present"]
        table = pd.read_csv(
            self._folder / TABLE,
            usecols=columns + ["energy", "pointing", "chance"] * has_scores,
            dtype={"subject": str, "model": str},
        )
        table["au"] = table["au"].str[2:].astype(int)
        count = table["subject"].nunique()
        parts = [f"# What the network looked at\n\n{self.faces} faces, {count} subjects."]
        if has_scores:
            parts += self._scores(table)
        parts += [part for section in sections for part in section]
        self._averages.write(self._folder)
        (self._folder / "explanations.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")

    def _scores(self, table: pd.DataFrame) -> list[str]:
        """Write scores and confusion; returns their sections."""
        shown = table[table["present"]]
        if shown.empty:
            return ["No face shows any of the AUs, so that there is nothing to score."]
        found = []
        for (model, method), rows in shown.groupby(["model", "method"], sort=False):
            one = summarise(
                rows,
                ["energy", "pointing", "chance"],
                resamples=self._choices.resamples,
                seed=self._choices.seed,
            )
            one.insert(0, "method", str(method))
            one.insert(0, "model", str(model))
            found.append(one.drop(columns=["chance_low", "chance_high"]))
        scores = pd.concat(found, ignore_index=True)
        scores.to_csv(self._folder / "scores.csv", index=False)
        pairs = pd.concat(
            [each.table().assign(model=key[0], method=key[1]) for key, each in self._confusion.items()],
            ignore_index=True,
        )
        pairs.to_csv(self._folder / "confusion.csv", index=False)
        say = (
            "Share of a map's energy inside the AU's region, and how often its peak lies there, on faces "
            "that show the AU; chance is the region's share of the crop. 95 % intervals over subjects. "
            f"Regions: {self._choices.regions}."
        )
        parts = ["## Scores", say, as_markdown(scores), "## Whose region lights up", _CONFUSION]
        for (model, method), rows in pairs.groupby(["model", "method"], sort=False):
            matrix = rows.pivot(index="au", columns="region", values="lift")
            parts += [f"{model}, {method}:", as_markdown(matrix.reset_index())]
        return parts


_CONFUSION = (
    "Rows: the AU that the map is of, on faces that show it. Columns: the region. Share of the map's energy "
    "in the region over the region's share of the crop: 1 is no preference. A row that is highest outside "
    "its own column says that the AU is read from elsewhere."
)


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
