"""podman update."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import HEALTH, LATEST, RESOURCES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

# update shares these with create, except for what only makes sense before the container exists.
_NOT = ("shm-size", "shm-size-systemd", "oom-kill-disable", "oom-score-adj", "cgroup-conf")
COMMAND = Command(
    use="update [options] CONTAINER",
    short="Update an existing container",
    long="Changes limits, the restart policy, the environment and the health check of a container.",
    example="podman update --memory 128m web\npodman update --restart always --cpus 2 web",
    flags=(
        *(flag for flag in (*RESOURCES, *HEALTH) if flag.name not in _NOT),
        Flag("env", "stringArray", "e", help="Set an environment variable (repeatable)", complete="none"),
        LATEST,
        Flag("restart", help="Restart policy", complete="none"),
        Flag("unsetenv", "stringArray", help="Take an environment variable away (repeatable)", complete="none"),
    ),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the id."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.container.options import CreateOptions
    from ocikit.libpod.container.update import update
    from ocikit.podman.engine import open_runtime

    if len(args) != 1 and not opts.latest:
        raise OcikitError(f"accepts 1 arg(s), received {len(args)}")
    fields = {}
    for flag in COMMAND.flags:
        field = flag.name.replace("-", "_")
        if opts.changed(flag.name) and hasattr(CreateOptions, field):
            fields[field] = opts[flag.name]
    runtime = open_runtime(ctx)
    container = runtime.containers.latest() if opts.latest else runtime.containers.get(args[0])
    update(container, CreateOptions(**fields))
    sys.stdout.write(container.id + "\n")
    return 0
