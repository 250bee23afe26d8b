"""``-p`` and ``--expose`` (podman-run(1))."""

from __future__ import annotations

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

PROTOCOLS = ("tcp", "udp", "sctp")


def parse_publish(text: str) -> dict[str, Any]:
    """``[[ip:][host]:]container[/protocol]`` with ranges -> a ``newPortMappings`` record; host_port 0 = choose one."""
    body, slash, protocol = text.rpartition("/") if "/" in text else (text, "", "tcp")
    if not slash:
        body, protocol = text, "tcp"
    address = ""
    if body.startswith("["):
        address, bracket, body = body[1:].partition("]")
        if not bracket or not body.startswith(":"):
            raise OcikitError(f'invalid port format: "{text}"')
        _check_ip(address)
        body = body[1:]
        parts = body.split(":")
    else:
        parts = body.split(":")
        if len(parts) == 3:
            address = parts.pop(0)
            if address:
                _check_ip(address)
    if len(parts) > 2 or not parts[-1]:
        raise OcikitError("must provide a non-empty container port to publish" if len(parts) <= 2 else f'invalid port format: "{text}"')  # fmt: skip
    container, count = _range("container", parts[-1])
    host = 0
    if len(parts) == 2 and parts[0]:
        host, host_count = _range("host", parts[0])
        if host_count != count:
            counts = f"{host_count} and {count}"
            raise OcikitError(f"host and container port ranges have different lengths: {counts}")
    return {
        "host_ip": address,
        "container_port": container,
        "host_port": host,
        "range": count,
        "protocol": _protocols(protocol),
    }


def _check_ip(text: str) -> None:
    import socket

    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        socket.inet_pton(family, text)
    except OSError:
        raise OcikitError(f'cannot parse "{text}" as an IP address') from None


def _protocols(text: str) -> str:
    names = [name.lower() for name in text.split(",")]
    for name in names:
        if name not in PROTOCOLS:
            raise OcikitError(f'unrecognized protocol "{name}" in port mapping')
    return ",".join(names)


def _range(side: str, text: str) -> tuple[int, int]:
    first_text, dash, last_text = text.partition("-")
    first = _port(side, first_text)
    if not dash:
        return first, 1
    last = _port(side, last_text)
    if last < first:
        raise OcikitError(f"invalid {side} port: must be given as a range of ascending numbers, got {text}")
    return first, last - first + 1


def _port(side: str, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise OcikitError(f'parsing {side} port: strconv.Atoi: parsing "{text}": invalid syntax') from None
    if not 1 <= value <= 65535:
        raise OcikitError(f"parsing {side} port: port numbers must be between 1 and 65535 (inclusive), got {value}")
    return value


def parse_expose(texts: Iterable[str]) -> dict[int, list[str]]:
    """``80``, ``80/udp`` or ``8000-8002/tcp`` -> {port: [protocols]}."""
    result: dict[int, list[str]] = {}
    for text in texts:
        body, _, protocol = text.partition("/")
        first, count = _range("container", body)
        for port in range(first, first + count):
            for name in _protocols(protocol or "tcp").split(","):
                if name not in result.setdefault(port, []):
                    result[port].append(name)
    return result


def mappings(publish: Sequence[str], exposed: dict[int, list[str]], publish_all: bool) -> list[dict[str, Any]]:
    """``newPortMappings``; ports to be chosen get a free one now. Sorted as Podman stores them (protocol, host port)."""
    result = []
    for text in publish:
        record = parse_publish(text)
        result += [{**record, "protocol": protocol} for protocol in record["protocol"].split(",")]
    if publish_all:
        taken = {(record["container_port"], record["protocol"]) for record in result}
        result += [
            {"host_ip": "", "container_port": port, "host_port": 0, "range": 1, "protocol": protocol}
            for port, protocols in sorted(exposed.items())
            for protocol in protocols
            if (port, protocol) not in taken
        ]
    for record in result:
        if not record["host_port"]:
            record["host_port"] = free_port(record["host_ip"], record["protocol"], record["range"])
    return _join(sorted(result, key=lambda r: (r["protocol"], r["host_ip"], r["host_port"], r["container_port"])))


def _join(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Equal ones once, neighbours as one range."""
    result: list[dict[str, Any]] = []
    for record in records:
        last = result[-1] if result else None
        same = last is not None and (last["host_ip"], last["protocol"]) == (record["host_ip"], record["protocol"])
        if last is None or not same:
            result.append(record)
            continue
        offset = record["host_port"] - last["host_port"]
        if offset == record["container_port"] - last["container_port"] and offset <= last["range"]:
            last["range"] = max(last["range"], offset + record["range"])
        elif offset < last["range"]:
            raise OcikitError(
                f"conflicting port mappings for host port {record['host_port']} (protocol {record['protocol']})"
            )
        else:
            result.append(record)
    return result


def free_port(address: str, protocol: str, count: int) -> int:
    """A host port that nothing is bound to, with ``count - 1`` more free ones behind it."""
    import socket

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    for _ in range(50):
        held = []
        try:
            first = socket.socket(family, kind)
            held.append(first)
            first.bind((address, 0))
            port = int(first.getsockname()[1])
            for offset in range(1, count):
                other = socket.socket(family, kind)
                held.append(other)
                other.bind((address, port + offset))
            return port
        except (OSError, OverflowError):
            continue
        finally:
            for sock in held:
                sock.close()
    raise OcikitError(f"failed to find {count} free host port(s) on {address or 'any address'}")
