"""buildah umount."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="umount [flags] CONTAINER...",
    short="Unmount the root file system of the specified working containers",
    long="Unmounts what buildah mount has mounted, and prints the ids of the containers.",
    example="buildah umount work\nbuildah umount --all",
    flags=(Flag("all", "bool", "a", help="Unmount all working containers"),),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Goes on after a container that cannot be unmounted."""
    from ocikit.buildah.engine import open_store
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.build.working import WorkingContainer

    if opts.all and args:
        raise OcikitError("when using the --all switch, you may not pass any container IDs")
    if not opts.all and not args:
        raise OcikitError("at least one container ID must be specified")
    failed: list[str] = []
    with open_store(ctx) as store:
        known = {c.record.id: c for c in WorkingContainer.all(store)}
        for name in list(known) if opts.all else args:
            try:
                container = known[name] if opts.all else WorkingContainer.load(store, name)
            except OcikitError:
                failed.append(f"error unmounting container {name}: container not known")
                continue
            if store.mounted(container.record.id):
                store.unmount(container.record.id)
                sys.stdout.write(container.record.id + "\n")
    if failed:
        sys.stdout.flush()
        raise OcikitError("\n".join(failed))
    return 0
