"""podman kill."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="kill [options] CONTAINER [CONTAINER...]",
    short="Kill one or more running containers with a specific signal",
    long="Sends a signal to the first process of each container.",
    example="podman kill web\npodman kill --signal TERM web\npodman kill --signal 1 --all",
    flags=(
        Flag("all", "bool", "a", help="Signal every running container"),
        Flag("cidfile", "stringArray", help="Read a container's id from this file (repeatable)", complete="files"),
        LATEST,
        Flag("signal", short="s", default="KILL", help="Signal to send", shown="KILL", complete="signals"),
    ),
    args=any_args(),
    complete="running",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Signals each and prints the name as given."""
    from ocikit.libpod.spec import signals
    from ocikit.podman.engine import chosen, each, open_runtime

    number = signals.number(opts.signal)
    runtime = open_runtime(ctx)
    return each(chosen(runtime, opts, args, running=True), lambda container: container.kill(number))
