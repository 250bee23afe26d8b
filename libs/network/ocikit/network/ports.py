"""Published ports: reading ``-p``, choosing free ones, holding them while the container runs (spec: network.md, 6.4)."""

from __future__ import annotations

import os
from _socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    SO_REUSEADDR,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
    socket,
)

from .address import is_ip
from .errors import InvalidNetwork, PortInUse
from .records import PortMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PROTOCOLS = ("tcp", "udp", "sctp")
IPPROTO_SCTP = 132


def parse_port(text: str, what: str) -> tuple[int, int]:
    """``"8000"`` -> (8000, 1), ``"8000-8002"`` -> (8000, 3); ``what`` is ``host`` or ``container`` for the error."""
    first_text, dash, last_text = text.partition("-")
    first = _number(first_text, what)
    last = _number(last_text, what) if dash else first
    if last < first:
        raise InvalidNetwork(f"{what} port range {text} ends before it starts: invalid argument")
    return first, last - first + 1


def _number(text: str, what: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise InvalidNetwork(f'parsing {what} port: cannot parse "{text}" as a port number')
    number = int(text)
    if not 1 <= number <= 65535:
        raise InvalidNetwork(f"parsing {what} port: port numbers must be between 1 and 65535 (inclusive), got {number}")
    return number


def parse_publish(text: str) -> list[PortMapping]:
    """One ``-p`` word, ``[ip:][host]:container[/protocol[,protocol]]``; ``host_port`` 0 asks for a free one.

    A host range for one container port asks for any free port of it; ``choose`` decides.
    """
    spec, slash, protocols_text = text.partition("/")
    protocols = protocols_text.lower().split(",") if slash else ["tcp"]
    for protocol in protocols:
        if protocol not in PROTOCOLS:
            raise InvalidNetwork(f'unrecognized protocol "{protocol}" in port mapping')
    host_ip = host_text = ""
    if spec.startswith("["):
        host_ip, bracket, rest = spec[1:].partition("]")
        if not bracket or not rest.startswith(":"):
            raise InvalidNetwork(f'invalid port format "{text}": an IPv6 address needs both brackets and a port')
        parts = rest[1:].split(":")
    else:
        parts = spec.split(":")
        if len(parts) == 3:
            host_ip = parts.pop(0)
            if not host_ip:
                raise InvalidNetwork("must provide a non-empty container host IP to publish")
    if len(parts) > 2:
        raise InvalidNetwork(f'invalid port format "{text}": use [[ip:][hostPort]:]containerPort[/protocol]')
    if len(parts) == 2:
        host_text = parts[0]
    if host_ip and not is_ip(host_ip):
        raise InvalidNetwork(f'cannot parse "{host_ip}" as an IP address')
    if not parts[-1]:
        raise InvalidNetwork("must provide a non-empty container port to publish")
    container, count = parse_port(parts[-1], "container")
    host = 0
    if host_text:
        host, host_count = parse_port(host_text, "host")
        if host_count != count:
            raise InvalidNetwork(f"host and container port ranges have different lengths: {host_count} vs {count}")
    elif len(parts) == 2 and not host_text and host_ip == "" and spec.startswith(":"):
        host = 0  # ":80", the same as "80"
    if container + count - 1 > 65535 or host + count - 1 > 65535:
        raise InvalidNetwork(f'port range of "{text}" ends beyond 65535')
    return [PortMapping(host_ip, container, host, count, protocol) for protocol in protocols]


def choose(mappings: Iterable[PortMapping], exposed: Iterable[str] = ()) -> list[PortMapping]:
    """Fills in free host ports where none was asked for, joins neighbours, and refuses a port asked for twice.

    ``exposed`` are ``80/tcp`` words that are to be published on any free port unless a mapping already does (``-P``).
    """
    found = [PortMapping(m.host_ip, m.container_port, m.host_port, m.range, m.protocol) for m in mappings]
    for word in exposed:
        port_text, _, protocol = word.partition("/")
        first, count = parse_port(port_text, "container")
        for port in range(first, first + count):
            if not any(
                m.protocol == (protocol or "tcp") and m.container_port <= port < m.container_port + m.range
                for m in found
            ):
                found.append(PortMapping("", port, 0, 1, protocol or "tcp"))
    taken: dict[tuple[str, str, int], int] = {}
    for mapping in found:
        if not mapping.host_port:
            mapping.host_port = _free_ports(mapping, {key[2] for key in taken if key[1] == mapping.protocol})
        for offset in range(mapping.range):
            key = (mapping.host_ip, mapping.protocol, mapping.host_port + offset)
            inside = mapping.container_port + offset
            if taken.setdefault(key, inside) != inside:
                raise InvalidNetwork(
                    f"conflicting port mappings for host port {key[2]} (protocol {mapping.protocol}): invalid argument"
                )
    return _join(found)


def _free_ports(mapping: PortMapping, taken: set[int]) -> int:
    """The first of ``range`` neighbouring free ports."""
    for _ in range(64):
        probe = _bound(mapping, 0)
        first = int(probe.getsockname()[1])
        probe.close()
        span = range(first, first + mapping.range)
        if span[-1] > 65535 or not taken.isdisjoint(span):
            continue
        try:
            for port in span[1:]:
                _bound(mapping, port).close()
        except OSError:
            continue
        return first
    raise PortInUse(f"no {mapping.range} free neighbouring {mapping.protocol} ports found")


def _join(mappings: list[PortMapping]) -> list[PortMapping]:
    """Neighbouring mappings as one, exact repetitions once."""
    key = _sort_key
    joined: list[PortMapping] = []
    for mapping in sorted(mappings, key=key):
        if joined:
            last = joined[-1]
            if (last.host_ip, last.protocol) == (mapping.host_ip, mapping.protocol):
                offset = mapping.host_port - last.host_port
                if 0 <= offset <= last.range and mapping.container_port - last.container_port == offset:
                    last.range = max(last.range, offset + mapping.range)
                    continue
        joined.append(mapping)
    return joined


def _sort_key(mapping: PortMapping) -> tuple[str, str, int, int]:
    return mapping.host_ip, mapping.protocol, mapping.host_port, mapping.container_port


def _bound(mapping: PortMapping, port: int) -> socket:
    six = ":" in mapping.host_ip
    kind = SOCK_DGRAM if mapping.protocol == "udp" else SOCK_STREAM
    protocol = IPPROTO_SCTP if mapping.protocol == "sctp" else 0
    made = socket(AF_INET6 if six else AF_INET, kind | SOCK_CLOEXEC, protocol)
    try:
        if kind == SOCK_STREAM:
            made.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)  # as Go does: a port in TIME_WAIT is free
        if six:
            made.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
        made.bind((mapping.host_ip or "0.0.0.0", port))  # noqa: S104 -- that is what publishing means
    except OSError:
        made.close()
        raise
    return made


