"""podman image tree."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="tree [options] IMAGE",
    short="Print layer hierarchy of an image in a tree format",
    long="Shows the layers of an image with their sizes, and which images end with them.",
    example="podman image tree alpine:latest",
    flags=(Flag("whatrequires", "bool", help="Show every image that is built on this one"),),
    args=exactly(1),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the tree."""
    from ocikit.image.local.layertree import describe_tree
    from ocikit.image.local.lookup import resolve
    from ocikit.podman.imaging import open_store

    store = open_store(ctx)
    sys.stdout.write(describe_tree(store, resolve(store, args[0]), what_requires=opts.whatrequires))
    return 0
