"""podman artifact rm."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="rm [options] ARTIFACT [ARTIFACT...]",
    short="Remove one or more OCI artifacts",
    long="Removes artifacts from the local store.",
    example="podman artifact rm quay.io/myimage/myartifact:latest\npodman artifact rm -a",
    flags=(
        Flag("all", "bool", "a", help="Remove every artifact"),
        Flag("ignore", "bool", "i", help="Don't fail on artifacts that aren't there"),
    ),
    args=any_args(),
    complete="none",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Removes and prints the digests."""
    from ocikit.common.errors import UsageError
    from ocikit.podman import imaging

    if not args and not opts.all:
        raise UsageError("a single argument must be specified", hint="-")
    if args and opts.all:
        raise UsageError("too many arguments: --all takes none", hint="-")
    gone = imaging.artifact_store(ctx).remove(args, everything=opts.all, ignore=opts.ignore)
    sys.stdout.write("".join([f"{digest.partition(':')[2]}\n" for digest in gone]))
    return 0
