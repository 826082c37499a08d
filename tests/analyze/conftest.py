from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake.media import write_video
from tests.fake.squares import build_square_detector, moving


@pytest.fixture(scope="module", autouse=True)
def _squares_are_faces() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openau.analyze.instrument.build_detector", build_square_detector)
        yield


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 70 frames; frames 20–22 have no face."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, moving(70, empty=(20, 21, 22)), fps=25)
