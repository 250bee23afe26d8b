"""buildah rm."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="rm [flags] CONTAINER...",
    short="Remove one or more working containers",
    long="Removes working containers, mounted ones too, and prints their ids.",
    example="buildah rm work\nbuildah rm --all",
    flags=(Flag("all", "bool", "a", help="Remove all working containers"),),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Goes on after a container that cannot be removed."""
    import sys

    from ocikit.buildah.engine import open_store
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.build.working import WorkingContainer

    if opts.all and args:
        raise OcikitError("when using the --all switch, you may not pass any containers names or IDs")
    if not opts.all and not args:
        raise OcikitError("container ID must be specified")
    code = 0
    with open_store(ctx) as store:
        if opts.all:
            for container in WorkingContainer.all(store):
                container.delete()
                print(container.record.id)
            return 0
        for name in args:
            try:
                container = WorkingContainer.load(store, name)
            except OcikitError:
                sys.stderr.write(f'Error: removing container "{name}": container not known\n')
                code = 125
                continue
            container.delete()
            print(container.record.id)
    return code
