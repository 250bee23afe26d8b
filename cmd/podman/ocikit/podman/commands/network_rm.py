"""podman network rm."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="network rm [options] NETWORK [NETWORK...]",
    short="Remove networks",
    long="Removes networks that no container uses; with --force their containers as well.",
    example="podman network rm web\npodman network rm --force web db",
    flags=(
        Flag("force", "bool", "f", help="Remove the containers that use the network"),
        Flag("time", "int", "t", default=10, help="With --force: seconds until SIGKILL"),
    ),
    args=at_least(1),
    complete="networks",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Removes each and prints it; 1 for an unknown one, 2 for one in use."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.networking import remove_network
    from ocikit.network.errors import NetworkUnknown
    from ocikit.podman.engine import open_runtime
    from ocikit.podman.networking import complain

    if opts.changed("time") and not opts.force:
        raise OcikitError("--force option must be specified to use the --time option")
    runtime = open_runtime(ctx)
    code = 0
    for name in args:
        try:
            remove_network(runtime, name, force=opts.force, timeout_s=opts.time)
        except NetworkUnknown as error:
            if opts.force:
                continue
            complain(error)
            code = max(code, 1)
        except OcikitError as error:
            complain(error)
            code = max(code, error.exit_code)
        else:
            sys.stdout.write(name + "\n")
    return code
