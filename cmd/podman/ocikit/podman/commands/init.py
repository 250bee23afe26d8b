"""podman init."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="init [options] CONTAINER [CONTAINER...]",
    short="Initialize one or more containers",
    long="Makes a container's mounts, network and namespaces without starting its process.",
    example="podman init web\npodman init --all",
    flags=(Flag("all", "bool", "a", help="Initialize every container that was created"), LATEST),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Initializes each and prints the name as given."""
    from ocikit.podman.engine import chosen, each, open_runtime

    runtime = open_runtime(ctx)
    items = chosen(runtime, opts, args)
    if opts.all:
        items = [(name, container) for name, container in items if container.status == "created"]
    return each(items, lambda container: container.init())
