"""A small net of its own for tests: a "host", a "remote" machine behind it, and containers, each a network namespace.

Nothing of it touches the machine's own namespace: the host is a namespace as well, and library calls run in a thread that
has joined it. ``close`` ends servers and removes every namespace, with all links and rules in them.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ocikit.network import Networks, PerNetwork, PortMapping, SetupRequest, netns
from ocikit.network.dns import control
from ocikit.network.netlink import Netlink
from tests.support import machine

T = TypeVar("T")
HOST_IP, REMOTE_IP = "198.51.100.1", "198.51.100.2"
NFT = machine.find("nft") or "nft"


class Space:
    """A network namespace, by an open descriptor."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def run(self, work: Callable[[], T]) -> T:
        """Calls the function inside, in a thread."""
        return netns.run_in(self.fd, work)

    def shell(self, script: str) -> str:
        """Runs a shell script inside; its output."""
        done = self.run(lambda: subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=False))
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def close(self) -> None:
        os.close(self.fd)
        netns.remove(self.path)


class Container(Space):
    """A namespace attached to networks."""

    def __init__(self, lab: Lab, path: str, request: SetupRequest) -> None:
        super().__init__(path)
        self.lab = lab
        self.request = request
        self.status: dict = {}

    def ip(self, network: str = "", version: int = 4) -> str:
        """Its first address of that version on the network (any, if not named)."""
        for name, block in self.status.items():
            if network in ("", name):
                for interface in block["interfaces"].values():
                    for subnet in interface["subnets"]:
                        ip = subnet["ipnet"].split("/")[0]
                        if (":" in ip) == (version == 6):
                            return str(ip)
        raise AssertionError(f"no IPv{version} address in {self.status}")

    def gateway(self) -> str:
        """The first gateway."""
        block = next(iter(self.status.values()))
        return str(next(iter(block["interfaces"].values()))["subnets"][0]["gateway"])

    def leave(self) -> None:
        """Teardown and removal."""
        self.lab.host.run(lambda: self.lab.nets.teardown(self.path, self.request))
        self.lab.containers.remove(self)
        self.close()


class Lab:
    """See the module's text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = Space(netns.create())
        self.remote = Space(netns.create())
        self.containers: list[Container] = []
        self._servers: list[Server] = []
        self.nets = self.reopened()
        self.host.shell("ip link set lo up")
        self.remote.shell("ip link set lo up")
        self.host.shell(
            f"ip link add up0 type veth peer name up0 netns {self._pid_of(self.remote)}; "
            f"ip addr add {HOST_IP}/24 dev up0; ip addr add 2001:db8::1/64 dev up0 nodad; ip link set up0 up; "
            f"ip route add default via {REMOTE_IP}"
        )
        self.remote.shell(
            f"ip addr add {REMOTE_IP}/24 dev up0; ip addr add 2001:db8::2/64 dev up0 nodad; ip link set up0 up"
        )

    def _pid_of(self, space: Space) -> str:
        return f"/proc/{os.getpid()}/fd/{space.fd}"

    def reopened(self) -> Networks:
        """A second look at the same directories, as another process would have."""
        return Networks(str(self.folder / "networks"), str(self.folder / "run"), str(self.folder / "lock"))

    def container(
        self,
        networks: str | dict[str, PerNetwork],
        name: str = "",
        ports: list[PortMapping] | None = None,
        **more: object,
    ) -> Container:
        """Makes a namespace and attaches it."""
        wanted = networks if isinstance(networks, dict) else {networks: PerNetwork()}
        request = SetupRequest(os.urandom(32).hex(), name, wanted, ports or (), **more)  # type: ignore[arg-type]
        made = Container(self, netns.create(), request)
        try:
            made.status = self.host.run(lambda: self.nets.setup(made.path, request))
        except BaseException:
            made.close()
            raise
        self.containers.append(made)
        return made

    def serve(self, space: Space, port: int, *, udp: bool = False, ip: str = "") -> None:
        """A server that answers each question with the address it came from."""
        self._servers.append(Server(space, port, udp, ip))

    def rules(self) -> str:
        """All rules of the host."""
        return self.host.shell(f"{NFT} list ruleset")

    def links(self) -> set[str]:
        """All links of the host."""

        def names() -> set[str]:
            with Netlink() as sock:
                return {link.name for link in sock.links()}

        return self.host.run(names)

    def close(self) -> None:
        for server in self._servers:
            server.close()
        for container in list(self.containers):
            container.leave()
        self.host.close()
        self.remote.close()
        server = control.server_pid(self.nets)
        if server:
            wait_for(lambda: not os.path.exists(f"/proc/{server}"), 2.0)


class Server:
    """Answers with the peer's address, in a thread."""

    def __init__(self, space: Space, port: int, udp: bool, ip: str) -> None:
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.socket = space.run(lambda: socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((ip, port))
        self.udp = udp
        if not udp:
            self.socket.listen(64)
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while True:
            try:
                if self.udp:
                    _, peer = self.socket.recvfrom(1000)
                    if peer is None:  # closed while it waited
                        return
                    self.socket.sendto(peer[0].encode(), peer)
                else:
                    connection, peer = self.socket.accept()
                    with connection:
                        connection.sendall(peer[0].encode())
            except OSError:
                return

    def close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


def ask(space: Space, ip: str, port: int, *, udp: bool = False, timeout: float = 3.0) -> str:
    """What a server says to a client in that namespace; ``""`` when there is no answer."""

    def work() -> str:
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as client:
            client.settimeout(timeout)
            try:
                client.connect((ip, port))
                if udp:
                    client.send(b"?")
                return client.recv(1000).decode()
            except OSError:
                return ""

    return space.run(work)


def resolve(space: Space, server: str, name: str, kind: str = "A", *, tcp: bool = False) -> tuple[str, list[str]]:
    """(code, answers) of a question to a DNS server."""
    import dnslib

    def work() -> tuple[str, list[str]]:
        raw = dnslib.DNSRecord.question(name, kind).send(server, 53, tcp=tcp, timeout=3, ipv6=":" in server)
        record = dnslib.DNSRecord.parse(raw)
        return dnslib.RCODE[record.header.rcode], [str(rr.rdata) for rr in record.rr]

    return space.run(work)


def wait_for(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Until the condition holds, or fails."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
