"""podman import, image import."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, between
from ocikit.common.cli.optionsets.registry import QUIET, SIGNATURE_POLICY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="import [options] PATH [REFERENCE]",
    short="Import a tarball to create a filesystem image",
    long="Makes an image of one layer out of a tar file, a URL or standard input.",
    example='podman import https://example.com/ctr.tarball url-image\ncat ctr.tar | podman -q import --message "x" - image\n'
    "cat ctr.tar | podman import -",
    flags=(
        Flag("arch", help="Architecture of the image", complete="archs"),
        Flag(
            "change", "stringArray", "c", help="Apply an instruction such as CMD=ls to the configuration (repeatable)"
        ),
        Flag("message", short="m", help="Comment for the image's history", complete="none"),
        Flag("os", help="Operating system of the image", complete="none"),
        QUIET,
        Flag("variant", help="Variant of the architecture", complete="none"),
        SIGNATURE_POLICY,
    ),
    args=between(1, 2, "need to give the path to the tarball, or must specify a tarball of '-' for stdin"),
    complete=("files", "none"),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Imports and prints the id."""
    from ocikit.image.local.importing import ImportOptions, import_
    from ocikit.podman import imaging

    store = imaging.open_store(ctx)
    options = ImportOptions(
        reference=args[1] if len(args) > 1 else "",
        changes=list(opts.change),
        message=opts.message,
        os=opts.os,
        arch=opts.arch,
        variant=opts.variant,
        ctx=imaging.registry_context(opts),
        report=imaging.reporter(opts.quiet),
        stdin=sys.stdin.buffer,
    )
    image_id = import_(store, args[0], options)
    sys.stdout.write(f"sha256:{image_id}\n")
    imaging.event(ctx, store, "import", image_id, args[1] if len(args) > 1 else args[0])
    return 0
