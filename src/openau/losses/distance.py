"""Distances between probabilities and labels: to report, and to make small."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from openau.losses.cells import Loss, Takes, mean_known, prepare, root


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
    probability, target, known = prepare(probability, target)
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
    probability, target, known = prepare(probability, target)
    return ((probability - target)[known] ** 2).mean().sqrt()


class Euclidean(Loss):
    """The mean over samples of `euclidean`, made small; a sample without known labels does not count."""

    takes: ClassVar[Takes] = "aus"
    reference = "Deramgozin et al., IEEE Access 2023, equation 5"

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (B, A) float.
            target: (B, A) in 0–1, NaN unknown.

        Returns:
            Scalar, at least float32.
        """
        squares, known = _squares(logits, target)
        return mean_known(root(squares.sum(1)), known.any(1))


class RootMeanSquareError(Loss):
    """`root_mean_square_error`, made small; 0 where nothing is known."""

    takes: ClassVar[Takes] = "aus"
    reference = "Deramgozin et al., IEEE Access 2023, the text of equation 5"

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (B, A) float.
            target: (B, A) in 0–1, NaN unknown.

        Returns:
            Scalar, at least float32.
        """
        squares, known = _squares(logits, target)
        return root(mean_known(squares, known))


def _squares(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return (p-y)², 0 where unknown, and the mask, both (B, A)."""
    logits, target, known = prepare(logits, target)
    # p - y without the rounding of p near 1.
    gap = (1 - target) * torch.sigmoid(logits) - target * torch.sigmoid(-logits)
    return torch.where(known, gap**2, torch.zeros_like(gap)), known
