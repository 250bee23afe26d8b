"""What a copy tells its user while it runs: lines, and the progress of blobs."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class BlobProgress:
    """The progress of one blob; this one is silent."""

    def advance(self, count: int) -> None:
        """``count`` more bytes were read from the source."""

    def done(self, text: str = "done") -> None:
        """The blob is there; ``text`` says how ("done", "skipped: already exists")."""

    def failed(self) -> None:
        """It isn't and won't be."""


class Reporter:
    """Silent: the base, and what ``--quiet`` means. Methods may be called from several threads."""

    def line(self, text: str) -> None:
        """An event of the copy as a whole."""

    def blob(self, kind: str, digest: str, size: int) -> BlobProgress:
        """A blob is about to be copied; ``kind`` is "blob" or "config", ``size`` -1 if unknown."""
        return BlobProgress()

    def close(self) -> None:
        """No more is to come."""


class LineReporter(Reporter):
    """One line an event: for logs and pipes, as the Go tools do where stdout isn't a terminal."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def line(self, text: str) -> None:
        # One write a line, so that lines of several threads don't mix.
        out = self._out or sys.stdout
        out.write(text + "\n")
        out.flush()

    def blob(self, kind: str, digest: str, size: int) -> BlobProgress:
        self.line(f"Copying {kind} {digest}")
        return BlobProgress()
