"""A blob on its way in: counted, and continued with Range when the connection breaks.

Rule for another try (image.md 5.4): the first break, or at least 1 MiB since the last one, or 60 s later.
"""

from __future__ import annotations

import io
import time

from .errors import BadContent, RegistryError, Unreachable
from .http import faults, network_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .http import Answer

    # offset -> the answer to a request for the rest of the blob from there
    Reopen = Callable[[int], Answer]

MIN_PROGRESS = 1 << 20
MIN_INTERVAL_S = 60.0
RECONNECT_DELAY_S = 1.0


class BlobStream(io.RawIOBase):
    """The body of a blob, ``size`` bytes long (-1: unknown). Raises Unreachable or BadContent, never ends early.

    ``offset`` is where ``response`` begins within the blob; ``notice`` hears one line per reconnection.
    """

    def __init__(
        self,
        response: Answer,
        reopen: Reopen,
        *,
        what: str,
        size: int = -1,
        offset: int = 0,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        self._response = response
        self._reopen = reopen
        self._what = what
        self._notice = notice
        self.size = size
        self.offset = offset
        self._last_break_at = -1.0
        self._last_break_offset = offset
        self._breaks = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            return self.readall()
        if size == 0:
            return b""
        while True:
            try:
                piece: bytes = self._response.raw.read(size, decode_content=False)
            except faults() as exc:
                self._reconnect(exc)
                continue
            if piece:
                self.offset += len(piece)
                if 0 <= self.size < self.offset:
                    raise BadContent(f"{self._what}: more bytes arrived than the {self.size} announced")
                return piece
            if self.size >= 0 and self.offset < self.size:
                self._reconnect(None)
                continue
            return b""

    def readall(self) -> bytes:
        pieces = []
        while piece := self.read(1 << 20):
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        if not self.closed:
            self._response.close()
        super().close()

    def _reconnect(self, exc: BaseException | None) -> None:
        """Continue with Range where the connection broke, or say where it broke."""
        now = time.monotonic()
        progress = self.offset - self._last_break_offset
        allowed = self._breaks == 0 or progress >= MIN_PROGRESS or now - self._last_break_at >= MIN_INTERVAL_S
        self._response.close()
        cause = network_error("GET", self._response.url, exc) if exc is not None else None
        reason = str(cause) if cause is not None else "unexpected EOF"
        if not allowed:
            total = f" of {self.size}" if self.size >= 0 else ""
            raise Unreachable(
                f"{self._what}: {reason}: {self.offset}{total} bytes arrived",
                hint="the connection breaks again and again: try again later; what arrived is kept where it can be",
            ) from exc
        self._breaks += 1
        self._last_break_at = now
        self._last_break_offset = self.offset
        if self._notice is not None:
            count = "first reconnection" if self._breaks == 1 else f"reconnection {self._breaks}"
            self._notice(f"Reading blob body from {self._response.url} failed ({reason}), reconnecting ({count})…")
        import random

        time.sleep(RECONNECT_DELAY_S * (1 + random.random() / 10))
        try:
            self._response = self._reopen(self.offset)
        except RegistryError as again:
            raise type(again)(
                f"{self._what}: {reason}: {self.offset} bytes arrived; continuing failed: {again}", hint=again.hint
            ) from exc


def check_content_range(header: str, offset: int, size: int, what: str) -> None:
    """A 206 must begin where we asked and run to the end; anything else would be spliced in silently."""
    unit, _, rest = header.partition(" ")
    span, _, total = rest.partition("/")
    first, _, last = span.partition("-")
    good = unit == "bytes" and first.isdigit() and last.isdigit() and int(first) == offset
    if good and total.isdigit():
        good = int(last) == int(total) - 1 and (size < 0 or int(total) == size)
    if not good:
        raise BadContent(f'{what}: asked for bytes {offset}-, the registry answered Content-Range "{header}"')
