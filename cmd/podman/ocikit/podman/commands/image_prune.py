"""podman image prune."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, none
from ocikit.common.cli.optionsets.output import FILTER_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="prune [options]",
    short="Remove unused images",
    long="Removes nameless images that nothing is built on; with --all every image that no container uses.",
    example="podman image prune\npodman image prune --all --force --filter until=24h",
    flags=(
        Flag("all", "bool", "a", help="Remove every image that no container uses"),
        Flag("build-cache", "bool", help="Remove persistent build caches (RUN --mount=type=cache) as well"),
        Flag("external", "bool", help="Remove images even if containers that podman doesn't know use them"),
        FILTER_ARRAY.but(short=""),
        Flag("force", "bool", "f", help="Don't ask"),
    ),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Asks, removes and prints the ids."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.local.removing import RemoveOptions, prune
    from ocikit.podman import imaging

    if opts.all and opts.external:
        raise OcikitError("--all and --external cannot be used together")
    if not opts.force and not _confirmed(opts):
        return 0
    store = imaging.open_store(ctx)
    remover = imaging.external_remover(ctx, store) if opts.external else None
    options = RemoveOptions(force=opts.external, remove_container=remover)
    report = prune(store, list(opts.filter), all_images=opts.all or opts.external, options=options)
    if opts.build_cache:
        imaging.remove_build_cache()
    sys.stdout.write("".join([f"{image_id}\n" for image_id in report.deleted]))
    if report.errors:
        raise OcikitError(imaging.join_errors(report.errors))
    return 0


def _confirmed(opts: Values) -> bool:
    from ocikit.podman.imaging import confirm

    if opts.all:
        sys.stdout.write(
            "WARNING! This command removes all images without at least one container associated with them.\n"
        )
    elif opts.external:
        sys.stdout.write("WARNING! This command removes all images and external containers.\n")
    else:
        sys.stdout.write("WARNING! This command removes all dangling images.\n")
    return confirm("Are you sure you want to continue?")
