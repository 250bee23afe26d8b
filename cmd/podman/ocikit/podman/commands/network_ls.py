"""podman network ls."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, none
from ocikit.common.cli.optionsets.output import FILTER_ARRAY, FORMAT, NO_TRUNC, NOHEADING_N

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="network ls [options]",
    short="List networks",
    long="Lists the networks, sorted by name.",
    example="podman network ls\npodman network ls --filter driver=bridge --format '{{.Name}} {{.Subnets}}'",
    flags=(
        FILTER_ARRAY,
        FORMAT,
        NO_TRUNC,
        NOHEADING_N,
        Flag("quiet", "bool", "q", help="Print names only"),
    ),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the list."""
    from ocikit.podman.networking import matching, open_networks, struct

    used: list[str] = []
    if any(word.startswith("dangling") for word in opts.filter):
        from ocikit.libpod.networking import used_networks
        from ocikit.podman.engine import open_runtime

        used = list(used_networks(open_runtime(ctx)))
    configs = matching(open_networks(ctx).list(), opts.filter, used)
    if opts.quiet:
        sys.stdout.write("".join([f"{config.name}\n" for config in configs]))
    elif opts.format in ("json", "{{json .}}", "{{ json . }}"):
        from ocikit.podman.networking import go_json

        sys.stdout.write(go_json([config.to_json() for config in configs]))
    elif opts.format:
        from ocikit.common.gotemplate import render_rows

        rows = []
        for config in configs:
            row = struct(config, full_id=opts.no_trunc)
            row["Labels"] = ",".join(f"{key}={value}" for key, value in sorted(config.labels.items()))
            rows.append(row)
        headers = {"ID": "network id", "IPv6Enabled": "ipv6", "DNSEnabled": "dns"}
        headers = {key: value.upper() for key, value in headers.items()}
        sys.stdout.write(render_rows(opts.format, rows, headers, name="list networks", noheading=opts.noheading))
    else:
        from ocikit.common.tables import print_table

        shown = [(config.id if opts.no_trunc else config.id[:12], config.name, config.driver) for config in configs]
        print_table(("NETWORK ID", "NAME", "DRIVER"), shown, noheading=opts.noheading)
    return 0
