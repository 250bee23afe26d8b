"""podman rmi, image rm."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="rmi [options] IMAGE [IMAGE...]",
    short="Remove one or more images from local storage",
    long="Takes names away from images, and removes images whose last name goes.",
    example="podman rmi alpine\npodman rmi --force c4dfb1609ee2\npodman rmi --all",
    flags=(
        Flag("all", "bool", "a", help="Remove every image"),
        Flag("force", "bool", "f", help="Remove containers that use the image, and all of its names"),
        Flag("ignore", "bool", "i", help="Don't fail on images that aren't there"),
        Flag("no-prune", "bool", help="Leave nameless parents alone"),
    ),
    args=any_args(),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Removes and prints what went."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.local.removing import RemoveOptions, remove_all, remove_images
    from ocikit.podman import imaging

    if not args and not opts.all:
        raise OcikitError("image name or ID must be specified")
    if args and opts.all:
        raise OcikitError("when using the --all switch, you may not pass any images names or IDs")
    store = imaging.open_store(ctx)
    options = RemoveOptions(
        force=opts.force,
        ignore=opts.ignore,
        prune_parents=not opts.no_prune,
        remove_container=imaging.container_remover(ctx, store),
    )
    report = remove_all(store, options) if opts.all else remove_images(store, args, options)
    lines = [f"Untagged: {name}\n" for name in report.untagged]
    lines += [f"Deleted: {image_id}\n" for image_id in report.deleted]
    sys.stdout.write("".join(lines))
    for image_id in report.deleted:
        imaging.event(ctx, store, "remove", image_id, image_id)
    if report.errors:
        sys.stdout.flush()
        hint = report.errors[0].hint if len(report.errors) == 1 else ""
        raise OcikitError(imaging.join_errors(report.errors), hint=hint, exit_code=report.exit_code())
    return 0
