"""Starting the port relay for a container, and telling it a new address."""

from __future__ import annotations

import os
import sys

from ..errors import NetworkError, PortInUse, SetupFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records import PortMapping

EXIT_FD, READY_FD = 3, 4


class RelayProcess:
    """A running relay. ``exit_fd`` must be handed to conmon: the relay ends when nobody holds it any more."""

    __slots__ = ("exit_fd", "pid")

    def __init__(self, pid: int, exit_fd: int) -> None:
        self.pid = pid
        self.exit_fd = exit_fd


def words(ports: Sequence[PortMapping]) -> list[str]:
    """The mappings as the relay's command line takes them."""
    for port in ports:
        if port.protocol not in ("tcp", "udp"):
            raise SetupFailed(
                f"can't forward protocol: {port.protocol}", hint="without root, tcp and udp can be published"
            )
    return [f"{p.protocol}/{p.host_ip}/{p.host_port}/{p.container_port}/{p.range}" for p in ports]


def start(netns_path: str, target: str, ports: Sequence[PortMapping], *, control: str = "") -> RelayProcess:
    """Starts the relay and returns when every port is bound; raises PortInUse or SetupFailed.

    ``netns_path`` is where ``target`` can be reached: the container's namespace, or the shared one for bridges.
    ``control`` is the path of the socket for ``change_target``.
    """
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forwarder_main.py")
    python = sys.executable or "python3"
    ready, told = os.pipe2(os.O_CLOEXEC)
    theirs, ours = os.pipe2(os.O_CLOEXEC)
    if control:
        os.makedirs(os.path.dirname(control), 0o700, exist_ok=True)
        if os.path.exists(control):
            os.unlink(control)
    argv = [python, "-E", "-s", "-S", program, netns_path, target, control, str(EXIT_FD), str(READY_FD), *words(ports)]
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    actions = [(os.POSIX_SPAWN_DUP2, theirs, 200), (os.POSIX_SPAWN_DUP2, told, 201)]
    actions += [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    actions += [(os.POSIX_SPAWN_DUP2, 200, EXIT_FD), (os.POSIX_SPAWN_DUP2, 201, READY_FD)]
    closing = [(os.POSIX_SPAWN_CLOSE, 200), (os.POSIX_SPAWN_CLOSE, 201)]
    try:
        pid = os.posix_spawn(python, argv, {"PATH": "/usr/bin:/bin"}, file_actions=[*actions, *closing], setsid=True)
    except OSError as error:
        os.close(ours)
        raise SetupFailed(f"cannot start the port relay with {python}: {error.strerror}") from None
    finally:
        for fd in (told, theirs, null):
            os.close(fd)
    text = os.read(ready, 4096).decode(errors="replace")
    os.close(ready)
    if text != "1":
        os.close(ours)
        os.waitpid(pid, 0)
        kind = PortInUse if "in use" in text else SetupFailed
        raise kind(text or "the port relay ended at once")
    return RelayProcess(pid, ours)


def change_target(control: str, target: str) -> None:
    """Tells a running relay the container's new address: after connect of a first network, after disconnect."""
    from _socket import AF_UNIX, SOCK_CLOEXEC, SOCK_SEQPACKET, socket

    client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC)
    try:
        client.settimeout(5)
        client.connect(control)
        client.send(f'"{target}"'.encode())
        answer = client.recv(4096).decode(errors="replace")
    except OSError as error:
        raise NetworkError(f"cannot tell the port relay the new address {target}: {error.strerror}") from None
    finally:
        client.close()
    if answer != "OK":
        raise NetworkError(f"the port relay refused the new address {target}: {answer}")
