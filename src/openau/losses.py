"""Losses over action unit logits: pure functions in which an unknown label (NaN) never counts.

All take logits (B, A) and targets (B, A) with 0 absent, 1 present, values between for soft labels, NaN
unknown; all compute in at least float32 and return a scalar that is finite whatever the labels: with nothing
known it is 0, and its gradient too. A mean is over the known cells.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from openau.errors import SettingError

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
    logits, target, known = _prepare(logits, target)
    cells = target * F.softplus(-logits) + (1 - target) * F.softplus(logits)
    return _mean(cells, known)


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
    logits, target, known = _prepare(logits, target)
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
    return _mean(cells, known)


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
    logits, target, known = _prepare(logits, target)
    positive, negative = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)
    # (1-p)^γ as exp(γ ln(1-p)): its gradient stays finite where p rounds to 1.
    turned_down = torch.exp(-gamma * F.softplus(logits)), torch.exp(-gamma * F.softplus(-logits))
    cells = positive * target * turned_down[0] * F.softplus(-logits)
    cells = cells + negative * (1 - target) * turned_down[1] * F.softplus(logits)
    return _mean(cells, known)


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


def euclidean(probability: Tensor, target: Tensor) -> Tensor:
    """Return each sample's distance between its probabilities and its labels, sqrt(Σ(p-y)²).

    Args:
        probability: (B, A) in 0–1.
        target: (B, A) in 0–1, NaN unknown (adds nothing).

    Returns:
        (B,), NaN where a sample has no known label.

    Raises:
        SettingError: The shapes differ.

    Reference: Deramgozin et al., IEEE Access 2023, equation 5.
    """
    probability, target, known = _prepare(probability, target)
    squares = torch.where(known, (probability - target) ** 2, torch.zeros_like(target)).sum(1)
    return torch.where(known.any(1), squares.sqrt(), torch.full_like(squares, torch.nan))


def root_mean_square_error(probability: Tensor, target: Tensor) -> Tensor:
    """Return sqrt(mean (p-y)²) over the known labels, NaN where there are none.

    Args:
        probability: (B, A) in 0–1.
        target: (B, A) in 0–1, NaN unknown.

    Returns:
        Scalar.

    Raises:
        SettingError: The shapes differ.
    """
    probability, target, known = _prepare(probability, target)
    return ((probability - target)[known] ** 2).mean().sqrt()


def _prepare(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits and targets in at least float32, targets 0 where unknown, and the mask of known cells."""
    if logits.shape != target.shape or logits.ndim != 2:
        raise SettingError(
            f"Logits {tuple(logits.shape)} and targets {tuple(target.shape)} must both be (batch, AUs)."
        )
    # Half precision would overflow in the sum over a batch.
    exact = torch.promote_types(logits.dtype, torch.float32)
    known = ~torch.isnan(target)
    return logits.to(exact), torch.where(known, target, torch.zeros_like(target)).to(exact), known


def _mean(cells: Tensor, known: Tensor) -> Tensor:
    """Average the known cells; 0 (with a gradient of 0) where there are none."""
    return torch.where(known, cells, torch.zeros_like(cells)).sum() / known.sum().clamp(min=1)
