"""podman image unmount."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="unmount [options] IMAGE [IMAGE...]",
    short="Unmount an image's root filesystem",
    long="Takes back one mount of each image; the file system goes with the last one.",
    example="podman image unmount imgID\npodman image unmount --all",
    flags=(
        Flag("all", "bool", "a", help="Unmount every image"),
        Flag("force", "bool", "f", help="Unmount whatever the number of users"),
    ),
    args=any_args(),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Unmounts and prints the ids."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.local.lookup import resolve
    from ocikit.podman import imaging

    if not args and not opts.all:
        raise OcikitError("image name or ID must be specified")
    if args and opts.all:
        raise OcikitError("when using the --all switch, you may not pass any image names or IDs")
    store = imaging.open_store(ctx)
    if opts.all:
        records = [r for r in store.images() if r.layer and store.mounted(r.layer)]
    else:
        records = [resolve(store, name) for name in args]
    for record in records:
        if not store.mounted(record.layer):
            raise OcikitError(f"{record.id[:12]}: image is not mounted")
        store.unmount_image(record.id, force=opts.force)
        sys.stdout.write(record.id + "\n")
    return 0
