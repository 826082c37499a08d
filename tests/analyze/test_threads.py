from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openau.analyze.threads import Ahead, Behind, in_order


def each(items: list[int]) -> Generator[int]:
    yield from items


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen soon."""
    limit = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit, "it never happened"
        time.sleep(0.002)


@given(items=st.lists(st.integers(), max_size=30), depth=st.integers(1, 4))
def test_ahead_gives_every_item_in_order(items: list[int], depth: int) -> None:
    with Ahead(each(items), depth=depth) as ahead:
        assert list(ahead) == items


def test_ahead_works_in_another_thread_and_no_further_than_its_depth() -> None:
    made: list[str] = []

    def items() -> Generator[int]:
        for i in range(100):
            made.append(threading.current_thread().name)
            yield i

    with Ahead(items(), depth=3) as ahead:
        until(lambda: len(made) >= 4)
        time.sleep(0.05)
        assert len(made) == 4  # three wait, the fourth is in the maker's hands
        assert next(iter(ahead)) == 0
    assert set(made) == {"openau-ahead"}


def test_an_exception_comes_where_its_item_was_due() -> None:
    def items() -> Generator[int]:
        yield 1
        raise ValueError("broken")

    with Ahead(items(), depth=2) as ahead:
        iterator = iter(ahead)
        assert next(iterator) == 1
        with pytest.raises(ValueError, match="broken"):
            next(iterator)


def test_the_generator_is_closed_in_its_own_thread() -> None:
    closed_in: list[str] = []

    def items() -> Generator[int]:
        try:
            yield from range(100)
        finally:
            closed_in.append(threading.current_thread().name)

    with Ahead(items(), depth=1) as ahead:
        next(iter(ahead))
    assert closed_in == ["openau-ahead"]


@given(items=st.lists(st.integers(0, 20), max_size=20), workers=st.integers(0, 3))
def test_work_comes_back_in_order_whoever_is_first(items: list[int], workers: int) -> None:
    def work(item: int) -> int:
        time.sleep(item % 3 / 5000)
        return -item

    assert list(in_order(work, iter(items), workers=workers)) == [-item for item in items]


def test_workers_work_at_the_same_time_and_not_far_ahead() -> None:
    both, taken = threading.Barrier(2, timeout=5), []

    def items() -> Iterator[int]:
        for i in range(10):
            taken.append(i)
            yield i

    def work(item: int) -> str:
        both.wait()  # passes only when two are here
        return threading.current_thread().name

    results = in_order(work, items(), workers=2)
    next(results)
    assert taken == [0, 1, 2]
    names = set(results)
    assert len(names) == 2


def test_an_exception_of_a_worker_comes_where_its_result_was_due() -> None:
    results = in_order(lambda item: 1 // item, iter([1, 0]), workers=2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_leaving_ahead_early_stops_its_thread() -> None:
    def forever() -> Generator[int]:
        while True:
            yield 1

    before = threading.active_count()
    with Ahead(forever(), depth=2) as ahead:
        assert next(iter(ahead)) == 1
    assert threading.active_count() == before


@given(items=st.lists(st.integers(), max_size=30), depth=st.integers(1, 4))
def test_behind_does_all_in_order_before_it_ends(items: list[int], depth: int) -> None:
    done: list[int] = []
    with Behind(done.append, depth=depth) as behind:
        for item in items:
            behind.put(item)
    assert done == items
    assert behind.done == len(items)


def test_behind_makes_its_caller_wait_beyond_its_depth() -> None:
    go_on, put = threading.Event(), []

    def caller(behind: Behind[int]) -> None:
        for i in range(10):
            behind.put(i)
            put.append(i)

    def work(item: int) -> None:
        go_on.wait(5)

    with Behind(work, depth=2) as behind:
        thread = threading.Thread(target=caller, args=(behind,))
        thread.start()
        until(lambda: len(put) >= 3)
        time.sleep(0.05)
        assert len(put) == 3  # one being worked on, two waiting
        go_on.set()
        thread.join(5)
    assert behind.done == 10


def put_all(behind: Behind[int], count: int) -> None:
    with behind:
        for i in range(count):
            behind.put(i)


@pytest.mark.parametrize("count", [1, 10])
def test_an_exception_behind_reaches_the_next_put_or_the_end(count: int) -> None:
    def fail(item: int) -> None:
        raise OSError("disk full")

    behind = Behind(fail, depth=1)
    with pytest.raises(OSError, match="disk full"):
        put_all(behind, count)
    assert behind.done == 0


def test_an_exception_of_the_caller_drops_what_waits() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work(item: int) -> None:
        begun.set()
        go_on.wait(5)
        done.append(item)

    def interrupted() -> None:
        with Behind(work, depth=5) as behind:
            for i in range(5):
                behind.put(i)
            begun.wait(5)
            threading.Timer(0.05, go_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == [0]


def test_wait_returns_only_when_all_is_done() -> None:
    done: list[int] = []

    def slowly(item: int) -> None:
        time.sleep(0.01)
        done.append(item)

    with Behind(slowly, depth=3) as behind:
        for i in range(3):
            behind.put(i)
        behind.wait()
        assert done == [0, 1, 2]
