"""Run `openau` and send it a signal after so many frames: `stopped.py SIGINT 60 analyze …`."""

from __future__ import annotations

import os
import signal
import sys

from openau.cli.__main__ import main
from openau.cli.progress import Told

HOW, AFTER = signal.Signals[sys.argv[1]], int(sys.argv[2])


class Stopped(Told):
    """Tells, and sends the signal in the middle of the run: never before, never after its end."""

    def advanced(self, frames: int, total: int | None) -> None:
        super().advanced(frames, total)
        if frames >= AFTER:
            os.kill(os.getpid(), HOW)


if __name__ == "__main__":
    # Who runs the tests in the background may have had Ctrl-C ignored, which children inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.modules["openau.cli.progress"].Told = Stopped  # type: ignore[attr-defined]
    sys.exit(main(sys.argv[3:]))
