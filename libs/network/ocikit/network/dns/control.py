"""What set-up and teardown tell the DNS server: names in files, a signal, and a start when there is none."""

from __future__ import annotations

import os

from ..errors import SetupFailed
from .records import INTERNAL, Entry, Zone, parse_zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..networks import Networks
    from ..records import NetworkConfig, PerNetwork, SetupRequest

FOLDER = "aardvark-dns"
PID_FILE = "aardvark.pid"
LOCK_FILE = "aardvark.lock"
SIGHUP = 1


class Starting:
    """A server on its way. ``wait`` returns when it listens, raises SetupFailed with its reason when it can't."""

    __slots__ = ("_fd", "_lock", "_pid")

    def __init__(self, pid: int, fd: int, lock: int) -> None:
        self._pid = pid
        self._fd = fd
        self._lock = lock

    def wait(self) -> None:
        try:
            text = os.read(self._fd, 4096).decode(errors="replace")
            os.waitpid(self._pid, 0)  # the server itself is a child of this one and goes on without us
        finally:
            os.close(self._fd)
            os.close(self._lock)
        if text != "ok":
            raise SetupFailed(
                f"the DNS server did not start: {text or 'it ended at once'}",
                hint="set another dns_bind_port in the [network] table of containers.conf, or create networks with --disable-dns",
            )


def _lock(nets: Networks) -> int:
    import fcntl

    os.makedirs(os.path.join(nets.run_dir, FOLDER), 0o700, exist_ok=True)
    fd = os.open(os.path.join(nets.run_dir, LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def add(
    nets: Networks,
    items: Sequence[tuple[NetworkConfig, PerNetwork, Sequence[str]]],
    request: SetupRequest,
) -> Starting | None:
    """Makes a container's names known on networks; returns a server that is just starting, None where one runs."""
    lock = _lock(nets)
    try:
        for config, per, ips in items:
            zone = _read(nets, config)
            zone.gateways = [subnet.gateway for subnet in config.subnets if subnet.gateway]
            zone.servers = list(config.network_dns_servers)
            names = list(dict.fromkeys(name for name in (request.container_name, *per.aliases) if name))
            zone.entries = [entry for entry in zone.entries if entry.id != request.container_id]
            zone.entries.append(Entry(request.container_id, list(ips), names, request.dns_servers))
            _write(nets, config, zone)
        if _signal_server(nets):
            return None
        starting = Starting(*_spawn(nets), lock)  # keeps the lock until the server has written its pid
        lock = -1
        return starting
    finally:
        if lock >= 0:
            os.close(lock)


def remove(nets: Networks, config: NetworkConfig, container_id: str) -> None:
    """Forgets a container's names on a network; the server leaves by itself with the last one."""
    if not os.path.isdir(os.path.join(nets.run_dir, FOLDER)):
        return
    lock = _lock(nets)
    try:
        zone = _read(nets, config)
        zone.entries = [entry for entry in zone.entries if entry.id != container_id]
        if zone.entries:
            _write(nets, config, zone)
        else:
            _unlink(_path(nets, config))
        _signal_server(nets)
    finally:
        os.close(lock)


def set_upstreams(nets: Networks, config: NetworkConfig) -> None:
    """Tells a running server of a network's new upstream servers."""
    if not os.path.exists(_path(nets, config)):
        return
    lock = _lock(nets)
    try:
        zone = _read(nets, config)
        zone.servers = list(config.network_dns_servers)
        _write(nets, config, zone)
        _signal_server(nets)
    finally:
        os.close(lock)


def _path(nets: Networks, config: NetworkConfig) -> str:
    plain = os.path.join(nets.run_dir, FOLDER, config.name)
    # older tools use the bare name for internal networks, too
    return plain + INTERNAL if config.internal and not os.path.exists(plain) else plain


def _read(nets: Networks, config: NetworkConfig) -> Zone:
    path = _path(nets, config)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return parse_zone(config.name, file.read())
    except FileNotFoundError:
        return Zone(config.name, [], [], [])


def _write(nets: Networks, config: NetworkConfig, zone: Zone) -> None:
    from ocikit.common.files import atomic_write

    atomic_write(_path(nets, config), zone.text().encode(), 0o644, sync=False)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def server_pid(nets: Networks) -> int:
    """The process id of the running server, ours or aardvark-dns; 0 for none."""
    try:
        with open(os.path.join(nets.run_dir, FOLDER, PID_FILE), encoding="ascii") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            text = command.read()
    except (OSError, ValueError):
        return 0
    # the number may belong to somebody else by now
    return pid if b"aardvark-dns" in text or b"network/dns/__main__" in text else 0


def _signal_server(nets: Networks) -> bool:
    pid = server_pid(nets)
    try:
        if pid:
            os.kill(pid, SIGHUP)
    except OSError:
        return False
    return bool(pid)


def _spawn(nets: Networks) -> tuple[int, int]:
    """Starts the server; returns the process and the descriptor on which it says that it is ready."""
    import sys

    reader, writer = os.pipe2(os.O_CLOEXEC)
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    ready = 3
    words = [sys.executable or "python3", "-E", "-s", "-S", program, nets.run_dir, str(nets.dns_port), str(ready)]
    if nets.rootless:
        words.append(os.path.join(nets.run_dir, "rootless-netns", "resolv.conf"))
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    if "AARDVARK_NO_PROXY" in os.environ:
        environment["AARDVARK_NO_PROXY"] = "1"
    try:
        pid = os.posix_spawn(words[0], words, environment, file_actions=_actions(writer, ready))
    except OSError as error:
        os.close(reader)
        raise SetupFailed(f"cannot start the DNS server with {words[0]}: {error.strerror}") from None
    finally:
        os.close(writer)
    return pid, reader


def _actions(writer: int, ready: int) -> list[tuple[int, int, int] | tuple[int, int]]:
    if writer == ready:
        # dup2 onto itself would leave close-on-exec set: by way of another number
        return [(os.POSIX_SPAWN_DUP2, writer, 100), (os.POSIX_SPAWN_DUP2, 100, ready), (os.POSIX_SPAWN_CLOSE, 100)]
    return [(os.POSIX_SPAWN_DUP2, writer, ready)]
