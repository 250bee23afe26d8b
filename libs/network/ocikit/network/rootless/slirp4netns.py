"""slirp4netns(1): a TCP/IP stack in user space beside a container (spec: network.md, 9.2)."""

from __future__ import annotations

import os

from ..address import Prefix, format_ip
from ..errors import InvalidNetwork, SetupFailed
from .pasta import SIGPIPE
from .programs import find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records import PortMapping

DEFAULT_CIDR = "10.0.2.0/24"
READY_FD, EXIT_FD = 3, 4
_TRUE = ("true", "1", "t", "T", "TRUE", "True")
_FALSE = ("false", "0", "f", "F", "FALSE", "False")
_FLAGS = ("--disable-host-loopback", "--mtu", "--enable-sandbox", "--enable-seccomp", "--enable-ipv6")


class SlirpOptions:
    """The words behind ``--network slirp4netns:``, parsed."""

    __slots__ = ("allow_host_loopback", "cidr", "enable_ipv6", "mtu", "outbound_addr", "outbound_addr6", "port_handler")

    def __init__(self) -> None:
        self.cidr = DEFAULT_CIDR
        self.port_handler = "rootlesskit"
        self.allow_host_loopback = False
        self.enable_ipv6 = True
        self.outbound_addr = ""
        self.outbound_addr6 = ""
        self.mtu = 65520

    def address(self, offset: int) -> str:
        """The address that lies ``offset`` behind the start of the subnet: 2 gateway, 3 DNS, 100 the container's."""
        prefix = Prefix.parse(self.cidr)
        return format_ip((4, prefix.base + offset))

    @property
    def container(self) -> str:
        return self.address(100)

    @property
    def dns(self) -> str:
        return self.address(3)


def parse_options(words: Sequence[str]) -> SlirpOptions:
    """``cidr=``, ``port_handler=``, ``allow_host_loopback=``, ``enable_ipv6=``, ``outbound_addr=``,
    ``outbound_addr6=``, ``mtu=``; raises SetupFailed for others (Podman finds out at start, with exit code 126)."""
    found = SlirpOptions()
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise SetupFailed(f'unknown option for slirp4netns: "{word}"')
        if key == "cidr":
            if Prefix.parse(value).version != 4:
                raise SetupFailed(f"invalid cidr {value}: slirp4netns takes an IPv4 network")
            found.cidr = str(Prefix.parse(value))
        elif key == "port_handler":
            if value not in ("rootlesskit", "slirp4netns"):
                raise SetupFailed(f'unknown port_handler for slirp4netns: "{value}"')
            found.port_handler = value
        elif key in ("allow_host_loopback", "enable_ipv6"):
            if value not in (*_TRUE, *_FALSE):
                raise SetupFailed(f'invalid value of {key} for slirp4netns: "{value}"')
            setattr(found, key, value in _TRUE)
        elif key in ("outbound_addr", "outbound_addr6"):
            setattr(found, key, value)
        elif key == "mtu":
            if not value.isdigit() or int(value) < 68:
                raise SetupFailed(f"invalid mtu {value} for slirp4netns: it must be a number of at least 68")
            found.mtu = int(value)
        else:
            raise SetupFailed(f'unknown option for slirp4netns: "{word}"')
    return found


def arguments(
    options: SlirpOptions, netns_path: str, known: str, *, api_socket: str = "", exit_fd: bool = True
) -> list[str]:
    """The command line behind ``slirp4netns``, pure. ``known`` is its help text: flags that it lacks are left out."""
    words = []
    if not options.allow_host_loopback and _FLAGS[0] in known:
        words.append(_FLAGS[0])
    if _FLAGS[1] in known:
        words.append(f"{_FLAGS[1]}={options.mtu}")
    words += [flag for flag in _FLAGS[2:4] if flag in known]
    if options.enable_ipv6 and _FLAGS[4] in known:
        words.append(_FLAGS[4])
    if options.cidr != DEFAULT_CIDR:
        words.append(f"--cidr={options.cidr}")
    if options.outbound_addr:
        words.append(f"--outbound-addr={options.outbound_addr}")
    if options.outbound_addr6:
        words.append(f"--outbound-addr6={options.outbound_addr6}")
    if api_socket:
        words += ["--api-socket", api_socket]
    words += ["-c", "-r", str(READY_FD)]
    if exit_fd:
        words += ["-e", str(EXIT_FD)]
    return [*words, "--netns-type=path", netns_path, "tap0"]


class SlirpResult:
    """A running slirp4netns. ``exit_fd`` must be handed to conmon: slirp ends when nobody holds it any more."""

    __slots__ = ("address", "dns", "exit_fd", "pid")

    def __init__(self, pid: int, address: str, dns: str, exit_fd: int) -> None:
        self.pid = pid
        self.address = address
        self.dns = dns
        self.exit_fd = exit_fd


