"""skopeo delete"""

from __future__ import annotations

from ocikit.common.cli.declare import Command
from ocikit.common.errors import OcikitError, UsageError
from ocikit.skopeo import shared
from ocikit.skopeo.flags import AUTHFILE, RETRY, image_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="delete [command options] IMAGE-NAME",
    short="Mark an image for deletion",
    long="Deletes an image from a registry, an OCI layout or the local store. A registry deletes the manifest: "
    "every tag that points to it goes with it.",
    example="skopeo delete docker://registry.example.com/example/pause:latest",
    flags=(AUTHFILE, *RETRY, *image_flags()),
    complete="transports",
)


def run(context: Context, opts: Values, args: list[str]) -> int:
    if len(args) != 1:
        raise UsageError("Usage: delete imageReference")
    try:
        reference = shared.parse_image(args[0])
    except OcikitError as error:
        from ocikit.image.errors import wrap

        raise wrap(f"Invalid source name {args[0]}", error) from error
    ctx = shared.image_context(context, opts)
    shared.retried(opts, lambda: reference.delete(ctx))
    return 0
