"""Making a network: filling in what the user left open and checking the rest (spec: network.md, sections 2.1 and 2.2)."""

from __future__ import annotations

import os

from ocikit.common.files import random_hex

from .address import Prefix, bits, format_ip, parse_ip
from .errors import InvalidNetwork, NetworkError, NetworkExists, NetworkUnknown, SubnetInUse
from .netlink import Netlink
from .options import check_options
from .records import NetworkConfig, Subnet
from .store import now, valid_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from .networks import Networks

MODE_WORDS = ("bridge", "container", "default", "host", "none", "ns", "pasta", "pod", "private", "slirp4netns")
IPAM_DRIVERS = ("host-local", "dhcp", "none")
DEFAULT_POOLS = (
    ("10.89.0.0/16", 24),
    ("10.90.0.0/15", 24),
    ("10.92.0.0/14", 24),
    ("10.96.0.0/11", 24),
    ("10.128.0.0/9", 24),
)
MAX_INTERFACE = 15
MAX_NAME = 250  # the file is NAME.json, and a file name has at most 255 bytes


def create(nets: Networks, wanted: NetworkConfig, *, ignore_existing: bool = False) -> NetworkConfig:
    """See ``Networks.create``; the lock is held. Works on a copy, writes nothing unless all is well."""
    config = NetworkConfig.from_json(wanted.to_json())
    existing = nets.files.all()
    try:
        check_name(config.name, existing)
    except NetworkExists:
        if ignore_existing:
            return nets.files.get(config.name)
        raise
    with Netlink() as host:
        links = {link.name: link for link in host.links()}
        used = [
            Prefix(version, _base(version, value, length), length) for _, (version, value), length in host.addresses()
        ]
        used += [route[0] for route in host.routes() if route[0].length]
    if config.network_interface:
        check_interface(config.network_interface)
    if config.ipam_driver not in IPAM_DRIVERS:
        raise InvalidNetwork(f'unsupported ipam driver "{config.ipam_driver}"')
    if config.ipam_driver == "none" and config.subnets:
        raise InvalidNetwork("none ipam driver is set but subnets are given")
    config.id = config.id or random_hex(32)
    config.created = config.created or now()
    if config.driver == "bridge":
        _bridge(config, existing, links)
    elif config.driver in ("macvlan", "ipvlan"):
        _stacked(config, links)
    else:
        return _plugin(nets, config)
    if not config.name:
        config.name = config.network_interface if config.driver == "bridge" else _free_word(existing, links)
    free_for_all = config.driver == "bridge" and (
        bool(config.option_int("vlan")) or config.options.get("mode") == "unmanaged"
    )
    taken = [] if free_for_all else [*used, *(Prefix.parse(s.subnet) for other in existing for s in other.subnets)]
    _subnets(nets, config, taken)
    _names(config)
    _routes(config)
    nets.files.write(config)
    return config


def _base(version: int, value: int, length: int) -> int:
    return value & ~((1 << (bits(version) - length)) - 1)


def check_name(name: str, existing: Iterable[NetworkConfig]) -> None:
    """A usable, free name that is no network mode; an empty one is chosen later."""
    if not name:
        return
    if name in MODE_WORDS:
        raise InvalidNetwork(f'cannot create network with name "{name}" because it conflicts with a valid network mode')
    if not valid_name(name):
        raise InvalidNetwork(
            f"network name {name} invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
        )
    if len(name) > MAX_NAME:
        raise InvalidNetwork(f"network name {name[:20]}… is too long: at most {MAX_NAME} characters: invalid argument")
    if any(config.name == name for config in existing):
        raise NetworkExists(f"network name {name} already used: network already exists")


def check_interface(name: str) -> None:
    """What the kernel takes as an interface name."""
    why = ""
    if len(name.encode()) > MAX_INTERFACE:
        why = "interface name is too long: interface names must be 15 characters or less"
    elif name in (".", ".."):
        why = "interface name is . or .."
    elif any(c in "/:" or c.isspace() for c in name):
        why = "interface name contains / or : or whitespace characters"
    if why:
        raise InvalidNetwork(f"network interface name {name} invalid: {why}: invalid argument")


