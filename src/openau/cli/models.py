"""`openau models`."""

from __future__ import annotations

from dataclasses import dataclass

from openau.cli.command import Command
from openau.cli.extras import needs


@dataclass(frozen=True)
class Models(Command):
    """List every network that can be trained, with its cost computed here and now.

    Attributes:
        aus: Number of action units the networks are built for.
        size: Side of their square input in pixels; what each was published with where not given.
    """

    aus: int = 18
    size: int | None = None

    def run(self) -> int:
        """Print one line per network."""
        with needs("torch", "train", "Listing the networks"):
            import torch

            from openau.models import MODELS, build_model, network_needs
            from openau.models.complexity import measure_complexity

        heads = f"{'pixels':>8}{'parameters':>14}{'MACs':>18}{'weights':>12}{'activations':>14}"
        print(f"{'network':<18}{heads}")
        for name in MODELS:
            size = self.size or network_needs(name).size
            with torch.device("meta"):  # counted without computing
                cost = measure_complexity(
                    build_model(name, self.aus, size=size), torch.zeros(1, 3, size, size)
                )
            print(
                f"{name:<18}{size:>8}{cost.parameters:>14,}{cost.macs:>18,}"
                f"{cost.weight_bytes / 1e6:>9.2f} MB{cost.activation_bytes / 1e6:>11.2f} MB"
            )
        return 0
