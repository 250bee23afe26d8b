"""podman image mount."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.output import FORMAT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="mount [options] [IMAGE...]",
    short="Mount an image's root filesystem",
    long="Mounts images read-only and prints where; without names it lists what is mounted.",
    example="podman image mount imgID\npodman image mount --all",
    flags=(Flag("all", "bool", "a", help="Mount every image"), FORMAT),
    args=any_args(),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Mounts or lists."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.local.lookup import resolve
    from ocikit.podman import imaging

    if args and opts.all:
        raise OcikitError("when using the --all switch, you may not pass any image names or IDs")
    if opts.format not in ("", "json"):
        raise OcikitError(f'unknown --format argument: "{opts.format}"')
    imaging.require_mount_namespace(ctx, "podman image mount")
    store = imaging.open_store(ctx)
    rows: list[tuple[str, list[str], str]] = []
    if args or opts.all:
        records = [r for r in store.images() if r.layer] if opts.all else [resolve(store, name) for name in args]
        rows = [(record.id, list(record.names), store.mount_image(record.id)) for record in records]
    else:
        for record in store.images():
            point = store.mount_point(record.layer) if record.layer else ""
            if point:
                rows.append((record.id, list(record.names), point))
    if opts.format == "json":
        from ocikit.podman.imageformat import dump_json

        shown = [{"id": i, "Repositories": names, "mountpoint": point} for i, names, point in rows]
        sys.stdout.write(dump_json(shown, 1) + "\n")
    elif len(args) == 1:
        sys.stdout.write(rows[0][2] + "\n")
    else:
        from ocikit.common.tables import print_table

        print_table((), [(names[0] if names else i[:12], point) for i, names, point in rows], noheading=True)
    return 0