def _bridge(config: NetworkConfig, existing: Sequence[NetworkConfig], links: Container[str]) -> None:
    """Options, and the name of the bridge."""
    check_options(config)
    if not config.network_interface:
        if config.options.get("mode") == "unmanaged":
            raise InvalidNetwork("mode=unmanaged needs the name of the existing bridge: --interface-name")
        config.network_interface = _free_word(existing, links)
    elif not config.option_int("vlan") and config.options.get("mode") != "unmanaged":
        for other in existing:
            if other.driver == "bridge" and other.network_interface == config.network_interface:
                raise InvalidNetwork(f"bridge name {config.network_interface} already in use")


def _free_word(existing: Sequence[NetworkConfig], links: Container[str]) -> str:
    """The first ``podmanN`` that is no bridge, no network and no live interface."""
    taken = {config.name for config in existing} | {config.network_interface for config in existing}
    number = 1
    while f"podman{number}" in taken or f"podman{number}" in links:
        number += 1
    return f"podman{number}"


def _stacked(config: NetworkConfig, links: Container[str]) -> None:
    """macvlan and ipvlan: parent, options, where addresses come from."""
    parent = config.options.pop("parent", "")
    if parent:
        if config.network_interface and config.network_interface != parent:
            raise InvalidNetwork("the parent option and the interface name are both given and differ")
        config.network_interface = parent
    check_options(config)
    if config.network_interface and config.network_interface not in links:
        raise InvalidNetwork(f"parent interface {config.network_interface} does not exist")
    if not config.subnets and not config.ipam_options.get("driver"):
        config.ipam_options["driver"] = "dhcp" if config.driver == "macvlan" else "none"
    if config.ipam_driver == "dhcp" and config.driver == "ipvlan":
        raise InvalidNetwork("ipam driver dhcp is not supported with ipvlan")
    if config.ipam_driver == "host-local" and not config.subnets:
        raise InvalidNetwork(f"{config.driver} network {config.name} needs --subnet with the host-local ipam driver")
    config.dns_enabled = False


def _plugin(nets: Networks, config: NetworkConfig) -> NetworkConfig:
    from .drivers import external, plugin

    try:
        path = plugin(config.driver, nets.plugin_dirs)
    except NetworkError as error:
        raise InvalidNetwork(str(error)) from None
    if not config.name:
        config.name = _free_word(nets.files.all(), ())
    config.ipam_options.setdefault("driver", "host-local" if config.subnets else "none")
    config = external.create(path, config)
    nets.files.write(config)
    return config


def _subnets(nets: Networks, config: NetworkConfig, taken: list[Prefix]) -> None:
    """Checks the given subnets, or finds free ones."""
    if config.ipam_driver == "none":
        config.ipam_options["driver"] = "none"
        config.dns_enabled = False
        return
    if config.ipam_driver == "dhcp" and config.driver == "bridge":
        if config.options.get("mode") != "unmanaged":
            raise InvalidNetwork(
                'ipam driver dhcp is only supported with macvlan and bridge with option "mode=unmanaged"'
            )
        config.dns_enabled = False
        return
    if config.driver == "bridge":
        versions = {Prefix.parse(subnet.subnet).version for subnet in config.subnets}
        if not config.subnets or (config.ipv6_enabled and 4 not in versions):
            config.subnets.append(Subnet(str(_free_v4(nets, taken))))
        if config.ipv6_enabled and 6 not in versions:
            config.subnets.append(Subnet(str(_free_v6(taken))))
    fixed: list[Prefix] = []
    for subnet in config.subnets:
        prefix = Prefix.parse(subnet.subnet)
        if any(prefix.overlaps(other) for other in [*taken, *fixed]):
            raise SubnetInUse(f"subnet {prefix} is already used on the host or by another config")
        fixed.append(prefix)
        check_subnet(config, subnet, prefix)
        config.ipv6_enabled = config.ipv6_enabled or prefix.version == 6
    if config.subnets:
        config.ipam_options["driver"] = "host-local"


