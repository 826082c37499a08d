"""`openau export`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from openau.cli.command import Command
from openau.cli.extras import needs
from openau.cli.options import Required


@dataclass(frozen=True)
class Export(Command):
    """Turn a run folder into one model file that carries its card.

    Attributes:
        folder: The run folder.
        out: The model file to write.
    """

    folder: Required
    out: Annotated[Path, tyro.conf.arg(metavar="FILE.onnx")]

    def run(self) -> int:
        """Export."""
        with needs("torch", "train", "Exporting a network"):
            from openau.export import export_any

        print(export_any(self.folder, self.out))
        return 0
