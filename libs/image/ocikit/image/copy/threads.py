"""Threads for bytes: a producer behind a bounded queue, and tasks side by side that stop together."""

from __future__ import annotations

import time
from queue import Empty, Full, Queue
from threading import Event, Thread

from ocikit.image.errors import CopyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")

DEPTH = 4
_TICK = 0.5


class Cancelled(CopyError):
    """Another part of the copy failed; this one's error isn't worth telling."""


class Cancel:
    """Shared by all parts of one copy: set when one fails, and when the time is up."""

    def __init__(self, deadline: float | None = None) -> None:
        self._event = Event()
        self._deadline = deadline

    def set(self) -> None:
        self._event.set()

    def check(self) -> None:
        """Raises :class:`Cancelled`, or the error of a passed deadline. Cheap enough for every piece of data."""
        if self._event.is_set():
            raise Cancelled("copying was cancelled")
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise CopyError("context deadline exceeded", hint="give more time with --command-timeout")


class _Stopped(Exception):
    """The reader has gone."""


class Pump:
    """Runs ``produce(put)`` in a thread and gives what it puts to :meth:`read`; errors of the thread are raised there.

    At most ``DEPTH`` pieces wait between the two, so that memory stays bounded whatever the speed of either side.
    """

    def __init__(self, produce: Callable[[Callable[[bytes], None]], None]) -> None:
        self._queue: Queue[bytes] = Queue(DEPTH)
        self._gone = Event()
        self._error: BaseException | None = None
        self._rest = b""
        self._ended = False
        self._thread = Thread(target=self._run, args=(produce,), daemon=True)
        self._thread.start()

    def _put(self, piece: bytes) -> None:
        if not piece:
            return
        while True:
            try:
                self._queue.put(piece, timeout=_TICK)
                return
            except Full:
                if self._gone.is_set():
                    raise _Stopped from None

    def _run(self, produce: Callable[[Callable[[bytes], None]], None]) -> None:
        try:
            produce(self._put)
        except _Stopped:
            return
        except BaseException as error:
            self._error = error
        while not self._gone.is_set():
            try:
                self._queue.put(b"", timeout=_TICK)  # the end
                return
            except Full:
                continue

    def read(self, size: int = -1, /) -> bytes:
        """The next piece, at most ``size`` bytes if that is positive."""
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if not self._rest:
            if self._ended:
                return b""
            self._rest = self._next()
            if not self._rest:
                self._ended = True
                if self._error is not None:
                    raise self._error
                return b""
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    def _next(self) -> bytes:
        while True:
            try:
                return self._queue.get(timeout=_TICK)
            except Empty:
                if not self._thread.is_alive() and self._queue.empty():
                    return b""

    def close(self) -> None:
        """Ends the thread, even in the middle, and waits for it."""
        self._gone.set()
        while self._thread.is_alive():
            try:
                self._queue.get_nowait()
            except Empty:
                pass
            self._thread.join(0.02)


def run_parallel(tasks: Sequence[Callable[[], T]], limit: int, cancel: Cancel) -> list[T]:
    """Results of all tasks in order, ``limit`` at a time. The first failure cancels the rest; the lowest task's is
    raised.
    """
    if limit <= 1 or len(tasks) <= 1:
        return [task() for task in tasks]
    results: list[T | None] = [None] * len(tasks)
    errors: dict[int, BaseException] = {}
    waiting = iter(enumerate(tasks))
    from threading import Lock

    lock = Lock()

    def work() -> None:
        while True:
            with lock:
                if errors:
                    return
                at, task = next(waiting, (-1, None))
            if task is None:
                return
            try:
                results[at] = task()
            except BaseException as error:
                errors[at] = error
                cancel.set()
                return

    threads = [Thread(target=work, daemon=True) for _ in range(min(limit, len(tasks)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(_TICK)
    except BaseException:
        cancel.set()
        raise
    if errors:
        real = [at for at, error in sorted(errors.items()) if not isinstance(error, Cancelled)]
        raise errors[real[0] if real else min(errors)]
    return results  # type: ignore[return-value]
