"""The highest memory of `openau analyze` on a short and on a long video: `python -m benchmarks.memory`.

The long one must not need more: rows are streamed, and nothing is kept from one frame to the next. In the
first thousand frames the threads' memory pools fill up; the middle length tells that from growth.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from benchmarks.clips import write_clip
from benchmarks.ledger import Measurement, Result, finish, model_record, parser
from openau.runtime import default_model_path, read_card

LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "av", "pandas")
THREADS = 2


def main() -> None:
    """Measure, print, and store where asked."""
    options = parser(__doc__ or "").parse_args()
    lengths = (150, 400, 900) if options.quick else (500, 5_000, 20_000)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for length in lengths:
            clip = Path(folder) / f"{length}.mp4"
            write_clip(clip, length)
            peak = peak_mib(["analyze", str(clip), "--out", f"{folder}/{length}", "--quiet"])
            rows.append(Measurement(f"peak memory, {length} frames", peak, "MiB"))
    for first, last in pairwise(range(len(lengths))):
        growth = rows[last].value - rows[first].value
        note = f"from {lengths[first]} to {lengths[last]} frames"
        rows.append(Measurement(f"growth {note}", growth, "MiB"))
    settings: dict[str, int | float | str | bool] = {"width": 640, "height": 480, "threads": THREADS}
    card = model_record(default_model_path(), read_card(default_model_path()).name)
    finish(Result("memory", settings, {}, LIBRARIES, tuple(rows), card), options)


def peak_mib(arguments: list[str]) -> float:
    """Run `openau` and return the highest resident memory it had, in MiB.

    Args:
        arguments: What follows `openau` on the command line.
    """
    command = [sys.executable, "-m", "openau.cli", *arguments, "--threads", str(THREADS)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"openau {' '.join(arguments)} ended with {child.returncode}.")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return kilobytes / 1024


if __name__ == "__main__":
    main()
