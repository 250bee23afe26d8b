"""podman mount."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST
from ocikit.common.cli.optionsets.output import FORMAT, NO_TRUNC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="mount [options] [CONTAINER...]",
    short="Mount a working container's root filesystem",
    long="Mounts containers' file systems and prints where; without names it lists what is mounted.",
    example="podman mount\npodman mount web\npodman mount --all",
    flags=(Flag("all", "bool", "a", help="Mount every container"), FORMAT, LATEST, NO_TRUNC),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Mounts or lists."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.container.filesystem import mount
    from ocikit.podman import imaging
    from ocikit.podman.engine import chosen, open_runtime

    if opts.format not in ("", "json"):
        raise OcikitError(f'unknown --format argument: "{opts.format}"')
    imaging.require_mount_namespace(ctx, "podman mount")
    runtime = open_runtime(ctx)
    if args or opts.all or opts.latest:
        items = chosen(runtime, opts, args)
        rows = [(container, mount(container)) for _, container in items]
        if len(rows) == 1 and not opts.format and not opts.all:
            sys.stdout.write(rows[0][1] + "\n")
            return 0
    else:
        rows = [(c, runtime.store.mount_point(c.id)) for c in runtime.containers.list() if runtime.store.mounted(c.id)]
    if opts.format == "json":
        from ocikit.podman.imageformat import dump_json

        shown = [{"id": c.id, "Names": [c.name], "mountpoint": path} for c, path in rows]
        sys.stdout.write(dump_json(shown, 1) + "\n")
        return 0
    for container, path in rows:
        sys.stdout.write(f"{container.id if opts.no_trunc else container.id[:12]}  {path}\n")
    return 0
