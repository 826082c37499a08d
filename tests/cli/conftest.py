from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake.squares import build_square_detector


@pytest.fixture(scope="module", autouse=True)
def _squares_are_faces() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openau.analyze.instrument.build_detector", build_square_detector)
        yield
