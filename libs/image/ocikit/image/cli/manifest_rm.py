"""podman manifest rm."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="rm [options] LIST [LIST...]",
    short="Remove manifest list or image index from local storage",
    long="Removes lists from local storage; the images that they name stay.",
    example="podman manifest rm mylist:v1.11",
    flags=(Flag("ignore", "bool", "i", help="Don't fail on lists that aren't there"),),
    args=at_least(1),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Removes and prints what went."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.cli import helpers
    from ocikit.image.local import manifestlist
    from ocikit.image.local.lookup import find_named
    from ocikit.image.local.removing import RemoveOptions, remove_images

    store = helpers.open_store(ctx)
    for name in args:
        if find_named(store, name) is not None:
            manifestlist.find_list(store, name)
    report = remove_images(store, args, RemoveOptions(ignore=opts.get("ignore")))
    sys.stdout.write("".join([f"Untagged: {name}\n" for name in report.untagged]))
    sys.stdout.write("".join([f"Deleted: {image_id}\n" for image_id in report.deleted]))
    if report.errors:
        sys.stdout.flush()
        raise OcikitError(helpers.join_errors(report.errors), exit_code=report.exit_code())
    return 0
