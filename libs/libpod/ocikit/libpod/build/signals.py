"""An orderly end: what SIGTERM and SIGHUP do to a build, so that no container, mount or network is left behind."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class OrderlyEnd:
    """A context manager: inside it these signals end the program by way of every ``finally``, with 128 + their number."""

    def __init__(self) -> None:
        self._before: list[tuple[int, Any]] = []

    def __enter__(self) -> OrderlyEnd:
        import signal

        for number in (signal.SIGHUP, signal.SIGTERM):
            try:
                # A signal that the caller ignores (nohup) stays ignored.
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before.append((number, signal.signal(number, _end)))
            except ValueError:
                break  # Only the main thread may; elsewhere the program's own handlers count.
        return self

    def __exit__(self, *error: object) -> None:
        import signal

        for number, before in self._before:
            signal.signal(number, before)


def _end(number: int, frame: object) -> None:
    raise SystemExit(128 + number)
