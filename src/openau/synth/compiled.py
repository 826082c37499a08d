"""How the innermost loops are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba as nb

Function = TypeVar("Function", bound=Callable[..., object])


def uncounted(function: Function) -> Function:
    """Compile a function that creates no array and counts no references to those it is given.

    It is more than twice as fast where records hold many arrays: otherwise each is counted up and down at
    every pixel.

    Args:
        function: What to compile.
    """
    return _compile(function)


def uncounted_inline(function: Function) -> Function:
    """Compile likewise, into the body of every caller.

    Args:
        function: What to compile.
    """
    return _compile(function, forceinline=True)


def _compile(function: Function, **options: bool) -> Function:
    """Compile with the options of both; `_nrt` is missing in numba's published types."""
    chosen: dict[str, Any] = {"cache": True, "fastmath": True, "_nrt": False, **options}
    return cast(Function, nb.njit(**chosen)(function))
