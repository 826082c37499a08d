"""Where half precision would overflow or lose the order of things, whole precision is kept."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def full_precision(values: Tensor) -> AbstractContextManager[object]:
    """Return a context in which products are not rounded to half precision.

    Args:
        values: (..., D) float, for its device.
    """
    kind = values.device.type
    # Entering the context where autocast is off anyway would put a node into the exported graph.
    rounded = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.autocast(kind, enabled=False) if rounded else nullcontext()
