"""podman network update."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="network update [options] NETWORK",
    short="Update an existing podman network",
    long="Changes the DNS servers that are asked on behalf of a network's containers, running ones included.",
    example="podman network update web --dns-add 192.0.2.53 --dns-drop 198.51.100.53",
    flags=(
        Flag("dns-add", "strings", help="Ask this DNS server as well (repeatable)", complete="none"),
        Flag("dns-drop", "strings", help="Ask this DNS server no longer (repeatable)", complete="none"),
    ),
    args=exactly(1),
    complete="networks",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Changes it and prints its name."""
    from ocikit.common.errors import UsageError
    from ocikit.podman.networking import open_networks

    if not opts.dns_add and not opts.dns_drop:
        raise UsageError("nothing to change: give --dns-add or --dns-drop", hint="-")
    config = open_networks(ctx).set_dns_servers(args[0], opts.dns_add, opts.dns_drop)
    sys.stdout.write(config.name + "\n")
    return 0
