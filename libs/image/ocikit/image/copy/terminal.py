"""Progress bars on a terminal: a block of lines that is drawn again and again (image spec, section 7.6)."""

from __future__ import annotations

import sys
import time
from threading import Event, Lock, Thread

from ocikit.image.copy.report import BlobProgress, Reporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

WIDTH = 40
INTERVAL_S = 0.12
_UNITS = ("b", "KiB", "MiB", "GiB", "TiB")


def amount(count: float) -> str:
    """``1.5MiB``"""
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count /= 1024
        unit += 1
    return f"{count:.1f}{_UNITS[unit]}"


def render_bar(title: str, done: int, size: int, seconds: float, columns: int) -> str:
    """One line of a running blob; with an unknown size a spinner instead of the bar."""
    speed = amount(done / seconds) + "/s" if seconds > 0.5 else ""
    if size <= 0:
        dots = "." * (int(seconds * 4) % 4 + 1)
        line = f"{title} {dots:<4} {amount(done)} | {speed}"
    else:
        filled = min(WIDTH, done * WIDTH // size)
        head = ">" if 0 < filled < WIDTH else ""
        bar = ("=" * (filled - len(head)) + head).ljust(WIDTH, "-")
        line = f"{title} [{bar}] {amount(done)} / {amount(size)} | {speed}"
    return line[: max(columns - 1, 20)]


class TerminalReporter(Reporter):
    """Finished lines scroll away above, running blobs stay below. One thread draws; it ends with :meth:`close`."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._lock = Lock()
        self._running: list[_Bar] = []
        self._drawn = 0
        self._stop = Event()
        self._thread: Thread | None = None

    def line(self, text: str) -> None:
        with self._lock:
            self._erase()
            self._out.write(text + "\n")
            self._draw()

    def blob(self, kind: str, digest: str, size: int) -> BlobProgress:
        short = digest.partition(":")[2][: 12 if kind == "blob" else 10]
        bar = _Bar(self, f"Copying {kind} {short}", size)
        with self._lock:
            self._running.append(bar)
            if self._thread is None:
                self._thread = Thread(target=self._loop, daemon=True)
                self._thread.start()
        return bar

    def finish(self, bar: _Bar, text: str) -> None:
        with self._lock:
            if bar not in self._running:
                return
            self._running.remove(bar)
            self._erase()
            if text:
                self._out.write(f"{bar.title} {text}   | \n" if text == "done" else f"{bar.title} {text}  \n")
            self._draw()

    def _loop(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            with self._lock:
                self._erase()
                self._draw()

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        import os

        try:
            columns = os.get_terminal_size(self._out.fileno()).columns or 80
        except (OSError, ValueError):
            columns = 80
        now = time.monotonic()
        for bar in self._running:
            self._out.write(render_bar(bar.title, bar.count, bar.size, now - bar.start, columns) + "\n")
        self._drawn = len(self._running)
        self._out.flush()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._erase()
            self._running.clear()
            self._out.flush()


class _Bar(BlobProgress):
    def __init__(self, reporter: TerminalReporter, title: str, size: int) -> None:
        self._reporter = reporter
        self.title = title
        self.size = size
        self.count = 0
        self.start = time.monotonic()

    def advance(self, count: int) -> None:
        self.count += count

    def done(self, text: str = "done") -> None:
        self._reporter.finish(self, text)

    def failed(self) -> None:
        self._reporter.finish(self, "")
