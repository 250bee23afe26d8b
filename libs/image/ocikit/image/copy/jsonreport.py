"""Progress for programs: one JSON object a line on stdout (``--progress json``)."""

from __future__ import annotations

import sys
import time
from threading import Lock

from ocikit.common.jsonfast import dumps
from ocikit.image.copy.report import BlobProgress, Reporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

INTERVAL_S = 0.5


class JSONReporter(Reporter):
    """Events: ``{"event":"line","text":...}`` and ``{"event":"start"|"progress"|"done"|"failed","kind":"blob"|"config",
    "digest":...,"bytes":N,"size":N}``; sizes are bytes of the source's form, -1 if unknown."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out
        self._lock = Lock()

    def emit(self, **event: object) -> None:
        out = self._out or sys.stdout
        with self._lock:
            out.write(dumps(event) + "\n")
            out.flush()

    def line(self, text: str) -> None:
        self.emit(event="line", text=text)

    def blob(self, kind: str, digest: str, size: int) -> BlobProgress:
        self.emit(event="start", kind=kind, digest=digest, size=size)
        return _Blob(self, kind, digest, size)


class _Blob(BlobProgress):
    def __init__(self, reporter: JSONReporter, kind: str, digest: str, size: int) -> None:
        self._reporter = reporter
        self._kind, self._digest, self._size = kind, digest, size
        self._bytes = 0
        self._told = time.monotonic()

    def _emit(self, event: str, **more: object) -> None:
        self._reporter.emit(
            event=event, kind=self._kind, digest=self._digest, bytes=self._bytes, size=self._size, **more
        )

    def advance(self, count: int) -> None:
        self._bytes += count
        now = time.monotonic()
        if now - self._told >= INTERVAL_S:
            self._told = now
            self._emit("progress")

    def done(self, text: str = "done") -> None:
        self._emit("done", how=text)

    def failed(self) -> None:
        self._emit("failed")
