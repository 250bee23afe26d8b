"""Published ports without root: a relay between the host's sockets and a container (spec: network.md, 9.4).

One process for each container that needs it. It binds the host side first, then joins the container's (or the shared)
network namespace, where every further socket is made: so a single thread serves both sides. It runs until the last holder
of its exit pipe (conmon) is gone. As the DNS server, it imports C modules only.

``start`` is the caller's side.
"""

from __future__ import annotations

import os
from _socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    SHUT_WR,
    SO_REUSEADDR,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
    socket,
)
from select import POLLERR, POLLHUP, POLLIN, POLLOUT, poll
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CHUNK = 65536
UDP_IDLE_S = 90.0
MAX_UDP_PEERS = 4096
EINPROGRESS = 115


class Pipe:
    """One direction of a TCP connection: what was read and is not written yet."""

    __slots__ = ("closed", "data")

    def __init__(self) -> None:
        self.data = b""
        self.closed = False


class Relay:
    """The process's state. ``target`` is the container's address, which may change while it runs."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._poll = poll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._masks: dict[int, int] = {}
        self._peers: dict[tuple[int, Any], tuple[socket, list[float]]] = {}

    def watch(self, item: socket | int, mask: int, handler: Callable[[int], None]) -> None:
        """Calls the handler whenever the descriptor is ready."""
        fd = item if isinstance(item, int) else item.fileno()
        self._poll.register(fd, mask)
        self._handlers[fd] = handler
        self._masks[fd] = mask

    def _want(self, item: socket, mask: int) -> None:
        fd = item.fileno()
        before = self._masks.get(fd)
        if before == mask or fd not in self._handlers:
            return
        # poll reports a hang-up whatever was asked for: who waits for nothing must not be asked at all
        if not mask:
            self._poll.unregister(fd)
        elif not before:
            self._poll.register(fd, mask)
        else:
            self._poll.modify(fd, mask)
        self._masks[fd] = mask

    def _drop(self, *items: socket) -> None:
        for item in items:
            fd = item.fileno()
            if fd in self._handlers:
                del self._handlers[fd]
                if self._masks.pop(fd):
                    self._poll.unregister(fd)
            item.close()

    def run(self, exit_fd: int) -> None:
        """Serves until the other end of ``exit_fd`` is closed everywhere."""
        over = False

        def end(_: int) -> None:
            nonlocal over
            over = True

        self.watch(exit_fd, POLLIN | POLLHUP, end)
        while not over:
            for fd, events in self._poll.poll(30_000 if self._peers else None):
                handler = self._handlers.get(fd)
                if handler:
                    handler(events)
            self._forget_idle()

    def _address(self, port: int) -> tuple[int, tuple[str, int]]:
        return int(AF_INET6 if ":" in self.target else AF_INET), (self.target, port)

    # TCP

    def serve_tcp(self, listener: socket, port: int) -> None:
        """Relays every connection to ``port`` of the container."""

        def accept(_: int) -> None:
            try:
                fd, _peer = listener._accept()  # type: ignore[attr-defined]  # what accept() calls
            except OSError:
                return
            client = socket(fileno=fd)
            client.setblocking(False)
            family, address = self._address(port)
            try:
                server = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
                if server.connect_ex(address) not in (0, EINPROGRESS):
                    server.close()
                    client.close()
                    return
            except OSError:
                client.close()
                return
            self._join(client, server)

        self.watch(listener, POLLIN, accept)

    def _join(self, client: socket, server: socket) -> None:
        up, down = Pipe(), Pipe()
        sides = {client.fileno(): (client, server, up, down), server.fileno(): (server, client, down, up)}

        def update(side: tuple[socket, socket, Pipe, Pipe]) -> None:
            own, _, sent, received = side
            # read only when what was read before is gone, write only when there is something
            mask = (0 if sent.closed or sent.data else POLLIN) | (POLLOUT if received.data else 0)
            self._want(own, mask)

        def handle(fd: int) -> Callable[[int], None]:
            own, other, sent, received = sides[fd]

            def ready(events: int) -> None:
                try:
                    if events & POLLERR:
                        raise OSError
                    if events & POLLOUT and received.data:
                        received.data = received.data[own.send(received.data) :]
                        if received.closed and not received.data:
                            own.shutdown(SHUT_WR)
                    if events & (POLLIN | POLLHUP) and not sent.closed and not sent.data:
                        data = own.recv(CHUNK)
                        if data:
                            sent.data = data  # written when the other side says that it can take it
                        else:
                            sent.closed = True
                            if not sent.data:
                                other.shutdown(SHUT_WR)
                except BlockingIOError:
                    pass
                except OSError:
                    self._drop(own, other)
                    return
                if sent.closed and received.closed and not sent.data and not received.data:
                    self._drop(own, other)
                    return
                for side in sides.values():
                    update(side)

            return ready

        for fd, (own, _, _, _) in sides.items():
            self.watch(own, POLLIN, handle(fd))

    # UDP

    def serve_udp(self, listener: socket, port: int) -> None:
        """Relays datagrams; each client gets a socket of its own inside, so that answers find their way back."""

        def handle(_: int) -> None:
            for _ in range(64):
                try:
                    data, client = listener.recvfrom(CHUNK)
                except OSError:
                    return
                key = (listener.fileno(), client)
                known = self._peers.get(key)
                if known is None:
                    if len(self._peers) >= MAX_UDP_PEERS:
                        return
                    family, address = self._address(port)
                    try:
                        inner = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
                        inner.connect(address)
                    except OSError:
                        return
                    known = self._peers[key] = (inner, [monotonic()])
                    self.watch(inner, POLLIN, self._back(listener, client, known))
                known[1][0] = monotonic()
                try:
                    known[0].send(data)
                except OSError:
                    continue

        self.watch(listener, POLLIN, handle)

    def _back(self, listener: socket, client: Any, known: tuple[socket, list[float]]) -> Callable[[int], None]:
        def handle(_: int) -> None:
            for _ in range(64):
                try:
                    listener.sendto(known[0].recv(CHUNK), client)
                except OSError:
                    return
                known[1][0] = monotonic()

        return handle

    def _forget_idle(self) -> None:
        if not self._peers:
            return
        limit = monotonic() - UDP_IDLE_S
        for key in [key for key, (_, seen) in self._peers.items() if seen[0] < limit]:
            self._drop(self._peers.pop(key)[0])

    # a new address

    def serve_control(self, path: str) -> None:
        """Takes a new address of the container as a JSON string and answers ``OK``."""
        listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC)
        listener.bind(path)
        listener.listen(8)

        def accept(_: int) -> None:
            try:
                fd, _peer = listener._accept()  # type: ignore[attr-defined]  # what accept() calls
            except OSError:
                return
            client = socket(fileno=fd)
            client.settimeout(2)
            try:
                self.target = client.recv(256).decode().strip().strip('"')
                client.send(b"OK")
            except (OSError, ValueError):
                pass
            client.close()

        self.watch(listener, POLLIN, accept)


def bind(protocol: str, host_ip: str, port: int) -> socket:
    """The host's side of one port; without an address it serves IPv4 and IPv6."""
    six = ":" in host_ip or not host_ip
    kind = SOCK_STREAM if protocol == "tcp" else SOCK_DGRAM
    try:
        made = socket(AF_INET6 if six else AF_INET, kind | SOCK_NONBLOCK | SOCK_CLOEXEC)
    except OSError:
        if host_ip:
            raise
        six, host_ip = False, "0.0.0.0"  # noqa: S104 -- a host without IPv6
        made = socket(AF_INET, kind | SOCK_NONBLOCK | SOCK_CLOEXEC)
    try:
        if kind == SOCK_STREAM:
            made.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        if six:
            made.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0 if not host_ip else 1)
        made.bind((host_ip or "::", port))
        if kind == SOCK_STREAM:
            made.listen(128)
    except OSError:
        made.close()
        raise
    return made


