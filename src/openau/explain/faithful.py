"""Whether a map tells what the network does: deletion and insertion, and maps of random weights."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openau.errors import SettingError


@torch.no_grad()
def deletion_insertion(
    network: Callable[[Tensor], Tensor],
    images: Tensor,
    maps: Tensor,
    *,
    steps: int = 16,
    seed: int = 0,
    batch: int = 128,
) -> Tensor:
    """Return how an AU's probability follows its map, as areas under two curves.

    Deletion blurs the picture's pixels away, those highest in the map first: a faithful map makes the
    probability fall soon, so that the area is small. Insertion brings the pixels back into the blurred
    picture in the same order: the area is large. Beside both stand the areas of a random order of the same
    grid, which are chance.

    Args:
        network: Returns (B, A) logits; run as it is.
        images: (B, 3, S, S) float, normalised.
        maps: (B, A, h, w), not negative.
        steps: Steps of equal area from none to all of the picture.
        seed: Decides the random order, and ties.
        batch: Pictures at a time.

    Returns:
        (4, B, A) in 0–1: deletion, insertion, deletion in random order, insertion in random order.

    Raises:
        SettingError: There are fewer than two steps, or pictures and maps differ in number.

    Reference: Petsiuk et al., RISE, BMVC 2018, section 4.2; both curves start or end at the blurred picture.
    """
    if steps < 2 or len(images) != len(maps):
        raise SettingError(f"{steps} steps over {len(images)} pictures and {len(maps)} maps make no curve.")
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.rand(maps.shape, generator=generator).to(maps)
    blurred = _blur(images)
    areas = [
        _areas(network, (start, end), order, steps, batch)
        for order in (maps, shuffled)
        for start, end in ((images, blurred), (blurred, images))
    ]
    return torch.stack(areas)


def _areas(
    network: Callable[[Tensor], Tensor], pictures: tuple[Tensor, Tensor], maps: Tensor, steps: int, batch: int
) -> Tensor:
    """Return the area under the probability of each AU while one picture turns into the other, (B, A)."""
    start, end = pictures
    side = start.shape[-1]
    found = start.new_zeros(maps.shape[:2])
    shares = torch.linspace(0, 1, steps + 1, device=start.device)
    for picture in range(len(start)):
        large = F.interpolate(maps[picture : picture + 1], (side, side), mode="bilinear")[0].flatten(1)
        # A map is 0 at many places; a fixed scramble, not the reading order, decides between them.
        scramble = torch.randperm(side * side, generator=torch.Generator().manual_seed(picture)).to(
            large.device
        )
        rank = torch.empty_like(large)
        order = scramble[large[:, scramble].argsort(stable=True, dim=1, descending=True)]
        places = torch.arange(side * side, device=large.device, dtype=large.dtype)
        rank.scatter_(1, order, places.expand_as(large) / (side * side))
        for au in range(len(large)):
            turned = rank[au].reshape(1, 1, side, side) < shares[:, None, None, None]
            mixed = torch.where(turned, end[picture], start[picture])
            logit = torch.cat([network(part)[:, au] for part in torch.split(mixed, batch)])
            found[picture, au] = torch.trapezoid(torch.sigmoid(logit), shares)
    return found


def _blur(images: Tensor) -> Tensor:
    """Return pictures that show nothing but their coarse colours: a Gaussian of a tenth of the side."""
    side = images.shape[-1]
    sigma = max(side / 10, 0.5)
    reach = min(int(3 * sigma), side - 1)
    places = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    bell = torch.exp(-0.5 * (places / sigma) ** 2)
    bell = (bell / bell.sum()).repeat(images.shape[1], 1, 1, 1)
    padded = F.pad(images, (reach,) * 4, mode="reflect")
    across = F.conv2d(padded, bell, groups=images.shape[1])
    return F.conv2d(across, bell.transpose(2, 3), groups=images.shape[1])


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """Return a copy of a network that has forgotten everything: each tensor of weights shuffled in itself.

    The sizes of the weights stay what they were, only their places are lost. Running statistics stay.

    Args:
        network: Is left as it was.
        seed: Decides the shuffle.

    Reference: Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
    """
    twin = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in twin.parameters():
            order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
            weight.copy_(weight.flatten()[order].reshape(weight.shape))
    return twin


def rank_correlation(one: Tensor, other: Tensor) -> Tensor:
    """Return Spearman's correlation of two maps over their positions; ties share their mean rank.

    Args:
        one: (..., h, w).
        other: (..., h, w).

    Returns:
        (...,) in -1 to 1; NaN where a map is flat.
    """
    first, second = (_ranks(maps.flatten(-2)) for maps in (one, other))
    top = (first * second).sum(-1)
    bottom = first.norm(dim=-1) * second.norm(dim=-1)
    return torch.where(bottom > 0, top / bottom, torch.full_like(top, np.nan))


def _ranks(values: Tensor) -> Tensor:
    """Return mean ranks along the last axis, less their mean."""
    values = values.contiguous()
    ordered = values.sort(dim=-1).values
    first, behind = (torch.searchsorted(ordered, values, right=right) for right in (False, True))
    ranks = (first + behind - 1).double() / 2
    return ranks - ranks.mean(-1, keepdim=True)
