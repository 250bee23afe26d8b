"""podman network disconnect."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="network disconnect [options] NETWORK CONTAINER",
    short="Disconnect a container from a network",
    long="Disconnects a container from a network, at once if it runs.",
    example="podman network disconnect backend postgres",
    flags=(Flag("force", "bool", "f", help="A container or connection that is not there is no error"),),
    args=exactly(2),
    complete="networks",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Disconnects it; prints nothing."""
    from ocikit.libpod.networking import disconnect
    from ocikit.podman.engine import open_runtime

    disconnect(open_runtime(ctx), args[1], args[0], force=opts.force)
    return 0
