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
        size: Side of their square input in pixels.
    """

    aus: int = 18
    size: int = 48

    def run(self) -> int:
        """Print one line per network."""
        with needs("torch", "train", "Listing the networks"):
            import torch

            from openau.models import MODELS, build_model
            from openau.models.complexity import measure_complexity

        print(f"{'network':<18}{'parameters':>14}{'MACs':>16}{'weights':>12}{'activations':>14}")
        for name in MODELS:
            cost = measure_complexity(
                build_model(name, self.aus, size=self.size), torch.zeros(1, 3, self.size, self.size)
            )
            print(
                f"{name:<18}{cost.parameters:>14,}{cost.macs:>16,}"
                f"{cost.weight_bytes / 1e6:>9.2f} MB{cost.activation_bytes / 1e6:>11.2f} MB"
            )
        return 0
