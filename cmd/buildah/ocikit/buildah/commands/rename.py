"""buildah rename."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="rename [flags] CONTAINER NEW-NAME",
    short="Rename a container",
    long="Gives a working container another name.",
    example="buildah rename work app",
    args=exactly(2),
    complete=("containers", "none"),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Silent."""
    from ocikit.buildah.engine import open_store
    from ocikit.libpod.build.working import WorkingContainer

    with open_store(ctx) as store:
        WorkingContainer.load(store, args[0]).rename(args[1])
    return 0
