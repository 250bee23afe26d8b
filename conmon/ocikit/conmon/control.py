"""The ``ctl`` and ``winsz`` fifos in the bundle.

``ctl`` lines are ``TYPE HEIGHT WIDTH``: 1 resizes the terminal, 2 re-opens the logs. The C conmon hands sizes on through
``winsz``; here the last size is kept in memory until the terminal arrives, and ``winsz`` exists for those who look for it.
"""

from __future__ import annotations

import posix

from ocikit.conmon.diag import Fatal, debug, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocikit.conmon.loop import Loop

RESIZE, REOPEN = 1, 2
LINE_MAX = 200
SIZE_MAX = 1000


class Control:
    """Reads ``ctl`` and calls ``on_resize(rows, columns)`` or ``on_reopen()``."""

    __slots__ = ("_on_reopen", "_on_resize", "_reader", "_rest", "_writer")

    def __init__(self, bundle: str, on_resize: Callable[[int, int], None], on_reopen: Callable[[], None]) -> None:
        self._on_resize = on_resize
        self._on_reopen = on_reopen
        self._rest = b""
        for name in ("winsz", "ctl"):
            path = f"{bundle}/{name}"
            try:
                _make_fifo(path)
            except OSError as error:
                raise Fatal(f"Failed to mkfifo at {path} {reason(error)}") from None
        try:
            self._reader = posix.open(path, posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC)
            # a writer of our own: without one, every client that leaves would be an end of file
            self._writer = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
        except OSError as error:
            raise Fatal(f"Failed to open control fifo {reason(error)}") from None

    def watch(self, loop: Loop) -> None:
        loop.watch(self._reader, self._ready)

    def _ready(self, _events: int) -> None:
        try:
            data = self._rest + posix.read(self._reader, LINE_MAX)
        except OSError as error:
            debug(f"ctl: {reason(error)}")
            return
        *lines, self._rest = data.split(b"\n")
        if len(self._rest) >= LINE_MAX:
            self._rest = b""
        for line in lines:
            self._obey(line)

    def _obey(self, line: bytes) -> None:
        command = parse(line)
        if command is None:
            debug(f"ctl: ignored {line!r}")
        elif command[0] == RESIZE:
            self._on_resize(command[1], command[2])
        elif command[0] == REOPEN:
            self._on_reopen()


def parse(line: bytes) -> tuple[int, int, int] | None:
    """``b"1 40 100"`` -> (1, 40, 100); None for what is not three numbers or no possible size."""
    words = line.split()
    if len(words) != 3:
        return None
    try:
        kind, height, width = int(words[0]), int(words[1]), int(words[2])
    except ValueError:
        return None
    if not (0 <= height <= SIZE_MAX and 0 <= width <= SIZE_MAX):
        return None
    return kind, height, width


def _make_fifo(path: str) -> None:
    try:
        posix.mkfifo(path, 0o660)
    except FileExistsError:
        posix.unlink(path)
        posix.mkfifo(path, 0o660)
