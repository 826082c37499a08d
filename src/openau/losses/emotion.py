"""The loss of emotion heads."""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor

from openau.errors import SettingError
from openau.losses.cells import Loss, Takes, as_whole, sum_over_processes


def emotion_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean cross-entropy of one emotion out of E.

    Args:
        logits: (B, E) float.
        target: (B,) the emotion's number from 0, as int64 or float; negative or NaN unknown.
        weight: (E,) positive, per emotion; the mean is then weighted with it. None for all alike.

    Returns:
        Scalar, at least float32; 0 where nothing is known.

    Raises:
        SettingError: The shapes or weights do not fit, or a number is beyond the last emotion.
    """
    if logits.ndim != 2 or target.shape != logits.shape[:1]:
        raise SettingError(
            f"Logits {tuple(logits.shape)} and targets {tuple(target.shape)} must be (batch, emotions) "
            "and (batch,)."
        )
    if weight is not None and weight.shape != logits.shape[1:]:
        raise SettingError(
            f"The weights have shape {tuple(weight.shape)}; give one per emotion, ({logits.shape[1]},)."
        )
    known = target >= 0  # not so for NaN
    numbers = torch.where(known, target, torch.zeros_like(target)).long()
    if bool((numbers >= logits.shape[1]).any()):
        raise SettingError(f"There are {logits.shape[1]} emotions, and a target is {int(numbers.max())}.")
    exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
    cells = -torch.log_softmax(exact, dim=1).gather(1, numbers[:, None])[:, 0]
    share = known.to(exact) if weight is None else torch.where(known, weight.to(exact)[numbers], 0.0)
    total = sum_over_processes(share.sum())
    total = torch.where(total > 0, total, torch.ones_like(total))
    return as_whole((torch.where(known, cells, torch.zeros_like(cells)) * share).sum() / total)


class EmotionCrossEntropy(Loss):
    """`emotion_cross_entropy` as a module.

    Args:
        weight: (E,) positive, per emotion; None for all alike.
    """

    takes: ClassVar[Takes] = "emotion"
    reference = "maximum likelihood of one emotion out of several"
    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("weight", None if weight is None else weight.clone())

    @classmethod
    def from_targets(  # type: ignore[override] # it names its own options
        cls, target: Tensor, *, emotions: int = 7, balanced: bool = False
    ) -> Self:
        """Build the loss for a training set.

        Args:
            target: (N,) the emotion's number from 0; negative or NaN unknown.
            emotions: Number E of emotions.
            balanced: Whether an emotion weighs inversely to how often it occurs (one that never does, 1).
        """
        if not balanced:
            return cls()
        counts = torch.bincount(target[target >= 0].long(), minlength=emotions).double()
        weight = counts.sum() / (emotions * counts.clamp(min=1))
        return cls(torch.where(counts > 0, weight, torch.ones_like(weight)).float())

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (B, E) float.
            target: (B,) the emotion's number from 0; negative or NaN unknown.
        """
        return emotion_cross_entropy(logits, target, self.weight)
