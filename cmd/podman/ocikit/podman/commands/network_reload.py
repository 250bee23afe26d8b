"""podman network reload."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="network reload [options] [CONTAINER...]",
    short="Reload firewall rules for one or more containers",
    long="Sets up the networks of running containers anew, with the same addresses: after somebody flushed the firewall.",
    example="podman network reload --all",
    flags=(Flag("all", "bool", "a", help="Every running container"), LATEST),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the ids of the containers."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.networking import reload
    from ocikit.podman.engine import open_runtime
    from ocikit.podman.networking import complain

    runtime = open_runtime(ctx)
    if opts.all:
        containers = [c for c in runtime.containers.list() if c.status == "running"]
    elif opts.latest:
        containers = [runtime.containers.latest()]
    elif args:
        containers = [runtime.containers.get(name) for name in args]
    else:
        raise OcikitError("you must provide at least one container name or id")
    code = 0
    for container in containers:
        try:
            reload(runtime.containers.by_id(container.id))
            sys.stdout.write(container.id + "\n")
        except OcikitError as error:
            if opts.all and "invalid network mode" in str(error):
                continue
            complain(error)
            code = error.exit_code
    return code
