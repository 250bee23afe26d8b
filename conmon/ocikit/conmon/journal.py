"""The journald log driver: one datagram a line to journald's native socket (https://systemd.io/JOURNAL_NATIVE_PROTOCOL)."""

from __future__ import annotations

import _socket
import posix
import sys

SOCKET = "/run/systemd/journal/socket"
PARTIAL_MAX = 8191
_F_ADD_SEALS = 1033
_ALL_SEALS = 0xF  # seal, shrink, grow, write


class Journal:
    """Lines of one container. A journal that is not there is silently nobody's business."""

    __slots__ = ("_no_partial", "_partial", "_sock", "_socket_path", "_tails")

    def __init__(
        self,
        cid: str,
        name: str | None,
        tag: str | None,
        labels: list[str],
        no_partial_field: bool,
        socket_path: str = SOCKET,
    ) -> None:
        self._sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        self._socket_path = socket_path
        self._no_partial = no_partial_field
        self._partial = {b"stdout": b"", b"stderr": b""}
        encode = _encode
        before = field(b"CONTAINER_ID_FULL", encode(cid))
        after = field(b"CONTAINER_ID", encode(cid[:12]))
        if tag:
            after += field(b"CONTAINER_TAG", encode(tag))
        if name:
            after += field(b"CONTAINER_NAME", encode(name))
        after += field(b"SYSLOG_IDENTIFIER", encode(tag or name or cid[:12]))
        more = b"".join([field(key, value) for key, _, value in (encode(label).partition(b"=") for label in labels)])
        self._tails = (before, after, more)

    def write(self, stream: bytes, data: bytes) -> None:
        """Send the whole lines of one read; keep its last, unfinished one for the next."""
        data = self._partial[stream] + data
        start = 0
        while (newline := data.find(b"\n", start)) >= 0:
            start = self._send_long(stream, data, start, newline + 1)
            self._send(stream, data[start : newline + 1], False)
            start = newline + 1
        start = self._send_long(stream, data, start, len(data))
        self._partial[stream] = data[start:]

    def _send_long(self, stream: bytes, data: bytes, start: int, end: int) -> int:
        while end - start > PARTIAL_MAX + 1:
            self._send(stream, data[start : start + PARTIAL_MAX], True)
            start += PARTIAL_MAX
        return start

    def flush(self) -> None:
        """At the end of the container: what never saw its newline."""
        for stream, rest in self._partial.items():
            if rest:
                self._send(stream, rest, True)
                self._partial[stream] = b""

    def reopen(self) -> None:
        """Nothing to reopen."""

    def sync(self) -> None:
        """journald keeps its own files."""

    def descriptor(self) -> int:
        return -1

    def _send(self, stream: bytes, line: bytes, partial: bool) -> None:
        priority = b"6" if stream == b"stdout" else b"3"
        if len(line) > 3 and line[:1] == b"<" and line[2:3] == b">" and 0x30 <= line[1] <= 0x37:
            priority, line = line[1:2], line[3:]
        before, after, more = self._tails
        entry = field(b"MESSAGE", line) + before + field(b"PRIORITY", priority) + after
        if partial and not self._no_partial:
            entry += b"CONTAINER_PARTIAL_MESSAGE=true\n"
        send(self._sock, self._socket_path, entry + more)


def field(key: bytes, value: bytes) -> bytes:
    """``KEY=value``, or the length-prefixed form where the value has a newline."""
    if b"\n" in value:
        return b"%s\n%s%s\n" % (key, len(value).to_bytes(8, "little"), value)
    return b"%s=%s\n" % (key, value)


def send(sock: _socket.socket, path: str, entry: bytes) -> None:
    """One entry; one too big for a datagram goes as a sealed memfd."""
    try:
        sock.sendto(entry, path)
    except OSError as error:
        if error.errno in (90, 105):  # EMSGSIZE, ENOBUFS
            _send_as_file(sock, path, entry)


def _send_as_file(sock: _socket.socket, path: str, entry: bytes) -> None:
    import fcntl

    fd = posix.memfd_create("journal-entry", posix.MFD_CLOEXEC | posix.MFD_ALLOW_SEALING)
    try:
        posix.write(fd, entry)
        fcntl.fcntl(fd, _F_ADD_SEALS, _ALL_SEALS)
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fd.to_bytes(4, sys.byteorder))]
        sock.sendmsg([], rights, 0, path)
    except OSError:
        return
    finally:
        posix.close(fd)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
