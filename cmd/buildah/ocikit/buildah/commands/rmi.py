"""buildah rmi."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="rmi [flags] IMAGE...",
    short="Remove one or more images from local storage",
    long="Takes names away from images, and removes images whose last name goes.",
    example="buildah rmi localhost/app\nbuildah rmi --all --force\nbuildah rmi --prune",
    flags=(
        Flag("all", "bool", "a", help="Remove every image"),
        Flag("force", "bool", "f", help="Remove containers that use the image, and all of its names"),
        Flag("prune", "bool", "p", help="Remove nameless images that nothing is built on"),
    ),
    args=any_args(),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Removes and prints what went."""
    from ocikit.buildah.engine import open_store
    from ocikit.common.errors import OcikitError
    from ocikit.image.local.removing import RemoveOptions, prune, remove_all, remove_images

    if not args and not opts.all and not opts.prune:
        raise OcikitError("image name or ID must be specified")
    if args and opts.all:
        raise OcikitError("when using the --all switch, you may not pass any images names or IDs")
    if opts.all and opts.prune:
        raise OcikitError("when using the --all switch, you may not use --prune switch")
    if args and opts.prune:
        raise OcikitError("when using the --prune switch, you may not pass any images names or IDs")
    with open_store(ctx) as store:
        options = RemoveOptions(force=opts.force, remove_container=store.delete_container)
        if opts.prune:
            report = prune(store, options=options)
        elif opts.all:
            report = remove_all(store, options)
        else:
            report = remove_images(store, args, options)
    sys.stdout.write("".join([f"untagged: {name}\n" for name in report.untagged]))
    sys.stdout.write("".join([f"{image_id}\n" for image_id in report.deleted]))
    if report.errors:
        sys.stdout.flush()
        noun = "error" if len(report.errors) == 1 else "errors"
        listed = "".join([f"\t* {error}\n" for error in report.errors])
        raise OcikitError(f"{len(report.errors)} {noun} occurred:\n{listed}\n")
    return 0
