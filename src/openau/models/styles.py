"""What keeps a network from learning the look of its training pictures: light taken out, styles mixed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from openau.errors import SettingError

_FLAT = 0.1
_TINY = 1e-5


class Standardise(nn.Module):
    """Gives every channel of every picture the mean 0 and about the deviation 1.

    So brightness, contrast and colour cast of a whole picture are taken out. A picture of next to no contrast
    is not blown up to noise.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Return the pictures without their light.

        Args:
            images: (B, C, h, w) float.
        """
        centred = images - images.mean((2, 3), keepdim=True)
        deviation = centred.square().mean((2, 3), keepdim=True).sqrt()
        return centred / (deviation + _FLAT)


class MixStyle(nn.Module):
    """In training, gives some batches' faces a style between their own and another face's.

    A style is mean and deviation of every channel. In evaluation it changes nothing.

    Args:
        probability: Share of the batches that are mixed, 0–1.
        concentration: α of the Beta(α, α) that the share of the own style is drawn from.

    Raises:
        SettingError: The probability is outside 0–1, or α not above 0.

    Reference: Zhou et al., Domain generalization with MixStyle, ICLR 2021.
    """

    def __init__(self, probability: float = 0.5, *, concentration: float = 0.2) -> None:
        super().__init__()
        if not 0 <= probability <= 1 or not concentration > 0:
            raise SettingError(
                f"MixStyle was asked for the probability {probability} and concentration {concentration}; "
                "give 0-1, and a number above 0."
            )
        self.probability, self.concentration = probability, concentration

    def forward(self, features: Tensor) -> Tensor:
        """Return the map, its styles mixed.

        Args:
            features: (B, C, h, w) float.
        """
        if not self.training or not self.probability or float(torch.rand(())) >= self.probability:
            return features
        mean = features.mean((2, 3), keepdim=True)
        deviation = (features.var((2, 3), keepdim=True) + _TINY).sqrt()
        plain = (features - mean) / deviation
        mean, deviation = mean.detach(), deviation.detach()
        spread = torch.full((len(features), 1, 1, 1), self.concentration)
        own = torch.distributions.Beta(spread, spread).sample().to(features)
        other = torch.randperm(len(features)).to(features.device)
        return plain * (own * deviation + (1 - own) * deviation[other]) + (
            own * mean + (1 - own) * mean[other]
        )
