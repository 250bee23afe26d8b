"""Firewall rule sets as values: from networks and published ports to the lines of one nftables transaction.

Pure: nothing here touches the kernel (``nft.py`` does). All rules live in one table of our own, ``inet ocikit``, which
firewalld, ufw and iptables leave alone. The base chains hold a fixed set of rules that look up named sets and maps;
networks and containers only add elements and chains of their own. So every change is one small transaction, whatever
else runs, and two tools with different run directories share the table.

Every statement may be applied twice: base chains are flushed and filled in the same transaction, adding what exists is
no error, and removals add first what they delete. So a repeated, interrupted or late change never fails and needs no
listing of what is there.

What the pieces do is in the spec (network.md, 6.3). Unlike there, no accept rules: in a table of our own an accept ends
only our chain and cannot overrule another table's drop; ``coexist.py`` deals with hosts that drop by default.
"""

from __future__ import annotations

from .address import Prefix, parse_ip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .records import PortMapping

TABLE = "inet ocikit"
MARK = "0x00002000"
ISOLATE, STRICT, INTERNAL = "isolate", "strict", "internal"

_SETS = (
    "set bridges { type ifname; }",
    "set isolated { type ifname; }",
    "map closed_from { type ifname : verdict; }",
    "map closed_to { type ifname : verdict; }",
    "map isolate_from { type ifname : verdict; }",
    "map isolate_to { type ifname : verdict; }",
    "map masquerade4 { type ipv4_addr : verdict; flags interval; }",
    "map masquerade6 { type ipv6_addr : verdict; flags interval; }",
    "map ports4 { type inet_proto . inet_service : verdict; flags interval; }",
    "map ports6 { type inet_proto . inet_service : verdict; flags interval; }",
    "map hostports4 { type ipv4_addr . inet_proto . inet_service : verdict; flags interval; }",
    "map hostports6 { type ipv6_addr . inet_proto . inet_service : verdict; flags interval; }",
)
_CHAINS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        # route_localnet lets packets for 127.0.0.0/8 in from a bridge: only answers to our own translated connections
        # may, and those carry the bridge's address until the nat hook has seen them
        "guard",
        "type filter hook prerouting priority raw; policy accept;",
        ("iifname @bridges ip daddr 127.0.0.0/8 drop",),
    ),
    (
        "hostport",
        "",
        (
            "ip daddr . meta l4proto . th dport vmap @hostports4",
            "ip6 daddr . meta l4proto . th dport vmap @hostports6",
            "meta nfproto ipv4 meta l4proto . th dport vmap @ports4",
            "meta nfproto ipv6 meta l4proto . th dport vmap @ports6",
        ),
    ),
    (
        "prerouting",
        "type nat hook prerouting priority dstnat; policy accept;",
        ("fib daddr type local jump hostport",),
    ),
    ("output", "type nat hook output priority -100; policy accept;", ("fib daddr type local jump hostport",)),
    (
        "forward",
        "type filter hook forward priority filter; policy accept;",
        (
            "iifname @bridges ct state invalid drop",
            "oifname @bridges ct state invalid drop",
            "iifname vmap @closed_from",
            "oifname vmap @closed_to",
            "ct status dnat accept",  # what was published is published to everybody, isolated networks too
            "iifname vmap @isolate_from",
            "oifname vmap @isolate_to",
        ),
    ),
    (
        "postrouting",
        "type nat hook postrouting priority srcnat; policy accept;",
        (
            f"meta mark & {MARK} == {MARK} masquerade",
            "ip saddr vmap @masquerade4",
            "ip6 saddr vmap @masquerade6",
        ),
    ),
)
SKELETON_USE = len(_SETS) + len(_CHAINS)
"""How many sets, maps and chains the table holds when no network is in use: then it can go."""


class NetworkRules:
    """What the firewall must know of a bridge network that is in use.

    ``subnets`` are CIDR texts with their gateways; ``isolation`` is ``""``, ISOLATE (cut off from other isolated
    networks), STRICT (from every other network) or INTERNAL (from everything); ``dns_port`` the port on which the DNS
    server listens.
    """

    __slots__ = ("bridge", "dns_port", "id", "isolation", "subnets")

    def __init__(
        self, id: str, bridge: str, subnets: Sequence[tuple[str, str]], isolation: str = "", dns_port: int = 53
    ) -> None:
        self.id = id
        self.bridge = bridge
        self.subnets = list(subnets)
        self.isolation = isolation
        self.dns_port = dns_port

    @property
    def chain(self) -> str:
        return f"net_{self.id[:12]}"


