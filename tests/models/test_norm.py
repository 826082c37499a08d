"""The norm over channels is torch's, and so is its gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from openau.models.norm import ChannelNorm


@pytest.mark.parametrize("channels", [1, 3, 5, 32])
@pytest.mark.parametrize("size", [1.0, 300.0])
def test_it_equals_torchs_with_its_gradient(channels: int, size: float) -> None:
    generator = torch.Generator().manual_seed(channels)
    values = size * torch.randn(2, channels, 4, 3, generator=generator, dtype=torch.float64)
    weights = torch.randn(values.shape, generator=generator, dtype=torch.float64)
    found = []
    for norm in (ChannelNorm(), nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)):
        given = values.clone().requires_grad_()
        result = norm(given)
        (result * weights).sum().backward()
        found.append((result.detach(), given.grad))
    torch.testing.assert_close(found[0], found[1], rtol=1e-10, atol=1e-12)


def test_its_gradient_is_that_of_finite_differences() -> None:
    values = torch.randn(1, 6, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(ChannelNorm(), (30 * values).requires_grad_())


def test_it_has_no_weights_of_its_own() -> None:
    assert not ChannelNorm().state_dict()
