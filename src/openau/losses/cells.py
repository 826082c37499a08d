"""What every loss shares: masks of known cells, exact numbers, means that count the known alone."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import torch
import torch.distributed as processes
from torch import Tensor, nn

from openau.errors import SettingError

Takes = Literal["aus", "intensity", "edges", "maps", "emotion", "landmarks", "tasks"]


class Loss(nn.Module):
    """What all losses of the registry are: a module from a network's output and its targets to a scalar.

    Whatever it must remember from step to step is in its `state_dict`.
    """

    takes: ClassVar[Takes]
    """What it judges: `aus` (B, A) logits; `intensity` (B, A) in 0–5; `edges` (B, A·A, 4) logits; `maps`
    (B, K, h, w); `emotion` (B, E) logits; `landmarks` (B, 207), see `openau.losses.landmarks`; `tasks`
    several of these by name."""
    reference: ClassVar[str]
    """Paper and equation."""

    @classmethod
    def from_targets(cls, target: Tensor, **options: Any) -> Self:
        """Build the loss for a training set.

        Args:
            target: (N, ...) all training targets, as the loss takes them; the losses whose weights are base
                rates read them.
            **options: The loss's own options.
        """
        return cls(**options)


def prepare(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits and targets in at least float32, targets 0 where unknown, and the mask of known cells.

    Args:
        logits: (B, A) float.
        target: (B, A), NaN unknown.

    Raises:
        SettingError: The shapes differ.
    """
    if logits.shape != target.shape or logits.ndim != 2:
        raise SettingError(
            f"Logits {tuple(logits.shape)} and targets {tuple(target.shape)} must both be (batch, AUs)."
        )
    return masked(logits, target)


def masked(found: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return both in at least float32, targets 0 where unknown, and the mask of known cells, of any shape.

    Args:
        found: (B, C) or (B, ...) float, output of a network.
        target: (B, C) or (B, ...), NaN unknown.
    """
    # Half precision would overflow in the sum over a batch.
    exact = torch.promote_types(found.dtype, torch.float32)
    known = ~torch.isnan(target)
    return found.to(exact), torch.where(known, target, torch.zeros_like(target)).to(exact), known


def mean_known(cells: Tensor, known: Tensor) -> Tensor:
    """Average the known cells; 0 (with a gradient of 0) where there are none.

    Processes that train together may know different numbers of labels: the mean is over the cells of all.

    Args:
        cells: (B, ...) float.
        known: (B, ...) bool.
    """
    count = sum_over_processes(known.sum()).clamp(min=1)
    return as_whole(torch.where(known, cells, torch.zeros_like(cells)).sum() / count)


def root(squares: Tensor) -> Tensor:
    """Return the square root, whose derivative at 0 is taken as 0.

    Args:
        squares: Not negative, (B, ...).
    """
    above = squares > 0
    return torch.where(above, torch.where(above, squares, torch.ones_like(squares)).sqrt(), squares)


def process_count() -> int:
    """Return how many processes train together."""
    together = processes.is_available() and processes.is_initialized()
    return processes.get_world_size() if together else 1


def sum_over_processes(values: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes that train together, without gradient.

    Args:
        values: (A,) or of any shape, the same in every process.
    """
    total = values.detach().clone()
    if process_count() > 1:
        processes.all_reduce(total)
    return total


def as_whole(part: Tensor) -> Tensor:
    """Return the sum over processes of each one's part, with a gradient that is right after averaging.

    Processes that train together average their gradients. So each hands on its own part's gradient times the
    number of processes, and the average is the gradient of the sum.

    Args:
        part: (A,) or of any shape, what this process adds to the sum.
    """
    count = process_count()
    return part if count == 1 else sum_over_processes(part) + count * (part - part.detach())
