"""buildah prune."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="prune [flags]",
    short="Remove unused images and build caches",
    long="Removes nameless images that nothing is built on and the caches of RUN --mount=type=cache.",
    example="buildah prune\nbuildah prune --all --force",
    flags=(
        Flag("all", "bool", "a", help="Remove every image that no container uses"),
        Flag("force", "bool", "f", help="Also remove images that containers use, with the containers"),
    ),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Removes and prints the ids."""
    from ocikit.buildah.engine import open_store
    from ocikit.common.errors import OcikitError
    from ocikit.image.cli.helpers import join_errors, remove_build_cache
    from ocikit.image.local.removing import RemoveOptions, prune

    with open_store(ctx) as store:
        options = RemoveOptions(force=opts.force, remove_container=store.delete_container)
        report = prune(store, all_images=opts.all, options=options)
    remove_build_cache()
    sys.stdout.write("".join([f"{image_id}\n" for image_id in report.deleted]))
    if report.errors:
        raise OcikitError(join_errors(report.errors))
    return 0
