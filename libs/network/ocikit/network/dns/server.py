"""The DNS server process: one thread, one poll loop, UDP and TCP (spec: network.md, section 8).

It reads its files again when their directory has changed (looked at with each question, so that a container finds a name
the moment it is written) and on SIGHUP, and leaves when no network is left.
"""

from __future__ import annotations

import os
from _socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    SO_REUSEADDR,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SOL_SOCKET,
    socket,
)
from select import POLLIN, POLLOUT, poll
from time import monotonic

from . import message
from .forward import Forward, Upstreams
from .records import DOMAIN, Zone, lookup, names_of, packed, parse_zone, zones_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

IP_FREEBIND, IPV6_FREEBIND = 15, 78
PID_FILE = "aardvark.pid"
LOCK_FILE = "aardvark.lock"
TCP_IDLE_S = 3.0
MAX_CLIENTS = 256
MAX_PENDING = 1024


class Client:
    """A TCP connection: two bytes of length, then a message, again and again."""

    __slots__ = ("buffer", "deadline", "gateway", "out", "socket", "source")

    def __init__(self, connection: socket, source: bytes, gateway: str) -> None:
        self.socket = connection
        self.source = source
        self.gateway = gateway
        self.buffer = b""
        self.out = b""
        self.deadline = monotonic() + TCP_IDLE_S


