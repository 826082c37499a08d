"""`openau info`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openau.cli.command import Command
from openau.cli.options import File, Flag

if TYPE_CHECKING:
    from openau.records import Accuracy, ModelCard


@dataclass(frozen=True)
class Info(Command):
    """Show the card inside a model file: its AUs, thresholds, crop, training data, accuracy, limits.

    Attributes:
        file: Model file; the one that comes with openau if not given.
        json: Print the card as JSON instead.
    """

    file: File = None
    json: Flag = False

    def run(self) -> int:
        """Print the card."""
        from openau.runtime import default_model_path, read_card

        path = self.file or default_model_path()
        card = read_card(path)
        print(card.to_json() if self.json else card_text(card, path))
        return 0


def card_text(card: ModelCard, path: Path) -> str:
    """Return a card for reading.

    Args:
        card: The card.
        path: The file it came from.
    """
    from openau.facs import ACTION_UNITS, au_column

    crop = card.crop
    facts = [
        ("file", f"{path} ({path.stat().st_size / 1e6:.2f} MB)"),
        ("name", f"{card.name}, version {card.version}"),
        ("architecture", card.architecture),
        ("reference", card.reference),
        ("licence", card.licence),
        ("created", card.created),
        ("training data", card.training_data),
        ("crop", f"{crop.size}×{crop.size} pixels, {crop.scale:g} × the face box, {crop.shift_y:g} down"),
        ("intensity", "yes" if card.intensity else "no"),
        ("heat maps", f"from {card.heatmap_layer}" if card.heatmap_layer else "no"),
    ]
    lines = [f"{name:<15}{value}" for name, value in facts if value]
    lines += ["", f"{len(card.aus)} action units, and the probability from which each occurs:"]
    lines += [
        f"  {au_column(au)}  {ACTION_UNITS[au].name:<24}{threshold:.2f}"
        for au, threshold in zip(card.aus, card.thresholds, strict=True)
    ]
    if card.accuracy:
        lines += ["", "measured:", *(f"  {_measured(row)}" for row in card.accuracy)]
    if card.limits:
        lines += ["", "limits:", *(f"  {limit}" for limit in card.limits)]
    return "\n".join(lines)


def _measured(row: Accuracy) -> str:
    which = "mean over AUs" if row.au is None else f"AU{row.au:02d}"
    count = "" if row.count is None else f", n = {row.count}"
    return f"{which:<14}{row.metric} {row.value:.3f}  ({row.data}; {row.protocol}{count})"
