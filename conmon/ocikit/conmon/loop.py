"""The event loop: descriptors and deadlines, each with one function. epoll and nothing else."""

from __future__ import annotations

import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

IN, OUT, HANG_UP, BROKEN, HALF_CLOSED = (
    select.EPOLLIN,
    select.EPOLLOUT,
    select.EPOLLHUP,
    select.EPOLLERR,
    select.EPOLLRDHUP,
)


class Loop:
    """``watch`` a descriptor, ``after`` some seconds; ``turn`` waits for one batch of events."""

    __slots__ = ("_epoll", "_handlers", "_serial", "_timers")

    def __init__(self) -> None:
        self._epoll = select.epoll()  # close-on-exec by itself
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0

    def watch(self, fd: int, handler: Callable[[int], None], events: int = IN) -> None:
        """Call ``handler(events)`` when ``fd`` is ready; again for another handler or other events."""
        if fd in self._handlers:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def forget(self, fd: int) -> None:
        """To be called before ``fd`` is closed: a number is soon used again."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self._serial += 1
        self._timers.append((time.monotonic() + seconds, self._serial, action))
        self._timers.sort(key=_deadline)

    def turn(self) -> None:
        """Wait for descriptors or the next deadline, and serve them."""
        timeout = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else -1
        for fd, events in self._epoll.poll(timeout):
            handler = self._handlers.get(fd)  # an earlier handler of this batch may have closed it
            if handler is not None:
                handler(events)
        while self._timers and self._timers[0][0] <= time.monotonic():
            self._timers.pop(0)[2]()

    def close(self) -> None:
        self._epoll.close()


def _deadline(timer: tuple[float, int, Callable[[], None]]) -> float:
    return timer[0]
