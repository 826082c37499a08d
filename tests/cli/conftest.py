from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake.squares import build_square_detector
from tests.fake.tiny_model import write_tiny_model


@pytest.fixture(scope="module", autouse=True)
def _squares_are_faces() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openau.analyze.instrument.build_detector", build_square_detector)
        yield


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's file."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    write_tiny_model(path)
    return path
