"""Bounded threads: one that works ahead of the caller, one that works behind it, several that work in order.

All hold at most a few items, so memory stays constant, and all hand an exception over to the caller.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")
Given = TypeVar("Given")

_POLL_S = 0.2  # how soon a waiting thread notices that the other side has stopped
_JOIN_S = 10.0


def in_order(work: Callable[[Given], Item], items: Iterator[Given], *, workers: int) -> Iterator[Item]:
    """Yield `work(item)` for every item in order, worked on by several threads at once.

    The items are taken by the caller's thread, at most `workers` ahead of what it has been given back.

    Args:
        work: Called with one item, from any of the threads.
        items: What to work on.
        workers: Threads; with 0 the caller's own does the work, one item at a time.
    """
    if workers == 0:
        yield from map(work, items)
        return
    waiting: deque[Future[Item]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="openau-worker") as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _End:
    """Marks the end of a queue, with the exception that ended it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Ahead(Generic[Item]):
    """Runs a generator in its own thread, up to `depth` items ahead of whoever iterates over this.

    Leaving the `with` block stops the thread; an exception of the generator is raised where its item was due.
    """

    def __init__(self, items: Generator[Item], *, depth: int) -> None:
        """Take the generator, which must not be used elsewhere any more.

        Args:
            items: What to run; closed in its thread at the end.
            depth: How many items may wait.
        """
        self._items = items
        self._waiting: queue.Queue[Item | _End] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="openau-ahead", daemon=True)

    def __enter__(self) -> Ahead[Item]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(_JOIN_S)

    def __iter__(self) -> Iterator[Item]:
        while True:
            try:
                item = self._waiting.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def _run(self) -> None:
        end = _End()
        try:
            with closing(self._items):
                for item in self._items:
                    if not self._put(item):
                        break
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
            end = _End(error)
        self._put(end)

    def _put(self, item: Item | _End) -> bool:
        while not self._stop.is_set():
            try:
                self._waiting.put(item, timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False


class Behind(Generic[Item]):
    """Calls a function on every item in its own thread, in order, with up to `depth` items waiting.

    Leaving the `with` block waits until all is done, unless an exception leaves it, which drops what waits.
    An exception of the function is raised by the next `put` or `wait`, or at the end.
    """

    def __init__(self, work: Callable[[Item], None], *, depth: int) -> None:
        """Take the function.

        Args:
            work: Called with one item at a time.
            depth: How many items may wait.
        """
        self._work = work
        self._waiting: queue.Queue[Item | _End] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="openau-behind", daemon=True)
        self._done = 0

    @property
    def done(self) -> int:
        """How many items are finished."""
        return self._done

    def put(self, item: Item) -> None:
        """Hand over an item; waits while `depth` items are waiting."""
        self._put(item)

    def wait(self) -> None:
        """Wait until every item so far is finished."""
        if self._thread.is_alive():
            self._put(_End())
            self._thread.join()
        self._raise()

    def __enter__(self) -> Behind[Item]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.wait()
        else:
            self._stop.set()
            self._thread.join(_JOIN_S)

    def _put(self, item: Item | _End) -> None:
        while True:
            self._raise()
            try:
                self._waiting.put(item, timeout=_POLL_S)
                return
            except queue.Full:
                continue

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                item = self._waiting.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if isinstance(item, _End):
                return
            try:
                self._work(item)
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
                self._error = error
                return
            self._done += 1
