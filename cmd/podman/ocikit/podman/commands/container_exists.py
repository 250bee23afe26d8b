"""podman container exists."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="exists [options] CONTAINER",
    short="Check if a container exists in local storage",
    long="Ends with 0 if the container exists, with 1 if not, with 125 on any other error.",
    example="podman container exists web",
    flags=(Flag("external", "bool", help="Look at containers of other tools as well"),),
    args=exactly(1),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints nothing."""
    from ocikit.common.errors import OcikitError
    from ocikit.podman.engine import open_runtime

    runtime = open_runtime(ctx)
    if runtime.containers.exists(args[0]):
        return 0
    if opts.external:
        try:
            runtime.store.container(args[0])
        except OcikitError:
            return 1
        return 0
    return 1
