"""Commands of the workshop name the extra that brings what they need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from openau.errors import MissingExtraError


@contextmanager
def needs(library: str, extra: str, purpose: str) -> Iterator[None]:
    """Turn a library that is not installed into the sentence that says how to get it.

    Args:
        library: The library that the purpose needs first of all; named if another one is missing too.
        extra: The extra that brings it.
        purpose: What needs it.

    Raises:
        MissingExtraError: An import in the block failed because a library outside OpenAU is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or library).split(".")[0]
        if missing == "openau":
            raise
        raise MissingExtraError(missing, extra, purpose) from error
