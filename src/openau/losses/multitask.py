"""Several losses as one, each at its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from openau.errors import SettingError
from openau.losses.cells import Loss, Takes


class MultiTask(Loss):
    """The sum of several tasks' losses, each times its cost.

    ME-GraphAU's second stage is `{"aus": WeightedAsymmetric(...), "edges": EdgeCrossEntropy()}` at the costs
    `{"aus": 1, "edges": 0.05}` (BP4D) or 0.01 (DISFA).

    Args:
        losses: Task name to its loss.
        costs: Task name to the number its loss is multiplied with; a task left out costs 1.

    Raises:
        SettingError: There is no task, a cost is negative or not finite, or is that of no task.
    """

    takes: ClassVar[Takes] = "tasks"
    reference = "a weighted sum, for instance Luo et al., IJCAI 2022, equation 12"

    def __init__(self, losses: Mapping[str, nn.Module], costs: Mapping[str, float] | None = None) -> None:
        super().__init__()
        costs = dict(costs or {})
        if not losses:
            raise SettingError("A multi-task loss needs at least one task.")
        if strange := sorted(set(costs) - set(losses)):
            raise SettingError(f"There is no task {strange[0]!r}; the tasks are {', '.join(losses)}.")
        for task, cost in costs.items():
            if not 0 <= cost < float("inf"):
                raise SettingError(f"The cost of the task {task!r} is {cost}; it must be 0 or above.")
        self.losses = nn.ModuleDict(dict(losses))
        self.costs = {task: float(costs.get(task, 1.0)) for task in losses}

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Return the loss.

        Args:
            outputs: Task name to the network's output.
            targets: Task name to its targets; a task without targets in this batch adds nothing.

        Returns:
            Scalar, at least float32.

        Raises:
            SettingError: A task that has targets has no output, or targets name no task.
        """
        if strange := sorted(set(targets) - set(self.costs)):
            raise SettingError(
                f"There are targets for {strange[0]!r}; the tasks are {', '.join(self.costs)}."
            )
        total: Tensor | None = None
        for task, cost in self.costs.items():
            if task not in targets:
                continue
            if task not in outputs:
                raise SettingError(f"The network gave no output for the task {task!r}.")
            part = cost * self.losses[task](outputs[task], targets[task])
            total = part if total is None else total + part
        if total is None:
            some = next(iter(outputs.values()))
            total = torch.zeros_like(some, dtype=torch.float32).sum() if some.numel() else torch.zeros(())
        return total
