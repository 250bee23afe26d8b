"""Who is called what: the files of the DNS server, one for each network, and looking names up in them.

``NETWORK`` (or ``NETWORK%int`` for an internal one) holds a line of gateways to listen on and the network's own upstream
servers, then a line for each container: id, IPv4 list, IPv6 list, names, upstream servers. Lists are joined by commas,
fields by one blank; an empty field leaves two blanks next to each other.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_pton

DOMAIN = ".dns.podman"
INTERNAL = "%int"


class Entry:
    """One container on one network."""

    __slots__ = ("id", "ips", "names", "servers")

    def __init__(self, id: str, ips: list[str], names: list[str], servers: list[str]) -> None:
        self.id = id
        self.ips = ips
        self.names = names
        self.servers = servers

    def line(self) -> str:
        four = ",".join(ip for ip in self.ips if ":" not in ip)
        six = ",".join(ip for ip in self.ips if ":" in ip)
        text = f"{self.id} {four} {six} {','.join(self.names)}"
        return f"{text} {','.join(self.servers)}" if self.servers else text


class Zone:
    """One network: where to listen, whom to ask, who is on it."""

    __slots__ = ("by_ip", "by_name", "entries", "gateways", "internal", "name", "servers")

    def __init__(self, name: str, gateways: list[str], servers: list[str], entries: list[Entry]) -> None:
        self.internal = name.endswith(INTERNAL)
        self.name = name.removesuffix(INTERNAL)
        self.gateways = gateways
        self.servers = servers
        self.entries = entries
        self.by_name: dict[str, list[Entry]] = {}
        self.by_ip: dict[bytes, Entry] = {}
        for entry in entries:
            for label in dict.fromkeys(label.lower() for label in entry.names):
                self.by_name.setdefault(label, []).append(entry)
            for ip in entry.ips:
                raw = packed(ip)
                if raw:
                    self.by_ip[raw] = entry

    def text(self) -> str:
        head = ",".join(self.gateways)
        if self.servers:
            head += " " + ",".join(self.servers)
        return "".join(f"{line}\n" for line in (head, *(entry.line() for entry in self.entries)))


def packed(ip: str) -> bytes | None:
    """The bytes of an address, None for what is none."""
    try:
        return inet_pton(AF_INET6 if ":" in ip else AF_INET, ip)
    except (OSError, ValueError):
        return None


def parse_zone(name: str, text: str) -> Zone:
    """Reads one file; lines that make no sense are left out."""
    lines = text.split("\n")
    gateways, _, servers = lines[0].partition(" ")
    entries = []
    for line in lines[1:]:
        fields = line.split(" ")
        if len(fields) < 4:
            continue
        entries.append(
            Entry(fields[0], _list(fields[1]) + _list(fields[2]), _list(fields[3]), _list(" ".join(fields[4:])))
        )
    return Zone(name, _list(gateways), _list(servers), entries)


def _list(text: str) -> list[str]:
    return [word for word in text.strip().split(",") if word]


def zones_of(zones: list[Zone], source: bytes, gateway: str) -> tuple[list[Zone], Entry | None]:
    """The networks that a requester may see names of, and its own entry: those it is on, else the one it asked on."""
    entry = next((zone.by_ip[source] for zone in zones if source in zone.by_ip), None)
    if entry:
        return [zone for zone in zones if any(other.id == entry.id for other in zone.entries)], entry
    return [zone for zone in zones if gateway in zone.gateways], None


def lookup(zones: list[Zone], name: str, version: int) -> list[bytes] | None:
    """The addresses of a name in those networks, None where nobody is called so."""
    label = name.removesuffix(DOMAIN)
    known = False
    found: list[bytes] = []
    for zone in zones:
        for entry in zone.by_name.get(label, ()):
            known = True
            for ip in entry.ips:
                raw = packed(ip)
                if raw and (len(raw) == 4) == (version == 4) and raw not in found:
                    found.append(raw)
    return found if known else None


def names_of(zones: list[Zone], address: bytes) -> list[str]:
    """Every name of an address in those networks."""
    found: dict[str, None] = {}
    for zone in zones:
        entry = zone.by_ip.get(address)
        if entry:
            found.update(dict.fromkeys(entry.names))
    return list(found)
