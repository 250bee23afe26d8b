"""podman network exists."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="network exists NETWORK",
    short="Check if network exists",
    long="Exit code 0 where there is a network of that name or id, 1 where there is none.",
    example="podman network exists web",
    args=exactly(1),
    complete="networks",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """0 or 1."""
    from ocikit.podman.networking import open_networks

    return 0 if open_networks(ctx).exists(args[0]) else 1
