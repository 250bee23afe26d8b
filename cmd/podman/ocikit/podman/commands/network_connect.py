"""podman network connect."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="network connect [options] NETWORK CONTAINER",
    short="Add container to a network",
    long="Connects a container to one more network, at once if it runs.",
    example="podman network connect --alias db backend postgres",
    flags=(
        Flag("alias", "strings", help="A name of the container on this network (repeatable)", complete="none"),
        Flag("ip", help="IPv4 address on this network", complete="none"),
        Flag("ip6", help="IPv6 address on this network", complete="none"),
        Flag("mac-address", help="MAC address on this network", complete="none"),
    ),
    args=exactly(2),
    complete="networks",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Connects it; prints nothing."""
    from ocikit.libpod.networking import connect
    from ocikit.network import PerNetwork
    from ocikit.network.address import parse_ip, parse_mac
    from ocikit.podman.engine import open_runtime

    ips = [ip for ip in (opts.ip, opts.ip6) if ip]
    for ip in ips:
        parse_ip(ip)
    mac = parse_mac(opts.mac_address).hex(":") if opts.mac_address else ""
    connect(open_runtime(ctx), args[1], args[0], PerNetwork(opts.alias, "", ips, mac))
    return 0
