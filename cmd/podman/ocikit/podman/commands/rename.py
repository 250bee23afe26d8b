"""podman rename."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="rename CONTAINER NAME",
    short="Rename an existing container",
    long="Gives a container another name.",
    example="podman rename web web-old",
    args=exactly(2),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints nothing."""
    from ocikit.libpod.container.rename import rename
    from ocikit.podman.engine import open_runtime

    runtime = open_runtime(ctx)
    rename(runtime.containers.get(args[0]), args[1])
    return 0
