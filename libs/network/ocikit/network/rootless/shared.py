"""The rootless netns: one namespace of the user in which all bridge networks live (spec: network.md, 9.3).

It has pasta (or slirp4netns) as its way out, and within it everything is as for root: bridges, rules, DNS server. The
directory ``<run dir>/rootless-netns`` has the layout that the Go tools use, so both can share it.
"""

from __future__ import annotations

import os

from .. import netns
from ..errors import NetworkError, SetupFailed
from . import pasta
from .programs import default_program, find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..networks import Networks
    from ..records import Json

NAME = "rootless-netns"
SIGTERM = 15


class SharedNamespace:
    """The rootless netns of one run directory. The caller holds the network lock."""

    __slots__ = ("folder", "program")

    def __init__(self, run_dir: str, program: str = "") -> None:
        self.folder = os.path.join(run_dir, NAME)
        self.program = program

    @property
    def path(self) -> str:
        """The file of the namespace."""
        return os.path.join(self.folder, NAME)

    @property
    def resolv_conf(self) -> str:
        """What the DNS server inside asks."""
        return os.path.join(self.folder, "resolv.conf")

    @property
    def _pid_file(self) -> str:
        return os.path.join(self.folder, "rootless-netns-conn.pid")

    def ensure(self) -> None:
        """Makes the namespace and its way out, or restarts a way out that has died."""
        os.makedirs(os.path.join(self.folder, "run"), 0o700, exist_ok=True)
        if not netns.exists(self.path):
            netns.remove(self.path)  # an empty file that a crash or an unmount left
            netns.create(NAME, self.folder)
        if not self._alive():
            self._connect()

    def _alive(self) -> bool:
        pid = self._pid()
        try:
            if pid:
                os.kill(pid, 0)
        except OSError:
            return False
        return bool(pid)

    def _pid(self) -> int:
        try:
            with open(self._pid_file, encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return 0

    def _connect(self) -> None:
        """Starts pasta or slirp4netns, and writes what it means for names."""
        if default_program(self.program) == "slirp4netns":
            from . import slirp4netns

            options = slirp4netns.SlirpOptions()
            started = slirp4netns.start(self.path, options, exit_fd=False)
            os.close(started.exit_fd)
            self._write("rootless-netns-conn.pid", str(started.pid))
            self._info([started.address], [started.dns], [])
            return
        words = pasta.arguments(self.path, map_guest=False)
        words[words.index("--netns") : words.index("--netns")] = ["--pid", self._pid_file]
        code, output = pasta._run([find_program("pasta", package="passt"), *words])
        if code:
            raise SetupFailed(f"pasta failed with exit code {code}: {pasta._told(output)}", hint=pasta._advice(output))
        own = self._addresses()
        forwarders = [pasta.DNS_FORWARD] if any(":" not in ip for ip in own) else []
        self._info(own, forwarders, [])

    def _addresses(self) -> list[str]:
        from .. import files

        fd = netns.open_fd(self.path)
        try:
            return netns.run_in(fd, files.host_addresses)
        finally:
            os.close(fd)

    def _info(self, addresses: list[str], forwarders: list[str], guests: list[str]) -> None:
        from ocikit.common.jsonfast import dumps

        from .. import files

        host = files.host_resolv_conf()
        self._write("resolv.conf", files.make_resolv_conf(host=host, forwarders=forwarders, ipv6=True))
        info = {"IPAddresses": addresses, "DnsForwardIps": forwarders, "MapGuestIps": guests or None}
        self._write("info.json", dumps(info))

    def _write(self, name: str, text: str) -> None:
        from ocikit.common.files import atomic_write

        atomic_write(os.path.join(self.folder, name), text.encode(), 0o644, sync=False)

    def count(self, change: int) -> int:
        """Adds to the number of attachments and returns it."""
        path = os.path.join(self.folder, "ref-count")
        try:
            with open(path, encoding="ascii") as file:
                number = int(file.read() or 0)
        except (OSError, ValueError):
            number = 0
        number = max(0, number + change)
        if os.path.isdir(self.folder):
            self._write("ref-count", str(number))
        return number

    def remove(self) -> None:
        """Ends the way out and removes the namespace; what is gone is no error."""
        pid = self._pid()
        netns.remove(self.path)
        if pid:
            try:
                os.kill(pid, SIGTERM)
            except OSError:
                pass
        from ocikit.common.files import remove_tree

        if os.path.isdir(self.folder):
            remove_tree(self.folder)

    def run(self, work: Callable[[], dict[str, Json]]) -> dict[str, Json]:
        """Calls ``work`` in a child that has joined the namespace, and gives its result or raises its error."""
        from ..background import start

        def inside() -> dict[str, Json]:
            from ocikit.common import linux

            fd = netns.open_fd(self.path)
            linux.setns(fd, linux.CLONE_NEWNET)
            os.close(fd)
            return work()

        return start(inside).join()


def attach(nets: Networks, work: Callable[[], dict[str, Json]], count: int) -> dict[str, Json]:
    """Runs a set-up in the shared namespace, made if need be; when it fails and was the first, nothing is left."""
    shared = SharedNamespace(nets.run_dir, nets.rootless_program)
    shared.ensure()
    shared.count(count)
    try:
        return shared.run(work)
    except BaseException:
        if shared.count(-count) == 0:
            shared.remove()
        raise


def detach(nets: Networks, work: Callable[[], dict[str, Json]], count: int) -> None:
    """Runs a teardown in the shared namespace, and removes it after the last one."""
    shared = SharedNamespace(nets.run_dir, nets.rootless_program)
    if not netns.exists(shared.path):
        return
    try:
        shared.run(work)
    finally:
        if shared.count(-count) == 0:
            shared.remove()


def run_command(nets: Networks, argv: list[str], environment: dict[str, str] | None = None) -> int:
    """``podman unshare --rootless-netns``: a command inside the shared namespace; returns its exit code."""
    shared = SharedNamespace(nets.run_dir, nets.rootless_program)
    with nets.lock:
        shared.ensure()
        shared.count(1)
    try:
        from ocikit.common import linux

        fd = netns.open_fd(shared.path)
        pid = os.fork()
        if not pid:
            try:
                linux.setns(fd, linux.CLONE_NEWNET)
                os.execvpe(argv[0], argv, environment or dict(os.environ))  # noqa: S606
            except OSError as error:
                os.write(2, f"Error: cannot run {argv[0]}: {error.strerror}\n".encode())
            finally:
                os._exit(127)
        os.close(fd)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)
    finally:
        with nets.lock:
            if shared.count(-1) == 0:
                shared.remove()


def relay_target(status: dict[str, Json]) -> str:
    """The address that a port relay sends to: the first IPv4 one, else the first."""
    from ..files import status_addresses

    addresses = [ip for ip, _ in status_addresses(status)]
    for ip in addresses:
        if ":" not in ip:
            return ip
    if not addresses:
        raise NetworkError("the container has no address that ports could be published to")
    return addresses[0]
