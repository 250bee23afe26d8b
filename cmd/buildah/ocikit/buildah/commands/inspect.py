"""buildah inspect."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="inspect [flags] CONTAINER|IMAGE",
    short="Inspect the configuration of a container or image",
    long="Shows what buildah knows of a working container or an image, as JSON.",
    example="buildah inspect work\nbuildah inspect --format '{{.OCIv1.Config.Env}}' --type image alpine",
    flags=(
        Flag("format", short="f", help="Print by a Go template", metavar="format", complete="format"),
        Flag("type", short="t", default="container", help="Look for a container or an image", choices=("container", "image"), metavar="type"),
    ),
    args=exactly(1),
    complete="containers",
)  # fmt: skip


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints it; a name that is no working container may be an image."""
    from ocikit.buildah.engine import open_store
    from ocikit.libpod.build.describing import inspect

    with open_store(ctx) as store:
        shown = inspect(store, args[0], image_only=opts.type == "image")
    if opts.format:
        from ocikit.common.gotemplate import render

        sys.stdout.write(render(opts.format, shown))
        if sys.stdout.isatty():
            print()
        return 0
    from ocikit.image.cli.jsontext import dump_json

    sys.stdout.write(dump_json(shown, 4) + "\n")
    return 0
