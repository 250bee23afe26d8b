"""What a build tells while it runs: the plain STEP lines of ``podman build``. Other views subclass it.

Lines go to standard output, what RUN writes goes where RUN writes it; ``quiet`` leaves only the final id.
"""

from __future__ import annotations

import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class Output:
    """Receives the events of a build. Stages may run in threads: a line is written as a whole."""

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.quiet = quiet
        self.stream = stream or sys.stdout
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        if not self.quiet:
            with self._lock:
                self.stream.write(text + "\n")
                self.stream.flush()

    def step(self, prefix: str, number: int, total: int, text: str) -> None:
        """A step begins; ``prefix`` is ``[1/2] `` in a build of several stages."""
        self.line(f"{prefix}STEP {number}/{total}: {text}")

    def commit(self, prefix: str, name: str) -> None:
        self.line(f"{prefix}COMMIT {name}".rstrip())

    def cached(self, prefix: str, image_id: str) -> None:
        self.line(f"{prefix}--> Using cache {image_id}")

    def missed(self, prefix: str, why: str) -> None:
        """A step that the cache could have served has to run; shown at log level info."""
        from ocikit.common import log

        log.info(f"{prefix}the cache has no image for this step: {why}")

    def image(self, prefix: str, image_id: str) -> None:
        self.line(f"{prefix}--> {image_id[:12]}")

    def warning(self, text: str) -> None:
        from ocikit.common import log

        with self._lock:
            log.warning(text)

    def unused_args(self, names: list[str]) -> None:
        self.line(f"[Warning] one or more build args were not consumed: [{' '.join(names)}]")

    def tagged(self, name: str) -> None:
        self.line(f"Successfully tagged {name}")

    def finished(self, image_id: str) -> None:
        with self._lock:
            self.stream.write(image_id + "\n")
            self.stream.flush()


def step_text(keyword: str, original: str, heredoc_first_line: str | None, more: bool) -> str:
    """The text of a STEP line: as written; a heredoc's first body line in parentheses."""
    if heredoc_first_line is None:
        return original
    return f"{original} ({heredoc_first_line}{'...' if more else ''})"
