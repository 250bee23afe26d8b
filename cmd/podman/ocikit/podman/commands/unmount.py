"""podman unmount."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="unmount [options] CONTAINER [CONTAINER...]",
    short="Unmount working container's root filesystem",
    long="Gives up mounts made with podman mount.",
    example="podman unmount web\npodman unmount --all",
    flags=(
        Flag("all", "bool", "a", help="Unmount every container that does not run"),
        Flag("force", "bool", "f", help="Unmount whatever the count of its users"),
        LATEST,
    ),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the names."""
    from ocikit.libpod.container.filesystem import unmount
    from ocikit.podman.engine import chosen, each, open_runtime

    runtime = open_runtime(ctx)
    items = chosen(runtime, opts, args)
    if opts.all:
        items = [(n, c) for n, c in items if c.status not in ("running", "paused") and runtime.store.mounted(c.id)]
    return each(items, lambda container: unmount(container, force=opts.force))
