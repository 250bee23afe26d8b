"""Texts of ``/etc/hosts`` and ``/etc/resolv.conf`` for containers (spec: network.md, section 10).

The builders are pure; ``host_resolv_conf`` and ``host_addresses`` gather what they need from this host.
"""

from __future__ import annotations

import os

from .address import is_ip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .records import Json

RESOLV_CONF = "/etc/resolv.conf"
FALLBACK4 = ("8.8.8.8", "8.8.4.4")
FALLBACK6 = ("2001:4860:4860::8888", "2001:4860:4860::8844")
HOST_NAMES = ("host.containers.internal", "host.docker.internal")
_STUBS = {
    "127.0.0.53": "/run/systemd/resolve/resolv.conf",
    "127.0.0.1": "/run/NetworkManager/no-stub-resolv.conf",
}


class ResolvConf:
    """The three things that a resolv.conf says."""

    __slots__ = ("nameservers", "options", "search")

    def __init__(
        self, nameservers: Iterable[str] = (), search: Iterable[str] = (), options: Iterable[str] = ()
    ) -> None:
        self.nameservers = list(nameservers)
        self.search = list(search)
        self.options = list(options)


def parse_resolv_conf(text: str) -> ResolvConf:
    """Reads resolv.conf(5); unknown lines are ignored, the last ``search`` or ``domain`` counts."""
    found = ResolvConf()
    for line in text.splitlines():
        words = line.split("#", 1)[0].split(";", 1)[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            found.nameservers.append(words[1])
        elif words[0] in ("search", "domain"):
            found.search = words[1:]
        elif words[0] == "options":
            found.options += words[1:]
    return found


def host_resolv_conf(path: str = RESOLV_CONF) -> ResolvConf:
    """The host's own, or the real one behind the local stub of systemd-resolved or NetworkManager."""
    conf = _read_resolv_conf(path)
    if len(conf.nameservers) == 1 and conf.nameservers[0] in _STUBS:
        real = _STUBS[conf.nameservers[0]]
        if os.path.exists(real):
            return _read_resolv_conf(real)
    return conf


def _read_resolv_conf(path: str) -> ResolvConf:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return parse_resolv_conf(file.read())
    except OSError:
        return ResolvConf()


def make_resolv_conf(
    *,
    host: ResolvConf | None = None,
    servers: Sequence[str] = (),
    search: Sequence[str] = (),
    options: Sequence[str] = (),
    network_servers: Sequence[str] = (),
    network_search: Sequence[str] = (),
    forwarders: Sequence[str] = (),
    ipv6: bool = False,
    keep_loopback: bool = False,
) -> str:
    """The container's resolv.conf.

    ``servers``, ``search`` and ``options`` are the user's (``--dns*``, containers.conf), ``network_servers`` and
    ``network_search`` those of the networks' status, ``forwarders`` those of pasta or slirp4netns. With network servers
    the user's servers are left to the DNS server, which asks them for this container. ``keep_loopback`` is for
    containers in the host's own namespace.
    """
    host = host or ResolvConf()
    names: list[str] = []
    if network_servers:
        names = list(network_servers)
    elif servers:
        names = list(servers)
    else:
        usable = [ip for ip in host.nameservers if keep_loopback or _usable(ip, ipv6)]
        names = [*forwarders, *usable]
        if not names:
            names = [*FALLBACK4, *(FALLBACK6 if ipv6 else ())]
    domains = list(search) if search else [*network_search, *host.search]
    if "." in domains and search:
        domains = []
    lines = []
    if domains:
        lines.append("search " + " ".join(domains))
    lines += [f"nameserver {ip}" for ip in _once(names)]
    chosen = list(options) or host.options
    if chosen:
        lines.append("options " + " ".join(chosen))
    return "\n".join(lines) + "\n"


def edit_nameservers(text: str, add: Sequence[str] = (), drop: Sequence[str] = ()) -> str:
    """A container's resolv.conf with nameservers put in front or taken out: connect and disconnect while it runs."""
    conf = parse_resolv_conf(text)
    names = [*add, *(ip for ip in conf.nameservers if ip not in drop)]
    lines = []
    if conf.search:
        lines.append("search " + " ".join(conf.search))
    lines += [f"nameserver {ip}" for ip in _once(names)]
    if conf.options:
        lines.append("options " + " ".join(conf.options))
    return "\n".join(lines) + "\n"


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _usable(ip: str, ipv6: bool) -> bool:
    """Whether a host's nameserver can be reached from another namespace."""
    bare = ip.split("%")[0]
    if "%" in ip or not is_ip(bare):
        return False
    if ":" in ip:
        return ipv6 and ip != "::1" and not ip.lower().startswith("fe80:")
    return not ip.startswith("127.")


def parse_hosts(text: str) -> list[tuple[str, list[str]]]:
    """hosts(5) as (address, names); comments and broken lines are left out."""
    found = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if len(words) >= 2:
            found.append((words[0], words[1:]))
    return found


def parse_add_host(word: str, host_gateway: str = "") -> tuple[str, list[str]]:
    """``"name1;name2:ip"`` -> (ip, names); ``host-gateway`` stands for the address of the host.

    Raises InvalidNetwork (a sentence for ``--add-host``).
    """
    from .errors import InvalidNetwork

    names_text, colon, ip = word.partition(":")
    if not colon or not ip:
        raise InvalidNetwork(f'invalid host entry "{word}": must be of the form HOST:IP')
    names = names_text.split(";")
    if not all(names):
        raise InvalidNetwork(f'hostname in host entry "{word}" is empty')
    if ip == "host-gateway":
        if not host_gateway:
            raise InvalidNetwork(
                f'unable to replace "host-gateway" of host entry "{word}": host containers internal IP address is empty'
            )
        return host_gateway, names
    if ip.startswith("[") and ip.endswith("]"):
        ip = ip[1:-1]
    if not is_ip(ip):
        raise InvalidNetwork(f'invalid IP address "{ip}" in host entry "{word}"')
    return ip, names


def make_hosts(
    *,
    base: Sequence[tuple[str, Sequence[str]]] = (),
    extra: Sequence[tuple[str, Sequence[str]]] = (),
    own: Sequence[tuple[str, Sequence[str]]] = (),
    host_internal: str = "",
) -> str:
    """The container's hosts file.

    ``extra`` are the ``--add-host`` entries, ``base`` those of the base file, ``own`` the container's own addresses with
    its names, ``host_internal`` the address of ``host.containers.internal`` (empty: no such line). Later entries lose
    names that an earlier one holds already.
    """
    lines: list[tuple[str, list[str]]] = [(ip, list(names)) for ip, names in (*extra, *base)]
    seen = {name for _, names in lines for name in names}

    def add(ip: str, names: Iterable[str]) -> None:
        fresh = [name for name in _once(names) if name and name not in seen]
        if fresh:
            lines.append((ip, fresh))

    localhost = "localhost" in seen
    add("127.0.0.1", ["localhost"])
    if not localhost:
        lines.append(("::1", ["localhost"]))
    if host_internal:
        add(host_internal, HOST_NAMES)
    for ip, names in own:
        add(ip, names)
    return "".join(f"{ip}\t{' '.join(names)}\n" for ip, names in lines)


def status_addresses(status: Mapping[str, Json]) -> list[tuple[str, str]]:
    """(address, gateway or "") of every network of a container's status, by network name."""
    found = []
    for name in sorted(status):
        interfaces = status[name].get("interfaces") or {}
        for interface in sorted(interfaces):
            subnets = interfaces[interface].get("subnets") or ()
            found += [(subnet["ipnet"].split("/")[0], subnet.get("gateway") or "") for subnet in subnets]
    return found


def status_servers(status: Mapping[str, Json]) -> tuple[list[str], list[str]]:
    """(nameservers, search domains) of the networks of a container's status."""
    servers: list[str] = []
    domains: list[str] = []
    for name in sorted(status):
        servers += status[name].get("dns_server_ips") or []
        domains += status[name].get("dns_search_domains") or []
    return _once(servers), domains


def host_internal_address(status: Mapping[str, Json], configured: str = "") -> str:
    """The address of ``host.containers.internal`` for a container on bridges: configured (``none``: no line), else the
    first IPv4 gateway, else an IPv6 one, else an address of the host that the container doesn't have."""
    if configured:
        return "" if configured == "none" else configured
    pairs = status_addresses(status)
    gateways = [gateway for _, gateway in pairs if gateway]
    for gateway in gateways:
        if ":" not in gateway:
            return gateway
    if gateways:
        return gateways[0]
    mine = {ip for ip, _ in pairs}
    return next((ip for ip in host_addresses() if ip not in mine), "")


def host_addresses() -> list[str]:
    """The addresses of this network namespace that other hosts could use, IPv4 first."""
    from .address import format_ip
    from .netlink import Netlink

    with Netlink() as netlink:
        found = [format_ip(address) for index, address, _ in netlink.addresses() if index != 1]
    usable = [ip for ip in found if not ip.startswith(("127.", "169.254.", "fe80:"))]
    return sorted(usable, key=lambda ip: ":" in ip)
