"""The bytes of a dataset do not depend on how many threads numpy's matrix products use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_threads_of_matrix_products_change_no_byte(rig_file: Path, tmp_path: Path) -> None:
    contents = []
    for threads in ("1", "2"):
        out = tmp_path / threads
        command = [sys.executable, "-m", "openau.cli", "synthesize", "--out", str(out), "--images", "12"]
        command += [
            "--size",
            "128",
            "--per-subject",
            "4",
            "--workers",
            "1",
            "--quiet",
            "--rig",
            str(rig_file),
        ]
        environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        pictures = sorted(p for p in out.rglob("*") if p.suffix in (".jpg", ".png"))
        contents.append([p.read_bytes() for p in pictures])
    assert len(contents[0]) == 24
    assert contents[0] == contents[1]
