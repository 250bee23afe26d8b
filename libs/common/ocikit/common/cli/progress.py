"""What long work shows: bars that move on a terminal, one line an event elsewhere, JSON lines for programs, or nothing.

::

    with Progress.choose(quiet=opts.quiet) as progress:
        progress.line("Getting image source signatures")
        item = progress.blob("blob", digest, size)
        item.advance(len(data))
        item.done()

Methods may be called from several threads. Output goes to standard error, so that ids on standard output can be piped.
The shape (``line``, ``blob`` with ``advance``/``done``/``failed``, ``close``) is the one that copying images reports to.
"""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from typing import Any, Self, TextIO

# A terminal need not be painted more often than eyes see.
REPAINT_S = 0.1


class Item:
    """One piece of the work; this one is silent."""

    def advance(self, count: int) -> None:
        """``count`` more bytes (or steps) are done."""

    def done(self, text: str = "done") -> None:
        """The piece is finished; ``text`` says how ("done", "skipped: already exists")."""

    def failed(self) -> None:
        """The piece will not be finished."""


class Progress:
    """Silent: the base, and what ``--quiet`` means."""

    @staticmethod
    def choose(quiet: bool = False, mode: str = "", out: TextIO | None = None) -> Progress:
        """The kind that suits where the output goes. mode: "bar", "plain", "json" or "none" decides by itself."""
        out = out or sys.stderr
        if quiet or mode == "none":
            return Progress()
        if mode == "json":
            return JsonProgress(out)
        if mode == "bar" or (not mode and out.isatty()):
            return BarProgress(out)
        return PlainProgress(out)

    def line(self, text: str) -> None:
        """An event of the work as a whole."""

    def blob(self, kind: str, digest: str, size: int) -> Item:
        """A piece begins: ``kind`` is "blob" or "config", ``size`` is in bytes, -1 if unknown."""
        return Item()

    def close(self) -> None:
        """No more is to come."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: types.TracebackType | None
    ) -> None:
        self.close()


class PlainProgress(Progress):
    """One line an event, for logs and pipes."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def line(self, text: str) -> None:
        # One write a line, so that lines of several threads don't mix.
        self.out.write(text + "\n")
        self.out.flush()

    def blob(self, kind: str, digest: str, size: int) -> Item:
        self.line(f"Copying {kind} {digest}")
        return Item()


class JsonProgress(Progress):
    """One JSON object a line: {"event": "line", "text"} and {"event": "start"|"progress"|"done"|"failed", "kind",
    "id", "current", "total"}.
    """

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def event(self, **fields: Any) -> None:
        from ocikit.common.jsonfast import dumps

        self.out.write(dumps(fields) + "\n")
        self.out.flush()

    def line(self, text: str) -> None:
        self.event(event="line", text=text)

    def blob(self, kind: str, digest: str, size: int) -> Item:
        self.event(event="start", kind=kind, id=digest, total=size)
        return _JsonItem(self, kind, digest, size)


class _JsonItem(Item):
    def __init__(self, owner: JsonProgress, kind: str, digest: str, size: int) -> None:
        self.owner = owner
        self.fields: dict[str, Any] = {"kind": kind, "id": digest, "current": 0, "total": size}
        self.told = 0.0

    def advance(self, count: int) -> None:
        self.fields["current"] += count
        now = time.monotonic()
        if now - self.told >= REPAINT_S:
            self.told = now
            self.owner.event(event="progress", **self.fields)

    def done(self, text: str = "done") -> None:
        self.owner.event(event="done", text=text, **self.fields)

    def failed(self) -> None:
        self.owner.event(event="failed", **self.fields)


class BarProgress(Progress):
    """Bars below each other, repainted in place; finished pieces scroll up as lines."""

    def __init__(self, out: TextIO) -> None:
        import threading

        self.out = out
        self.lock = threading.RLock()
        self.items: list[_BarItem] = []
        self.painted_lines = 0
        self.painted_at = 0.0

    def line(self, text: str) -> None:
        with self.lock:
            self._paint(above=text)

    def blob(self, kind: str, digest: str, size: int) -> Item:
        # Twelve digits of a digest, as everywhere where people read them.
        algorithm, colon, rest = digest.partition(":")
        item = _BarItem(self, f"Copying {kind} {(rest if colon else algorithm)[:12]}", size)
        with self.lock:
            self.items.append(item)
            self._paint()
        return item

    def moved(self) -> None:
        """Repaints if the last time is long enough ago."""
        if time.monotonic() - self.painted_at >= REPAINT_S and self.lock.acquire(blocking=False):
            try:
                self._paint()
            finally:
                self.lock.release()

    def finished(self, item: _BarItem, text: str) -> None:
        with self.lock:
            if item in self.items:
                self.items.remove(item)
                self._paint(above=f"{item.label} {text}")

    def close(self) -> None:
        with self.lock:
            self.items.clear()
            self._paint()

    def _paint(self, above: str = "") -> None:
        import shutil

        width = shutil.get_terminal_size().columns - 1
        self.painted_at = time.monotonic()
        out = []
        if self.painted_lines:
            out.append(f"\x1b[{self.painted_lines}A\r\x1b[J")  # up to the first bar, clear what is below
        if above:
            out.append(above + "\n")
        lines = [item.text()[:width] for item in self.items]
        out += [line + "\n" for line in lines]
        self.painted_lines = len(lines)
        try:
            self.out.write("".join(out))
            self.out.flush()
        except (OSError, ValueError):
            pass  # the terminal went away; the work goes on


class _BarItem(Item):
    def __init__(self, owner: BarProgress, label: str, size: int) -> None:
        import io

        import click

        self.owner = owner
        self.label = label
        self.current = 0
        self.size = size
        # click lays the bar out; painting several at a time is ours, so its own output goes nowhere.
        self.bar: Any = click.progressbar(
            length=max(size, 0) or None, file=io.StringIO(), width=24, iterable=None if size > 0 else ()
        )

    def text(self) -> str:
        from ocikit.common.units import human_size

        if self.size <= 0:
            return f"{self.label} {human_size(self.current)}"
        return f"{self.label} [{self.bar.format_bar()}] {human_size(self.current)} / {human_size(self.size)} {self.bar.format_eta()}".rstrip()

    def advance(self, count: int) -> None:
        self.current += count
        if self.size > 0:
            self.bar.make_step(count)
        self.owner.moved()

    def done(self, text: str = "done") -> None:
        self.owner.finished(self, text)

    def failed(self) -> None:
        self.owner.finished(self, "failed")
