"""podman image inspect."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, at_least
from ocikit.common.cli.optionsets.output import FORMAT_F

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="inspect [options] IMAGE [IMAGE...]",
    short="Display the configuration of an image",
    long="Shows what is known of images as JSON, or by a Go template.",
    example='podman image inspect alpine\npodman image inspect --format "{{.Id}} {{.Size}}" alpine',
    flags=(FORMAT_F.but(default="json"),),
    args=at_least(1),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints what was found, then fails for what wasn't."""
    from ocikit.common import jsonfast
    from ocikit.common.errors import OcikitError
    from ocikit.image.local.describing import inspect_image
    from ocikit.image.local.lookup import resolve
    from ocikit.podman.imaging import open_store

    store = open_store(ctx)
    found, missing = [], []
    for name in args:
        try:
            found.append(inspect_image(store, resolve(store, name)))
        except OcikitError as error:
            missing.append(error)
    if opts.format == "json":
        sys.stdout.write(jsonfast.dumps(found, indent="     ") + "\n")
    else:
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, found, name="inspect"))
    if missing:
        sys.stdout.flush()
        raise OcikitError("\n".join(str(error) for error in missing), hint=missing[0].hint)
    return 0
