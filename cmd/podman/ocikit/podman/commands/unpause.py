"""podman unpause."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, any_args
from ocikit.podman.commands.pause import FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="unpause [options] CONTAINER [CONTAINER...]",
    short="Unpause the processes in one or more containers",
    long="Thaws the processes of paused containers.",
    example="podman unpause web\npodman unpause --all",
    flags=FLAGS,
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Thaws each and prints the name as given."""
    from ocikit.podman.engine import chosen, each, open_runtime

    runtime = open_runtime(ctx)
    items = chosen(runtime, opts, args)
    if opts.all or opts.filter:
        items = [(name, container) for name, container in items if container.status == "paused"]
    return each(items, lambda container: container.unpause())
