"""podman top."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="top [options] CONTAINER [FORMAT-DESCRIPTORS|ARGS...]",
    short="Display the running processes of a container",
    long="Prints the processes of a running container.",
    example="podman top web\npodman top web pid seccomp args\npodman top web -eo user,pid,comm",
    flags=(LATEST, Flag("list-descriptors", "bool", help="Print the descriptors", hidden=True)),
    args=any_args(),
    interspersed=False,
    complete="running",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """A table with one row a process."""
    import sys

    from ocikit.common.errors import OcikitError
    from ocikit.common.tables import print_table
    from ocikit.libpod.container import top
    from ocikit.libpod.errors import NoSuchContainer
    from ocikit.podman.engine import open_runtime

    if opts.list_descriptors:
        sys.stdout.write("\n".join(sorted(top._COLUMNS)) + "\n")
        return 0
    if not args and not opts.latest:
        raise OcikitError("you must provide the name or id of a running container")
    runtime = open_runtime(ctx)
    words = list(args)
    try:
        container = runtime.containers.latest() if opts.latest else runtime.containers.get(words.pop(0))
    except NoSuchContainer as error:
        raise OcikitError(f"unable to look up requested container: {error}") from None
    runtime.containers.freshen(container)
    heading, *rows = top.top(container, words)
    print_table(heading, rows)
    return 0
