"""podman network prune."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, none
from ocikit.common.cli.optionsets.output import FILTER_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="network prune [options]",
    short="Prune unused networks",
    long="Removes the networks that no container uses; the default network stays.",
    example="podman network prune --force\npodman network prune --filter label=stage=test",
    flags=(
        FILTER_ARRAY.but(short=""),
        Flag("force", "bool", "f", help="Do not ask"),
    ),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Removes them and prints their names."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.networking import remove_network, used_networks
    from ocikit.podman.engine import open_runtime
    from ocikit.podman.networking import complain, matching

    if not opts.force:
        sys.stdout.write("WARNING! This will remove all networks not used by at least one container.\n")
        sys.stdout.write("Are you sure you want to continue? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            return 0
    runtime = open_runtime(ctx)
    used = used_networks(runtime)
    code = 0
    for config in matching(runtime.networks.list(), opts.filter, prune=True):
        if config.name in used or config.name == runtime.networks.default_name:
            continue
        try:
            remove_network(runtime, config.name)
            sys.stdout.write(config.name + "\n")
        except OcikitError as error:
            complain(error)
            code = max(code, error.exit_code)
    return code
