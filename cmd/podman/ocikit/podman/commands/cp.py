"""podman cp."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.libpod.containers import Handle

COMMAND = Command(
    use="cp [options] [CONTAINER:]SRC_PATH [CONTAINER:]DEST_PATH",
    short="Copy files/folders between a container and the local filesystem",
    long="Copies files and directories into, out of and between containers. A dash stands for a tar on standard input or output.",
    example="podman cp file web:/etc/\npodman cp web:/var/log .\npodman cp web:/etc - | tar t",
    flags=(
        Flag("archive", "bool", "a", default=True, help="Files become the container's root's, or ours", shown="true"),
        Flag("extract", "bool", help="Accepted for old scripts; does nothing", hidden=True),
        Flag("overwrite", "bool", help="Let a file take the place of a directory, and the other way"),
        Flag("pause", "bool", help="Accepted for old scripts; does nothing", hidden=True),
    ),
    args=exactly(2),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints nothing."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.container import copying
    from ocikit.podman.engine import open_runtime

    runtime = open_runtime(ctx)

    def find(name: str) -> Handle:
        container = runtime.containers.get(name)
        runtime.containers.freshen(container)
        return container

    source, target = args
    if "-" in (source, target):
        side = copying.parse(target if source == "-" else source, find)
        if side.container is None:
            raise OcikitError("copying from or to a stream needs a container at the other end")
        if source == "-":
            copying.from_stream(0, side, archive=opts.archive, overwrite=opts.overwrite)
        else:
            copying.to_stream(side, 1)
        return 0
    first, second = copying.parse(source, find), copying.parse(target, find)
    if first.container is None and second.container is None:
        raise OcikitError(f"invalid arguments {source!r}, {target!r}: you must specify one container".replace("'", '"'))
    copying.copy(first, second, archive=opts.archive, overwrite=opts.overwrite)
    for side in (first, second):
        if side.container is not None:
            side.container.event("copy")
    return 0