class PortRules:
    """The published ports of one container on one network; ``addresses`` are its own on that network."""

    __slots__ = ("addresses", "container_id", "network", "ports")

    def __init__(
        self, network: NetworkRules, container_id: str, addresses: Sequence[str], ports: Sequence[PortMapping]
    ) -> None:
        self.network = network
        self.container_id = container_id
        self.addresses = list(addresses)
        self.ports = list(ports)

    @property
    def chain(self) -> str:
        return f"ctr_{self.container_id[:16]}_{self.network.id[:12]}"


def skeleton() -> list[str]:
    """The table, its sets and its base chains, brought to the right content whatever they held."""
    lines = [f"add table {TABLE}"]
    for text in _SETS:
        kind, name, rest = text.split(" ", 2)
        lines.append(f"add {kind} {TABLE} {name} {rest}")
    for name, hook, _ in _CHAINS:
        lines.append(f"add chain {TABLE} {name}" + (f" {{ {hook} }}" if hook else ""))
    for name, _, rules in _CHAINS:
        lines.append(f"flush chain {TABLE} {name}")
        lines += [f"add rule {TABLE} {name} {rule}" for rule in rules]
    return lines


def ordered(lines: Sequence[str]) -> list[str]:
    """The statements with chains before sets: nft sends the elements of a set that is new in the same transaction
    together with the set, and the chains that they jump to must be there by then."""
    kinds = ("add table", "add chain", "add set", "add map")

    def rank(line: str) -> int:
        return next((number for number, kind in enumerate(kinds) if line.startswith(kind)), len(kinds))

    return sorted(lines, key=rank)


def remove_table() -> list[str]:
    """Takes the whole table away."""
    return [f"add table {TABLE}", f"delete table {TABLE}"]


def network_up(rules: NetworkRules) -> list[str]:
    """Masquerading, isolation and (for another port than 53) the DNS redirect of a network; needs ``skeleton``."""
    lines = []
    for name, body in _network_chains(rules):
        lines += [f"add chain {TABLE} {name}", f"flush chain {TABLE} {name}"]
        lines += [f"add rule {TABLE} {name} {rule}" for rule in body]
    return lines + _grouped("add", _network_elements(rules))


def network_down(rules: NetworkRules) -> Removal:
    """What takes away what ``network_up`` made, and nothing else."""
    return Removal(_network_elements(rules), [name for name, _ in _network_chains(rules)])


def ports_up(rules: PortRules) -> list[str]:
    """The published ports of a container: dispatch by port, then mark and rewrite in a chain of its own."""
    elements = _port_elements(rules)
    if not elements:
        return []
    lines = [f"add chain {TABLE} {rules.chain}", f"flush chain {TABLE} {rules.chain}"]
    lines += [f"add rule {TABLE} {rules.chain} {rule}" for rule in _port_chain(rules)]
    lines += _grouped("add", elements)
    return lines


def ports_down(rules: PortRules) -> Removal:
    """What takes away what ``ports_up`` made."""
    elements = _port_elements(rules)
    return Removal(elements, [rules.chain] if elements else [])


class Removal:
    """Elements and chains that are to go. May be added to another."""

    __slots__ = ("chains", "elements")

    def __init__(self, elements: Sequence[tuple[str, str]] = (), chains: Sequence[str] = ()) -> None:
        self.elements = list(elements)
        self.chains = list(chains)

    def __add__(self, other: Removal) -> Removal:
        return Removal(self.elements + other.elements, self.chains + other.chains)

    def lines(self) -> list[str]:
        """One transaction for all of it. It fails where an element's key leads elsewhere by now."""
        lines = [f"add chain {TABLE} {name}" for name in self.chains]
        lines += _grouped("add", self.elements) + _grouped("delete", self.elements)
        for name in self.chains:
            lines += [f"flush chain {TABLE} {name}", f"delete chain {TABLE} {name}"]
        return lines

    def parts(self) -> list[list[str]]:
        """The same as one transaction for each element and chain: what belongs to somebody else is left alone."""
        targets = [f"add chain {TABLE} {name}" for name in self.chains]
        found = [targets + _grouped("add", [item]) + _grouped("delete", [item]) for item in self.elements]
        return found + [Removal(chains=[name]).lines() for name in self.chains]


def _grouped(verb: str, elements: list[tuple[str, str]]) -> list[str]:
    """One statement for each set; a deleted element is named by its key alone."""
    by_set: dict[str, list[str]] = {}
    for name, element in elements:
        by_set.setdefault(name, []).append(element.split(" : ")[0] if verb == "delete" else element)
    return [f"{verb} element {TABLE} {name} {{ {', '.join(items)} }}" for name, items in by_set.items()]


