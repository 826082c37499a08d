"""Several small networks as one: each learns from faces of its own, all are asked, from both sides of a face.

In training every batch is dealt out, so that a member learns from one part of it and costs nothing extra; the
members differ in their first weights and in the faces that they saw. In evaluation each is shown the whole
batch and, if wanted, its mirror image, and the mean of all logits counts. The members' last maps, mirrored
back, stand side by side as channels of one map, and the mean of the logits is a dense layer on that map: to
heat maps and exports the whole is a network like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MemberBodies(nn.Module):
    """The members' layers up to their last maps.

    Args:
        bodies: One network per member, (B, 3, S, S) to (B, C, h, w).
        mirrored: Whether in evaluation each is shown the mirror image, too.
    """

    def __init__(self, bodies: Sequence[nn.Module], *, mirrored: bool) -> None:
        super().__init__()
        self.bodies = nn.ModuleList(bodies)
        self.mirrored = mirrored

    def forward(self, images: Tensor) -> Tensor:
        """Return the members' maps.

        Args:
            images: (B, 3, S, S) float.

        Returns:
            In training (B, C, h, w), each picture's map by the member whose part of the batch it is in. In
            evaluation (B, M·V·C, h, w) of all M members and V views, mirror images mirrored back.
        """
        if self.training:
            return dealt_out(self.bodies, images)
        maps: list[Tensor] = []
        for body in self.bodies:
            maps.append(body(images))
            if self.mirrored:
                maps.append(body(images.flip(3)).flip(3))
        return torch.cat(maps, 1)


class MemberLinear(nn.Module):
    """The members' dense layers on their own flattened maps, and the mean of them all.

    Args:
        members: Number M of members.
        shape: C, h and w of a member's map.
        outputs: Number A of outputs.
        mirrored: As in `MemberBodies`.
    """

    def __init__(self, members: int, shape: tuple[int, int, int], outputs: int, *, mirrored: bool) -> None:
        super().__init__()
        channels, height, width = shape
        self.shape = shape
        self.mirrored = mirrored
        self.layers = nn.ModuleList(nn.Linear(channels * height * width, outputs) for _ in range(members))

    @property
    def weight(self) -> Tensor:
        """The mean's weights, (A, M·V·C·h·w), behind the maps that `MemberBodies` returns in evaluation."""
        views: list[Tensor] = []
        for layer in self._dense():
            own = layer.weight.reshape(-1, *self.shape)
            views.append(own)
            if self.mirrored:
                views.append(own.flip(3))  # the map of the mirror image has been mirrored back
        return torch.cat(views, 1).flatten(1) / len(views)

    @property
    def bias(self) -> Tensor:
        """The mean's bias, (A,)."""
        return torch.stack([layer.bias for layer in self._dense()]).mean(0)

    def forward(self, flat: Tensor) -> Tensor:
        """Return the members' outputs in training, their mean in evaluation.

        Args:
            flat: What `MemberBodies` returns, flattened to (B, -1).

        Returns:
            (B, A).
        """
        if self.training:
            return dealt_out(self.layers, flat)
        return F.linear(flat, self.weight, self.bias)

    def _dense(self) -> list[nn.Linear]:
        """Return the members' layers under their type."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]


def dealt_out(members: Iterable[nn.Module], batch: Tensor) -> Tensor:
    """Give each member its part of a batch, in order, as even as can be.

    Args:
        members: M of them; each takes and returns one row per picture.
        batch: (B, ...); where B is below M, the last members get nothing.

    Returns:
        (B, ...), what they return, joined in the batch's order.
    """
    members = list(members)
    parts = batch.tensor_split(len(members))
    return torch.cat([member(part) for member, part in zip(members, parts, strict=True) if len(part)])
