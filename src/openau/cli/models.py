"""`openau models`."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openau.cli.command import Command
from openau.cli.extras import needs
from openau.cli.options import Count, Name, Place, Whole
from openau.errors import SettingError

if TYPE_CHECKING:
    from openau.models.complexity import Complexity


EMOTIONS = 7
"""That the networks for emotions are built for."""


@dataclass(frozen=True)
class Models(Command):
    """List every network that can be trained, with its cost computed here and now; or describe one.

    Attributes:
        name: Describe this network alone: what it needs of its pictures, where its heat maps are read, its
            reference, and how it differs from its paper.
        aus: Number of action units the networks are built for.
        size: Side of their square input in pixels; what each was published with where not given.
        fetch: Download the ImageNet weights of the network `name` into this folder.
    """

    name: Name = ""
    aus: Count = 18
    size: Whole = None
    fetch: Place = None

    def run(self) -> int:
        """Print one line per network, or one network.

        Raises:
            SettingError: No network has this name.
        """
        with needs("torch", "train", "Listing the networks"):
            from openau.models import EMOTION_MODELS, MODELS

        known = (*MODELS, *EMOTION_MODELS)
        if self.name not in ("", *known):
            raise SettingError(f"There is no network {self.name!r}; choose one of {', '.join(known)}.")
        if self.fetch is not None:
            return self._fetch(self.fetch)
        heads = (
            f"{'pixels':>8}{'parameters':>14}{'trained':>14}{'MACs':>16}{'weights':>12}{'peak memory':>14}"
        )
        print(f"{'network':<18}{heads}")
        for name in [self.name] if self.name else known:
            size, cost = self._cost(name)
            print(
                f"{name:<18}{size:>8}{cost.stored:>14,}{cost.parameters:>14,}{cost.macs:>16,}"
                f"{cost.weight_bytes / 1e6:>9.2f} MB{cost.peak_bytes / 1e6:>11.2f} MB"
            )
        if self.name:
            print(_description(self.name))
        else:
            print(
                f"\nFor {self.aus} AUs, the last two for {EMOTIONS} emotions, and one picture as float32. "
                "Peak memory:\nthe picture and the values between layers, in PyTorch.\n"
                "openau models --name NETWORK describes one of them."
            )
        return 0

    def _cost(self, name: str) -> tuple[int, Complexity]:
        """Return the side of a network's pictures and what it costs."""
        import torch

        from openau.models import MODELS, build_emotion_model, build_model, network_needs
        from openau.models.complexity import measure_complexity

        size = self.size or network_needs(name).size
        with torch.device("meta"):  # counted without computing
            if name in MODELS:
                network = build_model(name, self.aus, size=size)
            else:
                network = build_emotion_model(name, EMOTIONS, size=size)
            return size, measure_complexity(network, torch.zeros(1, 3, size, size))

    def _fetch(self, folder: Path) -> int:
        """Download a network's ImageNet weights."""
        from openau.models.pretrained import fetch_imagenet

        if not self.name:
            raise SettingError("Say whose weights to fetch: openau models --name vgg19 --fetch weights.")

        def progress(done: int, total: int | None) -> None:
            if sys.stderr.isatty():
                of = f" of {total / 1e6:.0f}" if total else ""
                print(f"\r{done / 1e6:.0f}{of} MB", end="", file=sys.stderr, flush=True)

        path = fetch_imagenet(self.name, folder, progress=progress)
        print(f"{self.name}: {path}")
        return 0


def _description(name: str) -> str:
    """Return what a network needs and where it comes from, in lines."""
    from openau.facs import au_set
    from openau.models import EMOTION_MODELS, model_class, network_needs

    kind, wanted = model_class(name), network_needs(name)
    document = inspect.getdoc(kind) or ""
    differs = re.search(r"^Differences from the paper[^:]*: (.+?)(?:\n\n|\Z)", document, re.S | re.M)
    aligned = {
        "box": "cut by the face box, upright",
        "similarity": "eyes turned, scaled and moved to fixed places",
    }
    if name in EMOTION_MODELS:
        published = f"{EMOTIONS} emotions, as in CAER-S"
    else:
        published = f"{wanted.aus}: AU {', '.join(map(str, au_set(wanted.aus)))}"
    rows = (
        (
            "pictures",
            f"{wanted.size}×{wanted.size} RGB, {aligned[wanted.alignment]}; at least {wanted.smallest}",
        ),
        ("normalised", f"(RGB / 255 - {wanted.mean}) / {wanted.std}"),
        ("published for", published),
        ("heat maps", f"read from {getattr(kind, 'heatmap_layer', None) or 'nowhere'}"),
        ("reference", getattr(kind, "reference", "")),
        ("differs", " ".join(differs[1].split()) if differs else ""),
    )
    return "\n".join(
        textwrap.fill(text, 110, initial_indent=f"{label:<16}", subsequent_indent=" " * 16)
        for label, text in rows
    )