def _network_chains(rules: NetworkRules) -> list[tuple[str, list[str]]]:
    """The chains of a network with their rules."""
    chains: list[tuple[str, list[str]]] = []
    same = f'oifname "{rules.bridge}" return'
    back = f'iifname "{rules.bridge}" return'
    if rules.isolation == INTERNAL:
        chains.append((f"{rules.chain}_from", [same, "drop"]))
        chains.append((f"{rules.chain}_to", [back, "drop"]))
    else:
        body = []
        for cidr, _ in rules.subnets:
            body.append(f"ip6 daddr {cidr} accept" if ":" in cidr else f"ip daddr {cidr} accept")
        body += ["ip daddr != 224.0.0.0/4 masquerade", "ip6 daddr != ff00::/8 masquerade"]
        chains.append((rules.chain, body))
        if rules.isolation == ISOLATE:
            chains.append((f"{rules.chain}_from", [same, "oifname @isolated drop"]))
        elif rules.isolation == STRICT:
            chains.append((f"{rules.chain}_from", [same, "oifname @bridges drop"]))
            chains.append((f"{rules.chain}_to", [back, "iifname @bridges drop"]))
    if rules.dns_port != 53 and any(gateway for _, gateway in rules.subnets):
        chains.append((f"{rules.chain}_dns", [f"meta l4proto {{ tcp, udp }} redirect to :{rules.dns_port}"]))
    return chains


def _network_elements(rules: NetworkRules) -> list[tuple[str, str]]:
    """(set, element) of a network."""
    found = [("bridges", f'"{rules.bridge}"')]
    names = [name for name, _ in _network_chains(rules)]
    if rules.isolation in (ISOLATE, STRICT):
        found.append(("isolated", f'"{rules.bridge}"'))
    kind = "closed" if rules.isolation == INTERNAL else "isolate"
    ends = [end for end in ("from", "to") if f"{rules.chain}_{end}" in names]
    found += [(f"{kind}_{end}", f'"{rules.bridge}" : jump {rules.chain}_{end}') for end in ends]
    for cidr, gateway in rules.subnets:
        six = ":" in cidr
        if rules.chain in names:
            found.append(("masquerade6" if six else "masquerade4", f"{cidr} : jump {rules.chain}"))
        if f"{rules.chain}_dns" in names and gateway:
            for protocol in ("tcp", "udp"):
                key = f"{gateway} . {protocol} . 53 : jump {rules.chain}_dns"
                found.append(("hostports6" if six else "hostports4", key))
    return found


def _targets(rules: PortRules) -> dict[int, str]:
    """The container's address for each IP version (its first one)."""
    found: dict[int, str] = {}
    for text in rules.addresses:
        found.setdefault(6 if ":" in text else 4, text)
    return found


def _serves(port: PortMapping, version: int) -> bool:
    return not port.host_ip or (6 if ":" in port.host_ip else 4) == version


def _port_elements(rules: PortRules) -> list[tuple[str, str]]:
    found = []
    if rules.network.isolation == INTERNAL:
        return []
    for version in sorted(_targets(rules)):
        for port in rules.ports:
            if not _serves(port, version):
                continue
            key = f"{port.protocol} . {_span(port)} : jump {rules.chain}"
            if port.host_ip and parse_ip(port.host_ip)[1]:
                found.append((f"hostports{version}", f"{port.host_ip} . {key}"))
            else:
                found.append((f"ports{version}", key))
    return found


def _span(port: PortMapping) -> str:
    return f"{port.host_port}-{port.host_port + port.range - 1}" if port.range > 1 else str(port.host_port)


def _port_chain(rules: PortRules) -> list[str]:
    """Marks what must come back through us, then rewrites. Only packets for these ports get here."""
    body = []
    for version, target in sorted(_targets(rules).items()):
        ip = "ip" if version == 4 else "ip6"
        near = [cidr for cidr, _ in rules.network.subnets if Prefix.parse(cidr).version == version]
        if version == 4:
            near.insert(0, "127.0.0.0/8")
        if near:
            body.append(f"{ip} saddr {{ {', '.join(near)} }} meta mark set meta mark | {MARK}")
        shown = target if version == 4 else f"[{target}]"
        for port in rules.ports:
            if not _serves(port, version):
                continue
            match = f"meta nfproto ipv{version} "
            if port.host_ip and parse_ip(port.host_ip)[1]:
                match += f"{ip} daddr {port.host_ip} "
            match += f"{port.protocol} dport {_span(port)}"
            if port.range > 1 and port.host_port == port.container_port:
                body.append(f"{match} dnat {ip} to {target}")
            elif port.range > 1:
                # one rule with a map, where a rule for each port would be walked one by one
                pairs = (f"{port.host_port + i} : {port.container_port + i}" for i in range(port.range))
                body.append(f"{match} dnat {ip} to {target} : {port.protocol} dport map {{ {', '.join(pairs)} }}")
            else:
                body.append(f"{match} dnat {ip} to {shown}:{port.container_port}")
    return body
