"""podman stop."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST
from ocikit.common.cli.optionsets.output import FILTER_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="stop [options] CONTAINER [CONTAINER...]",
    short="Stop one or more containers",
    long="Sends the stop signal, waits, and kills what still runs then.",
    example="podman stop web\npodman stop --time 2 web db\npodman stop --all",
    flags=(
        Flag("all", "bool", "a", help="Stop every running container"),
        Flag("cidfile", "stringArray", help="Read a container's id from this file (repeatable)", complete="files"),
        FILTER_ARRAY,
        Flag("ignore", "bool", "i", help="Say nothing of containers that do not exist"),
        LATEST,
        Flag("time", "int", "t", help="Seconds until SIGKILL (-1: never)", shown="10"),
    ),
    args=any_args(),
    complete="running",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Stops each and prints the name as given."""
    from ocikit.podman.engine import each, open_runtime, tolerant

    runtime = open_runtime(ctx)
    timeout = opts.time if opts.changed("time") else None
    items = tolerant(runtime, opts, args, running=True)
    return each(items, lambda container: container.stop(timeout))
