"""podman commit."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, between

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="commit [options] CONTAINER [IMAGE]",
    short="Create new image based on the changed container",
    long="Makes an image of what a container's file system and configuration are now.",
    example="podman commit web web:snapshot\npodman commit --change CMD=/bin/sh --pause web",
    flags=(
        Flag("author", short="a", help="Who made the image", complete="none"),
        Flag("change", "stringArray", "c", help="Containerfile instruction for the configuration (repeatable)", complete="none"),
        Flag("config", help="File with a configuration in Docker's form that goes over the container's", metavar="file", complete="files"),
        Flag("format", short="f", default="oci", help="Form of the image: oci or docker", metavar="Format", shown="oci"),
        Flag("iidfile", help="Write the image's id to this file", metavar="file", complete="files"),
        Flag("include-volumes", "bool", help="Declare the container's volumes in the image"),
        Flag("message", short="m", help="Comment of the new layer (docker form only)", complete="none"),
        Flag("pause", "bool", "p", help="Freeze the container meanwhile"),
        Flag("quiet", "bool", "q", help="Show no progress"),
        Flag("squash", "bool", "s", help="Make one layer of everything"),
    ),
    args=between(1, 2),
    complete="containers",
)  # fmt: skip


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the id."""
    from ocikit.libpod.container.commit import commit
    from ocikit.podman.engine import open_runtime

    runtime = open_runtime(ctx)
    container = runtime.containers.get(args[0])
    runtime.containers.freshen(container)
    names = [_full_name(args[1])] if len(args) > 1 else []
    image = commit(
        container,
        names,
        author=opts.author,
        changes=opts.change,
        config_file=opts.config,
        image_format=opts.format,
        include_volumes=opts.include_volumes,
        message=opts.message,
        pause=opts.pause,
        squash=opts.squash,
    )
    if opts.iidfile:
        with open(opts.iidfile, "w", encoding="utf-8") as file:
            file.write(image)
    sys.stdout.write(image + "\n")
    return 0


def _full_name(text: str) -> str:
    from ocikit.libpod.build.bases import full_name

    return full_name(text)