class Server:
    """State of the process. ``folder`` holds the files, ``port`` is where to listen on every gateway."""

    def __init__(self, folder: str, port: int, *, resolv_conf: str = "/etc/resolv.conf") -> None:
        self.folder = folder
        self.port = port
        self.zones: list[Zone] = []
        self.upstreams = Upstreams(resolv_conf)
        self._marks: dict[str, tuple[int, int, int]] = {}
        self._parsed: dict[str, Zone] = {}
        self._folder_mark = -1
        self._poll = poll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._listeners: dict[str, list[socket]] = {}
        self._clients: dict[int, Client] = {}
        self._pending: dict[int, Forward] = {}
        self._turn = 0

    # files

    def refresh(self, *, force: bool = False) -> None:
        """Reads what has changed and opens and closes listeners."""
        try:
            mark = os.stat(self.folder).st_mtime_ns
        except OSError:
            mark = -2
        if mark == self._folder_mark and not force:
            return
        self._folder_mark = mark
        parsed: dict[str, Zone] = {}
        marks: dict[str, tuple[int, int, int]] = {}
        try:
            names = sorted(name for name in os.listdir(self.folder) if not name.startswith(".") and name != PID_FILE)
        except OSError:
            names = []
        for name in names:
            path = os.path.join(self.folder, name)
            try:
                stat = os.stat(path)
                marks[name] = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                if self._marks.get(name) == marks[name]:
                    parsed[name] = self._parsed[name]
                    continue
                with open(path, encoding="utf-8", errors="replace") as file:
                    parsed[name] = parse_zone(name, file.read())
            except OSError:
                continue
        self._marks, self._parsed = marks, parsed
        self.zones = list(parsed.values())
        self._listen()

    def _listen(self) -> None:
        wanted = {gateway for zone in self.zones for gateway in zone.gateways if packed(gateway)}
        for gateway in [gateway for gateway in self._listeners if gateway not in wanted]:
            for listener in self._listeners.pop(gateway):
                self._forget(listener)
        for gateway in wanted - self._listeners.keys():
            made: list[socket] = []
            try:
                made.append(self._bound(gateway, SOCK_DGRAM))
                made.append(self._bound(gateway, SOCK_STREAM))
                made[1].listen(64)
            except OSError as error:
                for listener in made:
                    listener.close()
                self.failure = f"cannot listen on {gateway} port {self.port}: {error.strerror}"
                continue
            udp, tcp = made
            self._watch(udp, POLLIN, self._udp(udp, gateway))
            self._watch(tcp, POLLIN, self._accept(tcp, gateway))
            self._listeners[gateway] = made

    failure = ""

    def _bound(self, gateway: str, kind: int) -> socket:
        six = ":" in gateway
        made = socket(AF_INET6 if six else AF_INET, kind | SOCK_NONBLOCK | SOCK_CLOEXEC)
        try:
            made.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            # the bridge may get its address only after we were told of it
            if six:
                made.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
                made.setsockopt(IPPROTO_IPV6, IPV6_FREEBIND, 1)
            else:
                made.setsockopt(IPPROTO_IP, IP_FREEBIND, 1)
            made.bind((gateway, self.port))
        except OSError:
            made.close()
            raise
        return made

    # the loop

    def _watch(self, item: socket, events: int, handler: Callable[[int], None]) -> None:
        self._poll.register(item.fileno(), events)
        self._handlers[item.fileno()] = handler

    def _forget(self, item: socket) -> None:
        fd = item.fileno()
        if self._handlers.pop(fd, None):
            self._poll.unregister(fd)
        self._clients.pop(fd, None)
        self._pending.pop(fd, None)
        item.close()

    def run(self, wakeup_fd: int, may_leave: Callable[[], bool]) -> None:
        """Serves until no network is left and ``may_leave`` agrees."""
        hup = False

        def woken(_: int) -> None:
            nonlocal hup
            hup = bool(os.read(wakeup_fd, 512))

        self._poll.register(wakeup_fd, POLLIN)
        self._handlers[wakeup_fd] = woken
        while True:
            for fd, events in self._poll.poll(self._timeout()):
                handler = self._handlers.get(fd)
                if handler:
                    handler(events)
            self._expire()
            if hup:
                hup = False
                self.refresh(force=True)
            if not self._listeners and may_leave():
                return

    def _timeout(self) -> int | None:
        deadlines = [client.deadline for client in self._clients.values()]
        deadlines += [pending.deadline for pending in self._pending.values()]
        return max(0, int((min(deadlines) - monotonic()) * 1000) + 1) if deadlines else None

    def _expire(self) -> None:
        now = monotonic()
        for client in [client for client in self._clients.values() if client.deadline <= now]:
            self._forget(client.socket)
        for pending in [pending for pending in self._pending.values() if pending.deadline <= now]:
            self._next(pending)

    # questions

    def _udp(self, listener: socket, gateway: str) -> Callable[[int], None]:
        def handle(_: int) -> None:
            for _ in range(64):
                try:
                    data, peer = listener.recvfrom(message.MAX_UDP)
                except OSError:
                    return

                def reply(answer: bytes, peer: Any = peer) -> None:
                    try:
                        listener.sendto(answer, peer)
                    except OSError:
                        pass

                self.question(data, packed(peer[0]) or b"", gateway, reply, tcp=False)

        return handle

    def _accept(self, listener: socket, gateway: str) -> Callable[[int], None]:
        def handle(_: int) -> None:
            try:
                fd, peer = listener._accept()  # type: ignore[attr-defined]  # what accept() calls
            except OSError:
                return
            connection = socket(fileno=fd)
            connection.setblocking(False)
            if len(self._clients) >= MAX_CLIENTS:
                connection.close()
                return
            client = Client(connection, packed(peer[0]) or b"", gateway)
            self._clients[connection.fileno()] = client
            self._watch(connection, POLLIN, self._tcp(client))

        return handle

    def _tcp(self, client: Client) -> Callable[[int], None]:
        def reply(answer: bytes) -> None:
            client.out += len(answer).to_bytes(2, "big") + answer
            self._flush(client)

        def handle(events: int) -> None:
            if events & POLLOUT:
                self._flush(client)
            if not events & ~POLLOUT:
                return
            try:
                data = client.socket.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._forget(client.socket)
                return
            client.buffer += data
            client.deadline = monotonic() + TCP_IDLE_S
            while len(client.buffer) >= 2:
                size = int.from_bytes(client.buffer[:2], "big")
                if len(client.buffer) < 2 + size:
                    return
                data, client.buffer = client.buffer[2 : 2 + size], client.buffer[2 + size :]
                self.question(data, client.source, client.gateway, reply, tcp=True)

        return handle

    def _flush(self, client: Client) -> None:
        fd = client.socket.fileno()
        if fd < 0:
            return
        try:
            while client.out:
                client.out = client.out[client.socket.send(client.out) :]
        except BlockingIOError:
            pass
        except OSError:
            self._forget(client.socket)
            return
        self._poll.modify(fd, POLLIN | POLLOUT if client.out else POLLIN)

    def question(self, data: bytes, source: bytes, gateway: str, reply: Callable[[bytes], None], *, tcp: bool) -> None:
        """Answers one message, at once or after an upstream server has."""
        self.refresh()
        query = message.parse_query(data)
        if query is None:
            return
        limit = 65535 if tcp else query.size
        if query.opcode:
            reply(message.response(query, message.NOTIMP))
            return
        zones, entry = zones_of(self.zones, source, gateway)
        own = self._own(query, zones)
        if own is not None:
            code, answers = own
            reply(message.response(query, code, answers, limit=limit))
            return
        servers: list[str] = []
        if not any(zone.internal for zone in zones):
            servers = (entry.servers if entry else []) or [s for zone in zones for s in zone.servers]
            servers = servers or self.upstreams.current()
        if not servers or "AARDVARK_NO_PROXY" in os.environ:
            reply(message.response(query, message.NXDOMAIN))
            return
        if len(self._pending) >= MAX_PENDING:
            reply(message.response(query, message.SERVFAIL))
            return
        self._next(Forward(data, query, servers, tcp, reply))

    def _own(self, query: message.Query, zones: list[Zone]) -> tuple[int, list[bytes]] | None:
        """Code and answers for what is ours to answer, None for what is to be forwarded."""
        if query.klass != message.IN:
            return None
        if query.kind == message.PTR:
            address = message.reverse_address(query.name)
            names = names_of(zones, address) if address else []
            return (message.NOERROR, [message.encode_name(name) for name in names]) if names else None
        found = lookup(zones, query.name, 6 if query.kind == message.AAAA else 4)
        if found is None:
            return (message.NXDOMAIN, []) if f".{query.name}".endswith(DOMAIN) else None
        if query.kind not in (message.A, message.AAAA):
            return message.NOERROR, []
        if len(found) > 1:  # whoever shares a name shares the load
            self._turn += 1
            turn = self._turn % len(found)
            found = found[turn:] + found[:turn]
        return message.NOERROR, found

    # forwarding

    def _next(self, pending: Forward) -> None:
        """Asks the next upstream server; after the last one the client is told of the failure."""
        if pending.socket is not None:
            self._forget(pending.socket)
        made = pending.start()
        if made is None:
            # a bare word is hardly a name of the outside world: a client that is told so asks no further
            code = message.SERVFAIL if "." in pending.query.name else message.NXDOMAIN
            pending.reply(message.response(pending.query, code))
            return
        self._pending[made.fileno()] = pending
        self._watch(made, POLLOUT | POLLIN if pending.tcp else POLLIN, self._answered(pending))

    def _answered(self, pending: Forward) -> Callable[[int], None]:
        def handle(events: int) -> None:
            outcome = pending.handle(events)
            if outcome is None:
                self._next(pending)
            elif outcome:
                if pending.socket is not None:
                    self._forget(pending.socket)
                pending.reply(outcome)
            elif pending.tcp and pending.socket is not None and not pending.out:
                self._poll.modify(pending.socket.fileno(), POLLIN)

        return handle
