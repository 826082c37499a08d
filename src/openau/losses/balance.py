"""The losses of wang2019 against imbalance: MSR weighs the rarer answer of a batch, Ad-MSR the harder AUs."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from openau.errors import SettingError
from openau.losses.cells import Loss, Takes, as_whole, prepare, sum_over_processes

Gamma = Literal["batch", "dataset"]
Reading = Literal["A", "B", "C"]


def multi_label_slope_rate(
    logits: Tensor, target: Tensor, *, gamma: Tensor | None = None, max_weight: float | None = None
) -> Tensor:
    """Return the multi-label slope rate (MSR): cross-entropy whose rarer answer weighs as much as the other.

    L_i = -(1/m)[w+ Σ_pos ln p + w- Σ_neg ln(1-p)] with w+ = max(γ, 1), w- = max(1/γ, 1) and γ = N-/N+ over
    the m known labels of AU i. An AU with one answer only has weights of 1. Under several processes the batch
    is that of all of them.

    Args:
        logits: (B, A) float.
        target: (B, A) in 0–1, NaN unknown; a soft label counts towards both sides.
        gamma: (A,) N-/N+ of another set, in place of the batch's own.
        max_weight: Largest weight; None for no limit but the batch's size less one.

    Returns:
        (A,), at least float32; 0 for an AU without known labels.

    Raises:
        SettingError: The shapes differ, or `max_weight` is below 1.

    Reference: Wang et al., Neurocomputing 2019, equations 2 to 6 (with ln(1-p) for negatives).
    """
    if max_weight is not None and max_weight < 1:
        raise SettingError(f"The largest weight of MSR is {max_weight}; it must be at least 1.")
    logits, target, known = prepare(logits, target)
    counts = torch.stack((target, 1 - target)).masked_fill(~known, 0).sum(1)
    positive, negative = sum_over_processes(counts)
    ratio = negative / positive if gamma is None else gamma.to(logits)
    both = (positive > 0) & (negative > 0)
    ratio = torch.where(both, ratio, torch.ones_like(positive))
    onto_positive, onto_negative = ratio.clamp(1, max_weight), (1 / ratio).clamp(1, max_weight)
    cells = onto_positive * target * F.softplus(-logits) + onto_negative * (1 - target) * F.softplus(logits)
    cells = torch.where(known, cells, torch.zeros_like(cells))
    return as_whole(cells.sum(0) / (positive + negative).round().clamp(min=1))


def loss_gain(losses: Tensor, mean: Tensor, reading: Reading) -> Tensor:
    """Return each AU's β.

    Args:
        losses: (A,) not negative.
        mean: () scalar L_S, the mean of the losses with their history.
        reading: `A` the paper's text to the letter: 0 for an AU whose loss is at most the mean, else equation
            10; `B` equation 10 for every AU, in 0 to 2; `C` at least 1: equation 10 for an AU above the mean,
            else 1.

    Returns:
        (A,) in [0, 2).

    Raises:
        SettingError: The reading is unknown.

    Reference: Wang et al., Neurocomputing 2019, equation 10.
    """
    total = losses + mean
    above = total > 0
    gain = 1 + torch.where(above, losses - mean, torch.zeros_like(total)) / torch.where(
        above, total, torch.ones_like(total)
    )
    if reading == "A":
        return torch.where(losses <= mean, torch.zeros_like(gain), gain)
    if reading == "B":
        return gain
    if reading == "C":
        return gain.clamp(min=1)
    raise SettingError(f"There is no reading {reading!r} of β; choose A, B or C.")


class MSR(Loss):
    """The sum over AUs of `multi_label_slope_rate`.

    Args:
        ratio: (A,) N-/N+ of the training set, in place of each batch's own; None for the batch's.
        max_weight: Largest weight; None for no limit but the batch's size less one.
    """

    takes: ClassVar[Takes] = "aus"
    reference = "Wang et al., Neurocomputing 2019, equations 2 to 7"
    ratio: Tensor | None

    def __init__(self, *, ratio: Tensor | None = None, max_weight: float | None = None) -> None:
        super().__init__()
        self.register_buffer("ratio", None if ratio is None else ratio.clone())
        self.max_weight = max_weight

    @classmethod
    def from_targets(  # type: ignore[override] # it names its own options
        cls, target: Tensor, *, gamma: Gamma = "batch", max_weight: float | None = None
    ) -> Self:
        """Build the loss for a training set.

        Args:
            target: (N, A) in 0–1, NaN unknown; read where `gamma` is `dataset`.
            gamma: Where N-/N+ is counted: in each `batch`, as the paper does, or once in the `dataset`.
            max_weight: Largest weight.
        """
        return cls(ratio=_ratio(target, gamma), max_weight=max_weight)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (B, A) float.
            target: (B, A) in 0–1, NaN unknown.

        Returns:
            Scalar, at least float32.
        """
        return multi_label_slope_rate(logits, target, gamma=self.ratio, max_weight=self.max_weight).sum()


