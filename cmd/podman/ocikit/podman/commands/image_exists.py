"""podman image exists."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="exists IMAGE",
    short="Check if an image exists in local storage",
    long="Exits with 0 if the image is in local storage, with 1 if it isn't.",
    example="podman image exists ID\npodman image exists IMAGE && podman pull IMAGE",
    args=exactly(1),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """The answer is the exit code."""
    from ocikit.image.local.lookup import find
    from ocikit.podman.imaging import open_store

    return 0 if find(open_store(ctx), args[0]) is not None else 1
