"""Training on a CPU keeps the memory it frees, gives it back at the end, and leaves other systems alone."""

from __future__ import annotations

import ctypes
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from openau.train import memory
from openau.train.memory import memory_kept

resource = pytest.importorskip("resource", reason="page faults are counted on Unix only")

glibc_only = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
_BLOCK = 48 * 2**20
"""More than glibc would keep by itself."""


def _faults() -> int:
    """Return the page faults of taking a block five times."""
    before = int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    for _ in range(5):
        torch.ones(_BLOCK // 4)
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt) - before


def _resident() -> int:
    """Return the memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * int(resource.getpagesize())


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in memory.CHOSEN:
        monkeypatch.delenv(name, raising=False)


@glibc_only
def test_a_block_that_was_freed_is_taken_again_without_page_faults_and_goes_back_at_the_end() -> None:
    plain = _faults()
    with memory_kept(torch.device("cpu")):
        _faults()
        kept, held = _faults(), _resident()
    assert kept * 10 < plain
    assert held - _resident() > _BLOCK // 2
    assert _faults() > kept * 10


@glibc_only
def test_what_the_machine_has_not_is_still_refused_by_an_error() -> None:
    with memory_kept(torch.device("cpu")), pytest.raises(RuntimeError, match="memory"):
        torch.ones(2**46)


@dataclass
class _Allocator:
    """Stands in for a C library with glibc's names."""

    calls: list[tuple[int, ...]] = field(default_factory=list)
    gnu_get_libc_version: str = "2.36"

    def mallopt(self, name: int, value: int) -> int:
        self.calls.append((name, value))
        return 1

    def malloc_trim(self, pad: int) -> int:
        self.calls.append((pad,))
        return 1


@pytest.fixture
def allocator(monkeypatch: pytest.MonkeyPatch) -> _Allocator:
    """A C library that only writes down what it is asked, on Linux."""
    asked = _Allocator()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: asked)
    monkeypatch.setattr(sys, "platform", "linux")
    return asked


def test_thresholds_go_back_after_a_training_that_failed(allocator: _Allocator) -> None:
    training = memory_kept(torch.device("cpu"))
    training.__enter__()
    begun = list(allocator.calls)
    training.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert begun == [(-4, 0), (-1, -1)]
    assert allocator.calls[2:] == [(-4, 65536), (-3, 32 * 2**20), (-1, 64 * 2**20), (0,)]


@pytest.mark.parametrize("name", memory.CHOSEN)
def test_who_sets_the_allocator_by_the_environment_keeps_it_so(
    allocator: _Allocator, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    with memory_kept(torch.device("cpu")):
        pass
    assert not allocator.calls


def test_training_on_a_gpu_leaves_the_allocator_alone(allocator: _Allocator) -> None:
    with memory_kept(torch.device("cuda")):
        pass
    assert not allocator.calls


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_nothing_is_loaded_on_other_systems(
    allocator: _Allocator, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(ctypes, "CDLL", None)
    with memory_kept(torch.device("cpu")):
        pass
    assert not allocator.calls


def test_a_c_library_that_is_not_glibc_is_left_alone(
    allocator: _Allocator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=allocator.mallopt))
    with memory_kept(torch.device("cpu")):
        pass
    assert not allocator.calls
