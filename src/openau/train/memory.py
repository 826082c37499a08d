"""Memory of training on a CPU: blocks that a step frees stay for the next one.

A step takes and gives back blocks of some ten megabytes. glibc's allocator hands such blocks back to the
kernel, which clears them page by page when the next step takes them again: for a wide network at 224 pixels
that is half of the processor time.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Names of glibc's `malloc.h`."""
_KEPT = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1))
"""No block is mapped by itself, nothing is trimmed. (Older versions refuse a threshold above 32 MiB.)"""
_RETURNED = ((_MMAP_MAX, 65536), (_MMAP_THRESHOLD, 32 * 2**20), (_TRIM_THRESHOLD, 64 * 2**20))
"""What glibc's own thresholds come to once a large block was freed; it moves them no more."""
CHOSEN = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_")
"""Environment variables by which a user decides about memory."""


@contextmanager
def memory_kept(device: torch.device) -> Iterator[None]:
    """Let the process keep the memory it frees, until the end.

    Does nothing on another device than a CPU, with another C library than glibc, or where the environment
    sets glibc's thresholds. Afterwards what is free goes back to the system.

    Args:
        device: On which training runs.
    """
    libc = _glibc() if device.type == "cpu" and not any(name in os.environ for name in CHOSEN) else None
    if libc is None:
        yield
        return
    _set(libc, _KEPT)
    try:
        yield
    finally:
        _set(libc, _RETURNED)
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """Return the C library of this process, if it is glibc."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None


def _set(libc: ctypes.CDLL, options: tuple[tuple[int, int], ...]) -> None:
    """Set options of the allocator."""
    for name, value in options:
        libc.mallopt(name, value)
