"""podman untag, image untag."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="untag IMAGE [IMAGE...]",
    short="Remove a name from a local image",
    long="Takes the named names, or all names, from an image of local storage. The image itself stays.",
    example="podman untag 0e3bbc2\npodman untag imageID:latest otherImageName:latest",
    args=at_least(1),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Untags."""
    from ocikit.image.local.naming import untag
    from ocikit.podman import imaging

    store = imaging.open_store(ctx)
    record = untag(store, args[0], args[1:])
    imaging.event(ctx, store, "untag", record.id, args[0])
    return 0
