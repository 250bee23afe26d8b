"""buildah add."""

from __future__ import annotations

from ocikit.buildah.copying import FLAGS
from ocikit.buildah.copying import run as copying
from ocikit.common.cli.declare import Command, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="add [flags] CONTAINER SOURCE... [DESTINATION]",
    short="Add content to the container",
    long="Copies files, unpacked archives and files from URLs into a working container, by default into its working directory.",
    example="buildah add work ./app /srv\nbuildah add --chown 1000:1000 work file.txt /home/",
    flags=FLAGS,
    args=any_args(),
    complete=("containers", "files"),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Copies as ADD does."""
    return copying(ctx, opts, args, add=True)
