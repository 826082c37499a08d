"""Cross-entropies over action unit logits: plain, weighted by base rate, focal."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from openau.errors import SettingError
from openau.losses.cells import Loss, Takes, mean_known, prepare

Side = Literal["positive", "minority", "both"]


def binary_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean binary cross-entropy over the known labels.

    Args:
        logits: (B, A) float.
        target: (B, A) in 0–1, NaN unknown.

    Returns:
        Scalar, at least float32.

    Raises:
        SettingError: The shapes differ.
    """
    logits, target, known = prepare(logits, target)
    cells = target * F.softplus(-logits) + (1 - target) * F.softplus(logits)
    return mean_known(cells, known)


def weighted_binary_cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor, *, side: Side = "positive"
) -> Tensor:
    """Return the binary cross-entropy in which each AU's rarer answer weighs more.

    -mean[w·y·ln p + (1-y)·ln(1-p)] over the known labels, w = N-/N+ of the training set. Equals
    `binary_cross_entropy` where every weight is 1.

    Args:
        logits: (B, A) float.
        target: (B, A) in 0–1, NaN unknown.
        weight: (A,) positive, N-/N+ per AU, for instance from `positive_weight`.
        side: Which term the weight multiplies: `positive` as the paper prints it; `minority` the rarer side,
            whichever it is (the weight on positives where it is above 1, its inverse on negatives below);
            `both` the AU as a whole.

    Returns:
        Scalar, at least float32.

    Raises:
        SettingError: The shapes differ, or `side` is unknown.

    Reference: Deramgozin et al., IEEE Access 2023, equation 3 (brackets and mean over AUs added).
    """
    logits, target, known = prepare(logits, target)
    if weight.shape != logits.shape[1:]:
        raise SettingError(
            f"The weights have shape {tuple(weight.shape)}; give one per AU, ({logits.shape[1]},)."
        )
    weight = weight.to(logits)
    one = torch.ones_like(weight)
    if side == "positive":
        onto_positive, onto_negative = weight, one
    elif side == "minority":
        onto_positive, onto_negative = weight.clamp(min=1), (one / weight).clamp(min=1)
    elif side == "both":
        onto_positive, onto_negative = weight, weight
    else:
        raise SettingError(f"There is no weighted side {side!r}; choose positive, minority or both.")
    cells = onto_positive * target * F.softplus(-logits) + onto_negative * (1 - target) * F.softplus(logits)
    return mean_known(cells, known)


def focal(logits: Tensor, target: Tensor, *, gamma: float = 2.0, alpha: float | None = 0.25) -> Tensor:
    """Return the focal loss, -mean[α_t (1-p_t)^γ ln p_t] over the known labels.

    Equals `binary_cross_entropy` where `gamma` is 0 and `alpha` None.

    Args:
        logits: (B, A) float.
        target: (B, A) in 0–1, NaN unknown; a soft label mixes the two terms.
        gamma: How strongly easy cells are turned down; 0 not at all.
        alpha: Weight of the positive term (1 - alpha of the negative one), or None for no weights.

    Returns:
        Scalar, at least float32.

    Raises:
        SettingError: The shapes differ.

    Reference: Lin et al., Focal loss for dense object detection, ICCV 2017, equation 5.
    """
    logits, target, known = prepare(logits, target)
    positive, negative = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)
    # (1-p)^γ as exp(γ ln(1-p)): its gradient stays finite where p rounds to 1.
    turned_down = torch.exp(-gamma * F.softplus(logits)), torch.exp(-gamma * F.softplus(-logits))
    cells = positive * target * turned_down[0] * F.softplus(-logits)
    cells = cells + negative * (1 - target) * turned_down[1] * F.softplus(logits)
    return mean_known(cells, known)


def positive_weight(target: Tensor, *, limit: float = 10.0) -> Tensor:
    """Return N-/N+ per AU of a training set, kept within 1/limit and limit.

    Args:
        target: (N, A) in 0–1, NaN unknown.
        limit: Largest weight; an AU without positives gets it, one without negatives its inverse, one without
            any known label 1.

    Returns:
        (A,) float32.

    Raises:
        SettingError: `limit` is below 1.
    """
    if limit < 1:
        raise SettingError(f"The limit of the AU weights is {limit}; it must be at least 1.")
    target = target.to(torch.float64)
    positive = torch.nansum(target, 0)
    negative = torch.nansum(1 - target, 0)
    ratio = torch.where(
        positive + negative > 0, negative / positive.clamp(min=1e-12), torch.ones(()).double()
    )
    return ratio.clamp(1 / limit, limit).to(torch.float32)


class BinaryCrossEntropy(Loss):
    """`binary_cross_entropy` as a module."""

    takes: ClassVar[Takes] = "aus"
    reference = "maximum likelihood of independent occurrences"

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (B, A) float.
            target: (B, A) in 0–1, NaN unknown.
        """
        return binary_cross_entropy(logits, target)


class WeightedBinaryCrossEntropy(Loss):
    """`weighted_binary_cross_entropy` as a module that knows its weights.

    Args:
        weight: (A,) positive, N-/N+ per AU.
        side: Which term the weight multiplies.
    """

    takes: ClassVar[Takes] = "aus"
    reference = "Deramgozin et al., IEEE Access 2023, equation 3"
    weight: Tensor

    def __init__(self, weight: Tensor, *, side: Side = "positive") -> None:
        super().__init__()
        self.register_buffer("weight", weight.clone())
        self.side: Side = side

    @classmethod
    def from_targets(  # type: ignore[override] # it names its own options
        cls, target: Tensor, *, limit: float = 10.0, side: Side = "positive"
    ) -> Self:
        """Take the weights from a training set.

        Args:
            target: (N, A) in 0–1, NaN unknown.
            limit: Largest weight, see `positive_weight`.
            side: Which term the weight multiplies.
        """
        return cls(positive_weight(target, limit=limit), side=side)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (B, A) float.
            target: (B, A) in 0–1, NaN unknown.
        """
        return weighted_binary_cross_entropy(logits, target, self.weight, side=self.side)


class Focal(Loss):
    """`focal` as a module.

    Args:
        gamma: How strongly easy cells are turned down; 0 not at all.
        alpha: Weight of the positive term, or None for no weights.
    """

    takes: ClassVar[Takes] = "aus"
    reference = "Lin et al., ICCV 2017, equation 5"

    def __init__(self, *, gamma: float = 2.0, alpha: float | None = 0.25) -> None:
        super().__init__()
        self.gamma = gamma
        self.alpha = alpha

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (B, A) float.
            target: (B, A) in 0–1, NaN unknown.
        """
        return focal(logits, target, gamma=self.gamma, alpha=self.alpha)
