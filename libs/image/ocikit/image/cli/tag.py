"""podman tag, image tag."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="tag IMAGE TARGET_NAME [TARGET_NAME...]",
    short="Add an additional name to a local image",
    long="Gives an image of local storage more names.",
    example="podman tag 0e3bbc2 fedora:latest\npodman tag imageID:latest myNewImage:newTag",
    args=at_least(2),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Tags."""
    from ocikit.image.cli import helpers
    from ocikit.image.local.naming import tag

    store = helpers.open_store(ctx)
    record = tag(store, args[0], args[1:])
    helpers.event(ctx, store, "tag", record.id, args[1])
    return 0
