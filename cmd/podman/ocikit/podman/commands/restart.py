"""podman restart."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST
from ocikit.common.cli.optionsets.output import FILTER_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="restart [options] CONTAINER [CONTAINER...]",
    short="Restart one or more containers",
    long="Stops and starts containers; those that do not run are just started.",
    example="podman restart web\npodman restart --running\npodman restart --all",
    flags=(
        Flag("all", "bool", "a", help="Restart every container, whatever its state"),
        Flag("cidfile", "stringArray", help="Read a container's id from this file (repeatable)", complete="files"),
        FILTER_ARRAY,
        LATEST,
        Flag("running", "bool", help="Restart only those that run"),
        Flag("time", "int", "t", help="Seconds until SIGKILL", shown="10"),
    ),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Restarts each and prints the name as given."""
    from ocikit.podman.engine import chosen, each, open_runtime

    runtime = open_runtime(ctx)
    timeout = opts.time if opts.changed("time") else None
    if opts.running and not args:
        items = [(c.id, runtime.containers.by_id(c.id)) for c in runtime.containers.list() if c.status == "running"]
    else:
        items = chosen(runtime, opts, args)
    return each(items, lambda container: container.restart(timeout))
