"""Asking other DNS servers, for everything that is not ours to answer."""

from __future__ import annotations

import os
from _socket import AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM, socket
from select import POLLOUT
from time import monotonic

from .records import packed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .message import Query

PATIENCE_S = 5.0
EINPROGRESS = 115


class Upstreams:
    """The servers in resolv.conf, read again when the file has changed."""

    __slots__ = ("_mark", "_servers", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._mark: tuple[int, int] | None = None
        self._servers: list[str] = []

    def current(self) -> list[str]:
        """Addresses, in order."""
        try:
            stat = os.stat(self.path)
            mark = (stat.st_ino, stat.st_mtime_ns)
            if mark != self._mark:
                with open(self.path, encoding="utf-8", errors="replace") as file:
                    words = [line.split() for line in file]
                self._servers = [w[1] for w in words if len(w) > 1 and w[0] == "nameserver"]
                self._mark = mark
        except OSError:
            return []
        return self._servers


class Forward:
    """One question on its way to upstream servers, one after the other."""

    __slots__ = ("_buffer", "_id", "_servers", "_share", "data", "deadline", "out", "query", "reply", "socket", "tcp")

    def __init__(
        self, data: bytes, query: Query, servers: list[str], tcp: bool, reply: Callable[[bytes], None]
    ) -> None:
        self.data = data
        self.query = query
        self.tcp = tcp
        self.reply = reply
        self.socket: socket | None = None
        self.deadline = 0.0
        self.out = b""
        self._buffer = b""
        self._id = b""
        self._servers = list(servers)
        self._share = PATIENCE_S / len(servers)

    def start(self) -> socket | None:
        """Sends the question to the next server that takes it; None when there is none left."""
        while self._servers:
            server, _, port = self._servers.pop(0).partition("#")
            host, _, zone = server.partition("%")
            if not packed(host):
                continue
            made = socket(AF_INET6 if ":" in host else AF_INET, _kind(self.tcp))
            # an id of our own and a connected socket: only the server that was asked can answer
            self._id = os.urandom(2)
            wire = self._id + self.data[2:]
            self._buffer = b""
            try:
                # connected UDP sockets report a closed port at once instead of after the timeout
                address: tuple[object, ...] = (server if zone else host, int(port or 53))
                code = made.connect_ex(address)
                if code not in (0, EINPROGRESS):
                    raise OSError(code, os.strerror(code))
                if self.tcp:
                    self.out = len(wire).to_bytes(2, "big") + wire
                else:
                    made.send(wire)
            except (OSError, ValueError):
                made.close()
                continue
            self.socket = made
            self.deadline = monotonic() + self._share
            return made
        self.socket = None
        return None

    def handle(self, events: int) -> bytes | None:
        """Goes on after the socket became ready: the answer, ``b""`` to wait on, None when this server failed."""
        assert self.socket is not None
        try:
            if self.out and events & POLLOUT:
                self.out = self.out[self.socket.send(self.out) :]
                return b""
            data = self.socket.recv(65536)
        except BlockingIOError:
            return b""
        except OSError:
            return None
        if self.tcp:
            if not data:
                return None
            self._buffer += data
            size = int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < 2 + size:
                return b""
            data = self._buffer[2 : 2 + size]
        question = data[12 : 12 + len(self.query.wire)].lower()
        if len(data) < 12 or data[:2] != self._id or not data[2] & 0x80 or question != self.query.wire.lower():
            return None if self.tcp else b""  # not an answer to this: whoever sent it, the right one may still come
        return self.query.id.to_bytes(2, "big") + data[2:]


def _kind(tcp: bool) -> int:
    return (SOCK_STREAM if tcp else SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC
