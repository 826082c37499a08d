"""What every test gets: no network, a home folder of its own, few threads, the real faces where they are."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from openau.records import Pixels
from tests.offline import block_network

_TESTS = Path(__file__).parent
_TEST_HOME = Path(tempfile.mkdtemp(prefix="openau-test-home-"))

settings.register_profile("openau", deadline=None, derandomize=True)  # the same examples on every machine
settings.load_profile("openau")


def pytest_configure() -> None:
    """Point this process and its children to the test home, the network block and few threads."""
    os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", str(Path.home() / ".cache" / "ms-playwright"))
    for name, folder in (
        ("HOME", "."),
        ("USERPROFILE", "."),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_DATA_HOME", ".data"),
    ):
        os.environ[name] = str(_TEST_HOME / folder)
    # Where `tests.offline` is found, and where Python finds its sitecustomize.
    paths = [str(_TESTS.parent), str(_TESTS / "offline"), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    if "PYTEST_XDIST_WORKER" in os.environ:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
            os.environ[name] = "1"  # the workers already share the cores


def pytest_unconfigure() -> None:
    """Take the test home away again."""
    shutil.rmtree(_TEST_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    """Fail a test that reached for the network even where the refusal was swallowed."""
    block_network.ATTEMPTS.clear()
    yield
    assert not block_network.ATTEMPTS, f"the test reached for the network: {block_network.ATTEMPTS}"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the face rig and the real photographs."""
    folder = os.environ.get("OPENAU_SHARED")
    if not folder:
        pytest.skip("OPENAU_SHARED names no folder with the face rig and the photographs")
    return Path(folder)


@pytest.fixture
def astronaut() -> Pixels:
    """A real face that every machine can get: (512, 512, 3) RGB uint8, one frontal smiling face."""
    from skimage import data

    rgb: Pixels = np.ascontiguousarray(data.astronaut())  # type: ignore[no-untyped-call]  # has no types
    return rgb


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's file."""
    from tests.fake.tiny_model import write_tiny_model

    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    write_tiny_model(path)
    return path


@pytest.fixture(scope="module")
def tiny_sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let a sample of six pictures stand in for the package's."""
    from tests.fake.datasets.rendered import write_archive

    archive = write_archive(tmp_path_factory.mktemp("archive") / "sample.zip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openau.data.sample.sample_archive", lambda: archive)
        yield
