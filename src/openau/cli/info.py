"""`openau info`."""

from __future__ import annotations

from collections.abc import Sequence
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
        ("heat maps", _says_heatmaps(card)),
    ]
    lines = [f"{name:<15}{value}" for name, value in facts if value]
    lines += ["", f"{len(card.aus)} action units, and the probability from which each occurs:"]
    lines += [
        f"  {au_column(au)}  {ACTION_UNITS[au].name:<24}{threshold:.2f}"
        for au, threshold in zip(card.aus, card.thresholds, strict=True)
    ]
    if card.accuracy:
        lines += _measured(card.accuracy)
    if card.limits:
        lines += ["", "limits:", *(f"  {limit}" for limit in card.limits)]
    return "\n".join(lines)


def _says_heatmaps(card: ModelCard) -> str:
    """Return which layer the heat maps are read from, and how they are best made."""
    if card.heatmap_layer is None:
        return "no"
    return f"from {card.heatmap_layer}" + (f", best by {card.heatmap_method}" if card.heatmap_method else "")


def _measured(accuracy: Sequence[Accuracy]) -> list[str]:
    """Return one table per set of test pictures, with a row per AU and a column per metric."""
    from openau.facs import au_column

    lines: list[str] = []
    for data, protocol in dict.fromkeys((row.data, row.protocol) for row in accuracy):
        rows = [row for row in accuracy if (row.data, row.protocol) == (data, protocol)]
        metrics = list(dict.fromkeys(row.metric.removeprefix("mean ") for row in rows))
        lines += ["", f"measured on {data}", f"({protocol})"]
        lines.append("  AU    " + "".join(f"{metric:>12}" for metric in metrics) + f"{'n':>8}")
        for au in dict.fromkeys(row.au for row in rows):
            values = {row.metric.removeprefix("mean "): row for row in rows if row.au == au}
            cells = (f"{values[m].value:>12.3f}" if m in values else " " * 12 for m in metrics)
            count = next((row.count for row in values.values() if row.count is not None), "")
            lines.append(f"  {'mean' if au is None else au_column(au):<6}{''.join(cells)}{count:>8}")
    return lines
