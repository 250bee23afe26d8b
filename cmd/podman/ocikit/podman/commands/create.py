"""podman create."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, at_least
from ocikit.common.cli.optionsets.container import CREATE, INIT_CTR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="create [options] IMAGE [COMMAND [ARG...]]",
    short="Create but do not start a container",
    long="Makes a container without starting it. Start it with podman start.",
    example="podman create alpine ls\npodman create --name web -p 8080:80 nginx",
    flags=(*CREATE, *INIT_CTR),
    args=at_least(1),
    interspersed=False,
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the new id."""
    from ocikit.podman.creating import options_from
    from ocikit.podman.engine import open_runtime

    runtime = open_runtime(ctx)
    container = runtime.containers.create(options_from(opts, COMMAND.flags, args), warn=ctx.warn)
    sys.stdout.write(container.id + "\n")
    return 0
