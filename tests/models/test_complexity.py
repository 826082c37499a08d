"""What a network costs is what its layers cost, counted by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from openau.models.complexity import measure_complexity


class Branching(nn.Module):
    """A picture of 4×4 whose first map is kept alive over two further ones."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 8, 1, groups=2)
        self.third = nn.Conv2d(8, 4, 1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.out = nn.Linear(4, 2)
        self.third.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, 2)."""
        first = self.first(images)
        third = self.norm(self.third(torch.relu_(self.second(first))))
        found: Tensor = self.out((first + third).mean((2, 3)))
        return found


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_weights_multiplies_and_memory_are_those_counted_by_hand(device: str) -> None:
    with torch.device(device):
        cost = measure_complexity(Branching(), torch.zeros(1, 3, 4, 4))
    assert cost.stored == (3 * 4 * 9 + 4) + (2 * 8 + 8) + 8 * 4 + 2 * 4 + (4 * 2 + 2)
    assert cost.parameters == cost.stored - 32
    assert cost.buffers == 8
    assert cost.weight_bytes == 4 * (cost.stored + 8)
    assert cost.macs == 16 * (3 * 4 * 9 + 2 * 8 + 8 * 4) + 4 * 2
    # At the third convolution: picture 3, first map 4, second map 8 (its ReLU in place), third map 4.
    assert cost.peak_bytes == 4 * 16 * (3 + 4 + 8 + 4)


def test_double_precision_takes_twice_the_memory() -> None:
    single = measure_complexity(Branching(), torch.zeros(1, 3, 4, 4)).peak_bytes
    double = measure_complexity(Branching().double(), torch.zeros(1, 3, 4, 4, dtype=torch.float64)).peak_bytes
    assert double == 2 * single


def test_counting_leaves_mode_and_statistics_as_they_were() -> None:
    network = Branching().train()
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    measure_complexity(network, torch.randn(1, 3, 4, 4))
    assert network.training
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())
