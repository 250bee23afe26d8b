"""podman network create."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, at_most

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.network import Route, Subnet

COMMAND = Command(
    use="network create [options] [NAME]",
    short="Create networks for containers and pods",
    long="Makes a network. Without --subnet a free one is chosen, without a name the name of its bridge is taken.",
    example="podman network create web\npodman network create --subnet 192.0.2.0/24 --gateway 192.0.2.1 office\n"
    "podman network create --ipv6 --internal backend",
    flags=(
        Flag("disable-dns", "bool", help="No names on this network"),
        Flag(
            "dns",
            "strings",
            help="Ask this DNS server on behalf of the network's containers (repeatable)",
            complete="none",
        ),
        Flag(
            "driver",
            short="d",
            default="bridge",
            help="bridge, macvlan, ipvlan, or the name of a plugin",
            complete="networkdrivers",
        ),
        Flag("gateway", "strings", help="Gateway of the subnet given at the same place (repeatable)", complete="none"),
        Flag("ignore", "bool", help="An existing network of that name is no error"),
        Flag("interface-name", help="Name of the bridge, or of the parent interface", complete="none"),
        Flag("internal", "bool", help="No way out of the network and none into it"),
        Flag(
            "ip-range",
            "stringArray",
            help="Choose addresses from this part of the subnet, as CIDR or FIRST-LAST (repeatable)",
            complete="none",
        ),
        Flag("ipam-driver", help="Where addresses come from: host-local, dhcp or none", complete="none"),
        Flag("ipv6", "bool", help="An IPv6 subnet as well"),
        Flag("label", "stringArray", help="Set a label, key=value (repeatable)", complete="none"),
        Flag("opt", "stringArray", "o", help="Set an option of the driver, key=value (repeatable)", complete="none"),
        Flag(
            "route",
            "stringArray",
            help="Add a static route: DESTINATION,GATEWAY[,METRIC] (repeatable)",
            complete="none",
        ),
        Flag("subnet", "stringArray", help="Use this subnet (repeatable)", complete="none"),
    ),
    args=at_most(1),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Makes it and prints its name."""
    from ocikit.network import NetworkConfig
    from ocikit.podman.networking import open_networks

    config = NetworkConfig(
        args[0] if args else "",
        driver=opts.driver,
        network_interface=opts.interface_name,
        subnets=_subnets(opts.subnet, opts.gateway, opts.ip_range),
        routes=[_route(word) for word in opts.route],
        ipv6_enabled=opts.ipv6,
        internal=opts.internal,
        dns_enabled=not opts.disable_dns,
        network_dns_servers=opts.dns,
        labels=dict(_pair(word, "label", empty=True) for word in opts.label),
        options=dict(_pair(word, "option") for word in opts.opt),
        ipam_options={"driver": opts.ipam_driver} if opts.ipam_driver else None,
    )
    nets = open_networks(ctx)
    made = nets.create(config, ignore_existing=opts.ignore)
    sys.stdout.write(made.name + "\n")
    return 0


def _pair(word: str, what: str, *, empty: bool = False) -> tuple[str, str]:
    from ocikit.common.errors import UsageError

    key, equals, value = word.partition("=")
    if not key or not (equals or empty):
        raise UsageError(f"invalid {what} {word}: must be in the format key=value", hint="-")
    return key, value


def _subnets(subnets: list[str], gateways: list[str], ranges: list[str]) -> list[Subnet]:
    """Subnets with the gateway and range at the same place."""
    from ocikit.network import Subnet
    from ocikit.network.errors import InvalidNetwork

    if (gateways or ranges) and not subnets:
        raise InvalidNetwork("cannot set gateway or range without subnet")
    if len(gateways) > len(subnets) or len(ranges) > len(subnets):
        raise InvalidNetwork("cannot set more gateways or ranges than subnets: they belong together by their place")
    found = [Subnet(subnet) for subnet in subnets]
    for subnet, gateway in zip(found, gateways, strict=False):
        subnet.gateway = gateway
    for subnet, span in zip(found, ranges, strict=False):
        subnet.lease_start, subnet.lease_end = _range(span)
    return found


def _range(text: str) -> tuple[str, str]:
    """``10.0.0.128/26`` or ``10.0.0.10-10.0.0.20`` as first and last address."""
    from ocikit.network.address import Prefix, format_ip, parse_ip

    first, dash, last = text.partition("-")
    if dash:
        return format_ip(parse_ip(first)), format_ip(parse_ip(last))
    prefix = Prefix.parse(text)
    return format_ip((prefix.version, prefix.base + 1)), format_ip((prefix.version, prefix.last))


def _route(word: str) -> Route:
    from ocikit.network import Route
    from ocikit.network.errors import InvalidNetwork

    parts = word.split(",")
    if len(parts) not in (2, 3):
        raise InvalidNetwork(
            f"invalid route: {word}: Format: --route <destination in CIDR>,<gateway>,<metric (optional)>"
        )
    metric = None
    if len(parts) == 3:
        if not parts[2].isdigit() or int(parts[2]) >= 2**32:
            raise InvalidNetwork(f"invalid route metric: {parts[2]}")
        metric = int(parts[2])
    return Route(parts[0], parts[1], metric)