class AdMSR(Loss):
    """MSR in which the AUs whose loss lags behind weigh more, by their loss now and before.

    Σ β_i L_i with M_i = αL_i + (1-α)Lpre_i, L_S = mean M and β from L_i and L_S; each training step leaves M
    as the next step's Lpre. Under several processes L_i is that of all of them, so that all remember the
    same.

    Args:
        aus: Number A of action units.
        alpha: α, the share of the present loss.
        reading: Of β, see `loss_gain`: `A` to the letter; `C` gives every AU a gradient in every step.
        start: Lpre before the first step: the `first` loss, or `zero`.
        through_beta: Whether β has a gradient; in the paper's Caffe it was a number.
        ratio: (A,) or None, as in `MSR`.
        max_weight: As in `MSR`.

    Raises:
        SettingError: An option is outside its range.
    """

    takes: ClassVar[Takes] = "aus"
    reference = "Wang et al., Neurocomputing 2019, equations 8 to 11"
    previous: Tensor
    started: Tensor
    ratio: Tensor | None

    def __init__(
        self,
        aus: int,
        *,
        alpha: float = 0.5,
        reading: Reading = "A",
        start: Literal["first", "zero"] = "first",
        through_beta: bool = False,
        ratio: Tensor | None = None,
        max_weight: float | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= alpha <= 1:
            raise SettingError(f"The alpha of Ad-MSR is {alpha}; it must be from 0 to 1.")
        if start not in ("first", "zero"):
            raise SettingError(f"Ad-MSR starts from 'first' or 'zero', not {start!r}.")
        loss_gain(torch.zeros(1), torch.zeros(()), reading)  # refuses an unknown reading now, not in training
        self.alpha = alpha
        self.reading: Reading = reading
        self.through_beta = through_beta
        self.max_weight = max_weight
        self.register_buffer("previous", torch.zeros(aus))
        self.register_buffer("started", torch.full((aus,), start == "zero"))
        self.register_buffer("ratio", None if ratio is None else ratio.clone())

    @classmethod
    def from_targets(  # type: ignore[override] # it names its own options
        cls,
        target: Tensor,
        *,
        alpha: float = 0.5,
        reading: Reading = "A",
        start: Literal["first", "zero"] = "first",
        through_beta: bool = False,
        gamma: Gamma = "batch",
        max_weight: float | None = None,
    ) -> Self:
        """Build the loss for a training set.

        Args:
            target: (N, A) in 0–1, NaN unknown; gives A, and N-/N+ where `gamma` is `dataset`.
            alpha: α, the share of the present loss.
            reading: Of β.
            start: Lpre before the first step.
            through_beta: Whether β has a gradient.
            gamma: Where N-/N+ is counted, `batch` or `dataset`.
            max_weight: Largest weight.
        """
        return cls(
            target.shape[1],
            alpha=alpha,
            reading=reading,
            start=start,
            through_beta=through_beta,
            ratio=_ratio(target, gamma),
            max_weight=max_weight,
        )

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss; in training mode, remember it for the next step.

        Args:
            logits: (B, A) float.
            target: (B, A) in 0–1, NaN unknown; an AU without known labels keeps what it remembers.

        Returns:
            Scalar, at least float32.

        Raises:
            SettingError: The batch has another number of AUs than the loss.
        """
        if logits.shape[1:] != self.previous.shape:
            raise SettingError(
                f"Ad-MSR was built for {len(self.previous)} AUs and got logits {tuple(logits.shape)}."
            )
        losses = multi_label_slope_rate(logits, target, gamma=self.ratio, max_weight=self.max_weight)
        seen = sum_over_processes((~torch.isnan(target)).sum(0)) > 0
        # Lpre is a number from the step before: it never has a gradient.
        previous = torch.where(self.started, self.previous.to(losses.dtype), losses.detach())
        blended = torch.where(seen, self.alpha * losses + (1 - self.alpha) * previous, previous)
        counted = seen | self.started
        zero = torch.zeros_like(blended)
        mean = torch.where(counted, blended, zero).sum() / counted.sum().clamp(min=1)
        beta = loss_gain(losses, mean, self.reading)
        if self.training:
            self.previous.copy_(blended.detach())
            self.started |= seen
        return ((beta if self.through_beta else beta.detach()) * losses).sum()


def _ratio(target: Tensor, gamma: Gamma) -> Tensor | None:
    """Return N-/N+ per AU of a training set (A,), or None where each batch counts for itself."""
    if gamma == "batch":
        return None
    if gamma != "dataset":
        raise SettingError(f"MSR counts in the 'batch' or the 'dataset', not {gamma!r}.")
    positive, negative = torch.nansum(target.double(), 0), torch.nansum(1 - target.double(), 0)
    both = (positive > 0) & (negative > 0)
    return torch.where(both, negative / positive, torch.ones_like(positive)).float()
