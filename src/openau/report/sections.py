"""The rows of the page's tables and galleries, ready to be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from openau.facs import ACTION_UNITS, ActionUnit
from openau.records import Accuracy, ModelCard
from openau.report.pictures import Moment, PhotoCard
from openau.report.story import Story
from openau.report.tally import AUTally


@dataclass(frozen=True, slots=True)
class AURow:
    """One AU's figures over a set of readings; None where nothing was read.

    Attributes:
        unit: The action unit.
        share: Of readings in which it is active.
        mean: Probability.
        best: Largest probability.
        where: Source, frame and time of the largest probability.
        strength: Mean intensity (0–5) while active, where the model gives intensity.
    """

    unit: ActionUnit
    share: float | None
    mean: float | None
    best: float | None
    where: tuple[str, int, float | None] | None
    strength: float | None


def au_summary(story: Story, tally: AUTally) -> list[AURow]:
    """Return one row per AU in the card's order."""
    rows = []
    for row, au in enumerate(story.card.aus):
        known, active = tally.known[row], tally.active[row]
        seen = known > 0
        rows.append(
            AURow(
                ACTION_UNITS[au],
                float(active / known) if seen else None,
                float(tally.total[row] / known) if seen else None,
                float(tally.best[row]) if seen else None,
                tally.where[row],
                float(tally.strength[row] / active) if story.card.intensity and active else None,
            )
        )
    return rows


def emotion_shares(story: Story, tally: AUTally) -> list[tuple[int, str, float]]:
    """Return slot, name and share of readings per emotion, the most frequent first."""
    total = tally.emotion.sum()
    rows = [(i, name, float(tally.emotion[i] / total)) for i, name in enumerate(story.emotions) if total]
    return sorted((row for row in rows if row[2] > 0), key=lambda row: -row[2])


def strongest_rows(story: Story) -> list[tuple[ActionUnit, float, list[Moment], bool]]:
    """Return per AU its threshold, its strongest moments, and whether any reached the threshold.

    Moments below the threshold are left out unless none reached it; then the strongest one stands alone.
    """
    rows = []
    for au, threshold, moments in zip(
        story.card.aus, story.card.thresholds, story.strongest.moments, strict=True
    ):
        reached = [m for m in moments if np.float32(m.probability) >= np.float32(threshold)]
        if moments:
            rows.append((ACTION_UNITS[au], threshold, reached or moments[:1], bool(reached)))
    return rows


@dataclass(frozen=True, slots=True)
class CardView:
    """A photograph's card with its small bar chart.

    Attributes:
        card: What is known.
        name: The file's name.
        folder: Its folder, as the user named it; empty where there is none.
        active: Position and probability of each active AU, the most probable first.
        on: SVG path of the active AUs' bars.
        off: SVG path of the other bars.
        order: Probabilities in whole thousandths by AU position, for ordering in the page.
    """

    card: PhotoCard
    name: str
    folder: str
    active: list[tuple[int, float]]
    on: str
    off: str
    order: str


BAR_STEP = 14
"""Distance between the bars of a card, in SVG units."""


def gallery_cards(story: Story) -> list[CardView]:
    """Return the cards of the photographs."""
    thresholds = story.card.thresholds
    views = []
    for card in story.gallery.cards:
        bars: dict[bool, list[str]] = {True: [], False: []}
        active = []
        for row, (p, threshold) in enumerate(zip(card.probability, thresholds, strict=False)):
            if not np.isfinite(p):
                continue
            is_active = p >= threshold
            height = max(1, round(40 * p))
            bars[is_active].append(f"M{row * BAR_STEP + 2} 40h10v-{height}h-10z")
            if is_active:
                active.append((row, p))
        order = " ".join("-1" if not np.isfinite(p) else str(round(1000 * p)) for p in card.probability)
        active.sort(key=lambda pair: -pair[1])
        file = PurePath(card.source)
        folder = "" if str(file.parent) == "." else str(file.parent)
        views.append(
            CardView(card, file.name, folder, active, "".join(bars[True]), "".join(bars[False]), order)
        )
    return views


def threshold_marks(story: Story) -> str:
    """Return the SVG path of the thresholds over the bars of a card."""
    marks = (f"M{row * BAR_STEP + 1} {40 - round(40 * t)}h12" for row, t in enumerate(story.card.thresholds))
    return "".join(marks)


def truth_rows(story: Story) -> list[tuple[ActionUnit, int, int, int, float | None]]:
    """Return per AU the frames compared, truly present, truly absent, and the ROC AUC."""
    if story.truth is None:
        return []
    return [(ACTION_UNITS[au], *row) for au, row in zip(story.card.aus, story.truth.rows(), strict=True)]


def accuracy_rows(card: ModelCard) -> list[tuple[Accuracy, str]]:
    """Return the card's measured numbers, each with the name of its AU or `mean over AUs`."""
    out = []
    for row in card.accuracy:
        name = "mean over AUs" if row.au is None else f"AU{row.au:02d}"
        if row.au is not None and row.au in ACTION_UNITS:
            name += f" {ACTION_UNITS[row.au].name}"
        out.append((row, name))
    return out