def reserve(mappings: Sequence[PortMapping]) -> list[int]:
    """Binds every published TCP and UDP port and returns the descriptors (close-on-exec), for conmon to hold.

    The kernel's rules send traffic on before it reaches them; held, no other program can take the port, and a port that
    is taken fails here, before anything is set up. Raises PortInUse naming the port.
    """
    held: list[int] = []
    try:
        for mapping in mappings:
            if mapping.protocol == "sctp":
                continue  # needs a kernel module that may be missing; Podman doesn't hold these either
            for port in range(mapping.host_port, mapping.host_port + mapping.range):
                try:
                    made = _bound(mapping, port)
                    if mapping.protocol == "tcp":
                        made.listen(1)
                except OSError as error:
                    raise _refused(mapping, port, error) from None
                held.append(made.detach())
    except BaseException:
        for fd in held:
            os.close(fd)
        raise
    return held


def _refused(mapping: PortMapping, port: int, error: OSError) -> PortInUse:
    name = mapping.protocol
    family = "6" if ":" in mapping.host_ip else "4"
    host = f"[{mapping.host_ip}]" if family == "6" else mapping.host_ip
    reason = (error.strerror or str(error)).lower()
    hint = ""
    if error.errno == 98:
        hint = f"another container or program uses port {port}: see 'podman ps' and 'ss -lnp'"
    elif error.errno == 99:
        hint = f"{mapping.host_ip} is no address of this host"
    return PortInUse(
        f"cannot listen on the {name.upper()} port: listen {name}{family} {host}:{port}: bind: {reason}", hint=hint
    )
