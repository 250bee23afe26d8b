"""podman healthcheck run."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="run CONTAINER",
    short="Run the health check of a container",
    long="Runs the health check of a container once. Ends with 0 if it is healthy, 1 if not.",
    example="podman healthcheck run web",
    args=exactly(1),
    complete="running",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints ``unhealthy`` or nothing."""
    from ocikit.libpod.container.healthlog import check
    from ocikit.podman.engine import open_runtime

    runtime = open_runtime(ctx)
    container = runtime.containers.get(args[0])
    runtime.containers.freshen(container)
    if check(container) == "healthy":
        return 0
    sys.stdout.write("unhealthy\n")
    return 1