def check_subnet(config: NetworkConfig, subnet: Subnet, prefix: Prefix) -> None:
    """Normalises one subnet and checks gateway and lease range; chooses the first address as gateway."""
    subnet.subnet = str(prefix)
    size = bits(prefix.version) - prefix.length
    if size < 2 and config.driver == "bridge":
        raise InvalidNetwork(f"subnet {prefix} is too small: it has no room for a gateway and a container")
    if subnet.gateway:
        if parse_ip(subnet.gateway) not in prefix:
            raise InvalidNetwork(f"gateway {subnet.gateway} not in subnet {prefix}")
        subnet.gateway = format_ip(parse_ip(subnet.gateway))
    elif (not config.internal or config.dns_enabled) and not (
        config.driver == "ipvlan" and config.options.get("mode", "l2") != "l2"
    ):
        subnet.gateway = format_ip((prefix.version, prefix.base + (1 if size else 0)))
    for text, end in ((subnet.lease_start, "start"), (subnet.lease_end, "end")):
        if text and parse_ip(text) not in prefix:
            raise InvalidNetwork(f"lease range {end} ip {text} not in subnet {prefix}")
    if subnet.lease_start and subnet.lease_end and parse_ip(subnet.lease_start) > parse_ip(subnet.lease_end):
        raise InvalidNetwork(f"lease range start ip {subnet.lease_start} lies behind its end {subnet.lease_end}")


def _free_v4(nets: Networks, taken: Sequence[Prefix]) -> Prefix:
    """The first part of the pools that nothing overlaps."""
    for base_text, size in nets.default_pools or DEFAULT_POOLS:
        pool = Prefix.parse(base_text)
        if not pool.length <= size <= bits(pool.version):
            raise InvalidNetwork(f"subnet pool {base_text} cannot be cut into subnets of size {size}")
        step = 1 << (bits(pool.version) - size)
        base = pool.base
        while base <= pool.last:
            candidate = Prefix(pool.version, base, size)
            clash = next((other for other in taken if candidate.overlaps(other)), None)
            if clash is None:
                return candidate
            # behind whatever is in the way: a pool of 32,768 subnets is not walked one by one through a /8 route
            base = max(base + step, ((clash.last // step) + 1) * step)
    raise SubnetInUse(
        "could not find free subnet from subnet pools", hint="remove unused networks: podman network prune"
    )


def _free_v6(taken: Sequence[Prefix]) -> Prefix:
    """A random unique local /64 (RFC 4193)."""
    while True:
        candidate = Prefix(6, int.from_bytes(b"\xfd" + os.urandom(7), "big") << 64, 64)
        if not any(candidate.overlaps(other) for other in taken):
            return candidate


def _names(config: NetworkConfig) -> None:
    for server in config.network_dns_servers:
        parse_ip(server)
    if config.network_dns_servers and not config.dns_enabled:
        raise InvalidNetwork("cannot set NetworkDNSServers if DNS is not enabled for the network: invalid argument")


def _routes(config: NetworkConfig) -> None:
    for route in config.routes:
        try:
            Prefix.parse(route.destination, strict=True)
        except InvalidNetwork:
            raise InvalidNetwork(
                f"route destination {route.destination} invalid: it must be a network, as in 192.0.2.0/24"
            ) from None
        version = parse_ip(route.gateway)[0]
        if version != Prefix.parse(route.destination).version:
            raise InvalidNetwork(f"route gateway {route.gateway} is of another IP version than {route.destination}")


def update_dns_servers(nets: Networks, name: str, add: Sequence[str], drop: Sequence[str]) -> NetworkConfig:
    """See ``Networks.set_dns_servers``; the lock is held."""
    config = nets.files.get(name)
    if not config.dns_enabled:
        raise NetworkError(f"unable to update DNS servers of network {config.name}: DNS is not enabled for it")
    if config.name == nets.default_name and config.name not in nets.files.names():
        raise NetworkUnknown(f"network {config.name} has no file that could be updated")
    for server in (*add, *drop):
        parse_ip(server)
    kept = [server for server in config.network_dns_servers if server not in drop]
    config.network_dns_servers = [*kept, *(server for server in dict.fromkeys(add) if server not in kept)]
    nets.files.write(config)
    from .dns import control

    control.set_upstreams(nets, config)
    return config
