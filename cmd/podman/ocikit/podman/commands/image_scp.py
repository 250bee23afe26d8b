"""podman image scp."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, between
from ocikit.common.cli.optionsets.registry import QUIET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="scp [options] IMAGE [HOST::]",
    short="Securely copy images",
    long="Copies an image to or from another machine by ssh, or between users of this one.",
    example="podman image scp myimage:latest user@host::\npodman image scp host::myimage\n"
    "podman image scp myimage someuser@localhost::",
    flags=(QUIET,),
    args=between(1, 2),
    complete=("images", "none"),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Copies through one archive."""
    from ocikit.podman import imaging
    from ocikit.podman.transfer import transfer

    store = imaging.open_store(ctx)
    for name in transfer(store, args[0], args[1] if len(args) > 1 else "", opts.quiet):
        sys.stdout.write(f"Loaded image: {name}\n")
    return 0
