"""podman load, image load."""

from __future__ import annotations

import os
import sys

from ocikit.common.cli.declare import Command, Flag, none
from ocikit.common.cli.optionsets.registry import QUIET, SIGNATURE_POLICY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="load [options]",
    short="Load image(s) from a tar archive",
    long="Copies images out of an archive or a directory, or standard input, into local storage.",
    example="podman load --input image.tar\npodman load < docker-image.tar",
    flags=(
        Flag("input", short="i", help="File or directory to read; standard input if left out", complete="files"),
        QUIET,
        SIGNATURE_POLICY,
    ),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Loads, and prints what was loaded."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.local.archive import load
    from ocikit.image.local.pulling import PullOptions
    from ocikit.podman import imaging

    path = opts.input
    temporary = ""
    if path:
        if not path.startswith(("http://", "https://")) and not os.path.exists(path):
            raise OcikitError(f"stat {path}: no such file or directory")
    elif sys.stdin.isatty():
        raise OcikitError("cannot read from terminal, use command-line redirection or the --input flag")
    store = imaging.open_store(ctx)
    context = imaging.system_context(opts)
    try:
        if not path or path.startswith(("http://", "https://")):
            from ocikit.image.local.importing import spool

            path = temporary = spool(path or "-", context, sys.stdin.buffer)
        options = PullOptions("always", ctx=context, report=imaging.reporter(opts.quiet), retries=imaging.no_retries())
        names = load(store, path, options)
    finally:
        if temporary:
            os.unlink(temporary)
    sys.stdout.write("".join([f"Loaded image: {name}\n" for name in names]))
    imaging.event(ctx, store, "loadfromarchive", "", opts.input)
    return 0
