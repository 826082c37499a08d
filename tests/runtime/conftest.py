"""The tiny network of all the tests of the runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fake.tiny_model import tiny_card, write_tiny_model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_tiny_model(tmp_path / "tiny.onnx", tiny_card(intensity=True))
    return tmp_path / "tiny.onnx"
