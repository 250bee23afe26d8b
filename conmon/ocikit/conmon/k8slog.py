"""The k8s-file log: ``TIME STREAM FLAG CONTENT`` lines, written a whole read at a time.

A read of many lines becomes one ``replace`` and one ``write``; only a read that would cross a size limit, or that holds a
line longer than 8192 bytes, is taken apart. Layout, limits and rotation: docs/tools/conmon.md, "Logs".
"""

from __future__ import annotations

import posix
import time

from ocikit.conmon.diag import Fatal, reason, warn

LINE_MAX = 8192  # a longer line is cut into P pieces of this size
_OPEN = posix.O_WRONLY | posix.O_APPEND | posix.O_CREAT | posix.O_CLOEXEC


class K8sFile:
    """One log file. ``size_max`` and ``global_max`` in bytes, 0 or less for no limit."""

    __slots__ = (
        "_second",
        "_stamp",
        "_zone",
        "allowed",
        "fd",
        "global_max",
        "max_files",
        "path",
        "size",
        "size_max",
        "total",
    )

    def __init__(
        self, path: str, size_max: int = -1, global_max: int = -1, max_files: int = 0, allowed: tuple[str, ...] = ()
    ) -> None:
        """``max_files`` 0 truncates when the limit is reached, N keeps ``PATH.1`` to ``PATH.N``."""
        self.path = path
        self.size_max = size_max
        self.global_max = global_max
        self.max_files = max_files
        self.allowed = allowed
        self.total = 0
        self._second = -1
        self._stamp = self._zone = b""
        try:
            self.fd = posix.open(path, _OPEN, 0o640)
            self.size = posix.fstat(self.fd).st_size
        except OSError as error:
            raise Fatal(f"Failed to open log file {reason(error)}") from None

    def write(self, stream: bytes, data: bytes) -> None:
        """Log one read of ``stream`` (``b"stdout"``, ``b"stderr"``); errors are warnings, the container goes on."""
        head = self._head(stream)
        try:
            if self.size_max <= 0 and self.global_max <= 0:
                self._put(frame(head, data))
            else:
                self._write_limited(head, data)
        except OSError as error:
            warn(f"Failed to write to the log file {reason(error)}")

    def _head(self, stream: bytes) -> bytes:
        """``2026-11-23T17:10:58.773424591+00:00 stdout `` : all lines of one read share it."""
        second, nanos = divmod(time.time_ns(), 1_000_000_000)
        if second != self._second:
            now = time.localtime(second)
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", now).encode()
            minutes = now.tm_gmtoff // 60
            sign = b"-" if minutes < 0 else b"+"
            self._zone = b"%s%02d:%02d" % (sign, *divmod(abs(minutes), 60))
        return b"%s.%09d%s %s " % (self._stamp, nanos, self._zone, stream)

    def _put(self, pieces: list[bytes | memoryview]) -> None:
        size = sum([len(piece) for piece in pieces])
        written = posix.writev(self.fd, pieces)
        if written < size:  # a full disk, mostly
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                rest = rest[posix.write(self.fd, rest) :]
        self.size += size
        self.total += size

    def _write_limited(self, head: bytes, data: bytes) -> None:
        batch: list[bytes] = []
        pending = 0
        for record in records(head, data):
            if 0 < self.global_max <= self.total + pending:
                break
            if 0 < self.size_max < self.size + pending + len(record):
                if batch:
                    self._put([b"".join(batch)])
                    batch, pending = [], 0
                self.reopen()
            batch.append(record)
            pending += len(record)
        if batch:
            self._put([b"".join(batch)])

    def reopen(self) -> None:
        """Start a new file at the path: after logrotate has moved the old one, or when the old one is full."""
        from ocikit.conmon import rotate

        try:
            if self.max_files > 0:
                fd = rotate.shift(self.path, self.fd, self.max_files, self.allowed)
            else:
                fd = rotate.replace(self.path)
        except (OSError, rotate.Refused) as error:
            warn(f"Failed to rotate the log file: {error}")
            self.size = 0  # ask again after another size_max bytes, not at each line
            return
        posix.close(self.fd)
        self.fd = fd
        self.size = 0

    def sync(self) -> None:
        """Bring the log to the disk; one that was removed meanwhile (``run --rm``) is not worth the wait."""
        try:
            if posix.fstat(self.fd).st_nlink:
                posix.fsync(self.fd)
        except OSError as error:
            warn(f"Failed to sync log file on exit {reason(error)}")

    def descriptor(self) -> int:
        return self.fd


def frame(head: bytes, data: bytes) -> list[bytes | memoryview]:
    """Every line of one read with its head, in pieces for one writev: the bytes are copied once, by ``replace``.

    >>> b"".join(frame(b"T stdout ", b"a\\nb"))
    b'T stdout F a\\nT stdout P b\\n'
    """
    if _has_long_line(data):
        return [b"".join(records(head, data))]
    end = data.rfind(b"\n")
    if end < 0:
        return [head, b"P ", data, b"\n"]
    full = head + b"F "
    body = memoryview(data.replace(b"\n", b"\n" + full))
    tail = len(data) - end - 1
    pieces: list[bytes | memoryview] = [full, body[: len(body) - tail - len(full)]]
    if tail:
        pieces += [head, b"P ", data[end + 1 :], b"\n"]
    return pieces


def _has_long_line(data: bytes) -> bool:
    start = 0
    while len(data) - start > LINE_MAX:
        newline = data.rfind(b"\n", start, start + LINE_MAX)
        if newline < 0:
            return True
        start = newline + 1
    return False


def records(head: bytes, data: bytes) -> list[bytes]:
    """The same, one record a line."""
    found: list[bytes] = []
    start = 0
    while start < len(data):
        newline = data.find(b"\n", start, start + LINE_MAX)
        if newline >= 0:
            found.append(b"%sF %s" % (head, data[start : newline + 1]))
            start = newline + 1
        else:
            found.append(b"%sP %s\n" % (head, data[start : start + LINE_MAX]))
            start += LINE_MAX
    return found
