"""The losses of ME-GraphAU: an asymmetric cross-entropy of AUs, and the classes of the edges between them."""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from openau.errors import SettingError
from openau.losses.cells import Loss, Takes, mean_known, prepare


def weighted_asymmetric(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the cross-entropy whose easy negatives count little, each AU weighted.

    -mean w[y ln p + p̄ (1-y) ln(1-p)] over the known labels, with p̄ = p taken as a number.

    Args:
        logits: (B, A) float.
        target: (B, A) in 0–1, NaN unknown.
        weight: (A,) positive, for instance from `rarity_weight`.

    Returns:
        Scalar, at least float32.

    Raises:
        SettingError: The shapes differ.

    Reference: Luo et al., Learning multi-dimensional edge feature-based AU relation graph, IJCAI 2022,
    equation 10.
    """
    logits, target, known = prepare(logits, target)
    if weight.shape != logits.shape[1:]:
        raise SettingError(
            f"The weights have shape {tuple(weight.shape)}; give one per AU, ({logits.shape[1]},)."
        )
    easy = torch.sigmoid(logits).detach()
    cells = target * F.softplus(-logits) + easy * (1 - target) * F.softplus(logits)
    return mean_known(weight.to(logits) * cells, known)


def rarity_weight(target: Tensor) -> Tensor:
    """Return each AU's weight (1/r)/Σ(1/r)·A by its base rate r in a training set.

    Args:
        target: (N, A) in 0–1, NaN unknown. An AU without positives counts as if it had one; one without known
            labels gets 1, the mean.

    Returns:
        (A,) float32, whose mean is 1.

    Reference: Luo et al., IJCAI 2022.
    """
    known = (~torch.isnan(target)).sum(0).double()
    positive = torch.nansum(target.double(), 0).clamp(min=1)
    inverse = known / positive
    seen = known > 0
    mean = inverse.sum() / seen.sum().clamp(min=1)
    inverse = torch.where(seen, inverse / mean.clamp(min=1e-12), torch.ones_like(inverse))
    return inverse.float()


def edge_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy of the edges' classes, 2·y_i + y_j for the edge (i, j).

    Args:
        logits: (B, A·A, 4) float, the edge (i, j) at row i·A + j.
        target: (B, A) in 0–1, NaN unknown: an edge is known where both its AUs are. A soft label counts as
            present from one half on.

    Returns:
        Scalar, at least float32.

    Raises:
        SettingError: The shapes do not fit.

    Reference: Luo et al., IJCAI 2022, equation 11.
    """
    batch, aus = target.shape
    if logits.shape != (batch, aus * aus, 4):
        raise SettingError(
            f"Edge logits {tuple(logits.shape)} do not fit targets {tuple(target.shape)}; "
            f"give ({batch}, {aus * aus}, 4)."
        )
    present = (target >= 0.5).long()
    classes = (2 * present[:, :, None] + present[:, None, :]).flatten(1)
    known = ~torch.isnan(target)
    both = (known[:, :, None] & known[:, None, :]).flatten(1)
    exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
    cells = -torch.log_softmax(exact, dim=-1).gather(2, classes[:, :, None])[:, :, 0]
    return mean_known(cells, both)


class WeightedAsymmetric(Loss):
    """`weighted_asymmetric` as a module that knows its weights.

    Args:
        weight: (A,) positive.
    """

    takes: ClassVar[Takes] = "aus"
    reference = "Luo et al., IJCAI 2022, equation 10"
    weight: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.clone())

    @classmethod
    def from_targets(  # type: ignore[override] # it names its own options
        cls, target: Tensor
    ) -> Self:
        """Take the weights from a training set.

        Args:
            target: (N, A) in 0–1, NaN unknown.
        """
        return cls(rarity_weight(target))

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (B, A) float.
            target: (B, A) in 0–1, NaN unknown.
        """
        return weighted_asymmetric(logits, target, self.weight)


class EdgeCrossEntropy(Loss):
    """`edge_cross_entropy` as a module."""

    takes: ClassVar[Takes] = "edges"
    reference = "Luo et al., IJCAI 2022, equation 11"

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (B, A*A, 4) float.
            target: (B, A) in 0–1, NaN unknown.
        """
        return edge_cross_entropy(logits, target)
