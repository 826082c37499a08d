"""What convolutional networks share: pictures → a map → pooling → dense layers → logits, and heat maps.

Behind its last map such a network is short enough for its derivative to be written down. So the Grad-CAM maps
of all action units leave the network in the same forward pass as the logits and survive the export to ONNX.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError
from openau.models.jacobian import HeadJacobian, weighted_map
from openau.models.members import MemberLinear
from openau.models.needs import Needs, check_images, check_request

Pooling = Literal["avgmax", "avg", "max"]


class Head(nn.Module):
    """Pooling and dense layers with a ReLU between them, and their derivative.

    Args:
        channels: C of the map.
        widths: Of the hidden dense layers; empty for none.
        aus: Number A of action units.
        pooling: Over positions: `avg`, `max`, or `avgmax`, the mean of both; None flattens the map instead.
        cells: Positions h·w of the map, where it is flattened.
        dropout: Share of the hidden values dropped while training.
        dense: The last layer, where it is no plain one; it has a `weight` and a `bias`.

    Raises:
        SettingError: The pooling is unknown.
    """

    out: nn.Linear | MemberLinear

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        aus: int,
        *,
        pooling: Pooling | None = "avg",
        cells: int = 1,
        dropout: float = 0.0,
        dense: MemberLinear | None = None,
    ) -> None:
        super().__init__()
        if pooling not in ("avgmax", "avg", "max", None):
            raise SettingError(f"There is no pooling {pooling!r}; choose avgmax, avg or max.")
        self.pooling = pooling
        self.channels = channels
        self.dropout = nn.Dropout(dropout)
        sides = [channels if pooling else channels * cells, *widths]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sides))
        self.out = dense or nn.Linear(sides[-1], aus)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits.

        Args:
            features: (B, C, h, w) float.

        Returns:
            (B, A) logits.
        """
        return self._layers(features)[0]

    def logits_and_weights(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits and how each channel moves each of them.

        Args:
            features: (B, C, h, w) float.

        Returns:
            (B, A) logits, and (B, A, C): the derivative of each logit with respect to the map, summed over
            positions (in evaluation mode); (1, A, C) where it is the same for every picture, because there is
            no hidden layer.
        """
        logits, hidden = self._layers(features)
        # Pooling spreads a channel's gradient over positions or hands it to one of them; its sum stays.
        gradient: Tensor = self.out.weight[None]
        for number in reversed(range(len(hidden))):
            weight = self._dense(number).weight
            if number == 0 and self.pooling is None:
                weight = weight.reshape(weight.shape[0], self.channels, -1).sum(2)
            gradient = (gradient * (hidden[number] > 0).to(gradient.dtype)[:, None]) @ weight
        if not hidden and self.pooling is None:
            gradient = gradient.reshape(*gradient.shape[:2], self.channels, -1).sum(3)
        return logits, gradient

    def logits_and_values(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits and the derivative of each with respect to the map, as the sizes it takes.

        Ties of a maximum share its gradient evenly, as autograd does for `amax`.

        Args:
            features: (B, C, h, w) float.

        Returns:
            (B, A) logits, (B, A, C, V) values and how many positions have each, see
            `openau.models.jacobian.HeadJacobian` (in evaluation mode); (1, A, C, V) where they are the same
            for every picture.
        """
        logits, hidden = self._layers(features)
        gradient: Tensor = self.out.weight[None]
        for number in reversed(range(len(hidden))):
            awake = (hidden[number] > 0).to(gradient.dtype)[:, None]
            gradient = (gradient * awake) @ self._dense(number).weight
        positions = features.shape[2] * features.shape[3]
        if self.pooling is None:
            values = gradient.reshape(*gradient.shape[:2], self.channels, -1)
            return logits, values, values.new_ones(())
        evenly = gradient[..., None] / positions
        if self.pooling == "avg":
            return logits, evenly, evenly.new_tensor(positions)
        winners = (features == features.amax((2, 3), keepdim=True)).sum((2, 3))[:, None, :, None]
        if self.pooling == "max":
            return logits, gradient[..., None] / winners, winners
        winning = evenly + gradient[..., None] / winners
        values = 0.5 * torch.cat((evenly.expand_as(winning), winning), dim=3)
        return logits, values, torch.cat((positions - winners, winners), dim=3)

    def _dense(self, number: int) -> nn.Linear:
        layer = self.hidden[number]
        assert isinstance(layer, nn.Linear)
        return layer

    def _layers(self, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the logits (B, A) and the rectified hidden layers, each (B, width)."""
        x = self._pooled(features)
        hidden = []
        for layer in self.hidden:
            x = F.relu(layer(x))
            hidden.append(x)
            x = self.dropout(x)
        return self.out(x), hidden

    def _pooled(self, features: Tensor) -> Tensor:
        """Return (B, C), or (B, C·h·w) where the map is flattened."""
        if self.pooling is None:
            return features.flatten(1)
        if self.pooling == "avg":
            return features.mean((2, 3))
        if self.pooling == "max":
            return features.amax((2, 3))
        return 0.5 * (features.mean((2, 3)) + features.amax((2, 3)))


class ConvNet(nn.Module):
    """A network that is convolutions, then a `Head`.

    A subclass builds its `head`, and either a `body` whose output is the map, or layers of its own and says
    what `features` is.

    Args:
        aus: Number A of action units.
        size: Side S of the square input.
        multiple: What the side must be a multiple of.

    Raises:
        SettingError: `aus` is below 1, or `size` is none the network can take.
    """

    name: ClassVar[str]
    needs: ClassVar[Needs]
    reference: ClassVar[str]
    heatmap_layer: ClassVar[str]
    body: nn.Module
    head: Head

    def __init__(self, aus: int, size: int, *, multiple: int = 1) -> None:
        super().__init__()
        check_request(self.name, aus, size, self.needs.smallest, multiple=multiple)
        self.size = size

    def features(self, images: Tensor) -> Tensor:
        """Return the map that heat maps are read from.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, C, h, w), the output of `heatmap_layer`.
        """
        found: Tensor = self.body(images)
        return found

    def between(self, features: Tensor) -> Tensor:
        """Return what the head reads of the map.

        Args:
            features: (B, C, h, w).

        Returns:
            (B, C, h', w'): the map itself, or the map max-pooled. Nothing else may stand here, for the heat
            maps rely on it that a channel's gradient keeps its sum.
        """
        return features

    @property
    def is_even(self) -> bool:
        """Whether a channel moves a logit alike from every position: a mean is all that pools the map."""
        return self.head.pooling == "avg" and type(self).between is ConvNet.between

    @property
    def written_maps(self) -> tuple[str, ...]:
        """The methods that `head_jacobian` answers."""
        return ("grad_cam", "grad_cam_plus_plus", *(("hires_cam",) if self.is_even else ()))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, A) logits.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        check_images(self.name, images.shape, self.size)
        logits: Tensor = self.head(self.between(self.features(images)))
        return logits

    def logits_and_heatmaps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits and the Grad-CAM map of every AU, in one forward pass without autograd.

        ReLU(Σ_k w_ak A_k) with w_ak the mean over positions of ∂logit_a/∂A_k, for the network in evaluation
        mode; A is the output of `heatmap_layer`.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            (B, A) logits and (B, A, h, w) maps, not negative, not normalised.

        Raises:
            SettingError: The images do not have the shape the network was built for.

        Reference: Selvaraju et al., Grad-CAM, ICCV 2017.
        """
        check_images(self.name, images.shape, self.size)
        features = self.features(images)
        logits, weights = self.head.logits_and_weights(self.between(features))
        return logits, weighted_map(features, weights / (features.shape[2] * features.shape[3]))

    def head_jacobian(self, images: Tensor) -> HeadJacobian:
        """Return the logits, the map, and how each logit depends on it, in one forward pass without autograd.

        Args:
            images: (B, 3, S, S) float, normalised.

        Returns:
            For the output of `heatmap_layer`, of the network in evaluation mode.

        Raises:
            SettingError: The images do not have the shape the network was built for.
        """
        check_images(self.name, images.shape, self.size)
        features = self.features(images)
        logits, values, counts = self.head.logits_and_values(self.between(features))
        before = self.values_before(features, values, counts)
        return HeadJacobian(logits, features, *before, is_even=self.is_even)

    def values_before(self, features: Tensor, values: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Carry the sizes of a derivative from what the head reads back to the map.

        Args:
            features: (B, C, h, w), the map.
            values: (B, A, C, V), with respect to what `between` returns.
            counts: (B, 1, C, V), or scalar: how many positions have each.

        Returns:
            The same with respect to the map. A max-pooling without overlap hands each place's gradient to one
            position, so that the sizes stay; where squares overlap, a network writes its own.
        """
        return values, counts
