"""podman pause and unpause."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST
from ocikit.common.cli.optionsets.output import FILTER_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

FLAGS = (
    Flag("all", "bool", "a", help="Every container that is in the state for it"),
    Flag("cidfile", "stringArray", help="Read a container's id from this file (repeatable)", complete="files"),
    FILTER_ARRAY,
    LATEST,
)
COMMAND = Command(
    use="pause [options] CONTAINER [CONTAINER...]",
    short="Pause all the processes in one or more containers",
    long="Freezes all processes of containers.",
    example="podman pause web\npodman pause --all",
    flags=FLAGS,
    args=any_args(),
    complete="running",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Freezes each and prints the name as given."""
    from ocikit.podman.engine import chosen, each, open_runtime

    runtime = open_runtime(ctx)
    items = chosen(runtime, opts, args)
    if opts.all or opts.filter:
        items = [(name, container) for name, container in items if container.status == "running"]
    return each(items, lambda container: container.pause())
