"""The loss of a face detector that marks centres: which cells are faces, and where each face lies.

The cells' part is the penalty-reduced focal loss of CornerNet (Law and Deng, 2018, eq. 1) and CenterNet
(Zhou, Wang and Krähenbühl, 2019, eq. 1), with cells left out where nothing is to be learned; the places' part
is a smooth absolute error weighted by the target.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def centre_loss(
    logits: Tensor, target: Tensor, counts: Tensor, alpha: float = 2.0, beta: float = 4.0
) -> Tensor:
    """Return the focal loss of a heat map, per face.

    Args:
        logits: (B, h, w).
        target: (B, h, w) in 0-1; 1 in the cell of a face's centre, falling around it.
        counts: (B, h, w) bool; cells where it is False teach nothing.
        alpha: How much sure cells matter less.
        beta: How much cells near a centre matter less.
    """
    probability = torch.sigmoid(logits)
    face = target >= 1
    missed = -functional.logsigmoid(logits) * (1 - probability) ** alpha
    raised = -functional.logsigmoid(-logits) * probability**alpha * (1 - target) ** beta
    loss = torch.where(face, missed, raised) * counts
    return loss.sum() / (face & counts).sum().clamp(min=1)


def place_loss(places: Tensor, target: Tensor, weight: Tensor, beta: float = 0.1) -> Tensor:
    """Return the smooth absolute error of what is said of each face's place, per unit of weight.

    Args:
        places: (B, C, h, w).
        target: (B, C, h, w).
        weight: (B, h, w), 0 where there is no face.
        beta: Error below which the loss is quadratic.
    """
    error = functional.smooth_l1_loss(places, target, reduction="none", beta=beta).sum(1)
    return (error * weight).sum() / weight.sum().clamp(min=1)
