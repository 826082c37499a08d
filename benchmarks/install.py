"""What the base install costs, and how soon the first answer comes: `python -m benchmarks.install`.

Installs this checkout, not editable, into a new environment in a temporary folder; `--quick` only measures
how soon the present environment answers. Wheels come from pip's usual index, without its cache.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from benchmarks.ledger import ROOT, Measurement, Result, finish, parser, summary

REPEATS = 11
LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "av", "pandas", "tyro", "rich", "jinja2")


def main() -> None:
    """Measure, print, and store where asked."""
    options = parser(__doc__ or "").parse_args()
    if options.quick:
        rows = answers(Path(sys.executable).parent)
    else:
        with tempfile.TemporaryDirectory() as folder:
            rows = [*installation(Path(folder)), *answers(Path(folder) / "bin")]
    finish(Result("install", {"repeats": REPEATS}, {}, LIBRARIES, tuple(rows)), options)


def installation(folder: Path) -> list[Measurement]:
    """Make an environment with the base install; return its time and its size."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    start = time.perf_counter()
    subprocess.run([*pip, "--disable-pip-version-check", str(ROOT)], check=True)
    seconds = time.perf_counter() - start
    # As `du` counts: whole blocks, a hard link once; symbolic links are not followed.
    files = {path.lstat().st_ino: path.lstat() for path in folder.rglob("*") if path.is_file()}
    size = sum(512 * entry.st_blocks for entry in files.values()) / 2**20
    packages = len(list(folder.glob("lib/python3*/site-packages/*.dist-info"))) - 1  # pip itself
    return [
        Measurement("installation", seconds, "s", note="download included"),
        Measurement("environment", size, "MiB", note=f"{packages} packages and pip, byte code included"),
    ]


def answers(programs: Path) -> list[Measurement]:
    """Return how long the command and the import take to answer.

    Args:
        programs: The folder with `python` and `openau`.
    """
    python = str(programs / "python")
    return [
        seconds_of("openau --help", [str(programs / "openau"), "--help"]),
        seconds_of("import openau", [python, "-c", "import openau"]),
        seconds_of("from openau import Analyzer", [python, "-c", "from openau import Analyzer"]),
        seconds_of("python itself", [python, "-c", "pass"]),
    ]


def seconds_of(name: str, command: list[str]) -> Measurement:
    """Return the time of a command, the median of many after one that fills the disk's cache."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return summary(name, times[1:], "s")


if __name__ == "__main__":
    main()
