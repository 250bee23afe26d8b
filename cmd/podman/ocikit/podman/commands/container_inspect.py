"""podman container inspect."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, any_args
from ocikit.podman.commands.inspect import FORMAT, SHARED, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="inspect [options] CONTAINER [CONTAINER...]",
    short="Display the configuration of a container",
    long="Shows what is known of containers as JSON, or by a Go template.",
    example='podman container inspect web\npodman container inspect --format "{{.State.Status}}" web',
    flags=(FORMAT, *SHARED),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints what was found, then fails for what was not."""
    return show(ctx, opts, args, "container")