def start(
    netns_path: str,
    options: SlirpOptions,
    ports: Sequence[PortMapping] = (),
    *,
    api_socket: str = "",
    program: str = "",
    exit_fd: bool = True,
) -> SlirpResult:
    """Runs slirp4netns for a namespace and returns when it is ready.

    With ``port_handler=slirp4netns`` the ports are forwarded by it (``api_socket`` is then needed); otherwise the caller
    starts ``forwarder``. Raises SetupFailed with the program's own words.
    """
    program = program or find_program("slirp4netns")
    by_slirp = options.port_handler == "slirp4netns" and bool(ports)
    if by_slirp and not api_socket:
        raise InvalidNetwork("ports through slirp4netns need the path of an API socket")
    if options.enable_ipv6:
        _no_duplicate_detection(netns_path)
    words = [program]
    words += arguments(options, netns_path, _help(program), api_socket=api_socket if by_slirp else "", exit_fd=exit_fd)
    ready, told = os.pipe2(os.O_CLOEXEC)
    theirs, ours = os.pipe2(os.O_CLOEXEC)
    log = os.memfd_create("slirp4netns", 0)
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    # by way of high numbers, so that no source is overwritten before it is copied
    actions: list[tuple[int, int, int]] = [
        (os.POSIX_SPAWN_DUP2, told, 200),
        (os.POSIX_SPAWN_DUP2, theirs, 201),
        (os.POSIX_SPAWN_DUP2, null, 0),
        (os.POSIX_SPAWN_DUP2, log, 1),
        (os.POSIX_SPAWN_DUP2, log, 2),
        (os.POSIX_SPAWN_DUP2, 200, READY_FD),
        (os.POSIX_SPAWN_DUP2, 201, EXIT_FD),
    ]
    closing = [(os.POSIX_SPAWN_CLOSE, 200), (os.POSIX_SPAWN_CLOSE, 201)]
    try:
        pid = os.posix_spawn(
            words[0], words, os.environ, file_actions=[*actions, *closing], setpgroup=0, setsigdef=[SIGPIPE]
        )
    except OSError as error:
        os.close(ours)
        raise SetupFailed(f"cannot run {program}: {error.strerror}") from None
    finally:
        for fd in (told, theirs, null):
            os.close(fd)
    try:
        if os.read(ready, 1) != b"1":
            os.waitpid(pid, 0)
            output = os.pread(log, 65536, 0).decode(errors="replace")
            text = "; ".join(line.strip() for line in output.splitlines() if line.strip())
            os.close(ours)
            raise SetupFailed(f"slirp4netns failed: {text or 'no output'}")
    finally:
        os.close(ready)
        os.close(log)
    if by_slirp:
        for port in ports:
            _forward(api_socket, port, options.container)
    return SlirpResult(pid, options.container, options.dns, ours)


def _no_duplicate_detection(netns_path: str) -> None:
    """Without, the IPv6 address that slirp4netns sets cannot be used for a second."""
    from .. import netns, sysctl

    fd = netns.open_fd(netns_path)
    try:
        netns.run_in(fd, lambda: sysctl.write("net/ipv6/conf/default/accept_dad", "0", optional=True))
    finally:
        os.close(fd)


def _help(program: str) -> str:
    from .pasta import _run

    return _run([program, "--help"])[1]


def _forward(api_socket: str, port: PortMapping, guest: str) -> None:
    """One ``add_hostfwd`` for each port."""
    from _socket import AF_UNIX, SHUT_WR, SOCK_CLOEXEC, SOCK_STREAM, socket

    from ocikit.common.jsonfast import dumps, loads

    for offset in range(port.range):
        arguments = {
            "proto": port.protocol,
            "host_addr": port.host_ip or "0.0.0.0",  # noqa: S104 -- that is what publishing means
            "host_port": port.host_port + offset,
            "guest_addr": guest,
            "guest_port": port.container_port + offset,
        }
        client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
        try:
            client.connect(api_socket)
            client.sendall(dumps({"execute": "add_hostfwd", "arguments": arguments}).encode())
            client.shutdown(SHUT_WR)
            parts = []
            while part := client.recv(65536):
                parts.append(part)
            answer = loads(b"".join(parts))
        except (OSError, ValueError) as error:
            raise SetupFailed(f"cannot publish port {arguments['host_port']} through slirp4netns: {error}") from None
        finally:
            client.close()
        if "error" in answer:
            raise SetupFailed(
                f"cannot publish port {arguments['host_port']} through slirp4netns: {answer['error'].get('desc', answer)}"
            )
