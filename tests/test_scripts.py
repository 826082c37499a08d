"""The scripts that a stranger runs first say what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = [
    ROOT / ".ci" / "run",
    *(p for p in sorted((ROOT / "scripts").iterdir()) if p.suffix != ".toml" and p.is_file()),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with nothing but the installing script."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "install", tmp_path / "scripts" / "install")
    return tmp_path


def install(checkout: Path, interpreter: str) -> subprocess.CompletedProcess[str]:
    """Run the installing script with a python3 that is this shell script."""
    fake = checkout / "python3"
    fake.write_text(f"#!/bin/sh\n{interpreter}\n", "utf-8")
    fake.chmod(0o755)
    command = [str(checkout / "scripts" / "install"), "base"]
    return subprocess.run(
        command, env=os.environ | {"PYTHON": str(fake)}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_can_be_run_and_stops_at_its_first_mistake(script: Path) -> None:
    text = script.read_text("utf-8")
    assert os.access(script, os.X_OK)
    if text.startswith("#!/usr/bin/env bash"):
        assert "\nset -euo pipefail\n" in text
        assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    else:
        assert text.startswith("#!/usr/bin/env python3")


def test_an_old_python_is_refused_with_its_version(checkout: Path) -> None:
    result = install(checkout, 'case "$1" in --version) echo "Python 3.9.2";; *) exit 1;; esac')
    assert result.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13" in result.stderr
    assert "(Python 3.9.2)" in result.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_named_with_what_to_install(checkout: Path) -> None:
    result = install(checkout, 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac')
    assert result.returncode == 1
    assert "has no venv module" in result.stderr
    assert "apt install python3-venv" in result.stderr
    assert not (checkout / ".venv").exists()
