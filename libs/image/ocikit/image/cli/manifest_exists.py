"""podman manifest exists."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="exists MANIFEST",
    short="Check if a manifest list exists in local storage",
    long="Exits with 0 if the list is in local storage, with 1 if it isn't.",
    example="podman manifest exists mylist",
    args=exactly(1),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """The answer is the exit code."""
    from ocikit.image.cli.helpers import open_store
    from ocikit.image.local.manifestlist import is_known

    return 0 if is_known(open_store(ctx), args[0]) else 1