def serve(netns_path: str, target: str, control: str, words: list[str], exit_fd: int, ready_fd: int) -> int:
    """The process's main function: ``words`` are ``protocol/ip/host port/container port/range``, ip may be empty."""
    import ctypes

    relay = Relay(target)
    held: list[tuple[str, socket, int]] = []
    for word in words:
        protocol, host_ip, host, inner, count = word.split("/")
        for offset in range(int(count)):
            port = int(host) + offset
            try:
                held.append((protocol, bind(protocol, host_ip, port), int(inner) + offset))
            except OSError as error:
                os.write(ready_fd, _refusal(protocol, host_ip, port, error).encode())
                return 1
    fd = os.open(netns_path, os.O_RDONLY | os.O_CLOEXEC)
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000):
        os.write(ready_fd, f"cannot join {netns_path}: {os.strerror(ctypes.get_errno())}".encode())
        return 1
    os.close(fd)
    for protocol, listener, port in held:
        (relay.serve_tcp if protocol == "tcp" else relay.serve_udp)(listener, port)
    if control:
        relay.serve_control(control)
    os.write(ready_fd, b"1")
    os.close(ready_fd)
    relay.run(exit_fd)
    if control:
        os.unlink(control)
    return 0


def _refusal(protocol: str, host_ip: str, port: int, error: OSError) -> str:
    reason = (error.strerror or "").lower()
    listen = f"listen {protocol} {host_ip}:{port}: bind: {reason}"
    if error.errno == 13:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
            first = file.read().strip()
        return (
            f"rootlessport cannot expose privileged port {port}, you can add "
            f"'net.ipv4.ip_unprivileged_port_start={port}' to /etc/sysctl.conf (currently {first}), "
            f"or choose a larger port number (>= {first}): {listen}"
        )
    return f"rootlessport {listen}"
