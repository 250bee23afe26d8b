"""podman container cleanup: what a container's monitor calls at its end."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="cleanup [options] CONTAINER [CONTAINER...]",
    short="Clean up network and mountpoints of one or more containers",
    long="Takes down the network and the mounts of containers that have ended. Usually called by their monitors.",
    example="podman container cleanup web\npodman container cleanup --rm web\npodman container cleanup --all",
    flags=(
        Flag("all", "bool", "a", help="Clean up every container"),
        Flag("exec", help="Clean up this exec session instead of the container", complete="none"),
        LATEST,
        Flag("rm", "bool", help="Remove the container as well"),
        Flag("rmi", "bool", help="Remove its image as well"),
        Flag("stopped-only", "bool", help="Only if the container is stopped", hidden=True),
    ),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the names, except under a monitor."""
    from ocikit.common.errors import NotFound, OcikitError
    from ocikit.libpod.container.cleanup import finish_exited
    from ocikit.podman.engine import chosen, open_runtime

    runtime = open_runtime(ctx)
    names = [name for name, _ in chosen(runtime, opts, args)] if opts.all or opts.latest else args
    code = 0
    for name in names:
        try:
            if opts.exec:
                from ocikit.libpod.container.execs import cleanup_session

                cleanup_session(runtime.containers.get(name), opts.exec)
            else:
                finish_exited(runtime, name, remove=opts.rm, remove_image=opts.rmi)
        except NotFound:
            if opts.stopped_only or opts.exec:
                continue  # it was removed meanwhile
            raise
        except OcikitError as error:
            sys.stderr.write(f"Error: {error}\n")
            code = error.exit_code
            continue
        if not opts.stopped_only:
            sys.stdout.write(name + "\n")
    return code
