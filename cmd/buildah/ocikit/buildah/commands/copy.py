"""buildah copy."""

from __future__ import annotations

from ocikit.buildah.copying import FLAGS
from ocikit.buildah.copying import run as copying
from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="copy [flags] CONTAINER SOURCE... [DESTINATION]",
    short="Copy content into the container",
    long="Copies files into a working container, by default into its working directory.",
    example="buildah copy work ./app /srv\nbuildah copy --chown 1000:1000 work file.txt /home/",
    flags=(*FLAGS, Flag("parents", "bool", help="Keep the directories of sources")),
    args=any_args(),
    complete=("containers", "files"),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Copies as COPY does."""
    return copying(ctx, opts, args, add=False)
