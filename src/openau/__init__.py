"""OpenAU: the open toolkit for facial action units.

The instrument (`Analyzer`) reads faces in photographs, video and webcam; the workshop trains, judges,
explains and ships the networks it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openau.analyze import Analyzer

__all__ = ["Analyzer", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load the door on first use, so that `import openau` costs nothing."""
    if name == "Analyzer":
        from openau.analyze import Analyzer

        return Analyzer
    raise AttributeError(f"module 'openau' has no attribute {name!r}")
